//! What a bot may plant in its own files: it is counted, never followed, and what is to be forgotten is
//! forgotten without touching anything else.

use crate::support::*;
use entity::bots::bot;
use sea_orm::EntityTrait;
use std::os::unix::fs::symlink;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bot_planted_is_counted_and_said_and_nothing_is_followed() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let state = at.world.data().join("bots").join(&bot).join("state");
    std::fs::create_dir(state.join("dir")).expect("a directory");
    symlink("/", state.join("dir/root")).expect("a link");
    symlink(".", state.join("dir/loop")).expect("a link");
    std::fs::File::create(state.join("sparse")).and_then(|f| f.set_len(10 << 30)).expect("a file");
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, state.join("pipe"), fifo, mode, 0).expect("a pipe");
    let storage = at.get(&owner, &format!("/api/bots/{bot}/storage")).await.ok(200);
    let part = &storage["parts"][0];
    assert_eq!(
        part["says"],
        "1 file, 1 directory; 10737418240 bytes; 2 links, not followed; 1 pipe, socket or device, not opened"
    );
    assert_eq!((part["part"].as_str(), part["more"].as_bool()), (Some("state"), Some(false)), "{storage}");
    assert!(part["disk_bytes"].as_u64().is_some_and(|bytes| bytes < 1 << 20), "{storage}");

    // More than is counted.
    let many = state.join("many");
    std::fs::create_dir(&many).expect("a directory");
    let many = std::fs::File::open(&many).expect("a directory");
    for n in 0..200_010 {
        let plain = rustix::fs::FileType::RegularFile;
        rustix::fs::mknodat(&many, n.to_string(), plain, mode, 0).expect("a file");
    }
    let storage = at.get(&owner, &format!("/api/bots/{bot}/storage")).await.ok(200);
    let part = &storage["parts"][0];
    assert!(part["says"].as_str().is_some_and(|says| says.starts_with("more than ")), "{storage}");
    assert_eq!(part["more"], true, "{storage}");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_transcript_goes_and_what_a_planted_link_leads_to_stays() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let id = at.ready_bot(&owner, "Helper").await;
    let home = at.world.data().canonicalize().expect("a path").join("bots").join(&id);
    let (sessions, outside) = (home.join("state/agents/main/sessions"), at.world.dir.path().join("outside"));
    std::fs::create_dir_all(&sessions).expect("a directory");
    std::fs::create_dir_all(&outside).expect("a directory");
    for file in [sessions.join("a.jsonl"), sessions.join("kept.jsonl"), outside.join("kept")] {
        std::fs::write(file, "text").expect("a file");
    }
    symlink(outside.join("kept"), sessions.join("link.jsonl")).expect("a link");
    symlink(&outside, sessions.join("elsewhere")).expect("a link");
    let row = bot::Entity::find().one(at.server.platform.db.read()).await.expect("read").expect("a bot");
    let forget = async |path: std::path::PathBuf| {
        at.server.bots.forget_files(&row, &[path.to_str().expect("text").to_owned()]).await
    };
    forget(sessions.join("a.jsonl")).await.expect("removed");
    forget(sessions.join("a.jsonl")).await.expect("nothing there: nothing happens");
    forget(sessions.join("link.jsonl")).await.expect("removed");
    assert!(forget(sessions.join("elsewhere/kept")).await.is_err(), "no link is followed on the way");
    // What is no path below the bot's state is left.
    forget(outside.join("kept")).await.expect("left");
    forget(home.join("config/openclaw.json")).await.expect("left");
    assert!(forget(sessions.join("../../../../config/openclaw.json")).await.is_err());
    let left = |path: &std::path::Path| std::fs::symlink_metadata(path).is_ok();
    assert!(!left(&sessions.join("a.jsonl")) && !left(&sessions.join("link.jsonl")));
    assert!(left(&sessions.join("kept.jsonl")) && left(&outside.join("kept")));
    assert!(left(&home.join("config/openclaw.json")));
    at.stop_busy().await;
}
