//! Trouble, in the words its hearer should get.

use crate::support::*;
use http::Request;
use http_body_util::Full;
use relay::{End, Snapshot, snapshot::token_hash};
use testkit::vendor::{Mode, Script};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn status(status: u16, body: &str) -> Mode {
    Mode::Status { status, body: body.to_owned() }
}

#[tokio::test]
async fn a_refused_key_reaches_a_bot_as_neutral_400_and_a_program_as_it_is_but_for_the_key() {
    let mut house = house().await;
    for (code, body) in [
        (401, r#"{"error":{"message":"Incorrect API key provided: sk-fake-real-key-0001"}}"#),
        (402, r#"{"error":"Payment required"}"#),
        (403, "{}"),
        (400, r#"{"error":{"message":"Your credit balance is too low"}}"#),
        (429, r#"{"error":{"code":"insufficient_quota"}}"#),
    ] {
        let (answer, row) = house.try_mode(status(code, body), BOT_TOKEN, ASK_STREAM).await;
        assert_eq!(answer.status, 400, "{code}");
        assert_neutral(&answer);
        assert_eq!((ended(&row), row.upstream_status), ((End::KeyRefused, 400), Some(code)));
        assert!(!format!("{row:?}").contains(&house.vendor.script().key));
        let (answer, row) = house.try_mode(status(code, body), PROGRAM_TOKEN, ASK).await;
        let secret = house.vendor.script().key;
        let seen = body.replace(&secret, &"*".repeat(secret.len()));
        assert_eq!((answer.status.as_u16(), answer.text()), (code, seen));
        assert_eq!(row.status, code);
        assert!(!format!("{row:?}").contains(&house.vendor.script().key));
    }
}

#[tokio::test]
async fn trouble_of_the_conversation_reaches_a_bot_in_the_vendors_words() {
    let mut house = house().await;
    let body = r#"{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}"#;
    let (answer, row) = house.try_mode(status(400, body), BOT_TOKEN, ASK).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (400, body));
    assert_eq!(row.end, End::VendorError);
    assert!(row.note.is_some_and(|n| n.contains("too long")));
    let (answer, _) = house.try_mode(status(429, "{\"error\":\"slow down\"}"), BOT_TOKEN, ASK).await;
    assert_eq!(answer.status, 429);
    let echo = r#"{"error":"you sent sk-fake-real-key-0001 to me"}"#;
    let (answer, _) = house.try_mode(status(422, echo), BOT_TOKEN, ASK).await;
    assert_eq!(answer.text(), r#"{"error":"you sent *** to me"}"#);
}

#[tokio::test]
async fn a_program_sees_the_vendors_own_error_and_of_a_key_in_it_only_stars() {
    let mut house = house().await;
    let secret = house.vendor.script().key;
    let echo = format!(r#"{{"error":"you sent {secret} to me"}}"#);
    let stars = echo.replace(&secret, &"*".repeat(secret.len()));
    for code in [401, 422, 500] {
        let (answer, row) = house.try_mode(status(code, &echo), PROGRAM_TOKEN, ASK).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (code, stars.clone()));
        assert_eq!(answer.headers["content-length"], stars.len().to_string());
        assert!(row.note.is_none_or(|note| !note.contains(&secret)));
    }
    let plain = r#"{ "error" : "sk-fake-real-key-000" }"#;
    let (answer, _) = house.try_mode(status(422, plain), PROGRAM_TOKEN, ASK).await;
    assert_eq!(answer.text(), plain, "byte for byte");
}

#[tokio::test]
async fn an_error_event_with_words_of_money_is_reworded_for_a_bot_only() {
    let mut house = house().await;
    let body = "data: {\"error\":{\"message\":\"insufficient_quota\"}}\n\n".to_owned();
    let mode = Mode::Events { body: body.clone(), whole: true };
    let (answer, row) = house.try_mode(mode.clone(), BOT_TOKEN, ASK_STREAM).await;
    assert_neutral(&answer);
    assert!(answer.cut && answer.text().contains("\"code\":\"connection_refused\""));
    assert_eq!(row.end, End::KeyRefused);
    let (answer, row) = house.try_mode(mode, PROGRAM_TOKEN, ASK_STREAM).await;
    assert_eq!((answer.text(), row.end), (body, End::KeyRefused));
}

#[tokio::test]
async fn an_error_event_is_reworded_wherever_it_stands_in_what_comes() {
    let mut house = house().await;
    let good = "data: {\"choices\":[{\"delta\":{\"content\":\"no \\\"error\\\" about billing\"}}]}\n\n";
    for error in [
        "data:{\"error\":{\"message\":\"insufficient_quota\"}}\n\n",
        "event:error\r\ndata: {\"message\":\"insufficient_quota\"}\r\n\r\n",
        "data: {\"id\":\"x\",\"choices\":[],\"error\":{\"code\":402}}\n\n",
        "data: {\"error\":{\"message\":\"you sent sk-fake-real-key-0001\"}}\n\n",
        "data: {\"error\":{\"message\":\"insufficient_quota\"",
    ] {
        let mode = Mode::Events { body: format!(": ping\n\n{good}{error}"), whole: true };
        let (answer, row) = house.try_mode(mode, BOT_TOKEN, ASK_STREAM).await;
        let rest = answer.text().replace(good, "");
        assert!(answer.text().contains(good), "{}", answer.text());
        for word in ["quota", "402", "sk-fake"] {
            assert!(!rest.contains(word), "{error}: {rest}");
        }
        assert!(answer.cut && rest.ends_with("}\n\n") && rest.contains("connection_refused"), "{rest}");
        assert_eq!(row.end, End::KeyRefused, "{error}");
    }
    let slow = format!("{good}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n");
    let mode = Mode::Events { body: slow.clone(), whole: true };
    let (answer, row) = house.try_mode(mode, BOT_TOKEN, ASK_STREAM).await;
    assert_eq!((answer.text(), answer.cut, row.end), (slow, false, End::VendorError));
}

#[tokio::test]
async fn a_wrong_key_is_neutral_for_a_bot() {
    let house = house().await;
    let key = relay::UpstreamKey::new(
        api::ids::KeyId(uuid::Uuid::nil()),
        relay::vendors::find("openai").unwrap(),
        relay::egress::BaseUrl::parse(&house.vendor.base_url()).unwrap(),
        "sk-some-wrong-key".to_owned().into(),
        true,
    );
    let bot = caller(relay::CallerKind::Bot(WIRED_BOT), relay::Wire::Tcp);
    let snapshot = Snapshot::builder().caller(token_hash(b"b"), bot).key(workspace(), key.into()).build();
    house.snapshot.store(snapshot.into());
    let answer = house.chat("b", ASK_STREAM).await;
    assert_eq!(answer.status, 400);
    assert_neutral(&answer);
    let none = house.post("/v1/anthropic/v1/messages", &[("x-api-key", "b")], ASK).await;
    assert_eq!((none.status.as_u16(), none.json()["type"].as_str()), (400, Some("error")));
    assert_neutral(&none);
}

#[tokio::test]
async fn an_address_the_rules_refuse_is_never_dialled() {
    let mut house = house_with(Script::default(), short(), false).await;
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_eq!(answer.status, 400);
    assert_neutral(&answer);
    let row = house.row().await;
    assert_eq!(row.end, End::Refused);
    assert!(row.note.is_some_and(|n| n.contains("CHELA_PRIVATE_UPSTREAMS")));
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test]
async fn nobody_at_the_address_is_502() {
    let mut house = house().await;
    let at = house.vendor.address();
    let script = house.vendor.script();
    house.vendor = testkit::vendor::FakeVendor::start(script).await.unwrap();
    assert!(TcpStream::connect(at).await.is_err());
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.json()["error"]["type"], "server_error");
    assert_eq!(house.row().await.end, End::Unreachable);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_said_early_or_late() {
    let mut limits = short();
    limits.request_bytes = 1000;
    let mut house = house_with(Script::default(), limits, true).await;
    let answer = house.chat(BOT_TOKEN, &"x".repeat(1001)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(house.row().await.end, End::Refused);
    assert!(house.vendor.calls().is_empty());
    let frames = (0..100).map(|_| {
        Ok::<_, std::io::Error>(http_body::Frame::data(bytes::Bytes::from_static(b"{\"a\":1234567890, ")))
    });
    let request = Request::post("/v1/openai/chat/completions").header("x-api-key", BOT_TOKEN);
    let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
    let answer = send(TcpStream::connect(house.at).await.unwrap(), request.body(body).unwrap()).await;
    assert_eq!(answer.status, 413);
    assert_eq!(house.row().await.end, End::Refused);
}

#[tokio::test]
async fn a_caller_that_stops_sending_is_told_so() {
    let mut house = house().await;
    let mut stream = TcpStream::connect(house.at).await.unwrap();
    let head = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {BOT_TOKEN}\r\ncontent-length: 99\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
    assert_eq!(house.row().await.end, End::ClientGone);
}

#[tokio::test]
async fn a_caller_that_sends_byte_by_byte_is_told_so_before_long() {
    let mut house = house().await;
    let mut stream = TcpStream::connect(house.at).await.unwrap();
    let head = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {BOT_TOKEN}\r\ncontent-length: 9999\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut heard, mut said) = stream.into_split();
    let dribble = tokio::spawn(async move {
        let mut tick = tokio::time::interval(short().idle / 20);
        while said.write_all(b" ").await.is_ok() {
            tick.tick().await;
        }
    });
    let mut answer = vec![0; 12];
    // By the deadline of a single piece alone it would take minutes.
    tokio::time::timeout(short().idle * 30, heard.read_exact(&mut answer)).await.expect("in time").unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
    assert_eq!(house.row().await.end, End::ClientGone);
    dribble.abort();
}

#[tokio::test]
async fn heads_too_large_are_431_and_close_the_connection() {
    let house = house().await;
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "x".repeat(70_000));
    for lines in [many, long] {
        let mut stream = TcpStream::connect(house.at).await.unwrap();
        let head = format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{lines}\r\n");
        let _reset = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn paths_that_climb_are_refused() {
    let house = house().await;
    for path in ["/v1/custom/../../admin", "/v1/custom/%2e%2e/x", "/v1/custom//x"] {
        let mut stream = TcpStream::connect(house.at).await.unwrap();
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nx-api-key: {BOT_TOKEN}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
    let request =
        Request::get("/v1/nobody/models").header("x-api-key", BOT_TOKEN).body(Full::default()).unwrap();
    assert_eq!(send(TcpStream::connect(house.at).await.unwrap(), request).await.status, 404);
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test]
async fn a_body_framed_twice_is_refused_and_its_connection_closed() {
    let mut house = house().await;
    let padded = format!("content-length:{}5\r\ntransfer-encoding: chunked\r\n", " ".repeat(200));
    let zeros = format!("content-length: {}5\r\n", "0".repeat(200));
    for (path, lengths) in [
        ("/v1/openai/chat/completions", "content-length: 5\r\ntransfer-encoding: chunked\r\n"),
        ("/v1/anthropic/v1/messages", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
        ("/v1/openai/chat/completions", padded.as_str()),
        ("/v1/openai/chat/completions", "transfer-encoding: chunked\r\ncontent-length: five\r\n"),
        ("/v1/openai/chat/completions", zeros.as_str()),
    ] {
        let mut stream = TcpStream::connect(house.at).await.unwrap();
        let smuggled = "0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: relay\r\n\r\n";
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: relay\r\nauthorization: Bearer {BOT_TOKEN}\r\n{lengths}\r\n{smuggled}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "one answer, then the end: {said}");
        assert!(said.contains("two ways"), "{said}");
    }
    assert!(house.vendor.calls().is_empty() && house.rows.try_recv().is_none());
}
