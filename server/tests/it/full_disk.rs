//! A disk that is full: reading goes on, writing says why and where, and it heals by itself. Needs the right
//! to mount a small file system; without it the test says so and ends.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;
use std::{io::Write, path::Path, process::Command};

/// A small file system that goes away with this value.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn at(path: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(path).ok()?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "chela-test"]).arg(path).output();
        mounted.is_ok_and(|out| out.status.success()).then_some(Self(path))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).expect("a file");
    let mut size = 1 << 20;
    while size > 0 {
        if file.write_all(&vec![0; size]).is_err() {
            size /= 2;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_reading_goes_on_and_writing_says_where_it_is_full_and_heals() {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(1_795_165_200_000);
    world.clock = Some(clock.clone());
    let data = world.data();
    let Some(mount) = Mount::at(&data) else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let path = format!("/api/bots/{bot}");
    let ballast = data.join("ballast");
    fill(&ballast);
    // What SQLite had reserved may take a few more rows; then nothing.
    let full = eventually("a write to be refused", async || {
        let answer = at.ask(&owner, "PATCH", &path, json!({ "prompt": "x".repeat(15_000) })).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((full.status, full.code().as_str()), (507, "storage_full"), "{}", full.text);
    assert!(full.text.contains(&data.display().to_string()), "the path: {}", full.text);
    assert!(
        full.json()["hint"].as_str().is_some_and(|hint| hint.contains("left")),
        "free space: {}",
        full.text
    );
    at.get(&owner, &path).await.ok(200);
    at.get(&owner, "/api/bots").await.ok(200);
    let instance = at.get(&owner, "/api/instance").await.ok(200);
    assert_eq!(instance["banners"][0]["code"], "disk_full", "{instance}");

    at.ask(&owner, "POST", &format!("{path}/stop"), Value::Null).await.ok(200);
    eventually("the bot to be stopped", async || at.world.cells.living().is_empty().then_some(())).await;
    clock.advance(60_000);

    std::fs::remove_file(&ballast).expect("removed");
    eventually("it to heal", async || {
        let answer = at.ask(&owner, "PATCH", &path, json!({ "prompt": "short" })).await;
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(at.get(&owner, "/api/instance").await.ok(200)["banners"].as_array().map(Vec::len), Some(0));
    let stopped = eventually("the stop to be written down", async || {
        clock.advance(1_000);
        let seen = at.get(&owner, &path).await.ok(200);
        (seen["observed"] == "stopped").then_some(seen)
    })
    .await;
    assert_eq!(stopped["desired"], "stopped");
    assert_eq!(at.world.cells.starts().len(), 1, "never started again in between");
    at.stop_busy().await;
    drop(mount);
}
