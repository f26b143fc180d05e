//! Who is let in, and that all who are not see the same.

use crate::support::*;
use http::Request;
use http_body_util::Full;
use relay::Snapshot;
use tokio::net::TcpStream;

#[tokio::test]
async fn unknown_foreign_and_deleted_tokens_see_the_same_bytes() {
    let mut house = house().await;
    assert_eq!(house.chat(BOT_TOKEN, ASK).await.status, 200);
    let _counted = house.row().await;
    let unknown = house.chat("chela_bot_unknown", ASK).await;
    let foreign = house.chat(WIRED_TOKEN, ASK).await;
    let missing = house.post("/v1/openai/chat/completions", &[], ASK).await;
    house.snapshot.store(Snapshot::builder().build().into());
    let deleted = house.chat(BOT_TOKEN, ASK).await;
    for answer in [&foreign, &missing, &deleted] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body, unknown.body);
        let names = |a: &Answer| a.headers.keys().filter(|k| *k != "date").cloned().collect::<Vec<_>>();
        assert_eq!(names(answer), names(&unknown));
    }
    assert_eq!(unknown.json()["error"]["code"], "unknown_token");
    assert_eq!(house.vendor.calls().len(), 1);
    assert!(house.rows.try_recv().is_none());
}

#[tokio::test]
async fn a_stranger_learns_neither_paths_nor_vendors() {
    let house = house().await;
    for path in ["/v1/openai/models", "/v1/nobody/x", "/", "/v1/custom/../x", "/metrics"] {
        assert_eq!(house.post(path, &[], "{}").await.status, 401, "{path}");
    }
    let answer = house.post("/v1/anthropic/v1/messages", &[("x-api-key", "chela_bot_no")], "{}").await;
    assert_eq!(answer.json()["type"], "error");
    assert_eq!(answer.json()["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn two_tokens_are_refused_even_if_both_are_good() {
    let house = house().await;
    let bearer = format!("Bearer {BOT_TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("x-api-key", PROGRAM_TOKEN)];
    let good = house.post("/v1/openai/chat/completions", &headers, ASK).await;
    let bad = [("x-goog-api-key", "a"), ("api-key", "b")];
    let bad = house.post("/v1/openai/chat/completions", &bad, ASK).await;
    assert_eq!((good.status.as_u16(), bad.status.as_u16()), (400, 400));
    assert_eq!(good.body, bad.body);
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test]
async fn the_token_is_taken_from_any_place_and_sent_on_from_none() {
    let mut house = house().await;
    let bearer = format!("Bearer {BOT_TOKEN}");
    for header in [
        ("authorization", bearer.as_str()),
        ("x-api-key", BOT_TOKEN),
        ("x-goog-api-key", BOT_TOKEN),
        ("api-key", BOT_TOKEN),
    ] {
        assert_eq!(house.post("/v1/openai/chat/completions", &[header], ASK).await.status, 200);
        let _counted = house.row().await;
    }
    let path = format!("/v1/openai/chat/completions?key={BOT_TOKEN}&a=b");
    assert_eq!(house.post(&path, &[], ASK).await.status, 200);
    assert!(!format!("{:?}", house.vendor.calls()).contains(BOT_TOKEN));
}

#[tokio::test]
async fn the_way_is_open_for_health_only() {
    let house = house().await;
    let request = Request::get("/healthz").body(Full::default()).unwrap();
    let answer = send(TcpStream::connect(house.at).await.unwrap(), request).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{\"status\":\"ok\"}"));
}
