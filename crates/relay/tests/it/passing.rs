//! What passes, passes untouched, and is counted.

use crate::support::*;
use api::ids::BotId;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, StreamBody};
use relay::{End, Tokens, Wire};
use testkit::vendor::{Mode, Script, digest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
};
use uuid::Uuid;

const COUNTED: Tokens = Tokens { input: 11, output: 40, cache_read: 3, cache_write: 0, reasoning: 2 };

/// What the vendor sends to this request when asked directly.
async fn direct(house: &House, path: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", house.vendor.script().key))
        .body(Full::from(body.to_owned()))
        .unwrap();
    send(TcpStream::connect(house.vendor.address()).await.unwrap(), request).await
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_and_the_vendor_sees_the_key_alone() {
    let mut house = house().await;
    let bearer = format!("Bearer {BOT_TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("traceparent", TRACE), ("accept-encoding", "gzip")];
    let answer = house.post("/v1/openai/chat/completions", &headers, ASK_STREAM).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "no-cache");
    assert_eq!(answer.headers["x-chela-vendor"], "openai");
    assert_eq!(answer.headers["x-chela-model"], "fake-model");
    assert_eq!(answer.headers["x-chela-attempts"], "1");
    assert!(!answer.headers.contains_key("set-cookie"));
    assert!(!answer.cut);
    let row = house.row().await;
    assert_eq!(answer.headers["x-chela-request-id"], row.request_id.to_string());
    assert_eq!(ended(&row), (End::Complete, 200));
    assert_eq!((row.tokens, row.counted, row.stream), (COUNTED, true, true));
    let bytes = (ASK_STREAM.len() as u64, answer.body.len() as u64);
    assert_eq!((row.sent_bytes, row.received_bytes), bytes);
    assert_eq!((row.model.as_str(), row.model_answered.as_deref()), ("fake-model", Some("fake-model")));
    assert_eq!(row.bot, Some(BotId(Uuid::from_u128(0xb1))));
    assert_eq!(row.trace_id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(row.parent_span_id.as_deref(), Some("b7ad6b7169203331"));
    assert!(row.first_event_ms.is_some());
    let calls = house.vendor.calls();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(call.headers["authorization"], format!("Bearer {}", house.vendor.script().key));
    assert_eq!(call.headers["traceparent"], TRACE);
    assert_eq!(call.headers["host"], house.vendor.listed());
    assert!(!call.headers.contains_key("accept-encoding"));
    assert_eq!(call.body, ASK_STREAM);
    assert!(!format!("{call:?}").contains("chela_"));
    assert_eq!(answer.body, direct(&house, "/v1/chat/completions", ASK_STREAM).await.body);
}

#[tokio::test]
async fn one_json_answer_passes_with_its_length_and_is_counted() {
    let mut house = house().await;
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_eq!(answer.headers["content-length"], answer.body.len().to_string());
    assert_eq!(answer.body, direct(&house, "/v1/chat/completions", ASK).await.body);
    let row = house.row().await;
    assert_eq!((ended(&row), row.tokens, row.stream), ((End::Complete, 200), COUNTED, false));
}

#[tokio::test]
async fn anthropic_messages_are_counted_streamed_and_whole() {
    let want = Tokens { input: 11, output: 40, cache_read: 3, cache_write: 5, reasoning: 0 };
    let whole =
        r#"{"messages":[{"role":"user","content":"ask:t"}],"max_tokens":9,"model":"anthropic/claude-x"}"#;
    let streamed = whole.replace("\"max_tokens\":9", "\"stream\":true");
    for (body, path) in [(whole, "/v1/anthropic/v1/messages"), (&streamed, "/v1/anthropic/messages")] {
        let mut house = house().await;
        let answer = house.post(path, &[("x-api-key", BOT_TOKEN), ("anthropic-beta", "b")], body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let row = house.row().await;
        assert_eq!((ended(&row), row.tokens, row.model.as_str()), ((End::Complete, 200), want, "claude-x"));
        let calls = house.vendor.calls();
        assert_eq!(calls[0].path, "/v1/messages");
        assert_eq!(calls[0].headers["x-api-key"], house.vendor.script().key);
        assert_eq!(calls[0].headers["anthropic-version"], "2023-06-01");
        assert_eq!(calls[0].headers["anthropic-beta"], "b");
        assert!(!calls[0].headers.contains_key("authorization"));
        assert_eq!(calls[0].body, body.replace("anthropic/claude-x", "claude-x"));
    }
}

#[tokio::test]
async fn a_custom_upstream_is_asked_below_its_own_base() {
    let mut house = house().await;
    let body = ASK.replace("fake-model", "custom/org/model");
    let answer = house.post("/v1/custom/chat/completions?x=1&key=chela_vk_testtoken", &[], &body).await;
    assert_eq!(answer.headers["x-chela-model"], "org/model");
    assert_eq!(house.row().await.model, "org/model");
    let call = &house.vendor.calls()[0];
    assert_eq!(call.path, "/v1/chat/completions?x=1");
    assert_eq!(call.headers["content-length"], call.body.len().to_string());
}

#[tokio::test]
async fn large_uploads_stream_up_however_they_are_framed() {
    let text = "x".repeat(8 * 1024 * 1024);
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{text} ask:big"}}],"model":"openai/m"}}"#);
    for chunked in [false, true] {
        let mut house = house().await;
        let request = Request::post("/v1/openai/chat/completions").header("api-key", PROGRAM_TOKEN);
        let stream = TcpStream::connect(house.at).await.unwrap();
        let answer = if chunked {
            let pieces: Vec<_> = body.as_bytes().chunks(10_000).map(Bytes::copy_from_slice).collect();
            let frames = pieces.into_iter().map(|p| Ok::<_, std::io::Error>(http_body::Frame::data(p)));
            send(stream, request.body(StreamBody::new(futures::stream::iter(frames))).unwrap()).await
        } else {
            send(stream, request.body(Full::from(body.clone())).unwrap()).await
        };
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["choices"][0]["message"]["content"], digest("nonce", "big"));
        assert_eq!(house.row().await.model, "m");
        assert_eq!(house.vendor.calls()[0].body.len(), body.len() - "openai/".len());
    }
}

#[tokio::test]
async fn a_bot_calls_through_its_own_socket() {
    let mut house = house().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (relay, stop) = (house.relay.clone(), house.stop.clone());
    let serving = tokio::spawn(async move { relay.serve_unix(listener, Wire::Bot(WIRED_BOT), stop).await });
    let request = |token: &str| {
        Request::post("/v1/openai/chat/completions").header("x-api-key", token).body(Full::from(ASK)).unwrap()
    };
    let answer = send(UnixStream::connect(&path).await.unwrap(), request(WIRED_TOKEN)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(house.row().await.bot, Some(WIRED_BOT));
    let foreign = send(UnixStream::connect(&path).await.unwrap(), request(BOT_TOKEN)).await;
    assert_eq!(foreign.status, 401);
    let health = Request::get("/healthz").body(Full::default()).unwrap();
    assert_eq!(send(UnixStream::connect(&path).await.unwrap(), health).await.status, 200);
    house.stop.cancel();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_bot_has_so_many_connections_on_its_socket_and_no_more() {
    let house = house().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (relay, stop) = (house.relay.clone(), house.stop.clone());
    tokio::spawn(async move { relay.serve_unix(listener, Wire::Bot(WIRED_BOT), stop).await });
    let healthy = |stream: UnixStream| async move {
        let mut stream = stream;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut said = [0; 12];
        stream.read_exact(&mut said).await.unwrap();
        stream
    };
    let mut open = Vec::new();
    for _ in 0..short().bot_connections {
        open.push(healthy(UnixStream::connect(&path).await.unwrap()).await);
    }
    let mut more = Box::pin(healthy(UnixStream::connect(&path).await.unwrap()));
    let wait = tokio::time::timeout(std::time::Duration::from_millis(300), &mut more);
    assert!(wait.await.is_err(), "one more than there is room for");
    open.pop();
    more.await;
}

#[tokio::test]
async fn a_caller_that_goes_away_is_counted_once_with_what_was_seen() {
    let script = Script { delay_ms: 20, ..Script::default() };
    let mut house = house_with(script, short(), true).await;
    let stream = TcpStream::connect(house.at).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let body = r#"{"model":"c","stream":true,"messages":[{"role":"user","content":"ask:t"}]}"#;
    let request = Request::post("/v1/anthropic/v1/messages").header("x-api-key", BOT_TOKEN);
    let mut answer = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
    let _first = answer.body_mut().frame().await.unwrap().unwrap();
    connection.abort();
    drop((sender, answer));
    let row = house.row().await;
    assert_eq!(ended(&row), (End::ClientGone, 200));
    assert_eq!((row.tokens.input, row.tokens.cache_read), (11, 3));
}

#[tokio::test]
async fn a_caller_that_hangs_up_after_the_last_word_had_its_whole_answer() {
    // The official clients stop reading at `[DONE]`, before HTTP's own end.
    let script = Script { delay_ms: 1, ..Script::default() };
    let mut house = house_with(script, short(), true).await;
    let stream = TcpStream::connect(house.at).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request =
        Request::post("/v1/openai/chat/completions").header("authorization", format!("Bearer {BOT_TOKEN}"));
    let request = request.body(Full::new(Bytes::from(ASK_STREAM))).unwrap();
    let mut answer = sender.send_request(request).await.unwrap();
    let mut heard = Vec::new();
    while !heard.windows(6).any(|six| six == b"[DONE]") {
        heard.extend_from_slice(&answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap());
    }
    connection.abort();
    drop((sender, answer));
    assert_eq!(ended(&house.row().await), (End::Complete, 200));
}

#[tokio::test]
async fn a_stop_ends_a_running_stream_with_a_typed_error() {
    let script = Script { mode: Mode::HangAfter { pieces: 3 }, ..Script::default() };
    let mut house = house_with(
        script,
        relay::Limits { grace: std::time::Duration::from_millis(50), ..Default::default() },
        true,
    )
    .await;
    let stop = house.stop.clone();
    let (answer, ()) = tokio::join!(house.chat(BOT_TOKEN, ASK_STREAM), async {
        house.vendor.seen(1).await;
        stop.cancel();
    });
    let row = house.row().await;
    // Stopped before or after the first byte left: either way a typed error and a cut or short answer.
    assert!(matches!(row.end, End::Stopped), "{row:?}");
    assert!(answer.text().contains("\"code\":\"stopping\""), "{}", answer.text());
    assert!(answer.cut);
    house.serving.await.unwrap();
}

#[tokio::test]
async fn connections_are_kept_and_reused() {
    let house = house().await;
    let stream = TcpStream::connect(house.at).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..50 {
        let request = Request::post("/v1/openai/chat/completions").header("x-api-key", BOT_TOKEN);
        let answer = sender.send_request(request.body(Full::new(Bytes::from(ASK))).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.into_body().collect().await.unwrap().to_bytes().starts_with(b"{"));
    }
    assert_eq!(house.vendor.calls().len(), 50);
}
