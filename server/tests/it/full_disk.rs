//! A disk that is full: reading goes on, writing says why and where, and it heals by itself. Needs the right
//! to mount a small file system; without it the test says so and ends.

use crate::support::*;
use entity::chat::message;
use runtime::RuntimeKind;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, Statement, TransactionTrait};
use serde_json::{Value, json};
use server::platform::clock::ManualClock;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

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

/// A server whose disk was full when an answer ended.
struct EndedFull {
    at: TestServer,
    clock: ManualClock,
    owner: Who,
    sent: Value,
    ballast: PathBuf,
}

/// What the bot says in the end; too much for what SQLite may have reserved.
fn long_text() -> String {
    format!("First.\n\n{}", long_pieces().concat())
}

fn long_pieces() -> Vec<String> {
    (0..4).map(|n| format!("{n}{}", " añ字🦀".repeat(2_500))).collect()
}

/// Lets an answer end while nothing can be written.
async fn ended_on_a_full_disk(mut world: World) -> EndedFull {
    let clock = ManualClock::at(1_795_165_200_000);
    world.clock = Some(clock.clone());
    let (reply, go_on) = held_reply(&["First.\n\n"], long_pieces());
    world.cells.answer_with(reply);
    let data = world.data();
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let path = format!("/api/bots/{bot}");
    let sent = at.ask(&owner, "POST", &format!("{path}/messages"), json!({ "text": "go" })).await.ok(202);
    let thread = sent["thread_id"].as_str().expect("an id").to_owned();
    let mut live = at.live(&owner).await.expect("a socket");
    live.subscribe(&format!("thread:{thread}")).await;
    let mut shown = Shown::default();
    shown.take(live.next().await.expect("a snapshot"));

    let ballast = data.join("ballast");
    fill(&ballast);
    eventually("a write to be refused", async || {
        let answer = at.ask(&owner, "PATCH", &path, json!({ "prompt": "x".repeat(15_000) })).await;
        (answer.status == 507).then_some(())
    })
    .await;
    go_on.add_permits(1);
    let id = sent["message_id"].as_str().expect("an id").to_owned();
    while shown.ended(&id).is_none() {
        shown.take(live.next().await.expect("an event"));
    }
    assert_eq!(shown.ended(&id).expect("ended").text, long_text(), "the page has all of it");
    let seen = at.ended(&owner, &sent).await;
    assert_eq!((seen["state"].as_str(), seen["text"].as_str()), (Some("final"), Some(long_text().as_str())));
    let mut again = at.live(&owner).await.expect("a socket");
    again.subscribe(&format!("thread:{thread}")).await;
    let mut fresh = Shown::default();
    fresh.take(again.next().await.expect("a snapshot"));
    assert_eq!(fresh.ended(&id).map(|m| m.text.clone()), Some(long_text()), "a page opened now, too");
    assert_eq!(stored(&at, &sent).await.state, "streaming", "and nothing of it is on the disk");
    // The thread is free: only the disk may refuse, where nothing fits into what SQLite had reserved.
    let more = json!({ "text": "more", "thread_id": thread });
    let more = at.ask(&owner, "POST", &format!("{path}/messages"), more).await;
    assert!([202, 507].contains(&more.status), "{}", more.text);
    EndedFull { at, clock, owner, sent, ballast }
}

/// The row of an answer.
async fn stored(at: &TestServer, sent: &Value) -> message::Model {
    let id = sent["message_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let db = at.server.platform.db.read();
    let row = message::Entity::find_by_id::<api::ids::MessageId>(id).one(db).await;
    row.expect("readable").expect("a row")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_on_a_full_disk_is_seen_at_once_and_written_when_there_is_room_again() {
    let world = World::new(RuntimeKind::Process).await;
    let data = world.data();
    let Some(mount) = Mount::at(&data) else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let EndedFull { at, clock, owner, sent, ballast } = ended_on_a_full_disk(world).await;
    std::fs::remove_file(&ballast).expect("removed");
    let row = eventually("the end to be written down", async || {
        clock.advance(1_000);
        Some(stored(&at, &sent).await).filter(|row| row.state != "streaming")
    })
    .await;
    assert_eq!((row.state.as_str(), row.text.as_str()), ("final", long_text().as_str()));
    assert_eq!(at.ended(&owner, &sent).await["html"].as_str(), row.html.as_deref());
    at.stop_busy().await;
    drop(mount);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ended_on_a_full_disk_is_written_at_the_latest_when_chela_stops() {
    let world = World::new(RuntimeKind::Process).await;
    let data = world.data();
    let Some(mount) = Mount::at(&data) else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let EndedFull { at, owner, sent, ballast, .. } = ended_on_a_full_disk(world).await;
    std::fs::remove_file(&ballast).expect("removed");
    let at = at.stop_busy().await.serve().await;
    let seen = at.ended(&owner, &sent).await;
    assert_eq!((seen["state"].as_str(), seen["text"].as_str()), (Some("final"), Some(long_text().as_str())));
    at.stop_busy().await;
    drop(mount);
}

/// Fills the disk until not even the smallest change is taken. While the reader that comes back lives, SQLite
/// cannot use the room of its log again.
async fn fill_to_the_last_page(at: &TestServer, who: &Who, bot: &str, ballast: &Path) -> DatabaseTransaction {
    let db = &at.server.platform.db;
    let reader = db.read().begin().await.expect("a reader");
    let look = Statement::from_string(db.backend(), "select count(*) from bots");
    reader.query_one_raw(look).await.expect("a look");
    fill(ballast);
    let mut refused = 0;
    eventually("every write to be refused", async || {
        let prompt = if refused % 2 == 0 { "a" } else { "b" };
        let answer = at.ask(who, "PATCH", &format!("/api/bots/{bot}"), json!({ "prompt": prompt })).await;
        refused = if answer.status == 507 { refused + 1 } else { 0 };
        (refused == 5).then_some(())
    })
    .await;
    reader
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told once")]
async fn a_bot_stopped_or_deleted_on_a_full_disk_stays_so_over_a_restart_and_is_in_the_audit_log() {
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
    let stays = at.ready_bot(&owner, "Stays").await;
    let stopped = at.ready_bot(&owner, "Stopped").await;
    let deleted = at.ready_bot(&owner, "Deleted").await;
    let trashed = at.ready_bot(&owner, "Trashed").await;
    at.ask(&owner, "POST", &format!("/api/bots/{trashed}/trash"), Value::Null).await.ok(200);
    eventually("it to be stopped", async || {
        let page = at.get(&owner, "/api/bots?trashed=true").await.ok(200);
        (page["items"][0]["observed"] == "stopped").then_some(())
    })
    .await;
    let ballast = [data.join("ballast"), data.join("ballast2")];
    let reader = fill_to_the_last_page(&at, &owner, &stays, &ballast[0]).await;

    let path = format!("/api/bots/{stopped}");
    let shown = at.ask(&owner, "POST", &format!("{path}/stop"), Value::Null).await.ok(200);
    assert_eq!((&shown["desired"], &shown["observed"]), (&json!("stopped"), &json!("stopped")));
    let journal = std::fs::read_to_string(data.join("bots.journal")).expect("the journal");
    assert!(journal.contains(&stopped), "it was written although nothing could be: the disk is not full");
    let living =
        |at: &TestServer| at.world.cells.living().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(living(&at), [stays.clone(), deleted.clone()]);

    drop(reader);
    let at = at.kill().await.serve().await;
    let shown = at.get(&owner, &path).await.ok(200);
    assert_eq!((&shown["desired"], &shown["observed"]), (&json!("stopped"), &json!("stopped")), "remembered");
    let reader = fill_to_the_last_page(&at, &owner, &stays, &ballast[1]).await;
    let wrong = at.ask(&owner, "DELETE", &format!("/api/bots/{deleted}?confirm=Other"), Value::Null).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    at.ask(&owner, "DELETE", &format!("/api/bots/{deleted}?confirm=Deleted"), Value::Null).await.ok(200);
    assert_eq!(living(&at), std::slice::from_ref(&stays));
    assert!(!data.join("bots").join(&deleted).exists(), "its files make room at once");
    at.ask(&owner, "DELETE", &format!("/api/bots/{trashed}"), Value::Null).await.ok(200);
    assert!(!data.join("bots").join(&trashed).exists(), "and those of what is in the trash");
    drop(reader);
    let at = at.kill().await.serve().await;
    assert_eq!(at.get(&owner, &format!("/api/bots/{deleted}")).await.status, 404);
    let listed = at.get(&owner, "/api/bots").await.ok(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");

    for file in &ballast {
        std::fs::remove_file(file).expect("removed");
    }
    let acts = eventually("both to be written down", async || {
        clock.advance(1_000);
        let list = at.get(&owner, "/api/audit").await.ok(200);
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let row = |act: &str, bot: &str| {
            let found = items.iter().filter(|row| row["act"] == act && row["target"] == bot);
            found.cloned().collect::<Vec<_>>()
        };
        let (stop, delete) = (row("bots.stop", &stopped), row("bots.delete", &deleted));
        (!stop.is_empty() && !delete.is_empty()).then(|| [stop, delete].concat())
    })
    .await;
    assert_eq!(acts.len(), 2, "once each: {acts:?}");
    assert!(acts.iter().all(|row| row["actor"].as_str().is_some_and(|a| a.starts_with("tok_"))), "{acts:?}");
    eventually("the row to go", async || {
        clock.advance(1_000);
        (rows_of(&at, "bots").await == 2).then_some(())
    })
    .await;
    eventually("the journal to be empty", async || {
        std::fs::read(data.join("bots.journal")).ok()?.iter().all(|byte| *byte == 0).then_some(())
    })
    .await;
    assert_eq!(living(&at), std::slice::from_ref(&stays), "never started again");
    at.ask(&owner, "POST", &format!("{path}/start"), Value::Null).await.ok(200);
    eventually("it to run again", async || {
        clock.advance(1_000);
        let shown = at.get(&owner, &path).await.ok(200);
        (shown["observed"] == "running").then_some(())
    })
    .await;
    at.stop_busy().await;
    drop(mount);
}
