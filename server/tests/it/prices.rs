//! What calls cost: reckoned when they are made, at the prices of their time.

use crate::support::*;
use serde_json::{Value, json};

/// The ledger, oldest first, as soon as it has so many rows.
async fn calls(at: &TestServer, owner: &Who, many: usize) -> Vec<Value> {
    eventually("the calls' rows", async || {
        let rows = at.get(owner, "/api/usage").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        (rows.len() == many).then(|| rows.into_iter().rev().collect())
    })
    .await
}

async fn set(at: &TestServer, owner: &Who, input: i64, cache_read: Option<i64>) -> Value {
    let price = json!({
        "vendor": "openai", "model": "fake-model", "input_price": input, "output_price": 10_000_000,
        "cache_read_price": cache_read,
    });
    at.ask(owner, "POST", "/api/prices", price).await.ok(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_costs_what_its_model_cost_then_and_no_later_price_changes_it() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Payer").await;
    let cost = |row: &Value| row["cost_micro_usd"].clone();

    at.talk(&owner, &bot, "ask:first").await;
    let rows = calls(&at, &owner, 1).await;
    assert_eq!(cost(&rows[0]), Value::Null, "nobody knows its price: {}", rows[0]);
    assert_eq!(rows[0]["model_answered"], "fake-model");

    // The vendor says 14 tokens in, 3 of them from its cache, and 40 out.
    set(&at, &owner, 2_500_000, Some(1_250_000)).await;
    at.talk(&owner, &bot, "ask:second").await;
    assert_eq!(cost(&calls(&at, &owner, 2).await[1]), json!(432), "27.5 + 400 + 3.75, rounded up once");

    let dearer = set(&at, &owner, 5_000_000, None).await;
    at.talk(&owner, &bot, "ask:third").await;
    assert_eq!(cost(&calls(&at, &owner, 3).await[2]), Value::Null, "reading the cache has no price");

    let path = format!("/api/prices/{}", dearer["id"].as_str().expect("an id"));
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    at.talk(&owner, &bot, "ask:fourth").await;
    let rows = calls(&at, &owner, 4).await;
    let costs: Vec<Value> = rows.iter().map(cost).collect();
    assert_eq!(costs, [Value::Null, json!(432), Value::Null, json!(432)], "the older price holds again");
    let today = at.get(&owner, "/api/usage/today").await.ok(200);
    assert_eq!((&today["cost_micro_usd"], &today["cost_unknown"]), (&json!(864), &json!(2)), "{today}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_prices_are_listed_before_the_shipped_ones_and_belong_to_their_workspace() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let stranger = at.stranger().await;
    let own = set(&at, &owner, 1, None).await;
    let mut all: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = at.get(&owner, &format!("/api/prices?limit=7&cursor={cursor}")).await.ok(200);
        all.extend(page["items"].as_array().expect("prices").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(all[0], own);
    assert!(all.len() > 20 && all[1..].iter().all(|price| price["id"] == Value::Null), "{all:?}");
    let mut once: Vec<String> = all.iter().map(Value::to_string).collect();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all.len(), "a page repeats another");
    let theirs = at.get(&stranger, "/api/prices?limit=200").await.ok(200);
    assert_eq!(theirs["items"], json!(all[1..]), "the shipped ones are everybody's, ours nobody else's");
    let path = format!("/api/prices/{}", own["id"].as_str().expect("an id"));
    assert_eq!(at.ask(&stranger, "DELETE", &path, Value::Null).await.status, 404);
    assert_eq!(at.get(&owner, "/api/prices?limit=1").await.ok(200)["items"][0], own);

    let audit = at.get(&owner, "/api/audit?limit=1").await.ok(200)["items"][0].clone();
    assert_eq!((&audit["act"], &audit["target"]), (&json!("prices.set"), &own["id"]));
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    assert_eq!(at.ask(&owner, "DELETE", &path, Value::Null).await.status, 404, "deleted once");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_makes_no_sense_is_refused_with_every_reason() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bad = json!({
        "vendor": "nobody", "model": " ", "input_price": -1, "output_price": 10_000_000_001_i64,
        "cache_write_price": -1,
    });
    let refused = at.ask(&owner, "POST", "/api/prices", bad).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"));
    for field in ["/vendor", "/model", "/input_price", "/output_price", "/cache_write_price"] {
        assert!(refused.text.contains(&format!("\"{field}\"")), "{field}: {}", refused.text);
    }
    let alias = json!({ "vendor": "claude", "model": "claude-x", "input_price": 0, "output_price": 0 });
    assert_eq!(at.ask(&owner, "POST", "/api/prices", alias).await.ok(201)["vendor"], "anthropic");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_has_one_price_of_one_beginning_and_the_same_again_is_no_other() {
    let (at, owner, clock) = TestServer::timed().await;
    let own = async || {
        let all = at.get(&owner, "/api/prices?limit=200").await.ok(200)["items"].clone();
        let all = all.as_array().expect("prices").clone();
        all.into_iter().filter(|price| price["id"].is_string()).collect::<Vec<_>>()
    };
    let first = set(&at, &owner, 1, None).await;
    let second = set(&at, &owner, 2, None).await;
    assert_eq!(
        (&second["id"], &own().await),
        (&first["id"], &vec![second.clone()]),
        "it begins at the same moment"
    );
    let short = json!({ "vendor": "openai", "model": "fake-model", "input_usd": "1", "output_usd": "1", "up_to_input": 9 });
    at.ask(&owner, "POST", "/api/prices", short.clone()).await.ok(201);
    assert_eq!(own().await.len(), 2, "two steps of one price");
    clock.advance(1_000);
    assert_eq!(set(&at, &owner, 2, None).await, second, "that holds already");
    at.ask(&owner, "POST", "/api/prices", short).await.ok(201);
    assert_eq!(own().await.len(), 2);
    set(&at, &owner, 3, None).await;
    assert_eq!(own().await.len(), 4, "a changed price is new lines: its own and that of the other step");
    at.stop().await;
}
