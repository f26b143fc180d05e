//! `chela orphans`: looks only, unless it is told to remove.

use super::*;
use api::ids::BotId;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_shown_and_go_with_remove_only() {
    let at = TestServer::start().await;
    let home = Home::at(at.panel, &at.operator().await);
    home.run(&["orphans"]).ended(0, &["Nothing is left over"]);
    let left = BotId(Uuid::now_v7()).to_string();
    let dir = at.world.data().join("bots").join(&left);
    std::fs::create_dir_all(&dir).expect("files");
    let table = home.run(&["orphans"]).ended(0, &["--remove"]).out;
    assert!(table.contains("files") && table.contains(&left), "{table}");
    assert_eq!(home.run(&["orphans", "-o", "name"]).ok(), format!("bots/{left}\n"));
    assert!(dir.exists());
    home.run(&["orphans", "--remove"]).ended(2, &["--yes"]);
    assert!(dir.exists(), "nobody said yes");
    assert_eq!(home.run(&["orphans", "--remove", "--yes", "-o", "json"]).json()[0]["place"], "files");
    assert!(!dir.exists());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_of_a_place_that_could_not_be_looked_at() {
    let at = TestServer::start().await;
    let home = Home::at(at.panel, &at.operator().await);
    at.world.cells.things.set_engine(false);
    let ran = home.run(&["orphans"]).ended(0, &["is not known", "Nothing is left over elsewhere."]);
    assert!(!ran.err.contains("left over."), "{ran:?}");
    at.world.cells.things.set_engine(true);
    home.run(&["orphans"]).ended(0, &["Nothing is left over."]);
    at.stop().await;
}
