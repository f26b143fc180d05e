//! Vertex AI with the key file of a service account: tokens it signs itself are sent in its place.

use crate::support::*;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use relay::{
    CallerKind, Egress, EgressPolicy, End, Snapshot, UpstreamKey, Wire,
    egress::{Allowed, BaseUrl},
    snapshot::token_hash,
    vendors,
};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::vendor::{Mode, Script};

/// A key of these tests alone.
const FILE: &str = include_str!("account.json");
const GENERATE: &str = "/v1/vertex/models/gemini-x:generateContent";
const ASK: &str = r#"{ "contents":[ {"parts":[{"text":"a\u00e9"}]} ] }"#;

fn file() -> Value {
    serde_json::from_str(FILE).unwrap()
}

/// A house whose only key is the file; `n` tells one such key from another.
fn has_key(house: &House, n: u128) {
    let base = format!(
        "http://{}/v1/projects/acme-project-1/locations/global/publishers/google",
        house.vendor.address()
    );
    let (vendor, id) = (vendors::find("vertex").unwrap(), api::ids::KeyId(uuid::Uuid::from_u128(n)));
    let key = UpstreamKey::new(id, vendor, BaseUrl::parse(&base).unwrap(), vendor.kept(FILE), true);
    let bot = CallerKind::Bot(api::ids::BotId(uuid::Uuid::from_u128(0xb1)));
    let snapshot = Snapshot::builder()
        .caller(token_hash(BOT_TOKEN.as_bytes()), caller(bot, Wire::Tcp))
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .key(workspace(), Arc::new(key));
    house.snapshot.store(snapshot.build().into());
}

async fn house() -> House {
    let script = Script { key: "nobody-has-it".into(), ..Script::default() };
    let house = house_out(script, short(), |fake| {
        let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    has_key(&house, 1);
    house
}

async fn ask(house: &House, path: &str, body: &str) -> Answer {
    house.post(path, &[("x-goog-api-key", PROGRAM_TOKEN)], body).await
}

/// The token that all keys of this file send within the relay's one moment; the vendor takes it from now on.
async fn welcomed(house: &mut House) -> String {
    ask(house, GENERATE, ASK).await;
    let token = token_of(&house.vendor.calls()[0]);
    let note = house.row().await.note.unwrap_or_default();
    assert!(!note.contains(&token), "{note}");
    has_key(house, 2);
    house.vendor.expect_key(&token);
    token
}

/// The token of a call, as Google reads it: signed by the account, for the service, for an hour.
fn token_of(call: &testkit::vendor::Call) -> String {
    let token = call.headers["authorization"].strip_prefix("Bearer ").unwrap().to_owned();
    let (said, signature) = token.rsplit_once('.').unwrap();
    let pem = file()["private_key"].as_str().unwrap().to_owned();
    let inner: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(inner).unwrap();
    let public = RsaKeyPair::from_pkcs8(&der).unwrap().public_key().as_ref().to_vec();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    public.verify(said.as_bytes(), &signature).expect("a signature of the account's");
    let claims = said.split_once('.').unwrap().1;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["iss"], file()["client_email"]);
    // The relay's clock stands at the first second.
    let (scope, from, until) = (&claims["scope"], &claims["iat"], &claims["exp"]);
    let want = (&json!("https://www.googleapis.com/auth/cloud-platform"), &json!(1), &json!(3_601));
    assert_eq!((scope, from, until), want);
    assert!(claims.get("aud").is_none(), "a scope and an audience are refused together");
    token
}

#[tokio::test]
async fn a_service_accounts_own_token_is_sent_and_nothing_of_its_file() {
    let mut house = house().await;
    let token = welcomed(&mut house).await;
    let body = json!({ "candidates": [], "modelVersion": "gemini-x",
        "usageMetadata": { "promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12 } });
    house.vendor.play(Mode::Json { body: body.to_string() });
    let answer = ask(&house, GENERATE, ASK).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, body.to_string()));
    let row = house.row().await;
    assert_eq!((row.vendor, row.model.as_str(), row.end), ("vertex", "gemini-x", End::Complete));
    assert_eq!((row.tokens.input, row.tokens.output), (7, 5));
    let calls = house.vendor.calls();
    let place = "/v1/projects/acme-project-1/locations/global";
    assert_eq!(calls[1].path, format!("{place}/publishers/google/models/gemini-x:generateContent"));
    assert_eq!(calls[1].body, ASK);
    for call in &calls {
        let sent = format!("{:?}", (&call.headers, &call.path, &call.body));
        assert!(!sent.contains("PRIVATE") && !sent.contains("MII"), "{sent}");
    }
    house.vendor.play(Mode::Answer);
    let chat = r#"{"model":"vertex/google/gemini-x","messages":[{"role":"user","content":"ask:x"}]}"#;
    assert_eq!(ask(&house, "/v1/chat/completions", chat).await.status, 200);
    let call = house.vendor.calls().pop().unwrap();
    assert_eq!(call.path, format!("{place}/endpoints/openapi/chat/completions"));
    assert!(call.body.contains(r#""model":"google/gemini-x""#), "{}", call.body);
    assert_eq!(token_of(&call), token);
    house.row().await;
}

#[tokio::test]
async fn another_makers_model_is_counted_in_its_own_dialect() {
    let mut house = house().await;
    welcomed(&mut house).await;
    let body = json!({ "type": "message", "model": "claude-x", "content": [], "stop_reason": "end_turn",
        "usage": { "input_tokens": 11, "output_tokens": 3, "cache_read_input_tokens": 2 } });
    house.vendor.play(Mode::Json { body: body.to_string() });
    let path = "/v1/vertex/publishers/anthropic/models/claude-x:rawPredict";
    let asked = r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[]}"#;
    assert_eq!(ask(&house, path, asked).await.status, 200);
    let row = house.row().await;
    assert_eq!((row.model.as_str(), row.tokens.input, row.tokens.output), ("claude-x", 11, 3));
    assert_eq!(row.tokens.cache_read, 2);
    // Its messages have no shared address there: the model would have to leave the body for the path.
    let shared = r#"{"model":"vertex/claude-x","max_tokens":9,"messages":[]}"#;
    let refused = ask(&house, "/v1/messages", shared).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("Google Vertex AI"), "{}", refused.text());
}

#[tokio::test]
async fn ones_own_model_is_named_by_its_place_whatever_the_body_says() {
    let mut house = house().await;
    welcomed(&mut house).await;
    house.vendor.play(Mode::Json { body: "{}".to_owned() });
    let cheap = r#"{"model":"gemini-flash","contents":[]}"#;
    for path in ["endpoints/1234567890:generateContent", "endpoints/1234567890:rawPredict"] {
        assert_eq!(ask(&house, &format!("/v1/vertex/{path}"), cheap).await.status, 200);
        assert_eq!(house.row().await.model, "endpoints/1234567890");
    }
    assert_eq!(ask(&house, "/v1/vertex/endpoints/openapi/chat/completions", cheap).await.status, 200);
    assert_eq!(house.row().await.model, "gemini-flash", "that is no model");
}

#[tokio::test]
async fn a_token_that_the_vendor_says_again_is_seen_by_no_bot_and_in_no_row() {
    let mut house = house().await;
    let token = welcomed(&mut house).await;
    let echo = json!({ "error": { "code": 400, "message": format!("odd: {token}") } }).to_string();
    house.vendor.play(Mode::Status { status: 400, body: echo });
    let answer = house.chat_at(GENERATE, ASK).await;
    let text = answer.text();
    assert_eq!(answer.status, 400);
    assert!(text.contains("odd: ***") && !text.contains(&token), "{text}");
    let note = house.row().await.note.unwrap_or_default();
    assert!(note.contains("***") && !note.contains(&token), "{note}");
}
