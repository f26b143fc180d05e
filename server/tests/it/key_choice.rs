//! Which provider key serves a call, and what becomes of keys while nobody looks.

use crate::support::*;
use serde_json::{Value, json};
use server::platform::clock::Clock;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::vendor::Mode;

const EU: &str = "sk-proj-a-key-for-europe-0001";
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Adds a key that the vendor takes.
async fn add(at: &TestServer, who: &Who, secret: &str, tags: Value) -> String {
    at.world.vendor.answer_with(secret, Mode::Answer);
    let base = at.world.vendor.base_url();
    let new =
        json!({ "vendor": "openai", "secret": secret, "base_url": base, "label": secret, "tags": tags });
    let made = at.ask(who, "POST", "/api/keys", new).await.ok(201);
    made["id"].as_str().expect("an id").to_owned()
}

async fn change(at: &TestServer, who: &Who, key: &str, fields: Value) -> Value {
    at.ask(who, "PATCH", &format!("/api/keys/{key}"), fields).await.ok(200)
}

async fn program(at: &TestServer, owner: &Who, tags: Value) -> Who {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let name = format!("Program {}", MADE.fetch_add(1, Ordering::Relaxed));
    let new = json!({ "name": name, "tags": tags });
    let made = at.ask(owner, "POST", "/api/virtual-keys", new).await.ok(201);
    Who::Bearer(made["secret"].as_str().expect("a secret").to_owned())
}

async fn call(at: &TestServer, program: &Who, model: &str) -> Answer {
    let body =
        json!({ "model": format!("openai/{model}"), "messages": [{ "role": "user", "content": "ask:x" }] });
    at.ask(program, "POST", "/api/v1/chat/completions", body).await
}

/// The key the vendor saw last.
fn seen(at: &TestServer) -> String {
    let calls = at.world.vendor.calls();
    let last = calls.iter().rev().find(|call| call.path.ends_with("/chat/completions")).expect("a call");
    last.headers["authorization"].trim_start_matches("Bearer ").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_bots_and_virtual_keys_choose_the_key_from_the_next_call_on() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let eu = add(&at, &owner, EU, json!(["eu, cheap"])).await;
    let (tagged, plain) =
        (program(&at, &owner, json!(["nobody", "eu"])).await, program(&at, &owner, json!([])).await);
    for _ in 0..2 {
        assert_eq!((call(&at, &tagged, "fake-model").await.status, seen(&at)), (200, EU.to_owned()));
        assert_eq!((call(&at, &plain, "fake-model").await.status, seen(&at)), (200, KEY.to_owned()));
    }
    let bot = at.ready_bot(&owner, "Bot").await;
    assert_eq!(
        (at.talk(&owner, &bot, "ask:a").await["state"].clone(), seen(&at)),
        (json!("final"), KEY.into())
    );
    at.ask(&owner, "PATCH", &format!("/api/bots/{bot}"), json!({ "tags": ["shop", "cheap"] })).await.ok(200);
    assert_eq!(
        (at.talk(&owner, &bot, "ask:b").await["state"].clone(), seen(&at)),
        (json!("final"), EU.into())
    );
    let listed = change(&at, &owner, &eu, json!({ "tags": [] })).await;
    assert_eq!((&listed["tags"], &listed["label"]), (&json!([]), &json!(EU)), "what is not named stays");
    let mut served = Vec::new();
    for _ in 0..2 {
        assert_eq!(call(&at, &tagged, "fake-model").await.status, 200);
        served.push(seen(&at));
    }
    served.sort();
    assert_eq!(served, [KEY, EU], "both are as good now and take turns");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_kept_to_models_leaves_the_others_to_other_keys() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let only = at.add_key(&owner).await;
    let program = program(&at, &owner, json!([])).await;
    let changed = change(&at, &owner, &only, json!({ "allowed_models": ["openai/fake-*", "gpt-5"] })).await;
    assert_eq!(changed["allowed_models"], json!(["fake-*", "gpt-5"]));
    assert_eq!(call(&at, &program, "fake-model").await.status, 200);
    let refused = call(&at, &program, "dear").await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("not_connected_for_model")));
    add(&at, &owner, EU, json!([])).await;
    assert_eq!((call(&at, &program, "dear").await.status, seen(&at)), (200, EU.to_owned()));
    let tries = eventually("the call's row", async || {
        let rows = at.get(&owner, "/api/usage").await.ok(200)["items"].clone();
        let passed = |row: &&Value| row["model"] == "dear" && row["status"] == 200;
        rows.as_array()?.iter().find(passed).map(|row| row["tries"].clone())
    })
    .await;
    for tried in tries.as_array().into_iter().flatten() {
        assert_eq!((&tried["key"], &tried["why"]), (&json!(only), &json!("other_models")));
    }
    let listed = at.get(&program, "/api/v1/models").await.ok(200).to_string();
    assert!(listed.contains("openai/fake-model"), "{listed}");
    change(&at, &owner, &only, json!({ "tags": ["house"], "expires_on": "2099-01-31" })).await;
    let (_, _, person) = at.person("Eva", at.first_workspace().await, "owner").await;
    let page = at.get(&person, "/keys").await.text;
    for word in ["Only fake-*, gpt-5", "house", "value=\"2099-01-31\"", "Edit this key"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_over_its_limits_rests_and_its_money_outlives_a_restart() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let key = at.add_key(&owner).await;
    let price = json!({ "vendor": "openai", "model": "fake-model", "input_price": 1_000_000, "output_price": 10_000_000,
        "cache_read_price": 500_000 });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    let program = program(&at, &owner, json!([])).await;
    let changed = change(&at, &owner, &key, json!({ "month_amount": "0.08" })).await;
    assert_eq!(changed["month_micro_usd"], 80_000);
    assert_eq!(call(&at, &program, "fake-model").await.status, 200);
    // What it cost.
    let spent = async |at: &TestServer| {
        change(at, &owner, &key, json!({ "month_micro_usd": 413 })).await;
        eventually("the month to be used up", async || {
            let one = at.get(&owner, "/api/keys").await.ok(200)["items"][0].clone();
            (one["rests"][0]["why"] == "over_limit").then(|| one["rests"][0]["message"].clone())
        })
        .await
    };
    assert_eq!(spent(&at).await, "0.00 USD of 0.00 USD a month");
    change(&at, &owner, &key, json!({ "month_micro_usd": 80_000 })).await;
    eventually("the row", async || {
        let rows = at.get(&owner, "/api/usage").await.ok(200)["items"].clone();
        (rows.as_array()?.len() == 1).then_some(())
    })
    .await;
    let at = at.stop().await.serve().await;
    spent(&at).await;

    change(&at, &owner, &key, json!({ "month_amount": "", "requests_per_minute": 1 })).await;
    // A minute may begin in between.
    let refused = eventually("a minute's limit", async || {
        let answer = call(&at, &program, "fake-model").await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (429, &json!("request_limit")));
    let wait = refused.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u32>().ok());
    assert!(wait.is_some_and(|wait| (1..=60).contains(&wait)), "{wait:?}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_of_its_workspace_say_what_a_key_is_for_and_only_in_words_that_make_sense() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let key = at.add_key(&owner).await;
    let path = format!("/api/keys/{key}");
    let here = at.first_workspace().await;
    let (_, _, viewer) = at.person("Ada", here, "viewer").await;
    let stranger = at.stranger().await;
    let tags = json!({ "tags": ["eu"] });
    for (who, status) in [(&viewer, 403), (&stranger, 404), (&Who::Nobody, 401)] {
        assert_eq!(at.ask(who, "PATCH", &path, tags.clone()).await.status, status);
    }
    for (pointer, bad) in [
        ("/tags", json!({ "tags": ["No Tag!"] })),
        ("/allowed_models", json!({ "allowed_models": ["a*b"] })),
        ("/requests_per_minute", json!({ "requests_per_minute": -1 })),
        ("/month_amount", json!({ "month_amount": "much" })),
        ("/month_micro_usd", json!({ "month_micro_usd": -5 })),
        ("/expires_on", json!({ "expires_on": "soon" })),
        ("/expires_on", json!({ "expires_on": "2001-01-01" })),
        ("/expires_at_ms", json!({ "expires_at_ms": 5 })),
        ("/label", json!({ "label": "" })),
    ] {
        let answer = at.ask(&owner, "PATCH", &path, bad.clone()).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{bad}");
    }
    let stale = json!({ "tags": ["eu"], "expected_version": 9 });
    assert_eq!(at.ask(&owner, "PATCH", &path, stale).await.status, 409);
    let known = at.get(&owner, "/api/keys").await.ok(200)["items"][0].clone();
    assert_eq!((&known["tags"], &known["version"]), (&json!([]), &json!(1)), "nothing of it was written");

    // Another workspace's key of the same tag serves nobody here.
    add(&at, &stranger, EU, json!(["eu"])).await;
    let program = program(&at, &owner, json!(["eu"])).await;
    assert_eq!((call(&at, &program, "fake-model").await.status, seen(&at)), (200, KEY.to_owned()));
    at.stop().await;
}

async fn told(at: &TestServer, who: &Who, kind: &str) -> Vec<Value> {
    let all =
        at.get(who, "/api/notifications").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|one| one["kind"] == kind).collect()
}

fn open(all: &[Value]) -> usize {
    all.iter().filter(|one| one["resolved_at_ms"].is_null()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_checked_once_a_day_and_people_hear_once_that_it_is_refused() {
    let (at, owner, clock) = TestServer::timed().await;
    at.add_key(&owner).await;
    let key = async || at.get(&owner, "/api/keys").await.ok(200)["items"][0].clone();
    // The check after this moment.
    let checked = async |after: i64| {
        eventually("a check", async || {
            let one = key().await;
            one["checked_at_ms"].as_i64().filter(|at_ms| *at_ms >= after).map(|_| one)
        })
        .await
    };
    let lists = || at.world.vendor.calls().iter().filter(|call| call.path.ends_with("/models")).count();
    assert_eq!((key().await["checked_at_ms"].clone(), lists()), (Value::Null, 1));
    clock.advance(DAY);
    let first = checked(clock.now_ms()).await;
    assert_eq!((&first["status"], &first["version"], lists()), (&json!("working"), &json!(1), 2));

    at.world.vendor.play(Mode::Status { status: 503, body: "busy".to_owned() });
    clock.advance(DAY);
    let silent = checked(clock.now_ms()).await;
    assert_eq!(silent["status"], "working", "nobody was asked: that says nothing of the key");
    assert!(silent["check_message"].is_string(), "{silent}");
    assert!(told(&at, &owner, "key_refused").await.is_empty());

    at.world.vendor.play(Mode::Answer);
    at.world.vendor.expect_key("sk-another");
    for _ in 0..2 {
        clock.advance(DAY);
        let refused = checked(clock.now_ms()).await;
        assert_eq!((&refused["status"], &refused["check_message"]), (&json!("failing"), &Value::Null));
        let all = told(&at, &owner, "key_refused").await;
        assert_eq!((all.len(), &all[0]["count"], open(&all)), (1, &json!(1), 1), "{all:?}");
        assert!(!all[0].to_string().contains(KEY), "{all:?}");
    }
    at.world.vendor.expect_key(KEY);
    let id = key().await["id"].as_str().expect("an id").to_owned();
    at.ask(&owner, "POST", &format!("/api/keys/{id}/test"), json!({})).await.ok(200);
    eventually("it is over", async || (open(&told(&at, &owner, "key_refused").await) == 0).then_some(()))
        .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_hear_at_once_and_once_that_a_key_is_refused_to_calls_until_one_works() {
    // Time stands still: no check of a day tells it.
    let (at, owner, _clock) = TestServer::timed().await;
    let key = at.add_key(&owner).await;
    let program = program(&at, &owner, json!([])).await;
    let stranger = at.stranger().await;
    let known = async |at: &TestServer, how_many: usize| {
        eventually("people to know", async || {
            let all = told(at, &owner, "key_refused").await;
            (all.len() == 1 && open(&all) == how_many).then(|| all[0].clone())
        })
        .await
    };
    assert_eq!(call(&at, &program, "fake-model").await.status, 200);
    at.world.vendor.expect_key("sk-another");
    for _ in 0..3 {
        assert_ne!(call(&at, &program, "fake-model").await.status, 200);
    }
    let refused = known(&at, 1).await;
    let message = refused["reason"]["message"].as_str().expect("words");
    assert!(message.contains("Incorrect API key provided"), "{message}");
    assert!(!refused.to_string().contains(KEY), "{refused}");
    assert!(told(&at, &stranger, "key_refused").await.is_empty(), "of another workspace");

    let at = at.stop().await.serve().await;
    assert_ne!(call(&at, &program, "fake-model").await.status, 200, "it is asked anew");
    let calls = async |many: i64| {
        eventually("the calls' rows", async || {
            let sums = at.get(&owner, "/api/usage/summary").await.ok(200)["sums"].clone();
            (sums["calls"] == many).then_some(())
        })
        .await;
    };
    calls(5).await;
    assert_eq!(known(&at, 1).await["count"], 1, "once, over a start as well");
    at.world.vendor.expect_key(KEY);
    let test = async || at.ask(&owner, "POST", &format!("/api/keys/{key}/test"), json!({})).await.ok(200);
    test().await;
    known(&at, 0).await;

    at.world.vendor.expect_key("sk-another");
    assert_ne!(call(&at, &program, "fake-model").await.status, 200);
    known(&at, 1).await;
    // As after its pause, without the test's word for it.
    at.world.vendor.expect_key(KEY);
    let at = at.stop().await.serve().await;
    known(&at, 1).await;
    assert_eq!(call(&at, &program, "fake-model").await.status, 200);
    known(&at, 0).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_hear_three_times_that_a_key_ends_and_no_more_once_it_ends_later() {
    let (at, owner, clock) = TestServer::timed().await;
    let key = at.add_key(&owner).await;
    let end = clock.now_ms() + 20 * DAY;
    change(&at, &owner, &key, json!({ "expires_at_ms": end })).await;
    assert!(told(&at, &owner, "key_expiring").await.is_empty());
    for (days, count) in [(7, 1), (1, 1), (10, 2), (1, 2), (1, 3), (3, 3)] {
        // Told at most once a look: each hour is one.
        clock.advance(days * DAY);
        let all = eventually("the reminders", async || {
            let all = told(&at, &owner, "key_expiring").await;
            (all.len() == count && open(&all) == 1).then_some(all)
        })
        .await;
        assert!(all.iter().all(|one| one["count"] == 1 && one["unread"] == true), "{all:?}");
    }
    let later = change(&at, &owner, &key, json!({ "expires_at_ms": clock.now_ms() + 100 * DAY })).await;
    assert!(later["expires_on"].is_string(), "{later}");
    eventually("it is over", async || (open(&told(&at, &owner, "key_expiring").await) == 0).then_some(()))
        .await;
    let never = change(&at, &owner, &key, json!({ "expires_on": "" })).await;
    assert_eq!((&never["expires_at_ms"], &never["expires_on"]), (&Value::Null, &Value::Null));
    at.stop().await;
}
