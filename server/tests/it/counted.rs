//! What budgets counted stands as before after a restart, whoever made the calls and whatever became of them since.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};

const SLOT_MS: i64 = 15 * 60_000;
/// Each call has 14 tokens in, 3 of them from the cache, and 40 out: 2 + 400 + 1 micro-USD.
const COST: i64 = 413;

/// A virtual key with tags: its id and its bearer.
async fn key(at: &TestServer, owner: &Who, name: &str, tags: Value) -> (String, Who) {
    let made =
        at.ask(owner, "POST", "/api/virtual-keys", json!({ "name": name, "tags": tags })).await.ok(201);
    let text = |field: &str| made[field].as_str().expect(field).to_owned();
    (format!("/api/virtual-keys/{}", text("id")), Who::Bearer(text("secret")))
}

async fn calls(at: &TestServer, who: &Who) {
    let body = json!({ "model": "openai/fake-model", "max_tokens": 9, "messages": [] });
    assert_eq!(at.ask(who, "POST", "/api/v1/chat/completions", body).await.status, 200);
}

/// Waits until the ledger has so many calls.
async fn ledger(at: &TestServer, calls: i64) {
    eventually("the calls' rows", async || (rows_of(at, "usage_rows").await == calls).then_some(())).await;
}

/// What budgets hold, in the order in which they were made.
async fn used(at: &TestServer, who: &Who) -> Vec<i64> {
    let all = at.get(who, "/api/budgets").await.ok(200);
    all["items"].as_array().expect("budgets").iter().map(|one| one["used"].as_i64().expect("used")).collect()
}

async fn house(world: World) -> (TestServer, Who) {
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let price = json!({
        "vendor": "openai", "model": "fake-model", "input_price": 1_000_000, "output_price": 10_000_000,
        "cache_read_price": 500_000,
    });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    (at, owner)
}

async fn budgets_of_a_team(at: &TestServer, owner: &Who) {
    for (unit, period, model) in [
        ("requests", "month", None),
        ("money", "day", None),
        ("tokens", "day", Some("openai/fake-model")),
        ("tokens", "month", Some("openai/*")),
    ] {
        let fields =
            json!({ "tag": "team", "unit": unit, "period": period, "most": 1_000_000_000, "model": model });
        at.ask(owner, "POST", "/api/budgets", fields).await.ok(201);
    }
}

fn of(calls: i64) -> Vec<i64> {
    vec![calls, calls * COST, calls * 54, calls * 54]
}

/// Callers go and change their tags, Chela is killed and ends: a team's budgets hold what they held. `gone` makes the database see
/// that the one that was killed is gone, as its machine would.
pub async fn a_teams_budgets_outlive_its_callers(world: World, gone: impl AsyncFn()) -> World {
    let (at, owner) = house(world).await;
    let (till, by_till) = key(&at, &owner, "Till", json!(["team"])).await;
    let (desk, by_desk) = key(&at, &owner, "Desk", json!(["team", "other"])).await;
    let (_, by_late) = key(&at, &owner, "Late", json!([])).await;
    for who in [&by_till, &by_late] {
        calls(&at, who).await;
    }
    ledger(&at, 2).await;
    budgets_of_a_team(&at, &owner).await;
    assert_eq!(used(&at, &owner).await, of(1), "they begin with what those who carry the tag used");
    for who in [&by_till, &by_desk] {
        calls(&at, who).await;
    }
    ledger(&at, 4).await;
    at.ask(&owner, "PATCH", &desk, json!({ "tags": ["other"] })).await.ok(200);
    at.ask(&owner, "DELETE", &till, Value::Null).await.ok(200);
    assert_eq!(used(&at, &owner).await, of(3));

    let world = at.kill().await;
    gone().await;
    let at = world.serve().await;
    assert_eq!(used(&at, &owner).await, of(3), "as before");
    let (_, by_new) = key(&at, &owner, "New", json!(["team"])).await;
    for who in [&by_new, &by_desk] {
        calls(&at, who).await;
    }
    ledger(&at, 6).await;
    let at = at.stop().await.serve().await;
    assert_eq!(used(&at, &owner).await, of(4), "of those who carried it when they called");

    let zone = json!({ "time_zone": "Asia/Kathmandu" });
    at.ask(&owner, "PUT", "/api/time-zone", zone).await.ok(200);
    assert_eq!(used(&at, &owner).await, of(4));
    let first = at.get(&owner, "/api/budgets").await.ok(200)["items"][0]["id"].clone();
    let path = format!("/api/budgets/{}", first.as_str().expect("an id"));
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    at.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_budgets_hold_what_was_counted_though_its_callers_are_gone() {
    a_teams_budgets_outlive_its_callers(World::new(RuntimeKind::Process).await, async || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_day_holds_is_what_lies_in_it_in_any_time_zone() {
    let (at, owner) = house(World::new(RuntimeKind::Process).await).await;
    key(&at, &owner, "Till", json!(["team"])).await;
    let fields = json!({ "tag": "team", "unit": "requests", "period": "day", "most": 1_000_000_000 });
    let made = at.ask(&owner, "POST", "/api/budgets", fields).await.ok(201);
    let midnight = made["window_start_ms"].as_i64().expect("a window");
    // A call in each quarter of an hour, as if there had been some for two days.
    let slots: Vec<i64> = (-192..96).map(|n| midnight + n * SLOT_MS).collect();
    for slot in &slots {
        let insert =
            "insert into usage_counts (budget_id, workspace_id, start_ms, used) select id, workspace_id";
        sql(&at, &format!("{insert}, {slot}, 1 from budgets")).await;
    }
    for zone in ["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"] {
        at.ask(&owner, "PUT", "/api/time-zone", json!({ "time_zone": zone })).await.ok(200);
        let one = at.get(&owner, "/api/budgets").await.ok(200)["items"][0].clone();
        let moment = |field: &str| one[field].as_i64().expect(field);
        let window = moment("window_start_ms")..moment("window_end_ms");
        let within = slots.iter().filter(|slot| window.contains(slot)).count();
        assert_eq!(one["used"], json!(within), "{zone}: {one}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_of_a_version_that_kept_no_counts_begin_with_what_the_ledger_says() {
    let (at, owner) = house(World::new(RuntimeKind::Process).await).await;
    let (_, till) = key(&at, &owner, "Till", json!(["team"])).await;
    budgets_of_a_team(&at, &owner).await;
    for _ in 0..2 {
        calls(&at, &till).await;
    }
    ledger(&at, 2).await;
    let forget = async |at: &TestServer| {
        sql(at, "delete from usage_counts").await;
        sql(at, "update budgets set counted = false").await;
    };
    forget(&at).await;
    let at = at.kill().await.serve().await;
    assert_eq!(used(&at, &owner).await, of(2));
    calls(&at, &till).await;
    ledger(&at, 3).await;
    let at = at.kill().await.serve().await;
    assert_eq!(used(&at, &owner).await, of(3), "and go on from there");
    at.stop().await;
}
