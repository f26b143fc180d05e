//! Backups: made beside a running server, checked, brought back somewhere else, and working there.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::json;
use server::backup::{self, BackupError, Instance};
use std::os::unix::fs::PermissionsExt;
use testkit::fake_runtime::Cells;

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_opens_and_its_bots_answer_with_the_key_that_was_sealed() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    assert_eq!(at.talk(&owner, &bot, "ask:before").await["text"], json!(at.world.vendor.answer_to("before")));
    let file = at.world.dir.path().join("backup.tar");
    let made = backup::create(&at.world.config(), &file).await.expect("a backup");
    assert_eq!(made.file, file);
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let again = backup::create(&at.world.config(), &file).await.map(|_| ()).map_err(|e| e.to_string());
    assert!(again.is_err(), "nothing is overwritten");
    let found = backup::verify(&file).await.expect("a good backup");
    assert_eq!((found.bots, found.secrets), (1, 2), "the bot's token and the key");
    // What happened after the backup is not in it.
    at.make_bot(&owner, "Later").await;

    let mut world = at.stop().await;
    let full = backup::restore(&file, &world.data(), Instance::Same).await;
    assert!(matches!(full, Err(BackupError::NotEmpty(_))), "{full:?}");
    let kept = std::fs::read(&file).expect("the backup");
    world.dir = tempfile::tempdir().expect("another machine");
    world.cells = Cells::new(RuntimeKind::Process);
    let file = world.dir.path().join("backup.tar");
    std::fs::write(&file, kept).expect("copied");
    backup::restore(&file, &world.data(), Instance::Same).await.expect("restored");
    let at = world.serve().await;
    let listed = at.get(&owner, "/api/bots").await.ok(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    at.observed(&owner, &bot, "running").await;
    assert_eq!(at.talk(&owner, &bot, "ask:after").await["text"], json!(at.world.vendor.answer_to("after")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_tampered_with_is_refused_and_nothing_appears() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let file = at.world.dir.path().join("backup.tar");
    backup::create(&at.world.config(), &file).await.expect("a backup");
    let good = std::fs::read(&file).expect("the backup");
    let world = at.stop().await;
    let target = world.dir.path().join("elsewhere");
    let mut refused = 0;
    for (name, bytes) in [
        ("cut", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("garbage", b"not a tar".repeat(1000)),
        ("rotten", {
            let mut bytes = good.clone();
            let middle = bytes.len() / 2;
            bytes[512 + 100..512 + 4000].fill(0x5a);
            bytes[middle..middle + 4096].fill(0xa5);
            bytes
        }),
    ] {
        std::fs::write(&file, bytes).expect("written");
        assert!(backup::verify(&file).await.is_err(), "{name}");
        assert!(backup::restore(&file, &target, Instance::Same).await.is_err(), "{name}");
        let left = std::fs::read_dir(&target).map(|dir| dir.count()).unwrap_or_default();
        assert_eq!(left, 0, "{name}: nothing appears before the copy was found good");
        refused += 1;
    }
    assert_eq!(refused, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_to_run_beside_the_original_takes_none_of_its_bots_for_its_own() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let file = at.world.dir.path().join("backup.tar");
    backup::create(&at.world.config(), &file).await.expect("a backup");
    let original = at.server.platform.instance_id;
    let kept = std::fs::read(&file).expect("the backup");
    let mut world = at.stop().await;
    for (instance, same) in [(Instance::Same, true), (Instance::New, false)] {
        world.dir = tempfile::tempdir().expect("another place");
        world.cells = Cells::new(RuntimeKind::Process);
        let file = world.dir.path().join("backup.tar");
        std::fs::write(&file, &kept).expect("copied");
        backup::restore(&file, &world.data(), instance).await.expect("restored");
        let at = world.serve().await;
        assert_eq!(at.server.platform.instance_id == original, same, "{instance:?}");
        at.observed(&owner, &bot, "running").await;
        let own = at.server.platform.instance_id;
        let at = at.stop().await.serve().await;
        assert_eq!(at.server.platform.instance_id, own, "and keeps it");
        world = at.stop().await;
    }
}
