//! Rows of the past name people, tokens, bots and keys while there are such, and nobody else's.

use crate::support::*;
use serde_json::{Value, json};

async fn first(at: &TestServer, who: &Who, act: &str) -> Value {
    let rows = at.get(who, "/api/audit").await.ok(200);
    let rows = rows["items"].as_array().cloned().unwrap_or_default();
    rows.into_iter().find(|row| row["act"] == act).expect("such an act")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_and_model_calls_name_bots_keys_and_actors_while_there_are_such() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let key = at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Named").await;
    at.talk(&owner, &bot, "ask:who").await;
    let call = eventually("the call's row", async || {
        let rows = at.get(&owner, "/api/usage").await.ok(200);
        rows["items"].as_array().and_then(|all| all.first().cloned())
    })
    .await;
    assert_eq!((&call["bot"], &call["bot_name"]), (&json!(bot), &json!("Named")));
    assert!(call["key_name"].as_str().is_some_and(|name| !name.is_empty()), "{call}");
    let made = first(&at, &owner, "bots.create").await;
    assert_eq!((&made["target"], &made["target_name"]), (&json!(bot), &json!("Named")));
    assert_eq!(made["actor_name"], "test", "the token's name: {made}");
    assert_eq!(first(&at, &owner, "keys.add").await["target_name"], call["key_name"]);

    // What is no more has no name: whoever reads it says so.
    at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
    at.ask(&owner, "DELETE", &format!("/api/keys/{key}"), Value::Null).await.ok(200);
    eventually("the bot to be gone", async || (rows_of(&at, "bots").await == 0).then_some(())).await;
    let call = at.get(&owner, "/api/usage").await.ok(200)["items"][0].clone();
    assert_eq!((&call["bot_name"], &call["key_name"]), (&Value::Null, &Value::Null), "{call}");
    assert_eq!(first(&at, &owner, "bots.create").await["target_name"], Value::Null);
    at.stop().await;
}
