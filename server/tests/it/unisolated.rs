//! Bots that nothing keeps apart from this machine: refused until an owner has accepted them once, for one
//! workspace, and until that is taken back.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};

const ADDRESS: &str = "/api/bot-options/unisolated";

async fn bare() -> World {
    let world = World::new(RuntimeKind::Process).await;
    world.cells.things.set_isolated(false);
    world
}

async fn create(at: &TestServer, who: &Who, name: &str) -> Answer {
    at.ask(who, "POST", "/api/bots", json!({ "name": name, "model": "openai/fake-model" })).await
}

async fn acts(at: &TestServer, who: &Who) -> Vec<String> {
    let list = at.get(who, "/api/audit").await.ok(200);
    let items = list["items"].as_array().expect("items").iter();
    items
        .map(|row| format!("{} {}", row["actor"].as_str().unwrap_or("?"), row["act"].as_str().unwrap_or("?")))
        .collect()
}

async fn page(at: &TestServer, who: &Who) -> String {
    let request = at.request(who, "GET", "/bots/new").header("accept", "text/html");
    let page = send(at.panel, request.body("".to_owned().into()).expect("a request")).await;
    assert_eq!(page.status, 200);
    page.text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_nothing_keeps_apart_waits_for_its_owners_word() {
    let at = bare().await.serve().await;
    at.owner().await;
    let here = at.first_workspace().await;
    let (ada, _, owner) = at.person("Ada", here, "owner").await;
    let (_, _, viewer) = at.person("Vera", here, "viewer").await;
    at.add_key(&owner).await;
    let refused = create(&at, &owner, "Helper").await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/runtime".to_owned()]), "{}", refused.text);
    assert!(refused.text.contains("no owner has accepted that"), "{}", refused.text);
    assert!(
        refused.json()["hint"].as_str().is_some_and(|h| h.contains("page for new bots")),
        "{}",
        refused.text
    );
    let options = at.get(&owner, "/api/bot-options").await.ok(200);
    assert_eq!(options["unisolated"], json!({ "allowed": false, "by": null, "at_ms": null }));
    assert!(page(&at, &owner).await.contains("I accept this"));

    let not_they = at.ask(&viewer, "POST", ADDRESS, json!({})).await;
    assert_eq!((not_they.status, not_they.code().as_str()), (403, "forbidden"));
    assert_eq!(create(&at, &owner, "Helper").await.status, 422, "a viewer's word is none");

    at.ask(&owner, "POST", ADDRESS, json!({})).await.ok(200);
    at.ask(&owner, "POST", ADDRESS, json!({})).await.ok(200);
    let options = at.get(&owner, "/api/bot-options").await.ok(200);
    assert_eq!(
        (&options["unisolated"]["allowed"], &options["unisolated"]["by"]),
        (&json!(true), &json!(ada.to_string()))
    );
    assert_eq!(options["runtimes"][1]["available"], true, "at once: {options}");
    let told = acts(&at, &owner).await;
    assert_eq!(
        told.iter().filter(|act| **act == format!("{ada} bots.allow_unisolated")).count(),
        1,
        "{told:?}"
    );
    let now = page(&at, &owner).await;
    assert!(!now.contains("I accept this") && now.contains("Take back"));

    let bot = at.ready_bot(&owner, "Helper").await;
    let config = at.world.data().join("bots").join(&bot).join("config/openclaw.json");
    let config: Value = serde_json::from_slice(&std::fs::read(config).expect("a file")).expect("JSON");
    assert_eq!(config["tools"]["profile"], "minimal");
    let denied = config["tools"]["deny"].as_array().cloned().expect("a list");
    for group in ["group:runtime", "group:fs", "group:ui", "group:web"] {
        assert!(denied.contains(&json!(group)), "{group} is left to it: {denied:?}");
    }
    assert_eq!(config["tools"]["elevated"]["enabled"], false);
    let own = json!({ "name": "Own", "model": "openai/fake-model", "profile": "own" });
    assert_eq!(at.ask(&owner, "POST", "/api/bots", own).await.status, 422);
    assert_eq!(at.talk(&owner, &bot, "ask:hello").await["text"], json!(at.world.vendor.answer_to("hello")));
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_is_kept_is_good_for_one_workspace_and_can_be_taken_back() {
    let at = bare().await.serve().await;
    let owner = at.owner().await;
    at.ask(&owner, "POST", ADDRESS, json!({})).await.ok(200);
    let at = at.kill().await.serve().await;
    let bot = at.ready_bot(&owner, "Helper").await;

    let stranger = at.stranger().await;
    let refused = create(&at, &stranger, "Foreign").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("another workspace"), "{}", refused.text);
    let refused = at.ask(&stranger, "POST", ADDRESS, json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{}", refused.text);
    at.ask(&stranger, "DELETE", ADDRESS, Value::Null).await.ok(200);
    let options = at.get(&stranger, "/api/bot-options").await.ok(200);
    assert_eq!(options["unisolated"], json!({ "allowed": false, "by": null, "at_ms": null }), "nor seen");
    assert_eq!(at.get(&owner, "/api/bot-options").await.ok(200)["unisolated"]["allowed"], true, "still ours");

    let busy = at.ask(&owner, "DELETE", ADDRESS, Value::Null).await;
    assert_eq!((busy.status, busy.code().as_str()), (409, "conflict"));
    assert!(busy.text.contains("Helper"), "{}", busy.text);
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    at.observed(&owner, &bot, "stopped").await;
    at.ask(&owner, "DELETE", ADDRESS, Value::Null).await.ok(200);
    at.ask(&owner, "DELETE", ADDRESS, Value::Null).await.ok(200);
    let told = acts(&at, &owner).await;
    assert_eq!(told.iter().filter(|act| act.ends_with(" bots.forbid_unisolated")).count(), 1, "{told:?}");
    for act in ["start", "restart"] {
        let refused = at.ask(&owner, "POST", &format!("/api/bots/{bot}/{act}"), Value::Null).await;
        assert_eq!(refused.status, 422, "{act}: {}", refused.text);
    }
    assert_eq!(create(&at, &owner, "Second").await.status, 422);
    assert_eq!(at.world.cells.starts().len(), 1);
    // Our bots stand in the way of a stranger's word, not only ours of theirs.
    assert_eq!(at.ask(&stranger, "POST", ADDRESS, json!({})).await.status, 409);
    at.ask(&owner, "POST", ADDRESS, json!({})).await.ok(200);
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/start"), Value::Null).await.ok(200);
    at.observed(&owner, &bot, "running").await;
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_says_the_same_and_still_keeps_workspaces_apart() {
    let mut world = bare().await;
    world.env.push(("CHELA_ALLOW_UNISOLATED", "1".to_owned()));
    let at = world.serve().await;
    let owner = at.owner().await;
    at.ready_bot(&owner, "Helper").await;
    let refused = create(&at, &at.stranger().await, "Foreign").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{}", refused.text);
    at.stop_busy().await;
}
