//! A database that becomes read-only while Chela runs.

use crate::support::*;
use runtime::RuntimeKind;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_stopped_although_the_database_has_become_read_only_and_stays_so() {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(1_795_165_200_000);
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let path = format!("/api/bots/{bot}");
    // From here on SQLite answers as it does where the file may not be written.
    at.server.platform.db.maintenance().execute_unprepared("pragma query_only = on").await.expect("set");
    let refused = at.ask(&owner, "PATCH", &path, json!({ "prompt": "new" })).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"), "{}", refused.text);
    assert!(refused.text.contains("read-only"), "{}", refused.text);
    at.get(&owner, &path).await.ok(200);

    let shown = at.ask(&owner, "POST", &format!("{path}/stop"), Value::Null).await.ok(200);
    assert_eq!((&shown["desired"], &shown["observed"]), (&json!("stopped"), &json!("stopped")));
    assert!(at.world.cells.living().is_empty());
    let journal = std::fs::read_to_string(at.world.data().join("bots.journal")).expect("the journal");
    assert!(journal.contains(&bot));

    let at = at.kill().await.serve().await;
    assert_eq!(at.get(&owner, &path).await.ok(200)["desired"], "stopped");
    eventually("it to be written down", async || {
        clock.advance(1_000);
        let list = at.get(&owner, "/api/audit").await.ok(200);
        list["items"]
            .as_array()?
            .iter()
            .any(|row| row["act"] == "bots.stop" && row["target"] == bot)
            .then_some(())
    })
    .await;
    assert_eq!(at.world.cells.starts().len(), 1, "never started again");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_stopped_although_chela_takes_no_changes_any_more() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    at.server.platform.db.close_writes("the database is damaged");
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    assert!(at.world.cells.living().is_empty());
    at.stop_busy().await;
}
