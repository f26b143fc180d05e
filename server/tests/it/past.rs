//! A bot's past: every act with who did it, every death with its reason, and how long it was up.

use crate::support::*;
use serde_json::{Value, json};

async fn kinds(at: &TestServer, who: &Who, bot: &str) -> Vec<String> {
    let page = at.get(who, &format!("/api/bots/{bot}/events?limit=200")).await.ok(200);
    let items = page["items"].as_array().expect("events").iter().rev();
    items.map(|event| event["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_a_bot_and_what_became_of_it_is_told() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Storied").await;
    let path = format!("/api/bots/{bot}");
    at.ask(&owner, "PATCH", &path, json!({ "prompt": "Be brief." })).await.ok(200);
    at.ask(&owner, "POST", &format!("{path}/apply"), json!({})).await.ok(200);
    at.ask(&owner, "POST", &format!("{path}/stop"), json!({})).await.ok(200);
    at.observed(&owner, &bot, "stopped").await;
    at.ask(&owner, "POST", &format!("{path}/stop"), json!({})).await.ok(200);
    at.ask(&owner, "POST", &format!("{path}/start"), json!({})).await.ok(200);
    at.observed(&owner, &bot, "running").await;
    let id: api::ids::BotId = bot.parse().expect("an id");
    assert!(at.world.cells.exit(id, 137));
    eventually("it is back", async || {
        let told = kinds(&at, &owner, &bot).await;
        (told.last().is_some_and(|kind| kind == "ready") && told.iter().any(|kind| kind == "died"))
            .then_some(())
    })
    .await;
    let told = kinds(&at, &owner, &bot).await;
    let wanted =
        ["created", "ready", "changed", "applied", "stop", "ended", "start", "ready", "died", "ready"];
    assert_eq!(told, wanted, "and an act that changed nothing is none");

    let newest = at.get(&owner, &format!("{path}/events?limit=2")).await.ok(200);
    let died = &newest["items"][1];
    assert!(died["reason"]["message"].is_string() && died["lived_ms"].is_i64(), "{died}");
    let older = newest["next"].as_str().expect("more");
    let rest = at.get(&owner, &format!("{path}/events?cursor={older}")).await.ok(200);
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(wanted.len() - 2));
    let first = &rest["items"][wanted.len() - 3];
    assert!(first["actor"].as_str().is_some_and(|actor| actor.contains("tok_")), "{first}");
    assert!(first["actor_name"].as_str().is_some_and(|name| !name.is_empty()), "people read a name: {first}");

    let up = at.get(&owner, &format!("{path}/uptime")).await.ok(200);
    assert!(up["deaths"] == 1 && up["up_ms"].as_i64() <= up["wanted_ms"].as_i64(), "{up}");
    let wrong = at.get(&owner, &format!("{path}/uptime?from_ms=5&to_ms=4")).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/from_ms".to_owned()]));
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    at.stop().await;
}
