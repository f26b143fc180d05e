//! Virtual keys: what programs call models with, on the relay's port and below the panel's `/api/v1`.

use crate::support::*;
use serde_json::{Value, json};

async fn make(at: &TestServer, owner: &Who, fields: Value) -> (String, String) {
    let made = at.ask(owner, "POST", "/api/virtual-keys", fields).await.ok(201);
    let word = |key: &str| made[key].as_str().expect("a word").to_owned();
    (word("id"), word("secret"))
}

/// A model call on the panel's listener; status and body.
async fn call(at: &TestServer, secret: &str, model: &str) -> (u16, Value) {
    let body =
        json!({ "model": model, "messages": [{ "role": "user", "content": "hello" }], "max_tokens": 50 });
    let program = Who::Bearer(secret.to_owned());
    let answer = at.ask(&program, "POST", "/api/v1/chat/completions", body).await;
    (answer.status, answer.json())
}

async fn house() -> (TestServer, Who) {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    (at, owner)
}

const MODEL: &str = "openai/fake-model";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_calls_its_models_until_its_key_is_blocked_or_gone() {
    let (at, owner) = house().await;
    let (id, secret) =
        make(&at, &owner, json!({ "name": "Notebook", "models": ["openai/fake-model"] })).await;
    let path = format!("/api/virtual-keys/{id}");
    assert!(secret.starts_with("chela_vk_"), "{secret}");
    let (status, answer) = call(&at, &secret, MODEL).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(call(&at, &secret, "openai/another").await.0, 403);
    let models = at.get(&Who::Bearer(secret.clone()), "/api/v1/models").await.ok(200);
    let names: Vec<_> = models["data"].as_array().expect("models").iter().map(|m| m["id"].clone()).collect();
    assert_eq!(names, [json!(MODEL)], "what the token may use, and nothing else");

    let listed = at.get(&owner, "/api/virtual-keys").await.ok(200)["items"][0].clone();
    assert_eq!(listed["name"], "Notebook");
    assert!(!listed.to_string().contains(&secret), "{listed}");
    eventually("when it was used last", async || {
        let all = at.get(&owner, "/api/virtual-keys").await.ok(200);
        all["items"][0]["last_used_at_ms"].as_i64()
    })
    .await;

    at.ask(&owner, "PATCH", &path, json!({ "blocked": true })).await.ok(200);
    assert_eq!(call(&at, &secret, MODEL).await.0, 401);
    at.ask(&owner, "PATCH", &path, json!({ "blocked": false, "models": [] })).await.ok(200);
    assert_eq!(call(&at, &secret, "openai/another").await.0, 200);
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    assert_eq!(call(&at, &secret, MODEL).await.0, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_some_models_takes_no_body_that_names_two() {
    let (at, owner) = house().await;
    let (_, held) = make(&at, &owner, json!({ "name": "Held", "models": [MODEL] })).await;
    let (_, free) = make(&at, &owner, json!({ "name": "Free" })).await;
    let ask = async |secret: &str, body: &str| {
        let program = Who::Bearer(secret.to_owned());
        let answer =
            at.ask_text(&program, "POST", "/api/v1/chat/completions", body.as_bytes().to_vec()).await;
        (answer.status, answer.json()["error"]["code"].clone())
    };
    for second in ["model", "m\\u006fdel"] {
        let body = format!(r#"{{"model":"{MODEL}","messages":[],"{second}":"openai/dear"}}"#);
        assert_eq!(ask(&held, &body).await, (400, json!("two_models")), "{body}");
        assert_eq!(ask(&free, &body).await.0, 200, "whom no model is kept from says what it likes");
    }
    let nested = format!(r#"{{"model":"{MODEL}","messages":[{{"model":"x"}}],"metadata":{{"model":"y"}}}}"#);
    assert_eq!(ask(&held, &nested).await.0, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_fails_no_call_while_both_secrets_work() {
    let (at, owner) = house().await;
    let (id, first) = make(&at, &owner, json!({ "name": "Leaked" })).await;
    let rotate = async |fields: Value| {
        let made = at.ask(&owner, "POST", &format!("/api/virtual-keys/{id}/rotate"), fields).await.ok(200);
        made["secret"].as_str().expect("a secret").to_owned()
    };
    let second = rotate(json!({})).await;
    assert_eq!((call(&at, &first, MODEL).await.0, call(&at, &second, MODEL).await.0), (200, 200));
    let third = rotate(json!({ "overlap_minutes": 0 })).await;
    let all = [&first, &second, &third].map(|secret| call(&at, secret, MODEL));
    let all: Vec<u16> = futures::future::join_all(all).await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(all, [401, 401, 200]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_hears_of_its_limit_with_the_time_to_wait() {
    let (at, owner) = house().await;
    let limits = json!([{ "unit": "requests", "period": "month", "most": 2 }]);
    let (_, secret) = make(&at, &owner, json!({ "name": "Batch", "limits": limits })).await;
    let program = Who::Bearer(secret.clone());
    let body = json!({ "model": MODEL, "messages": [] });
    let ask = async || at.ask(&program, "POST", "/api/v1/chat/completions", body.clone()).await;
    let first = ask().await;
    let header =
        |answer: &Answer, name: &str| answer.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!((first.status, header(&first, "ratelimit-remaining").as_deref()), (200, Some("1")));
    assert_eq!(ask().await.status, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.json()["error"]["code"].clone()), (429, json!("request_limit")));
    assert!(header(&refused, "retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok_and(|s| s > 0)));
    let budgets = at.get(&owner, "/api/budgets").await.ok(200)["items"].clone();
    assert_eq!(budgets[0]["virtual_key_name"], "Batch");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_credential_opens_the_tree_and_this_one_opens_nothing_else() {
    let (at, owner) = house().await;
    let here = at.first_workspace().await;
    let (_, _, person) = at.person("Ada", here, "owner").await;
    let (_, secret) = make(&at, &owner, json!({ "name": "Only models" })).await;
    for who in [&owner, &person, &Who::Nobody, &Who::Bearer("chela_vk_nobody".to_owned())] {
        assert_eq!(at.get(who, "/api/v1/models").await.status, 401);
    }
    assert_eq!(at.get(&Who::Bearer(secret.clone()), "/api/bots").await.status, 401);
    let program = Who::Bearer(secret.clone());
    let models = at.get(&program, "/api/v1/models").await;
    let header =
        |name: &str| models.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(
        header("content-security-policy"),
        "default-src 'none'; sandbox",
        "no page of the panel's origin"
    );
    assert_eq!(
        (header("x-content-type-options"), header("cache-control")),
        ("nosniff".into(), "no-store".into())
    );
    let past = json!({ "name": "Late", "expires_at_ms": 1 });
    assert_eq!(at.ask(&owner, "POST", "/api/virtual-keys", past).await.status, 422);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unset_variable_opens_no_model_and_keeps_no_key_for_ever() {
    let (at, owner) = house().await;
    let refused = |answer: &Answer, pointer: &str| {
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]), "{}", answer.text);
    };
    let add = async |fields: Value| at.ask(&owner, "POST", "/api/virtual-keys", fields).await;
    refused(&add(json!({ "name": "Narrow", "models": [""] })).await, "/models/0");
    for days in [0, 3651, 99_999_999] {
        refused(&add(json!({ "name": "Narrow", "expires_in_days": days })).await, "/expires_in_days");
    }
    let far = json!({ "name": "Narrow", "expires_at_ms": i64::MAX });
    refused(&add(far).await, "/expires_at_ms");
    let soon = at.server.platform.clock.now_ms() + 60_000;
    let twice = json!({ "name": "Narrow", "expires_at_ms": soon, "expires_in_days": 5 });
    refused(&add(twice).await, "/expires_in_days");
    let (id, _) =
        make(&at, &owner, json!({ "name": "Narrow", "models": [MODEL], "expires_in_days": 3650 })).await;
    let path = format!("/api/virtual-keys/{id}");
    let change = async |path: &str, fields: Value| at.ask(&owner, "PATCH", path, fields).await;
    refused(&change(&path, json!({ "models": [MODEL, " "] })).await, "/models/1");
    let held = change(&path, json!({ "blocked": false })).await.ok(200);
    assert_eq!(held["models"], json!([MODEL]), "it is for what it was for");
    assert_eq!(
        change(&path, json!({ "models": [] })).await.ok(200)["models"],
        json!([]),
        "all of them, said so"
    );

    let keys = at.get(&owner, "/api/keys").await.ok(200);
    let path = format!("/api/keys/{}", keys["items"][0]["id"].as_str().expect("an id"));
    refused(&change(&path, json!({ "allowed_models": [" "] })).await, "/allowed_models/0");
    change(&path, json!({ "allowed_models": [] })).await.ok(200);
    at.stop().await;
}
