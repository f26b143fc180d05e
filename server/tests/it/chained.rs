//! Bots whose model is a fallback chain: who talks with one does not notice that a vendor fails, the ledger tells, and no
//! chain is taken away under a bot.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use testkit::vendor::Mode;

const OTHER: &str = "sk-fake-other-key-0002";

async fn key(at: &TestServer, owner: &Who, vendor: &str, secret: &str) {
    let body = json!({ "vendor": vendor, "secret": secret, "base_url": at.world.vendor.base_url() });
    at.ask(owner, "POST", "/api/keys", body).await.ok(201);
}

async fn chain(at: &TestServer, who: &Who, name: &str, links: &[&str]) {
    at.ask(who, "POST", "/api/chains", json!({ "name": name, "links": links })).await.ok(201);
}

async fn bot(at: &TestServer, who: &Who, name: &str, model: &str) -> Answer {
    at.ask(who, "POST", "/api/bots", json!({ "name": name, "model": model })).await
}

async fn ready(at: &TestServer, who: &Who, name: &str, model: &str) -> String {
    let made = bot(at, who, name, model).await.ok(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    at.observed(who, &id, "running").await;
    id
}

/// The provider in a bot's configuration.
fn provider(at: &TestServer, bot: &str) -> Value {
    let file =
        at.world.data().join("bots").join(bot).join("config").join(openclaw::config::cell::CONFIG_FILE);
    let config: Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    config["models"]["providers"]["chain"].clone()
}

async fn only_row(at: &TestServer, who: &Who) -> Value {
    let rows = eventually("the row", async || {
        let page = at.get(who, "/api/usage").await.ok(200);
        page["items"].as_array().filter(|rows| !rows.is_empty()).cloned()
    })
    .await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

async fn answers_by_the_second(kind: RuntimeKind) {
    let at = World::new(kind).await.serve().await;
    let owner = at.owner().await;
    at.world.vendor.answer_with(OTHER, Mode::Answer);
    key(&at, &owner, "openai", OTHER).await;
    key(&at, &owner, "mistral", KEY).await;
    chain(&at, &owner, "mine", &["anthropic/claude-x", "openai/fake-model", "mistral/fake-model"]).await;
    let bot = ready(&at, &owner, "Helper", "chain/mine").await;
    let told = provider(&at, &bot);
    assert_eq!(told["api"], "openai-completions");
    assert!(told["baseUrl"].as_str().is_some_and(|base| base.ends_with("/v1")), "{told}");

    // The first vendor that could answer fails from here on.
    let down = Mode::Status { status: 500, body: r#"{"error":{"message":"down"}}"#.to_owned() };
    at.world.vendor.answer_with(OTHER, down);
    let answer = at.talk(&owner, &bot, "ask:tide").await;
    assert_eq!(
        (&answer["text"], &answer["error"]),
        (&json!(at.world.vendor.answer_to("tide")), &Value::Null),
        "{answer}"
    );
    let row = only_row(&at, &owner).await;
    assert_eq!((&row["bot"], &row["chain"], &row["status"]), (&json!(bot), &json!("mine"), &json!(200)));
    assert_eq!(
        (&row["vendor"], &row["model"], &row["attempts"]),
        (&json!("mistral"), &json!("fake-model"), &json!(2)),
        "{row}"
    );
    let tries = row["tries"].as_array().expect("tries").iter();
    let tries: Vec<_> = tries.map(|tried| (tried["link"].clone(), tried["why"].clone())).collect();
    assert_eq!(
        tries,
        [
            (json!("anthropic/claude-x"), json!("other_dialect")),
            (json!("openai/fake-model"), json!("failed"))
        ]
    );
    // One vendor that lives is enough to work; that nobody is behind it is worth a word.
    let said = at.ask(&owner, "POST", &format!("/api/bots/{bot}/diagnose"), json!({})).await.ok(200);
    let check = |kind: &str| {
        let checks = said["checks"].as_array().expect("checks").iter();
        checks.clone().find(|check| check["check"] == kind).expect("a check").clone()
    };
    let access = check("model_access");
    assert_eq!(
        (&check("provider_key")["verdict"], &access["verdict"]),
        (&json!("warning"), &json!("warning"))
    );
    assert!(access["message"].as_str().is_some_and(|m| m.contains("only mistral/fake-model")), "{access}");
    let health = at.get(&owner, &format!("/api/bots/{bot}/health")).await.ok(200);
    assert_eq!(health["works"]["model"], "yes", "{health}");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_talks_with_a_bot_on_a_chain_does_not_notice_that_a_vendor_fails() {
    answers_by_the_second(RuntimeKind::Process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_who_talks_with_one_that_has_no_network() {
    answers_by_the_second(RuntimeKind::Docker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_anthropics_is_asked_as_anthropic_is() {
    let at = World::new(RuntimeKind::Process).await.serve().await;
    let owner = at.owner().await;
    key(&at, &owner, "anthropic", KEY).await;
    chain(&at, &owner, "claudes", &["openai/a", "mistral/b", "anthropic/claude-x"]).await;
    let bot = ready(&at, &owner, "Helper", "chain/claudes").await;
    assert_eq!(provider(&at, &bot)["api"], "anthropic-messages");
    assert_eq!(at.talk(&owner, &bot, "ask:tide").await["text"], at.world.vendor.answer_to("tide"));
    let row = only_row(&at, &owner).await;
    assert_eq!((&row["chain"], &row["vendor"]), (&json!("claudes"), &json!("anthropic")));
    // With other keys it is asked as those are; the bot lives on.
    key(&at, &owner, "openai", KEY).await;
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/diagnose"), json!({})).await.ok(200);
    eventually("the new dialect", async || {
        (provider(&at, &bot)["api"] == "openai-completions").then_some(())
    })
    .await;
    assert_eq!(at.world.cells.starts().len(), 1);
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_chain_that_is_there_and_speaks_as_bots_do_is_a_model() {
    let at = TestServer::start().await;
    let (owner, stranger) = (at.owner().await, at.stranger().await);
    chain(&at, &stranger, "theirs", &["openai/a"]).await;
    chain(&at, &owner, "mute", &["replicate/a"]).await;
    chain(&at, &owner, "mine", &["openai/a", "mistral/b"]).await;
    let id = bot(&at, &owner, "Helper", "chain/mine").await.ok(201)["id"].as_str().expect("an id").to_owned();
    let change = async |body: Value| at.ask(&owner, "PATCH", &format!("/api/bots/{id}"), body).await;
    for (model, said) in [
        ("chain/nobody", "must name a chain"),
        ("chain/theirs", "must name a chain"),
        ("chain/mute", "with a link that speaks"),
        ("chain/", "must read vendor/model"),
        ("chain/mine/more", "must name a chain"),
        ("chains/mine", "must start with a vendor"),
    ] {
        for refused in [bot(&at, &owner, "Another", model).await, change(json!({ "model": model })).await] {
            assert_eq!((refused.status, refused.pointers()), (422, vec!["/model".to_owned()]), "{model}");
            let words = refused.json().to_string();
            assert!(words.contains(said), "{model}: {words}");
        }
    }
    assert_eq!(bot(&at, &stranger, "Theirs", "chain/mine").await.status, 422);
    // A shipped one is everybody's.
    bot(&at, &stranger, "Theirs", "chain/coding").await.ok(201);
    let copy = at.ask(&owner, "POST", &format!("/api/bots/{id}/clone"), json!({ "name": "Copy" })).await;
    let copy = copy.ok(201)["id"].as_str().expect("an id").to_owned();
    assert_eq!(at.get(&owner, &format!("/api/bots/{copy}")).await.ok(200)["model"], "chain/mine");
    // What became of its chain since is no reason to refuse a bot another name.
    chain(&at, &owner, "mine", &["replicate/a"]).await;
    change(json!({ "name": "Renamed" })).await.ok(200);
    let options = async || at.get(&owner, "/api/bot-options").await.ok(200)["models"].clone();
    assert_eq!(options().await, json!([]), "no key, no chain");
    at.add_key(&owner).await;
    let listed = options().await;
    let models: Vec<&str> =
        listed.as_array().expect("models").iter().filter_map(|m| m["model"].as_str()).collect();
    assert_eq!((models[0], models.contains(&"chain/coding")), ("openai/fake-model", true), "{models:?}");
    assert!(
        ["chain/mute", "chain/mine", "chain/theirs", "chain/image-generation"]
            .iter()
            .all(|m| !models.contains(m))
    );
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_bots_ask_is_not_deleted_under_them() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    for name in ["mine", "coding"] {
        chain(&at, &owner, name, &["openai/a"]).await;
    }
    let helper = bot(&at, &owner, "Helper", "chain/mine").await.ok(201)["id"].clone();
    let helper = helper.as_str().expect("an id");
    let waits = bot(&at, &owner, "Waits", "chain/coding").await.ok(201)["id"].clone();
    let waits = format!("/api/bots/{}", waits.as_str().expect("an id"));
    at.ask(&owner, "PATCH", &waits, json!({ "model": "chain/mine" })).await.ok(200);
    let delete =
        async |name: &str| at.ask(&owner, "DELETE", &format!("/api/chains/{name}"), Value::Null).await;
    let refused = delete("mine").await;
    let words = refused.json().to_string();
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "{words}");
    assert!(words.contains("Helper, Waits"), "{words}");
    assert_eq!(at.get(&owner, "/api/chains/mine").await.status, 200, "it is there still");
    assert_eq!(delete("%25").await.status, 404);
    // Where the shipped one is back, nothing is taken from anybody.
    delete("coding").await.ok(200);
    at.ask(&owner, "POST", &format!("{waits}/discard"), Value::Null).await.ok(200);
    at.ask(&owner, "POST", &format!("/api/bots/{helper}/trash"), Value::Null).await.ok(200);
    let words = delete("mine").await.json().to_string();
    assert!(words.contains("Helper (in the trash)") && !words.contains("Waits"), "{words}");
    at.ask(&owner, "DELETE", &format!("/api/bots/{helper}?confirm=Helper"), Value::Null).await.ok(200);
    delete("mine").await.ok(200);
    at.stop_busy().await;
}
