//! The switch: spending stopped for a bot, a vendor or everybody, at once, also in calls that run.

use crate::support::*;
use serde_json::{Value, json};
use testkit::vendor::Mode;

const LIVE: &str =
    r#"{"model":"openai/fake-model","stream":true,"messages":[{"role":"user","content":"ask:x"}]}"#;

async fn house() -> (TestServer, Who, String) {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Spender").await;
    (at, owner, bot)
}

async fn program(at: &TestServer, owner: &Who) -> String {
    let made = at.ask(owner, "POST", "/api/virtual-keys", json!({ "name": "Batch" })).await.ok(201);
    made["secret"].as_str().expect("a secret").to_owned()
}

async fn stop(at: &TestServer, who: &Who, fields: Value) -> Value {
    at.ask(who, "POST", "/api/stops", fields).await.ok(201)
}

async fn allow(at: &TestServer, who: &Who, stop: &Value) {
    let path = format!("/api/stops/{}", stop["id"].as_str().expect("an id"));
    at.ask(who, "DELETE", &path, Value::Null).await.ok(200);
}

async fn says(at: &TestServer, who: &Who, bot: &str, text: &str) -> Value {
    at.talk(who, bot, text).await["state"].clone()
}

/// A call on the panel's listener; status and code.
async fn call(at: &TestServer, secret: &str) -> (u16, Value) {
    let body = json!({ "model": "openai/fake-model", "messages": [] });
    let program = Who::Bearer(secret.to_owned());
    let answer = at.ask(&program, "POST", "/api/v1/chat/completions", body).await;
    (answer.status, answer.json()["error"]["code"].clone())
}

async fn last_call(at: &TestServer, who: &Who, ended: &str) -> Value {
    eventually("the call's row", async || {
        let rows = at.get(who, "/api/usage").await.ok(200)["items"].as_array().cloned().unwrap_or_default();
        rows.into_iter().next().filter(|row| row["ended"] == ended)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_stopped_and_allowed_again_and_nobody_else_is() {
    let (at, owner, bot) = house().await;
    let secret = program(&at, &owner).await;
    let made = stop(&at, &owner, json!({ "bot": bot, "why": "it talks to itself" })).await;
    assert_eq!((&made["bot_name"], &made["why"]), (&json!("Spender"), &json!("it talks to itself")));
    assert_eq!(made["by_name"], "test", "who did it");
    assert_eq!(says(&at, &owner, &bot, "ask:first").await, "failed");
    let row = last_call(&at, &owner, "refused").await;
    assert_eq!(row["status"], 400, "nothing that locks its vendor away: {row}");
    assert_eq!(row["stop"], made["id"], "{row}");
    assert_eq!(call(&at, &secret).await.0, 200, "a program goes on");

    let again = stop(&at, &owner, json!({ "bot": bot, "why": "another word" })).await;
    assert_eq!(again, made, "it is stopped already");
    let of = at.get(&owner, &format!("/api/stops?bot={bot}")).await.ok(200);
    assert_eq!(of["items"], json!([made]));

    let world = at.stop().await;
    let at = world.serve().await;
    let listed = at.get(&owner, "/api/stops").await.ok(200);
    assert_eq!(listed["items"], json!([made]), "it outlives a restart");
    at.observed(&owner, &bot, "running").await;
    assert_eq!(says(&at, &owner, &bot, "ask:second").await, "failed");
    allow(&at, &owner, &made).await;
    assert_eq!(says(&at, &owner, &bot, "ask:third").await, "final");
    let gone = format!("/api/stops/{}", made["id"].as_str().expect("an id"));
    assert_eq!(at.ask(&owner, "DELETE", &gone, Value::Null).await.status, 404);
    let audit = at.get(&owner, "/api/audit").await.ok(200);
    let acts: Vec<_> =
        audit["items"].as_array().expect("rows").iter().map(|row| row["act"].clone()).collect();
    assert_eq!(acts.iter().filter(|act| **act == "budgets.stop").count(), 1, "once, however often: {acts:?}");
    assert_eq!(acts.iter().filter(|act| **act == "budgets.allow").count(), 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_runs_ends_with_the_switch_while_its_vendor_hangs() {
    let (at, owner, _) = house().await;
    let secret = program(&at, &owner).await;
    at.world.vendor.play(Mode::HangAfter { pieces: 3 });
    for (to, path, what) in [
        (at.world.relay(), "/v1/chat/completions", json!({ "everything": true })),
        (at.panel, "/api/v1/chat/completions", json!({ "vendor": "openai" })),
    ] {
        let request = http::Request::post(path).header("host", "localhost:3000");
        let request = request.header("authorization", format!("Bearer {secret}"));
        let request =
            request.header("content-type", "application/json").body(LIVE.into()).expect("a request");
        let before = at.world.vendor.calls().len();
        let calling = tokio::spawn(async move { send_until_cut(to, request).await });
        eventually("the vendor to be asked", async || (at.world.vendor.calls().len() > before).then_some(()))
            .await;
        let made = stop(&at, &owner, what).await;
        let text = calling.await.expect("no panic");
        assert!(text.contains("\"code\":\"stopped\""), "{path}: {text}");
        assert!(!text.contains("[DONE]"), "{path}: {text}");
        let row = last_call(&at, &owner, "halted").await;
        assert_eq!(row["estimated"], true, "nobody said what it used: {row}");
        assert_eq!((&row["stop"], &row["reason"]), (&made["id"], &json!("stopped")), "{row}");
        assert_eq!(call(&at, &secret).await, (403, json!("stopped")));
        last_call(&at, &owner, "refused").await;
        allow(&at, &owner, &made).await;
    }
    at.stop().await;
}

/// What comes of an answer until its connection is cut.
async fn send_until_cut(to: std::net::SocketAddr, request: http::Request<axum::body::Body>) -> String {
    use http_body_util::BodyExt;
    let stream = tokio::net::TcpStream::connect(to).await.expect("a connection");
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("a handshake");
    tokio::spawn(connection);
    let mut body = sender.send_request(request).await.expect("an answer").into_body();
    let mut text = String::new();
    while let Some(Ok(frame)) = body.frame().await {
        text.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[], |data| data)));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_tells_of_the_stop_also_when_it_is_lifted() {
    let (at, owner, _) = house().await;
    let secret = program(&at, &owner).await;
    let (_, _, person) = at.person("Ona", at.first_workspace().await, "owner").await;
    let page = async |call: &Value| {
        let path = format!("/usage?call={}", call.as_str().expect("an id"));
        let request = at.request(&person, "GET", &path).header("accept", "text/html");
        let html = send(at.panel, request.body(String::new().into()).expect("a request")).await.text;
        let told = html.split_once("What stopped it").and_then(|(_, rest)| rest.split_once("</dd>"));
        told.unwrap_or_else(|| panic!("it does not say what stopped it: {html}")).0.to_owned()
    };
    let mut told = Vec::new();
    for what in [json!({ "vendor": "openai", "why": "too, dear" }), json!({ "everything": true })] {
        let made = stop(&at, &owner, what).await;
        assert_eq!(call(&at, &secret).await.0, 403);
        let row = eventually("its row", async || {
            let row = last_call(&at, &owner, "refused").await;
            (row["stop"] == made["id"]).then_some(row)
        })
        .await;
        let path = format!("/api/usage/{}", row["id"].as_str().expect("an id"));
        let shown = at.get(&owner, &path).await.ok(200);
        assert_eq!((&shown["stop"], &shown["stopped_by"]), (&made, &Value::Null), "{shown}");
        let html = page(&row["id"]).await;
        for words in ["are stopped", "Stopped by test", "href=\"/budgets\""] {
            assert!(html.contains(words), "{words}: {html}");
        }
        allow(&at, &owner, &made).await;
        let html = page(&row["id"]).await;
        assert!(html.contains("allowed again") && !html.contains("/budgets"), "{html}");
        let shown = at.get(&owner, &path).await.ok(200)["stop"].clone();
        assert!(shown["lifted_at_ms"].is_i64(), "{shown}");
        assert_eq!((&shown["by_name"], &shown["vendor"]), (&json!("test"), &made["vendor"]));
        let again = stop(&at, &owner, json!({ "everything": true })).await;
        assert_ne!(again["id"], made["id"], "what was lifted can be stopped anew");
        assert_eq!(at.get(&owner, "/api/stops").await.ok(200)["items"], json!([again]), "what stands alone");
        allow(&at, &owner, &again).await;
        told.push(made["id"].as_str().expect("an id").to_owned());
    }
    // A budget of 0 is told as before, and no stop.
    let budget = json!({ "unit": "requests", "period": "month", "most": 0, "model": "openai/*" });
    let budget = at.ask(&owner, "POST", "/api/budgets", budget).await.ok(201);
    assert_eq!(call(&at, &secret).await.0, 403);
    let budget_id = budget["id"].as_str().expect("an id");
    let file = eventually("the file", async || {
        let file = at.get(&owner, "/api/usage/export.csv").await.text;
        file.contains(budget_id).then_some(file)
    })
    .await;
    for line in [
        format!(",stopped,0,stop of the vendor openai,{},,", told[0]),
        format!(",stopped,0,stop of everything,{},,", told[1]),
        format!(",stopped,0,\"budget of workspace, openai/*: 0 requests a month\",{budget_id},,false\r\n"),
        ",stopped_by,stopped_by_id,held_micro_usd,estimated\r\n".to_owned(),
    ] {
        assert!(file.contains(&line), "{line} is not in {file}");
    }
    let row = last_call(&at, &owner, "refused").await;
    assert_eq!((&row["budget"], &row["stop"]), (&json!(budget_id), &Value::Null), "{row}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_vendor_is_passed_over_in_chains() {
    let (at, owner, _) = house().await;
    at.ask(&owner, "POST", "/api/chains", json!({ "name": "mine", "links": ["openai/fake-model"] }))
        .await
        .ok(201);
    let made = stop(&at, &owner, json!({ "vendor": "openai" })).await;
    let chain = at.get(&owner, "/api/chains/mine").await.ok(200);
    assert_eq!(chain["links"][0]["skipped"]["why"], "stopped", "{chain}");
    allow(&at, &owner, &made).await;
    let chain = at.get(&owner, "/api/chains/mine").await.ok(200);
    assert_eq!(chain["links"][0]["skipped"], Value::Null, "{chain}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_see_what_is_stopped_and_stop_nothing_and_others_see_nothing() {
    let (at, owner, bot) = house().await;
    let made = stop(&at, &owner, json!({ "bot": bot })).await;
    let path = format!("/api/stops/{}", made["id"].as_str().expect("an id"));
    let (_, _, viewer) = at.person("Vera", at.first_workspace().await, "viewer").await;
    let stranger = at.stranger().await;
    assert_eq!(at.get(&viewer, "/api/stops").await.ok(200)["items"][0]["id"], made["id"]);
    assert_eq!(at.get(&stranger, "/api/stops").await.ok(200)["items"], json!([]));
    assert_eq!(at.get(&Who::Nobody, "/api/stops").await.status, 401);
    for (who, statuses) in [(&viewer, [403, 403]), (&stranger, [404, 404]), (&Who::Nobody, [401, 401])] {
        let answer = at.ask(who, "POST", "/api/stops", json!({ "bot": bot })).await;
        assert_eq!(answer.status, statuses[0], "{who:?}: {}", answer.text);
        assert_eq!(at.ask(who, "DELETE", &path, Value::Null).await.status, statuses[1], "{who:?}");
    }
    // What somebody stops in a workspace of theirs stops nothing here.
    stop(&at, &stranger, json!({ "everything": true })).await;
    allow(&at, &owner, &made).await;
    assert_eq!(says(&at, &owner, &bot, "ask:goes on").await, "final");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_exactly_what_it_is_for() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    for (fields, pointer) in [
        (json!({}), "/everything"),
        (json!({ "everything": false }), "/everything"),
        (json!({ "everything": true, "vendor": "openai" }), "/everything"),
        (json!({ "vendor": "nobody" }), "/vendor"),
        (json!({ "vendor": "openai", "why": "two\nlines" }), "/why"),
        (json!({ "vendor": "openai", "why": "x".repeat(201) }), "/why"),
    ] {
        let answer = at.ask(&owner, "POST", "/api/stops", fields.clone()).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]), "{fields}");
    }
    assert_eq!(at.ask(&owner, "POST", "/api/stops", json!({ "bot": "nobody" })).await.status, 404);
    assert_eq!(at.get(&owner, "/api/stops").await.ok(200)["items"], json!([]));
    at.stop().await;
}
