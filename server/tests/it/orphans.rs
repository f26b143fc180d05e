//! What belongs to no bot any more: found, shown, removed when it is certain, and never another Chela's.

use crate::support::*;
use api::ids::BotId;
use runtime::{Foreign, Observation, RuntimeKind};
use serde_json::{Value, json};
use server::platform::clock::ManualClock;
use uuid::Uuid;

async fn timed() -> (TestServer, ManualClock) {
    let clock = ManualClock::at(1_790_000_000_000);
    let mut world = World::new(RuntimeKind::Process).await;
    world.clock = Some(clock.clone());
    (world.serve().await, clock)
}

fn alive(started_at_ms: i64) -> Observation {
    Observation::Running { generation: 1, handle: "4711".to_owned(), started_at_ms }
}

async fn found(at: &TestServer, who: &Who) -> Vec<Value> {
    let list = at.get(who, "/api/orphans").await.ok(200);
    list["items"].as_array().cloned().expect("a list")
}

/// How often the runtime was asked what it holds.
fn looks(at: &TestServer) -> usize {
    use testkit::fake_runtime::Call;
    at.world.cells.things.calls().iter().filter(|(call, _)| *call == Call::List).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sweep_removes_nothing_and_the_second_tells_the_audit_log() {
    let (at, clock) = timed().await;
    let olga = at.operator().await;
    eventually("the first sweep", async || (looks(&at) > 0).then_some(())).await;
    let orphan = BotId(Uuid::now_v7());
    at.world.cells.things.plant(orphan, alive(7));
    let listed = found(&at, &olga).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["bot"], &listed[0]["since_ms"]), (&json!(orphan), &json!(7)));
    assert_eq!((&listed[0]["place"], &listed[0]["running"]), (&json!("process"), &json!(true)));
    assert_eq!(listed[0]["name"], "4711");
    let before = looks(&at);
    clock.advance(31_000);
    eventually("the sweep that sees it", async || (looks(&at) > before).then_some(())).await;
    assert_eq!(at.world.cells.things.bots(), [orphan], "seen once: it may be about to get its row");
    eventually("it to go", async || {
        clock.advance(10_000);
        at.world.cells.things.bots().is_empty().then_some(())
    })
    .await;
    let told = eventually("it to be written down", async || {
        let audit = at.get(&olga, "/api/audit").await.ok(200);
        let rows = audit["items"].as_array().cloned().unwrap_or_default();
        rows.into_iter().find(|row| row["act"] == "orphans.remove")
    })
    .await;
    assert_eq!((&told["actor"], &told["target"]), (&json!("system"), &json!(format!("process:{orphan}"))));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_is_what_is_removed_by_hand_and_a_bot_keeps_what_is_its() {
    let (at, clock) = timed().await;
    let (owner, olga) = (at.owner().await, at.operator().await);
    at.add_key(&owner).await;
    let bot = at.make_bot(&owner, "Helper").await;
    eventually("the bot to run", async || {
        clock.advance(500);
        let seen = at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200);
        (seen["observed"] == "running").then_some(())
    })
    .await;
    let (left, other) = (BotId(Uuid::now_v7()), BotId(Uuid::now_v7()));
    let dir = |bot: &str| at.world.data().join("bots").join(bot);
    std::fs::create_dir_all(dir(&left.to_string()).join("workspace")).expect("files");
    at.world.cells.things.plant(other, alive(7));
    let listed = found(&at, &olga).await;
    let mut places: Vec<_> = listed.iter().map(|one| (one["place"].clone(), one["bot"].clone())).collect();
    places.sort_by_key(|place| place.0.to_string());
    assert_eq!(places, [(json!("files"), json!(left)), (json!("process"), json!(other))]);
    assert!(listed.iter().any(|one| one["since_ms"].as_i64().is_some_and(|ms| ms > 1_000)), "{listed:?}");
    assert!(dir(&left.to_string()).exists(), "looking changes nothing");
    let some = at.ask(&olga, "POST", "/api/orphans/remove", json!({ "bots": [left] })).await.ok(200);
    assert_eq!(some["removed"].as_array().map(Vec::len), Some(1), "{some}");
    assert!(!dir(&left.to_string()).exists() && at.world.cells.things.bots().contains(&other));
    let rest = at.ask(&olga, "POST", "/api/orphans/remove", json!({})).await.ok(200);
    assert_eq!((&rest["removed"][0]["bot"], &rest["failed"]), (&json!(other), &json!([])));
    assert!(found(&at, &olga).await.is_empty());
    let id: BotId = bot.parse().expect("an id");
    assert_eq!(at.world.cells.things.bots(), [id]);
    assert!(dir(&bot).exists());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_chela_owns_is_shown_as_foreign_and_stays_whatever_is_asked() {
    let (at, _clock) = timed().await;
    let olga = at.operator().await;
    let theirs =
        Foreign { handle: "chela-theirs".to_owned(), instance: "another".to_owned(), since_ms: Some(5) };
    at.world.cells.things.plant_foreign(theirs);
    let listed = found(&at, &olga).await;
    assert_eq!((&listed[0]["foreign"], &listed[0]["bot"]), (&json!("another"), &Value::Null));
    let calls = at.world.cells.things.calls().len();
    let done = at.ask(&olga, "POST", "/api/orphans/remove", json!({})).await.ok(200);
    assert_eq!((&done["removed"], &done["failed"]), (&json!([]), &json!([])));
    let removes = at.world.cells.things.calls().split_off(calls);
    assert!(!removes.iter().any(|(call, _)| *call == testkit::fake_runtime::Call::Remove), "{removes:?}");
    assert_eq!(found(&at, &olga).await.len(), 1);
    at.world.cells.things.set_engine(false);
    let silent = at.get(&olga, "/api/orphans").await.ok(200);
    assert_eq!(silent["silent"], json!(["process"]), "not knowing is not the same as nothing");
    at.world.cells.things.set_engine(true);
    assert_eq!(at.get(&at.owner().await, "/api/orphans").await.status, 403);
    at.stop().await;
}
