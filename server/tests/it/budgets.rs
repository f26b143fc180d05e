//! Budgets: when one ends, spending ends; what was used is not forgotten; people are told once.

use crate::support::*;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use testkit::vendor::Mode;

/// Each call has 14 tokens in, 3 of them from the cache, and 40 out: 2 + 400 + 1 micro-USD.
async fn house() -> (TestServer, Who, String) {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let price = json!({
        "vendor": "openai", "model": "fake-model", "input_price": 1_000_000, "output_price": 10_000_000,
        "cache_read_price": 500_000,
    });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    let bot = at.ready_bot(&owner, "Spender").await;
    (at, owner, bot)
}

const COST: i64 = 413;

async fn budget(at: &TestServer, who: &Who, fields: Value) -> Value {
    at.ask(who, "POST", "/api/budgets", fields).await.ok(201)
}

/// A budget as it stands once so much of it is used.
async fn used(at: &TestServer, who: &Who, id: &Value, used: i64) -> Value {
    eventually("what was used", async || {
        let all = at.get(who, "/api/budgets").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["id"] == *id && one["used"] == used)
    })
    .await
}

/// Says something to the bot; how its answer ended.
async fn says(at: &TestServer, who: &Who, bot: &str, text: &str) -> Value {
    at.talk(who, bot, text).await["state"].clone()
}

/// The newest row of the ledger.
async fn last_call(at: &TestServer, who: &Who, many: usize) -> Value {
    eventually("the calls' rows", async || {
        let rows = at.get(who, "/api/usage").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        (rows.len() == many).then(|| rows.first().cloned()).flatten()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_budget_ends_spending_ends_until_there_is_more_of_it() {
    let (at, owner, bot) = house().await;
    // Room for one call: what is held back before it is what an answer may cost at most.
    let made =
        budget(&at, &owner, json!({ "bot": bot, "unit": "money", "period": "month", "most": 80_000 })).await;
    assert_eq!((&made["state"], &made["used"], &made["hard"]), (&json!("open"), &json!(0), &json!(true)));
    assert_eq!(made["bot_name"], "Spender");
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "final");
    let one = used(&at, &owner, &made["id"], COST).await;
    assert_eq!(one["reserved"], 0, "what was held back is given back");

    let path = format!("/api/budgets/{}", made["id"].as_str().expect("an id"));
    let less = at.ask(&owner, "PATCH", &path, json!({ "most": COST })).await.ok(200);
    assert_eq!(less["state"], "spent", "{less}");
    assert_eq!(says(&at, &owner, &bot, "ask:second").await, "failed");
    let call = last_call(&at, &owner, 2).await;
    assert_eq!((&call["budget"], &call["cost_micro_usd"]), (&made["id"], &json!(0)), "{call}");
    assert_eq!(call["status"], 400, "nothing that locks its vendor away");

    let whole = at.ask(&owner, "PATCH", &path, json!({ "most": COST + 1 })).await.ok(200);
    assert_eq!(
        whole["state"], "near",
        "a call that may cost more than all of it ends it for nobody: {whole}"
    );
    assert_eq!(says(&at, &owner, &bot, "ask:too much").await, "failed");
    at.ask(&owner, "PATCH", &path, json!({ "most": 200_000 })).await.ok(200);
    assert_eq!(says(&at, &owner, &bot, "ask:third").await, "final");
    used(&at, &owner, &made["id"], 2 * COST).await;
    let stale = json!({ "most": 1, "expected_version": 1 });
    assert_eq!(at.ask(&owner, "PATCH", &path, stale).await.status, 409);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_outlives_a_restart() {
    let (at, owner, bot) = house().await;
    let mut ids = Vec::new();
    for (unit, used_up) in [("money", COST), ("tokens", 54), ("requests", 1)] {
        let fields = json!({ "unit": unit, "period": "month", "most": 1_000_000_000 });
        ids.push((budget(&at, &owner, fields).await["id"].clone(), used_up));
    }
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "final");
    for (id, amount) in &ids {
        used(&at, &owner, id, *amount).await;
    }
    let world = at.stop().await;
    let at = world.serve().await;
    for (id, amount) in &ids {
        used(&at, &owner, id, *amount).await;
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_while_chela_stops_is_in_the_ledger_and_in_its_budget() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let limits = json!([{ "unit": "requests", "period": "month", "most": 9 }]);
    let key = json!({ "name": "Batch", "limits": limits });
    let key = at.ask(&owner, "POST", "/api/virtual-keys", key).await.ok(201);
    at.world.vendor.play(Mode::HangAfter { pieces: 3 });
    let request = http::Request::post("/v1/chat/completions").header("host", "127.0.0.1");
    let request =
        request.header("authorization", format!("Bearer {}", key["secret"].as_str().expect("a secret")));
    let body =
        r#"{"model":"openai/fake-model","stream":true,"messages":[{"role":"user","content":"ask:x"}]}"#;
    let request = request.header("content-type", "application/json").body(body.into()).expect("a request");
    let calling = tokio::spawn(try_send(at.world.relay(), request));
    let id = eventually("the call to run", async || {
        let one = at.get(&owner, "/api/budgets").await.ok(200)["items"][0].clone();
        (one["reserved"] == 1).then(|| one["id"].clone())
    })
    .await;
    let world = at.stop().await;
    let _cut = calling.await.expect("no panic");
    let at = world.serve().await;
    used(&at, &owner, &id, 1).await;
    let call = last_call(&at, &owner, 1).await;
    assert_eq!(call["estimated"], true, "nobody said what it used: {call}");
    at.stop().await;
}

/// A key with a month's requests, as its bearer.
async fn program(at: &TestServer, owner: &Who) -> String {
    let limits = json!([{ "unit": "requests", "period": "month", "most": 1_000 }]);
    let key = json!({ "name": "Batch", "limits": limits });
    let key = at.ask(owner, "POST", "/api/virtual-keys", key).await.ok(201);
    format!("Bearer {}", key["secret"].as_str().expect("a secret"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_runs_when_chela_is_killed_is_settled_once_at_what_was_held_back_for_it() {
    const KILLS: usize = 100;
    let mut at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bearer = program(&at, &owner).await;
    at.world.vendor.play(Mode::HangAfter { pieces: 3 });
    let body = r#"{"model":"openai/fake-model","max_tokens":77,"stream":true,"messages":[]}"#;
    for kill in 1..=KILLS {
        let request = http::Request::post("/v1/chat/completions").header("host", "127.0.0.1");
        let request = request.header("authorization", &bearer).header("content-type", "application/json");
        let request = request.body(body.into()).expect("a request");
        let calling = tokio::spawn(try_send(at.world.relay(), request));
        eventually("the call to be noted", async || {
            let db = at.server.platform.db.read();
            let noted = "select count(*) as calls from open_calls";
            let noted = Statement::from_string(db.get_database_backend(), noted);
            let noted = db.query_one_raw(noted).await.expect("a database").expect("a count");
            (noted.try_get::<i64>("", "calls").expect("a number") == 1).then_some(())
        })
        .await;
        at = at.kill().await.serve().await;
        let _cut = calling.await.expect("no panic");
        let sums = at.get(&owner, "/api/usage/summary?range=24h").await.ok(200)["sums"].clone();
        assert_eq!(sums["calls"], json!(kill), "each once: {sums}");
        let one = at.get(&owner, "/api/budgets").await.ok(200)["items"][0].clone();
        assert_eq!((&one["used"], &one["reserved"]), (&json!(kill), &json!(0)), "{one}");
    }
    let call = at.get(&owner, "/api/usage?limit=1").await.ok(200)["items"][0].clone();
    assert_eq!((&call["ended"], &call["estimated"]), (&json!("lost"), &json!(true)), "{call}");
    assert_eq!(call["output_tokens"], 77, "what was held back for it: {call}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_holds_at_once_and_for_whom_it_is_said_only() {
    let (at, owner, bot) = house().await;
    let stop = json!({ "model": "openai/*", "unit": "requests", "period": "month", "most": 0 });
    let made = budget(&at, &owner, stop).await;
    assert_eq!((&made["state"], &made["model"]), (&json!("stopped"), &json!("openai/*")));
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "failed");
    let path = format!("/api/budgets/{}", made["id"].as_str().expect("an id"));
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    for elsewhere in [json!({ "model": "anthropic/*" }), json!({ "model": "openai/other" })] {
        let mut stop = json!({ "unit": "requests", "period": "month", "most": 0 });
        stop["model"] = elsewhere["model"].clone();
        budget(&at, &owner, stop).await;
    }
    assert_eq!(says(&at, &owner, &bot, "ask:second").await, "final");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_once_at_four_fifths_and_once_at_the_end() {
    let (at, owner, bot) = house().await;
    let made = budget(&at, &owner, json!({ "unit": "requests", "period": "day", "most": 5 })).await;
    let told = async |count: i64, kind: &str| {
        eventually("a notification", async || {
            let all = at.get(&owner, "/api/notifications").await.ok(200);
            all["items"].as_array()?.iter().find(|n| n["kind"] == kind && n["count"] == count).cloned()
        })
        .await
    };
    for n in 0..4 {
        assert_eq!(says(&at, &owner, &bot, &format!("ask:{n}")).await, "final");
    }
    let near = told(1, "budget_near").await;
    assert_eq!(near["reason"]["message"], "4 of 5 calls are used.");
    let whose = (&near["budget"]["id"], &near["budget"]["of"], &near["budget"]["most"]);
    assert_eq!(whose, (&made["id"], &Value::Null, &json!(5)), "{near}");
    assert_eq!(says(&at, &owner, &bot, "ask:last").await, "final");
    told(2, "budget_spent").await;
    for n in 0..3 {
        assert_eq!(says(&at, &owner, &bot, &format!("ask:refused {n}")).await, "failed");
    }
    let world = at.stop().await;
    let at = world.serve().await;
    used(&at, &owner, &made["id"], 5).await;
    let path = format!("/api/budgets/{}", made["id"].as_str().expect("an id"));
    at.ask(&owner, "PATCH", &path, json!({ "most": 100 })).await.ok(200);
    let all = eventually("it to be over", async || {
        let all = at.get(&owner, "/api/notifications").await.ok(200);
        let all = all["items"].as_array()?.clone();
        all.iter().all(|n| n["resolved_at_ms"].is_i64()).then_some(all)
    })
    .await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["count"], 2, "once of each, whatever was refused afterwards");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hard_budget_of_money_takes_no_model_whose_price_nobody_said() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Guess").await;
    budget(&at, &owner, json!({ "unit": "money", "period": "day", "most": 1_000_000_000, "hard": false }))
        .await;
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "final", "a soft one only counts");
    let call = last_call(&at, &owner, 1).await;
    assert_eq!((&call["reason"], &call["reasoning_tokens"]), (&Value::Null, &json!(2)));
    budget(&at, &owner, json!({ "unit": "money", "period": "day", "most": 1_000_000_000 })).await;
    assert_eq!(says(&at, &owner, &bot, "ask:second").await, "failed");
    let call = last_call(&at, &owner, 2).await;
    assert_eq!(
        (&call["budget"], &call["reason"]),
        (&Value::Null, &json!("price_unknown")),
        "it is not used up"
    );
    let stop = json!({ "bot": bot, "model": "openai/*", "unit": "requests", "period": "month", "most": 0 });
    let stop = budget(&at, &owner, stop).await;
    assert_eq!(says(&at, &owner, &bot, "ask:third").await, "failed");
    let call = last_call(&at, &owner, 3).await;
    let said = (&call["budget"], &call["reason"]);
    assert_eq!(said, (&stop["id"], &json!("stopped")), "somebody's stop is told first");
    let path = format!("/api/usage/{}", call["id"].as_str().expect("an id"));
    let by = json!({ "of": "Guess", "tag": null, "model": "openai/*", "unit": "requests", "period": "month", "most": 0 });
    assert_eq!(at.get(&owner, &path).await.ok(200)["stopped_by"], by);
    let stop = format!("/api/budgets/{}", stop["id"].as_str().expect("an id"));
    at.ask(&owner, "DELETE", &stop, Value::Null).await.ok(200);
    let found = at.get(&owner, &path).await.ok(200);
    assert_eq!((&found["stopped_by"], &found["call"]["budget"]), (&Value::Null, &call["budget"]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_budget_keeps_for_a_cost_nobody_knows_outlives_a_restart() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    // Its vendor reads a little from its cache, and nobody said what that costs.
    let price = json!({ "vendor": "openai", "model": "fake-model", "input_price": 2_500_000, "output_price": 10_000_000 });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    let bot = at.ready_bot(&owner, "Guess").await;
    let all = json!({ "unit": "money", "period": "month", "most": 1_000_000_000 });
    let models =
        json!({ "model": "openai/fake-model", "unit": "money", "period": "month", "most": 1_000_000_000 });
    let made = [budget(&at, &owner, all).await, budget(&at, &owner, models).await];
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "final");
    let call = last_call(&at, &owner, 1).await;
    assert_eq!(call["cost_micro_usd"], Value::Null, "{call}");
    let held = call["held_micro_usd"].as_i64().expect("what was held back");
    assert!(held > 0);
    for budget in &made {
        used(&at, &owner, &budget["id"], held).await;
    }
    let at = at.stop().await.serve().await;
    for budget in &made {
        used(&at, &owner, &budget["id"], held).await;
    }
    let sums = at.get(&owner, "/api/usage/summary").await.ok(200)["sums"].clone();
    assert_eq!((&sums["cost_unknown"], &sums["held_micro_usd"]), (&json!(1), &json!(held)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_a_bot_goes_on_with_the_cheaper_model_and_the_ledger_names_both() {
    let (at, owner, bot) = house().await;
    let made = budget(
        &at,
        &owner,
        json!({
            "bot": bot, "model": "openai/fake-model", "unit": "requests", "period": "month", "most": 1,
            "instead": "openai/small",
        }),
    )
    .await;
    assert_eq!((&made["instead"], &made["instead_from"]), (&json!("openai/small"), &Value::Null));
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "final");
    assert_eq!(last_call(&at, &owner, 1).await["asked_model"], Value::Null);
    assert_eq!(says(&at, &owner, &bot, "ask:second").await, "final");
    let call = last_call(&at, &owner, 2).await;
    assert_eq!((&call["asked_model"], &call["model"]), (&json!("fake-model"), &json!("small")), "{call}");
    assert_eq!((&call["budget"], &call["status"]), (&Value::Null, &json!(200)));

    let path = format!("/api/budgets/{}", made["id"].as_str().expect("an id"));
    let none = at.ask(&owner, "PATCH", &path, json!({ "instead": "" })).await.ok(200);
    assert_eq!(none["instead"], Value::Null);
    assert_eq!(says(&at, &owner, &bot, "ask:third").await, "failed");
    let share = json!({ "most": 100, "instead": "openai/small", "instead_from": 1 });
    let share = at.ask(&owner, "PATCH", &path, share).await.ok(200);
    assert_eq!((&share["instead_from"], &share["state"]), (&json!(1), &json!("open")));
    assert_eq!(says(&at, &owner, &bot, "ask:fourth").await, "final");
    assert_eq!(last_call(&at, &owner, 4).await["model"], "small", "one percent is used");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cheaper_model_is_of_the_same_vendor_and_has_a_price_where_money_is_counted() {
    let (at, owner, _) = house().await;
    let fields = |more: Value| {
        let mut fields =
            json!({ "unit": "money", "period": "month", "most": 5, "model": "openai/fake-model" });
        fields.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        fields
    };
    for (more, pointer) in [
        (json!({ "instead": "groq/small" }), "/instead"),
        (json!({ "instead": "openai/*" }), "/instead"),
        (json!({ "instead": "openai/fake-model" }), "/instead"),
        (json!({ "instead": "openai/nobody-priced-it" }), "/instead"),
        (json!({ "instead_from": 80 }), "/instead"),
        (json!({ "instead": "openai/small", "instead_from": 100 }), "/instead_from"),
    ] {
        let answer = at.ask(&owner, "POST", "/api/budgets", fields(more.clone())).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]), "{more}");
    }
    let price = json!({ "vendor": "openai", "model": "small", "input_price": 1, "output_price": 1 });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    budget(&at, &owner, fields(json!({ "instead": "openai/small", "instead_from": 80 }))).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_field_by_field() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    for (fields, pointer) in [
        (json!({ "unit": "money", "period": "day", "most": -1 }), "/most"),
        (json!({ "unit": "money", "period": "day", "most": 1, "model": "nobody/x" }), "/model"),
        (json!({ "unit": "money", "period": "year", "most": 1 }), "/period"),
        (json!({ "unit": "money", "period": "day", "most": 1, "bot": "nobody" }), ""),
        (json!({ "unit": "money", "period": "day", "most": 1, "tag": "No Tag" }), "/tag"),
        (json!({ "unit": "money", "period": "day", "most": 1, "tag": "(none)" }), "/tag"),
        (json!({ "unit": "money", "period": "day", "most": 1, "tag": "shop", "bot": "x" }), "/tag"),
        (json!({ "unit": "money", "period": "day", "most": 1, "amount": "2" }), "/amount"),
        (json!({ "unit": "money", "period": "day", "most": 0, "hard": false }), "/most"),
        (json!({ "unit": "money", "period": "day", "amount": "0", "hard": false }), "/amount"),
    ] {
        let answer = at.ask(&owner, "POST", "/api/budgets", fields.clone()).await;
        assert!((400..500).contains(&answer.status), "{fields}");
        let told = answer.json().to_string();
        assert!(pointer.is_empty() || told.contains(pointer), "{fields}: {told}");
    }
    let zone = |name: &str| json!({ "time_zone": name });
    assert_eq!(at.ask(&owner, "PUT", "/api/time-zone", zone("Berlin")).await.status, 422);
    at.ask(&owner, "PUT", "/api/time-zone", zone("Asia/Kathmandu")).await.ok(200);
    let made = budget(&at, &owner, json!({ "unit": "tokens", "period": "day", "most": 1 })).await;
    let start = made["window_start_ms"].as_i64().expect("a moment");
    assert_eq!(start.rem_euclid(86_400_000), 18 * 3_600_000 + 900_000, "midnight there: 18:15 in UTC");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_only_tells_stops_nothing_and_leads_elsewhere_from_a_share_on_only() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let fields = |more: Value| {
        let mut all = json!({ "unit": "requests", "period": "day", "most": 2 });
        all.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        all
    };
    let refused = |answer: Answer, pointer: &str| {
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]), "{}", answer.text);
    };
    let soft = json!({ "hard": false, "instead": "openai/small" });
    refused(at.ask(&owner, "POST", "/api/budgets", fields(soft)).await, "/instead_from");
    let soft = json!({ "hard": false, "instead": "openai/small", "instead_from": 50 });
    let soft = budget(&at, &owner, fields(soft)).await;
    let hard = budget(&at, &owner, fields(json!({ "instead": "openai/small" }))).await;
    let change = async |of: &Value, fields: Value| {
        let path = format!("/api/budgets/{}", of["id"].as_str().expect("an id"));
        at.ask(&owner, "PATCH", &path, fields).await
    };
    refused(change(&soft, json!({ "instead_from": 0 })).await, "/instead_from");
    refused(change(&soft, json!({ "amount": "0" })).await, "/amount");
    change(&hard, json!({ "most": 0 })).await.ok(200);
    refused(change(&hard, json!({ "hard": false })).await, "/hard");
    at.stop().await;
}
