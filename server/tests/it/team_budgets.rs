//! A budget of a tag, such as a team's: one for all bots and virtual keys that carry it.

use crate::support::*;
use serde_json::{Value, json};

async fn key(at: &TestServer, owner: &Who, name: &str, tags: Value) -> (Value, Who) {
    let made =
        at.ask(owner, "POST", "/api/virtual-keys", json!({ "name": name, "tags": tags })).await.ok(201);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    (made["id"].clone(), Who::Bearer(secret))
}

async fn calls(at: &TestServer, who: &Who) -> u16 {
    let body = json!({ "model": "openai/fake-model", "max_tokens": 9, "messages": [] });
    at.ask(who, "POST", "/api/v1/chat/completions", body).await.status
}

async fn budget(at: &TestServer, who: &Who, fields: Value) -> Value {
    at.ask(who, "POST", "/api/budgets", fields).await.ok(201)
}

async fn used(at: &TestServer, who: &Who, budget: &Value, used: i64) -> Value {
    eventually("what was used", async || {
        let all = at.get(who, "/api/budgets").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["id"] == budget["id"] && one["used"] == used)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_carry_a_tag_share_its_budget_and_nobody_else_does() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let stranger = at.stranger().await;
    at.add_key(&stranger).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    at.ask(&owner, "PATCH", &format!("/api/bots/{bot}"), json!({ "tags": ["night_shift"] })).await.ok(200);
    let (till, program) = key(&at, &owner, "Till", json!(["shop", "night_shift"])).await;
    let (_, alike) = key(&at, &owner, "Alike", json!(["nightxshift"])).await;
    let (_, theirs) = key(&at, &stranger, "Theirs", json!(["night_shift"])).await;

    let nobodys = json!({ "tag": "night-shift", "unit": "requests", "period": "month", "most": 0 });
    let refused = at.ask(&owner, "POST", "/api/budgets", nobodys).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/tag".to_owned()]), "nobody carries it");
    for field in ["tag", "bot", "virtual_key", "model"] {
        let mut all = json!({ "unit": "requests", "period": "month", "most": 0 });
        all[field] = json!("");
        let refused = at.ask(&owner, "POST", "/api/budgets", all).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![format!("/{field}")]), "not everybody's");
    }
    let of = |unit: &str, most: i64| json!({ "tag": "night_shift", "unit": unit, "period": "month", "most": most });
    let made = budget(&at, &owner, of("requests", 2)).await;
    assert_eq!((&made["tag"], &made["bot"], &made["used"]), (&json!("night_shift"), &Value::Null, &json!(0)));
    let by_model = budget(
        &at,
        &owner,
        json!({ "tag": "night_shift", "model": "openai/fake-model", "unit": "tokens", "period": "day", "most": 1_000_000 }),
    );
    let by_model = by_model.await;
    assert_eq!(at.talk(&owner, &bot, "ask:first").await["state"], "final");
    assert_eq!(calls(&at, &program).await, 200);
    used(&at, &owner, &made, 2).await;

    assert_eq!(calls(&at, &program).await, 429, "both together used it up");
    assert_ne!(at.talk(&owner, &bot, "ask:second").await["state"], "final");
    for other in [&alike, &theirs] {
        assert_eq!(calls(&at, other).await, 200);
    }
    eventually("the ledger to say which budget stopped a call", async || {
        let rows = at.get(&owner, "/api/usage?status=refused").await.ok(200);
        let rows = rows["items"].as_array()?;
        let of_it = |bot: &Value| rows.iter().any(|row| row["budget"] == made["id"] && row["bot"] == *bot);
        (of_it(&json!(bot)) && of_it(&Value::Null)).then_some(())
    })
    .await;

    // Whoever lays the tag down is free from the next call on.
    let id = till.as_str().expect("an id");
    at.ask(&owner, "PATCH", &format!("/api/virtual-keys/{id}"), json!({ "tags": ["shop"] })).await.ok(200);
    assert_eq!(calls(&at, &program).await, 200);
    at.ask(&owner, "PATCH", &format!("/api/virtual-keys/{id}"), json!({ "tags": ["night_shift"] }))
        .await
        .ok(200);
    assert_eq!(calls(&at, &program).await, 429);

    // What was counted stands after a restart: what a key used while it carried no such tag is not in it.
    let world = at.stop().await;
    let at = world.serve().await;
    used(&at, &owner, &made, 2).await;
    // 14 tokens in and 40 out each.
    used(&at, &owner, &by_model, 2 * 54).await;
    at.stop().await;
}
