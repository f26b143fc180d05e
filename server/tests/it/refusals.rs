//! Instances that cannot be served: the operator reads why and what to do, and nothing is overwritten.

use crate::support::*;
use runtime::RuntimeKind;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A world whose server ran once and ended well, with a key in it.
async fn used() -> World {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    at.stop().await
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).expect("a file")
}

/// The refusal, and that the files are as they were.
async fn refused(world: World, files: &[&str], words: &[&str]) -> World {
    let before: Vec<_> = files.iter().map(|f| bytes(&world.data().join(f))).collect();
    let (world, text) = world.refusal().await;
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    let after: Vec<_> = files.iter().map(|f| bytes(&world.data().join(f))).collect();
    assert!(before == after, "something was overwritten");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_none_is_refused_and_the_backup_named() {
    let world = used().await;
    let path = world.data().join("chela.db");
    let good = bytes(&path);
    fs::write(&path, b"this is not a database at all, sorry").expect("written");
    let world = refused(world, &["chela.db", "master.key"], &["damaged", "chela backup restore"]).await;
    // Whole at its beginning, rotten inside, after an unclean end.
    let mut rotten = good.clone();
    let page = rotten.len() / 4096 / 2 * 4096;
    rotten[page..page + 8192].fill(0xa5);
    fs::write(&path, &rotten).expect("written");
    fs::write(world.data().join("lock"), "4242\n").expect("written");
    let world = refused(world, &["chela.db", "master.key"], &["chela backup restore"]).await;
    fs::write(&path, good).expect("written");
    world.serve().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_chela_is_refused() {
    let at = TestServer::start().await;
    let newer = at.server.platform.db.write(async |tx| {
        use sea_orm::ConnectionTrait;
        let sql = "insert into seaql_migrations (version, applied_at) values ('m29990101_000001_future', 1)";
        tx.execute_unprepared(sql).await?;
        Ok(())
    });
    newer.await.expect("written");
    let world = at.stop().await;
    refused(world, &["master.key"], &["newer Chela", "m29990101_000001_future", "chela backup restore"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_data_dir_is_told_the_pid_of_the_first() {
    let at = TestServer::start().await;
    let second =
        server::platform::datadir::DataDir::open(&at.world.data()).map(|_| ()).map_err(|e| e.to_string());
    let text = second.expect_err("the first holds it");
    assert!(text.contains(&format!("pid {}", std::process::id())), "{text}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_that_is_missing_wrong_or_open_is_refused_and_never_replaced() {
    let world = used().await;
    let path = world.data().join("master.key");
    let key = bytes(&path);
    fs::remove_file(&path).expect("removed");
    let world = refused(world, &["chela.db"], &["missing", "backup", "nothing was changed"]).await;
    assert!(!path.exists(), "no new key was made");
    fs::write(&path, "ab".repeat(32)).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    let world = refused(world, &["chela.db", "master.key"], &["not the one", "chela backup restore"]).await;
    fs::write(&path, &key).expect("written");
    let mut world = world;
    for mode in [0o644, 0o640, 0o444] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        world = refused(world, &["chela.db", "master.key"], &["read by others", "chmod 600"]).await;
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    world.serve().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_key_everybody_may_read_is_accepted_beneath_run_secrets_only() {
    let place = PathBuf::from("/run/secrets");
    let made = !place.exists();
    let name = format!("chela-test-{}", uuid::Uuid::now_v7().simple());
    let key = place.join(&name);
    if fs::create_dir_all(&place).is_err() || fs::write(&key, "cd".repeat(32)).is_err() {
        eprintln!("skipped: /run/secrets cannot be written by this user");
        return;
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o444)).expect("mode");
    let mut world = World::new(RuntimeKind::Process).await;
    world.env.push(("CHELA_MASTER_KEY_FILE", key.display().to_string()));
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let mut world = at.stop().await;
    assert!(!world.data().join("master.key").exists());
    // The same file elsewhere is an open key, and so is one that looks as if it lay there.
    let elsewhere = world.dir.path().join("run/secrets");
    fs::create_dir_all(&elsewhere).expect("made");
    fs::copy(&key, elsewhere.join("key")).expect("copied");
    fs::set_permissions(elsewhere.join("key"), fs::Permissions::from_mode(0o444)).expect("mode");
    let link = place.join(format!("{name}-link"));
    std::os::unix::fs::symlink(elsewhere.join("key"), &link).expect("linked");
    for path in [elsewhere.join("key"), link.clone()] {
        world.env.retain(|(name, _)| *name != "CHELA_MASTER_KEY_FILE");
        world.env.push(("CHELA_MASTER_KEY_FILE", path.display().to_string()));
        world = refused(world, &["chela.db"], &["read by others"]).await;
    }
    let _ = (fs::remove_file(&key), fs::remove_file(&link));
    if made {
        let _ = fs::remove_dir(&place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_passkeys_is_moved_on_purpose_only() {
    let at = TestServer::start().await;
    at.owner().await;
    let here = at.first_workspace().await;
    let (user, ..) = at.person("Ada", here, "owner").await;
    let row = entity::auth::passkey::Model {
        id: api::ids::PasskeyId(uuid::Uuid::now_v7()),
        user_id: user,
        credential_id: vec![1],
        name: "Phone".to_owned(),
        passkey: "{}".to_owned(),
        synced: false,
        created_at_ms: 1,
        last_used_at_ms: None,
    };
    let made = at.server.platform.db.write(async |tx| {
        use sea_orm::{EntityTrait, IntoActiveModel};
        entity::auth::passkey::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    });
    made.await.expect("a passkey");
    let mut world = at.stop().await;
    world.env.push(("CHELA_PUBLIC_URL", "https://chela.example.org".to_owned()));
    let words = ["localhost", "chela.example.org", "chela admin move --to https://chela.example.org"];
    let mut world = refused(world, &["master.key"], &words).await;
    world.env.clear();
    world.serve().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_still_serves_reads() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    at.server.platform.db.close_writes("the database is damaged");
    let answer =
        at.ask(&owner, "POST", "/api/bots", serde_json::json!({ "name": "x", "model": "openai/x" })).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert!(answer.text.contains("the database is damaged"), "{}", answer.text);
    at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200);
    let instance = at.get(&owner, "/api/instance").await.ok(200);
    assert_eq!(instance["banners"][0]["code"], "read_only");
    assert_eq!(at.get(&Who::Nobody, "/readyz").await.json()["writes"], "closed");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_else_holds_is_refused() {
    use sea_orm::{ConnectionTrait, Database};
    let world = used().await;
    let path = world.data().join("chela.db");
    let holder = Database::connect(format!("sqlite://{}?mode=rw", path.display())).await.expect("opened");
    holder.execute_unprepared("pragma locking_mode = exclusive; begin immediate").await.expect("held");
    let world = refused(world, &["master.key"], &["chela.db", "locked", "chela backup restore"]).await;
    holder.close().await.expect("let go");
    world.serve().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written_is_refused() {
    let world = used().await;
    let path = world.data().join("chela.db");
    let mount = |words: &[&str]| {
        let done = std::process::Command::new("mount").args(words).arg(&path).output();
        done.is_ok_and(|out| out.status.success())
    };
    let file = path.to_str().expect("a path");
    if !mount(&["--bind", file]) || !mount(&["-o", "remount,ro,bind"]) {
        eprintln!("skipped: this user may not mount a file");
        return;
    }
    let world = refused(world, &["chela.db", "master.key"], &["chela.db", "chela backup restore"]).await;
    let undone = std::process::Command::new("umount").arg(&path).output();
    assert!(undone.is_ok_and(|out| out.status.success()));
    world.serve().await.stop().await;
}
