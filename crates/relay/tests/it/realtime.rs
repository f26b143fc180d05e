//! A realtime talk through a vendor's own path, with a client and a vendor that speak WebSocket.

use crate::support::*;
use futures::{SinkExt, StreamExt};
use relay::{
    CallerKind, Egress, EgressPolicy, End, Limits, Snapshot, Tokens, UpstreamKey, Wire,
    egress::{Allowed, BaseUrl},
    snapshot::token_hash,
    vendors,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, accept_hdr_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::CloseFrame,
    },
};

const DONE: &str = r#"{"type":"response.done","response":{"usage":{"input_tokens":30,"output_tokens":20,"input_token_details":{"cached_tokens":10}}}}"#;

type Seen = Arc<Mutex<Vec<(String, http::HeaderMap)>>>;

/// A vendor that repeats every message, and says after each text what it cost. `cut` ends without a word,
/// `bye` with one, `hush` says nothing more.
async fn vendor(refuse: bool) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, seen) = (listener.local_addr().unwrap(), Seen::default());
    let kept = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = kept.clone();
            tokio::spawn(async move {
                let hello = |request: &Request, mut answer: Response| -> Result<Response, ErrorResponse> {
                    seen.lock().unwrap().push((request.uri().to_string(), request.headers().clone()));
                    answer.headers_mut().insert("set-cookie", "a=b".parse().unwrap());
                    if let Some(first) = request.headers().get("sec-websocket-protocol") {
                        let first = first.to_str().unwrap().split(',').next().unwrap().parse().unwrap();
                        answer.headers_mut().insert("sec-websocket-protocol", first);
                    }
                    let no = http::Response::builder()
                        .status(401)
                        .body(Some("Incorrect API key provided".to_owned()));
                    if refuse { Err(no.unwrap()) } else { Ok(answer) }
                };
                let Ok(mut talk) = accept_hdr_async(stream, hello).await else { return };
                while let Some(Ok(message)) = talk.next().await {
                    match message {
                        Message::Text(text) if text == "cut" => return,
                        Message::Text(text) if text == "hush" => std::future::pending().await,
                        Message::Text(text) if text == "bye" => {
                            let _gone = talk.close(None).await;
                        }
                        Message::Text(text) => {
                            talk.send(Message::Text(text)).await.unwrap();
                            talk.send(Message::text(DONE)).await.unwrap();
                        }
                        Message::Binary(bytes) => talk.send(Message::Binary(bytes)).await.unwrap(),
                        _ => {}
                    }
                }
            });
        }
    });
    (at, seen)
}

async fn talking(limits: Limits, refuse: bool) -> (House, Seen) {
    let (at, seen) = vendor(refuse).await;
    let house = house_out(testkit::vendor::Script::default(), limits, |_| {
        let allow_private = vec![Allowed::parse(&at.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    let base = BaseUrl::parse(&format!("http://{at}/v1")).unwrap();
    let id = api::ids::KeyId(uuid::Uuid::from_u128(5));
    let key = UpstreamKey::new(
        id,
        vendors::find("openai").unwrap(),
        base,
        "sk-real-key-0001".to_owned().into(),
        true,
    );
    let bot = CallerKind::Bot(api::ids::BotId(uuid::Uuid::from_u128(0xb1)));
    let snapshot = Snapshot::builder()
        .caller(token_hash(BOT_TOKEN.as_bytes()), caller(bot, Wire::Tcp))
        .key(workspace(), key.into());
    house.snapshot.store(snapshot.build().into());
    (house, seen)
}

type Talk = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(house: &House) -> Result<(Talk, http::HeaderMap), Error> {
    let mut request =
        format!("ws://{}/v1/openai/realtime?model=gpt-realtime", house.at).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("authorization", format!("Bearer {BOT_TOKEN}").parse().unwrap());
    headers.insert("openai-beta", "realtime=v1".parse().unwrap());
    headers.insert("cookie", "a=b".parse().unwrap());
    headers.insert("sec-websocket-extensions", "permessage-deflate".parse().unwrap());
    let protocols = format!("realtime, openai-insecure-api-key.{BOT_TOKEN}, openai-beta.realtime-v1");
    headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (talk, answer) = tokio_tungstenite::connect_async(request).await?;
    Ok((talk, answer.headers().clone()))
}

#[tokio::test]
async fn frames_pass_both_ways_with_the_key_put_in_and_one_row_at_the_end() {
    let (mut house, seen) = talking(short(), false).await;
    let (mut talk, headers) = connect(&house).await.unwrap();
    assert_eq!(headers["x-chela-vendor"], "openai");
    assert_eq!(headers["sec-websocket-protocol"], "realtime");
    assert!(!headers.contains_key("set-cookie"));
    let sound: Vec<u8> = (0..300_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    for text in ["first", "second"] {
        talk.send(Message::text(text)).await.unwrap();
        assert_eq!(talk.next().await.unwrap().unwrap(), Message::text(text));
        assert_eq!(talk.next().await.unwrap().unwrap(), Message::text(DONE));
    }
    talk.send(Message::binary(sound.clone())).await.unwrap();
    assert!(talk.next().await.unwrap().unwrap() == Message::binary(sound.clone()), "sound comes as it went");
    assert!(house.rows.try_recv().is_none(), "no row before the end");
    talk.close(Some(CloseFrame { code: 1000.into(), reason: "done".into() })).await.unwrap();
    while talk.next().await.is_some_and(|m| m.is_ok()) {}
    let row = house.row().await;
    assert_eq!((row.end, row.status, row.upstream_status), (End::Complete, 101, Some(101)));
    assert_eq!((row.vendor, row.model.as_str(), row.stream), ("openai", "gpt-realtime", true));
    assert_eq!(
        (row.tokens, row.counted),
        (Tokens { input: 40, output: 40, cache_read: 20, ..Tokens::default() }, true)
    );
    assert!(
        row.sent_bytes > 300_000 && row.received_bytes > 300_000 && row.first_event_ms.is_some(),
        "{row:?}"
    );
    let seen = seen.lock().unwrap();
    let (path, headers) = &seen[0];
    assert_eq!(path, "/v1/realtime?model=gpt-realtime");
    assert_eq!(headers["authorization"], "Bearer sk-real-key-0001");
    assert_eq!(headers["openai-beta"], "realtime=v1");
    assert_eq!(headers["sec-websocket-protocol"], "realtime, openai-beta.realtime-v1");
    assert!(!headers.contains_key("cookie") && !headers.contains_key("sec-websocket-extensions"));
    assert!(!format!("{headers:?}").contains("chela_"), "no token leaves: {headers:?}");
}

#[tokio::test]
async fn every_way_a_talk_can_end_is_told_in_its_row() {
    for (word, end) in [("bye", End::Complete), ("cut", End::UpstreamCut), ("hush", End::TimedOut)] {
        let (mut house, _) = talking(short(), false).await;
        let (mut talk, _) = connect(&house).await.unwrap();
        talk.send(Message::text(word)).await.unwrap();
        while talk.next().await.is_some_and(|m| m.is_ok()) {}
        assert_eq!(house.row().await.end, end, "{word}");
    }
    let (mut house, _) = talking(short(), false).await;
    let (talk, _) = connect(&house).await.unwrap();
    drop(talk);
    assert_eq!(house.row().await.end, End::ClientGone);
    let (mut house, _) = talking(Limits { idle: Duration::from_secs(60), ..short() }, false).await;
    let (talk, _) = connect(&house).await.unwrap();
    house.stop.cancel();
    assert_eq!(house.row().await.end, End::Stopped);
    house.serving.await.unwrap();
    drop(talk);
    let (mut house, _) = talking(
        Limits { total: Duration::from_millis(200), idle: Duration::from_secs(60), ..short() },
        false,
    )
    .await;
    let (mut talk, _) = connect(&house).await.unwrap();
    while talk.next().await.is_some_and(|m| m.is_ok()) {}
    assert_eq!(house.row().await.end, End::TimedOut, "no talk is endless");
    let (mut house, _) = talking(Limits { idle: Duration::from_secs(60), ..short() }, false).await;
    let (mut talk, _) = connect(&house).await.unwrap();
    let mut stops = relay::Stops::default();
    stops.all(workspace(), uuid::Uuid::nil());
    house.relay.stop(stops);
    while talk.next().await.is_some_and(|m| m.is_ok()) {}
    assert_eq!(house.row().await.end, End::Halted, "an operator stopped it");
}

#[tokio::test]
async fn a_refused_talk_is_an_answer_in_words_a_bot_may_see_and_ends_the_connection() {
    let (mut house, _) = talking(short(), true).await;
    let Err(Error::Http(answer)) = connect(&house).await else { panic!("no refusal") };
    assert_eq!((answer.status().as_u16(), answer.headers()["connection"].to_str().unwrap()), (400, "close"));
    assert!(!String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default()).contains("API key"));
    assert_eq!(house.row().await.end, End::KeyRefused);
}

#[tokio::test]
async fn a_talk_keeps_its_place_among_the_connections() {
    let limits = Limits { connections: 1, idle: Duration::from_secs(60), ..short() };
    let (mut house, _) = talking(limits, false).await;
    let (talk, _) = connect(&house).await.unwrap();
    let mut more = TcpStream::connect(house.at).await.unwrap();
    more.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut said = [0; 12];
    let early = tokio::time::timeout(Duration::from_millis(300), more.read_exact(&mut said)).await;
    assert!(early.is_err(), "one more than there is room for");
    drop(talk);
    more.read_exact(&mut said).await.unwrap();
    assert_eq!(house.row().await.end, End::ClientGone);
}

#[tokio::test]
async fn a_wish_for_another_protocol_is_answered_and_nothing_after_it_is_read() {
    let mut house = house().await;
    let mut stream = TcpStream::connect(house.at).await.unwrap();
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let request = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: a\r\nx-api-key: {BOT_TOKEN}\r\nconnection: upgrade\r\nupgrade: h2c\r\n\
         content-length: {}\r\n\r\n{ASK}{smuggled}",
        ASK.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("connection: close"), "{said}");
    assert_eq!(said.matches("HTTP/1.1").count(), 1, "{said}");
    assert_eq!(house.row().await.end, End::Complete);
    assert!(!house.vendor.calls()[0].headers.contains_key("upgrade"));
}
