use super::support::{Bench, by_program, json_of};
use crate::platform::idempotency::{Attempt, Begun, IN_FLIGHT_MS, Idempotency, KEPT_MS};
use api::Code;
use axum::{body::Body, http::Request};
use http::StatusCode;
use serde_json::Value;
use std::sync::atomic::Ordering;

fn keyed(key: &str, body: &str) -> Request<Body> {
    let mut request = by_program("POST", "/api/things", body);
    request.headers_mut().insert("idempotency-key", key.parse().expect("key"));
    request
}

async fn make(bench: &Bench, key: &str, body: &str) -> (StatusCode, Value) {
    let response = bench.send(keyed(key, body)).await;
    (response.status(), json_of(response).await)
}

#[tokio::test]
async fn a_replay_answers_the_same_object_without_what_is_shown_once() {
    let bench = Bench::new().await;
    let (first_status, first) = make(&bench, "k1", r#"{"name":"a","parts":[{"size":1}]}"#).await;
    let (second_status, second) = make(&bench, "k1", r#"{"parts":[{"size":1}],"name":"a"}"#).await;
    assert_eq!((first_status, second_status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first["id"], second["id"]);
    assert_eq!((first["secret"].as_str(), &second["secret"]), (Some("secret-1"), &Value::Null));
    assert_eq!((first.get("replayed"), &second["replayed"]), (None, &Value::Bool(true)));
    assert_eq!(bench.things.made.load(Ordering::SeqCst), 1);
    // Another key, another thing.
    assert_ne!(make(&bench, "k2", r#"{"name":"a"}"#).await.1["id"], first["id"]);
    // After a day it is forgotten.
    bench.clock.advance(KEPT_MS);
    assert_ne!(make(&bench, "k1", r#"{"name":"a"}"#).await.1["id"], first["id"]);
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let bench = Bench::new().await;
    make(&bench, "k", r#"{"name":"a"}"#).await;
    let (status, problem) = make(&bench, "k", r#"{"name":"b"}"#).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (422, Some("idempotency_mismatch")));
}

#[tokio::test]
async fn what_failed_may_be_tried_again_under_its_key() {
    let bench = Bench::new().await;
    assert_eq!(make(&bench, "k", r#"{"name":"refused"}"#).await.0.as_u16(), 422);
    assert_eq!(make(&bench, "k", r#"{"name":"panic"}"#).await.0.as_u16(), 500);
    assert_eq!(make(&bench, "k", r#"{"name":"a"}"#).await.0.as_u16(), 201);
}

#[tokio::test]
async fn while_the_first_is_worked_on_the_second_waits_and_a_lost_caller_changes_nothing() {
    let bench = Bench::new().await;
    let router = bench.router.clone();
    let first = tokio::spawn(async move {
        use tower::ServiceExt;
        router.oneshot(keyed("k", r#"{"name":"slow"}"#)).await
    });
    bench.things.begun.notified().await;
    let (status, problem) = make(&bench, "k", r#"{"name":"slow"}"#).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (409, Some("in_flight")));
    // The caller goes away; the work goes on.
    first.abort();
    assert!(first.await.is_err());
    bench.things.go_on.notify_one();
    bench.platform.tasks.close();
    bench.platform.shutdown.cancel();
    bench.platform.tasks.wait().await;
    let (status, again) = make(&bench, "k", r#"{"name":"slow"}"#).await;
    assert_eq!((status.as_u16(), &again["replayed"]), (201, &Value::Bool(true)));
    assert_eq!(bench.things.made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_broke_off_is_in_doubt_and_not_done_again() {
    let bench = Bench::new().await;
    let open = || Idempotency::new(bench.platform.db.clone(), bench.platform.clock.clone());
    let table = open();
    let attempt = |key: &str| {
        Attempt::new("usr".into(), key.into(), "things.make", &serde_json::json!({ "name": "a" }))
    };
    let code = async |table: &Idempotency, key| match table.begin(attempt(key)).await {
        Err(error) => error.code,
        Ok(_) => panic!("begun a second time"),
    };
    let Ok(Begun::Fresh(slow)) = table.begin(attempt("slow")).await else { panic!("the first is fresh") };
    assert_eq!(code(&table, "slow").await, Code::InFlight);
    bench.clock.advance(IN_FLIGHT_MS);
    assert_eq!(code(&table, "slow").await, Code::InDoubt);
    // It was not dead after all: what it says counts.
    table.finish(&slow, 201, &serde_json::json!({ "id": "right" }), &[]).await;
    let Ok(Begun::Replay { body, .. }) = table.begin(attempt("slow")).await else { panic!("kept") };
    assert_eq!(body["id"], "right");

    let Ok(Begun::Fresh(_cut_off)) = table.begin(attempt("cut off")).await else { panic!("fresh") };
    bench.clock.advance(1);
    let after_a_restart = open();
    assert_eq!(code(&after_a_restart, "cut off").await, Code::InDoubt, "nobody works on it any more");
    bench.clock.advance(KEPT_MS);
    assert!(matches!(after_a_restart.begin(attempt("cut off")).await, Ok(Begun::Fresh(_))), "after a day");
}

#[tokio::test]
async fn a_key_is_short_plain_and_the_only_one() {
    let bench = Bench::new().await;
    let long = "k".repeat(201);
    for key in ["", long.as_str(), "a\tb"] {
        assert_eq!(make(&bench, key, r#"{"name":"a"}"#).await.0.as_u16(), 422, "{key:?}");
    }
    let mut twice = keyed("a", r#"{"name":"a"}"#);
    twice.headers_mut().append("idempotency-key", "b".parse().expect("key"));
    assert_eq!(bench.send(twice).await.status().as_u16(), 422);
    assert_eq!(bench.things.made.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn two_callers_may_use_the_same_key() {
    let bench = Bench::new().await;
    make(&bench, "k", r#"{"name":"a"}"#).await;
    let request = super::support::ask("POST", "/api/things")
        .header("cookie", "__Host-chela=owner")
        .header("origin", "http://localhost:3000")
        .header("content-type", "application/json")
        .header("idempotency-key", "k")
        .body(Body::from(r#"{"name":"b"}"#));
    assert_eq!(bench.send(request.expect("request")).await.status(), StatusCode::CREATED);
}
