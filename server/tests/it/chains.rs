//! Fallback chains: shipped ones and a workspace's own, asked by their name, and what would be skipped.

use crate::support::*;
use http::Request;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use testkit::vendor::Mode;

const OTHER: &str = "sk-fake-other-key-0002";

async fn key(at: &TestServer, owner: &Who, vendor: &str, secret: &str) {
    let body = json!({ "vendor": vendor, "secret": secret, "base_url": at.world.vendor.base_url() });
    at.ask(owner, "POST", "/api/keys", body).await.ok(201);
}

fn skipped(chain: &Value) -> Vec<(String, String)> {
    let links = chain["links"].as_array().expect("links").iter();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    links.map(|link| (text(&link["model"]), text(&link["skipped"]["why"]))).collect()
}

fn said(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(model, why)| ((*model).to_owned(), (*why).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_ones_own_serves_a_bot_by_its_name_and_the_ledger_tells_who_was_asked() {
    let at = World::new(RuntimeKind::Process).await.serve().await;
    let owner = at.owner().await;
    at.world.vendor.answer_with(OTHER, Mode::Answer);
    key(&at, &owner, "openai", OTHER).await;
    key(&at, &owner, "mistral", KEY).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let file =
        at.world.data().join("bots").join(&bot).join("run").join(openclaw::config::cell::RELAY_TOKEN_FILE);
    let token = std::fs::read_to_string(file).expect("its token");
    let call = async |method: &str, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
        let request = request.header("authorization", format!("Bearer {}", token.trim()));
        send(at.world.relay(), request.body(body.to_string().into()).expect("a request")).await
    };
    let links = json!(["anthropic/claude-x", "openai/a", "", " mistral/fake-model "]);
    let chain = json!({ "name": "mine", "links": links, "timeout_s": 20 });
    let made = at.ask(&owner, "POST", "/api/chains", chain).await.ok(201);
    let now = [("anthropic/claude-x", "no_key"), ("openai/a", ""), ("mistral/fake-model", "")];
    assert_eq!(skipped(&made), said(&now), "{made}");
    assert_eq!((&made["own"], &made["shipped"], &made["tries"]), (&json!(true), &json!(false), &json!(3)));
    // It fails from here on, and the chain goes on without a restart of anything.
    at.world.vendor.answer_with(OTHER, Mode::SlowDown { after: "600".into() });
    let ask = json!({ "model": "mine", "messages": [{ "role": "user", "content": "ask:tide" }] });
    let answered = call("POST", "/v1/chat/completions", ask.clone()).await.ok(200);
    assert_eq!(answered["choices"][0]["message"]["content"], at.world.vendor.answer_to("tide"));
    let row =
        eventually("the row", async || at.get(&owner, "/api/usage").await.ok(200)["items"].get(0).cloned())
            .await;
    assert_eq!(
        (&row["chain"], &row["vendor"], &row["model"], &row["attempts"]),
        (&json!("mine"), &json!("mistral"), &json!("fake-model"), &json!(2))
    );
    let tries: Vec<_> = row["tries"]
        .as_array()
        .expect("tries")
        .iter()
        .map(|t| (&t["link"], &t["why"], t["key"].is_null()))
        .collect();
    let (claude, openai) = (json!("anthropic/claude-x"), json!("openai/a"));
    // A vendor that does not speak the dialect is no matter of its key.
    let (other, slow) = (json!("other_dialect"), json!("slow_down"));
    assert_eq!(tries, [(&claude, &other, true), (&openai, &slow, false)]);
    let seen = at.get(&owner, "/api/chains/mine?dialect=openai").await.ok(200);
    let now =
        [("anthropic/claude-x", "other_dialect"), ("openai/a", "cooling_down"), ("mistral/fake-model", "")];
    assert_eq!(skipped(&seen), said(&now));
    assert!(seen["links"][1]["skipped"]["until_ms"].as_i64().is_some_and(|until| until > 0));
    // The key says why it is left alone, in its vendor's words.
    let keys = at.get(&owner, "/api/keys").await.ok(200);
    let rest = &keys["items"][0]["rests"][0];
    assert_eq!(
        (&rest["why"], &rest["status"], &rest["streak"]),
        (&json!("slow_down"), &json!(429), &json!(1))
    );
    assert!(rest["message"].as_str().is_some_and(|words| words.contains("Rate limit")), "{rest}");
    let models = call("GET", "/v1/models", json!(null)).await.ok(200);
    let models = models["data"].as_array().expect("models");
    assert!(["mine", "coding"].iter().all(|name| models.iter().any(|m| m["id"] == **name)), "{models:?}");
    at.ask(&owner, "DELETE", "/api/chains/mine", Value::Null).await.ok(200);
    assert_eq!(call("POST", "/v1/chat/completions", ask).await.status, 400, "at once");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirteen_chains_are_there_from_the_start_and_an_own_one_hides_its_namesake() {
    let at = TestServer::start().await;
    let (owner, stranger) = (at.owner().await, at.stranger().await);
    let names = async |who: &Who, path: &str| -> Vec<(String, bool)> {
        let page = at.get(who, path).await.ok(200);
        let items = page["items"].as_array().expect("chains").clone();
        items.iter().map(|c| (c["name"].as_str().expect("a name").to_owned(), c["own"] == true)).collect()
    };
    let shipped = names(&owner, "/api/chains").await;
    assert_eq!((shipped.len(), shipped.iter().filter(|(_, own)| *own).count()), (13, 0));
    let page = at.get(&owner, "/api/chains?limit=5").await.ok(200);
    let next = format!("/api/chains?cursor={}", page["next"].as_str().expect("a cursor"));
    assert_eq!(names(&owner, &next).await, shipped[5..]);
    let own = json!({ "name": "coding", "links": ["claude/claude-x"], "triggers": ["timeout"], "tries": 1 });
    for _ in 0..2 {
        let set = at.ask(&owner, "POST", "/api/chains", own.clone()).await.ok(201);
        assert_eq!((&set["own"], &set["shipped"]), (&json!(true), &json!(true)));
        assert_eq!(set["links"][0]["model"], "anthropic/claude-x", "by its own id");
    }
    let listed = names(&owner, "/api/chains").await;
    assert_eq!(
        (listed.len(), &listed[0]),
        (13, &("coding".to_owned(), true)),
        "own ones first, each name once"
    );
    let theirs = at.get(&stranger, "/api/chains/coding").await.ok(200);
    assert_eq!((&theirs["own"], &theirs["tries"]), (&json!(false), &json!(3)));
    assert_eq!(at.ask(&stranger, "DELETE", "/api/chains/coding", Value::Null).await.status, 404);
    let audit = at.get(&owner, "/api/audit?limit=1").await.ok(200)["items"][0].clone();
    assert_eq!((&audit["act"], &audit["target"]), (&json!("chains.set"), &json!("coding")));
    at.ask(&owner, "DELETE", "/api/chains/coding", Value::Null).await.ok(200);
    let back = at.get(&owner, "/api/chains/coding").await.ok(200);
    assert_eq!((&back["own"], back["links"].as_array().map(Vec::len)), (&json!(false), Some(9)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_breaks_a_rule_says_which() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let many: Vec<_> = (0..21).map(|n| format!("openai/{n}")).collect();
    for (chain, pointers) in [
        (json!({ "name": "openai", "links": ["openai/a"] }), vec!["/name"]),
        (json!({ "name": "qwen", "links": ["openai/a"] }), vec!["/name"]),
        (json!({ "name": "My chain", "links": [" "] }), vec!["/name", "/links"]),
        (json!({ "name": "x", "links": ["openai/a", "nobody/a", "gpt-5"] }), vec!["/links/1", "/links/2"]),
        (json!({ "name": "x", "links": ["claude/a", "anthropic/a"] }), vec!["/links/1"]),
        (json!({ "name": "x", "links": many }), vec!["/links"]),
        (
            json!({ "name": "x", "links": ["openai/a"], "timeout_s": 0, "tries": 11 }),
            vec!["/timeout_s", "/tries"],
        ),
        (json!({ "name": "x", "links": ["openai/a"], "triggers": [] }), vec!["/triggers"]),
    ] {
        let refused = at.ask(&owner, "POST", "/api/chains", chain.clone()).await;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, pointers.iter().map(|p| (*p).to_owned()).collect()),
            "{chain}"
        );
    }
    at.stop().await;
}
