//! `chela notification`: what happened, and what of it is read.

use super::*;
use api::ids::BotId;

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_listed_marked_as_read_and_muted() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let home = Home::at(at.panel, &owner);
    assert_eq!(home.run(&["notification", "list"]).ended(0, &["Nothing happened"]).out, "");
    let bot = at.ready_bot(&owner, "Restless").await;
    let id: BotId = bot.parse().expect("an id");
    assert!(at.world.cells.exit(id, 137));
    let told = eventually("it is told", async || {
        let told = home.run(&["notification", "list", "--unread", "-o", "json"]).json();
        told.get(0).cloned()
    })
    .await;
    assert_eq!((&told["kind"], &told["bot"]["slug"]), (&"died".into(), &"restless".into()));
    let table = home.run(&["notifications", "ls"]).ok();
    assert!(table.contains("restless") && table.contains("died") && table.contains("new"), "{table}");
    home.run(&["notification", "read"]).ended(2, &["--all"]);
    home.run(&["notification", "read", "rubbish"]).ended(3, &["rubbish"]);
    let one = told["id"].as_str().expect("an id");
    home.run(&["notification", "read", one]).ended(0, &["Marked as read"]);
    assert_eq!(home.run(&["notification", "list", "--unread", "-o", "json"]).ok(), "[]\n");
    home.run(&["notification", "read", "--all"]).ended(0, &[]);
    home.run(&["notification", "mute", "restless", "--minutes", "5"]).ended(0, &["5 min"]);
    home.run(&["notification", "mute", "restless", "--minutes", "0"]).ended(0, &["counts again"]);
    at.observed(&owner, &bot, "running").await;
    at.stop().await;
}
