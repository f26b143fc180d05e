//! The live socket over loopback, as a browser and as a stranger open it.

use super::{SnapshotSource, TopicKind};
use crate::platform::{
    ctx::OpCtx,
    http::{
        Limits, Revoked, serve,
        tests::support::{Bench, HERE, ORIGIN, OWNER, SESSION, TOKEN},
    },
};
use api::{
    ApiError, Code,
    ids::{BotId, MessageId, ThreadId, WorkspaceId},
    live::{ClientFrame, LiveEvent, MAX_CLIENT_FRAME, MAX_TOPICS, Seen, ServerFrame, Snapshot, Topic},
};
use futures::{SinkExt, StreamExt};
use policy::{act, check};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const BOT: BotId = BotId(Uuid::from_u128(7));
const THREAD: ThreadId = ThreadId(Uuid::from_u128(8));

/// Runs while a snapshot is being taken: what happens then must not be lost.
type During = Box<dyn Fn() + Send + Sync>;

struct Source {
    during: Mutex<Option<During>>,
    every_thread: Mutex<bool>,
    /// Everything goes away between the question whether it may be watched and its snapshot.
    vanishing: Mutex<bool>,
}

#[async_trait::async_trait]
impl SnapshotSource for Source {
    async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError> {
        self.may_watch(ctx, topic).await?;
        if let Some(during) = self.during.lock().expect("lock").as_ref() {
            during();
        }
        if *self.vanishing.lock().expect("lock") {
            return Err(ApiError::not_found());
        }
        Ok(Snapshot::Bots { bots: Vec::new() })
    }

    async fn may_watch(&self, ctx: &OpCtx, topic: Topic) -> Result<(), ApiError> {
        check::<act::ReadBots>(&ctx.subject)?;
        match topic {
            Topic::Bots | Topic::Bot(BOT) | Topic::Thread(THREAD) => Ok(()),
            Topic::Thread(_) if *self.every_thread.lock().expect("lock") => Ok(()),
            _ => Err(ApiError::not_found()),
        }
    }
}

struct Served {
    bench: Bench,
    addr: SocketAddr,
    source: Arc<Source>,
    stop: CancellationToken,
}

async fn served() -> Served {
    let bench = Bench::new().await;
    let source = Arc::new(Source {
        during: Mutex::new(None),
        every_thread: Mutex::new(false),
        vanishing: Mutex::new(false),
    });
    for kind in TopicKind::ALL {
        bench.platform.live.source(kind, Arc::clone(&source) as _);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let addr = listener.local_addr().expect("address");
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, bench.router.clone(), Limits::default(), stop.clone()));
    Served { bench, addr, source, stop }
}

impl Served {
    async fn open(&self, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/api/live", self.addr).into_client_request().expect("request");
        request.headers_mut().insert("host", "localhost:3000".parse().expect("host"));
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("header"));
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    async fn owner(&self) -> Socket {
        self.open(&[("origin", ORIGIN), ("cookie", "__Host-chela=owner")]).await.expect("opened")
    }
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.expect("sent");
}

async fn subscribe(socket: &mut Socket, topic: &str) {
    say(socket, &format!("{{\"type\":\"subscribe\",\"topic\":\"{topic}\"}}")).await;
}

async fn hear(socket: &mut Socket) -> ServerFrame {
    loop {
        match timeout(Duration::from_secs(5), socket.next()).await.expect("in time") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("a frame"),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The close code, and that it came within a second.
async fn closed(socket: &mut Socket) -> Option<u16> {
    timeout(Duration::from_secs(1), async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|f| u16::from(f.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await
    .expect("closed within a second")
}

fn gone(n: u128) -> LiveEvent {
    LiveEvent::BotDeleted { bot: BotId(Uuid::from_u128(n)) }
}

#[tokio::test]
async fn only_our_own_pages_and_programs_with_a_token_get_in() {
    let served = served().await;
    let owner = ("cookie", "__Host-chela=owner");
    for (headers, wanted) in [
        (vec![owner], 403),
        (vec![owner, ("origin", "null")], 403),
        (vec![owner, ("origin", "https://evil.example")], 403),
        (vec![owner, ("origin", "http://localhost:3001")], 403),
        (vec![owner, ("origin", "http://localhost:3000.evil.example")], 403),
        (vec![("origin", ORIGIN)], 401),
        (vec![("origin", ORIGIN), ("cookie", "__Host-chela=gone")], 401),
        (vec![owner, ("origin", ORIGIN), ("authorization", "Bearer stolen")], 401),
        (vec![("authorization", "Bearer program"), ("origin", "https://evil.example")], 403),
    ] {
        assert_eq!(served.open(&headers).await.err(), Some(wanted), "{headers:?}");
    }
    assert!(served.open(&[owner, ("origin", ORIGIN)]).await.is_ok());
    assert!(served.open(&[("authorization", "Bearer program")]).await.is_ok());
}

#[tokio::test]
async fn a_snapshot_comes_first_and_then_every_event_in_order() {
    let served = served().await;
    let mut socket = served.owner().await;
    let live = served.bench.platform.live.clone();
    *served.source.during.lock().expect("lock") = Some(Box::new(move || live.publish_bots(HERE, gone(1))));
    subscribe(&mut socket, "bots").await;
    let ServerFrame::Snapshot { topic: Topic::Bots, seq: 0, .. } = hear(&mut socket).await else {
        panic!("snapshot first")
    };
    *served.source.during.lock().expect("lock") = None;
    served.bench.platform.live.publish_bots(HERE, gone(2));
    // What happened while the snapshot was taken is not lost.
    for n in 1..=2u64 {
        let ServerFrame::Event { topic: Topic::Bots, seq, data } = hear(&mut socket).await else {
            panic!("an event")
        };
        assert_eq!((seq, data), (n, gone(u128::from(n))));
    }
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(hear(&mut socket).await, ServerFrame::Pong {});
}

#[tokio::test]
async fn another_workspaces_bots_are_never_heard_of() {
    let served = served().await;
    let mut socket = served.owner().await;
    subscribe(&mut socket, "bots").await;
    hear(&mut socket).await;
    served.bench.platform.live.publish_bots(WorkspaceId(Uuid::from_u128(999)), gone(1));
    served.bench.platform.live.publish_bots(HERE, gone(2));
    let ServerFrame::Event { seq: 1, data, .. } = hear(&mut socket).await else { panic!("an event") };
    assert_eq!(data, gone(2));
}

#[tokio::test]
async fn what_may_not_be_watched_is_refused_by_name() {
    let served = served().await;
    let mut socket = served.owner().await;
    let foreign = format!("bot:{}", BotId(Uuid::from_u128(999)));
    for topic in ["nonsense", "bot:bot_zz", "thread:", &foreign] {
        subscribe(&mut socket, topic).await;
        let ServerFrame::Refused { topic: named, error } = hear(&mut socket).await else { panic!("refused") };
        assert_eq!((named.as_str(), error), (topic, ApiError::not_found()));
    }
    let live = &served.bench.platform.live;
    assert_eq!(live.topics(), 0, "nothing is held for what is refused");
    *served.source.vanishing.lock().expect("lock") = true;
    let topic = format!("bot:{BOT}");
    subscribe(&mut socket, &topic).await;
    let ServerFrame::Refused { topic: named, .. } = hear(&mut socket).await else { panic!("refused") };
    assert_eq!((named, live.topics()), (topic, 0), "nor for what is gone when it is looked at");
}

#[tokio::test]
async fn who_reads_too_slowly_gets_a_new_snapshot() {
    let served = served().await;
    let mut socket = served.owner().await;
    subscribe(&mut socket, &format!("thread:{THREAD}")).await;
    hear(&mut socket).await;
    let text = "x".repeat(4 * 1024);
    let last = 600u64;
    for n in 0..last {
        let message = MessageId(Uuid::from_u128(u128::from(n)));
        served
            .bench
            .platform
            .live
            .publish(Topic::Thread(THREAD), LiveEvent::Replace { message, text: text.clone() });
    }
    let (mut seen, mut resyncs) = (0, 0);
    while seen < last {
        match hear(&mut socket).await {
            ServerFrame::Event { seq, .. } => {
                assert_eq!(seq, seen + 1, "a gap without resync");
                seen = seq;
            }
            ServerFrame::Resync { topic } => {
                resyncs += 1;
                let ServerFrame::Snapshot { topic: again, seq, .. } = hear(&mut socket).await else {
                    panic!("snapshot")
                };
                assert_eq!(topic, again);
                seen = seq;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(resyncs > 0);
}

#[tokio::test]
async fn what_is_revoked_closes_at_once_and_nothing_else_does() {
    let served = served().await;
    for revoked in [Revoked::Session(SESSION), Revoked::User(OWNER)] {
        let mut socket = served.owner().await;
        let mut program = served.open(&[("authorization", "Bearer program")]).await.expect("opened");
        say(&mut socket, r#"{"type":"ping"}"#).await;
        hear(&mut socket).await;
        served.bench.names.revoked.send(revoked).expect("heard");
        assert_eq!(closed(&mut socket).await, Some(4401));
        say(&mut program, r#"{"type":"ping"}"#).await;
        assert_eq!(hear(&mut program).await, ServerFrame::Pong {});
        if revoked == Revoked::User(OWNER) {
            served.bench.names.revoked.send(Revoked::Token(TOKEN)).expect("heard");
            assert_eq!(closed(&mut program).await, Some(4401));
        }
    }
}

#[tokio::test]
async fn frames_that_are_too_big_or_unreadable_close_the_socket() {
    let served = served().await;
    for (message, code) in [
        (Message::text("x".repeat(1024 * 1024)), 1009),
        (Message::text("x".repeat(MAX_CLIENT_FRAME + 1)), 1009),
        (Message::text("{\"type\":\"subscribe\"}"), 4400),
        (Message::text("garbage"), 4400),
        (Message::binary(vec![1, 2, 3]), 4400),
    ] {
        let mut socket = served.owner().await;
        // Meanwhile the server may have hung up: then the close frame tells, or the broken connection.
        let sent = timeout(Duration::from_secs(1), socket.send(message)).await;
        let told = closed(&mut socket).await;
        assert!(told == Some(code) || told.is_none() && !matches!(sent, Ok(Ok(()))), "{code}: {told:?}");
    }
}

#[tokio::test]
async fn topics_and_sockets_are_bounded() {
    let served = served().await;
    let mut socket = served.owner().await;
    *served.source.every_thread.lock().expect("lock") = true;
    for n in 0..10_000usize {
        subscribe(&mut socket, &format!("thread:{}", ThreadId(Uuid::from_u128(n as u128)))).await;
        match hear(&mut socket).await {
            ServerFrame::Snapshot { .. } => assert!(n < MAX_TOPICS),
            ServerFrame::Refused { error, .. } => assert!(n >= MAX_TOPICS && error.code == Code::RateLimited),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(served.bench.platform.live.topics(), MAX_TOPICS);
    let mut more = Vec::new();
    for _ in 1..10 {
        more.push(served.owner().await);
    }
    let eleventh = served.open(&[("origin", ORIGIN), ("cookie", "__Host-chela=owner")]).await;
    assert_eq!(eleventh.err(), Some(429));
    // Another session has its own ten.
    assert!(served.open(&[("origin", ORIGIN), ("cookie", "__Host-chela=viewer")]).await.is_ok());
    socket.close(None).await.expect("closed");
    closed(&mut socket).await;
    let again = timeout(Duration::from_secs(2), async {
        while served.open(&[("origin", ORIGIN), ("cookie", "__Host-chela=owner")]).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    assert!(again.await.is_ok(), "a place is given back");
}

#[tokio::test]
async fn publishing_to_a_topic_that_nobody_ever_watched_costs_nothing() {
    let served = served().await;
    let live = served.bench.platform.live.clone();
    live.publish(Topic::Bot(BOT), gone(1));
    assert_eq!((live.topics(), live.kept_bytes()), (0, 0));
    let mut socket = served.owner().await;
    subscribe(&mut socket, &format!("bot:{BOT}")).await;
    hear(&mut socket).await;
    assert_eq!(live.topics(), 1);
    live.publish(Topic::Bot(BOT), gone(2));
    assert!(live.kept_bytes() > 0);
}

/// Comes back with what was seen before.
async fn resume(socket: &mut Socket, topic: Topic, epoch: &str, seq: u64) -> ServerFrame {
    let after = Some(Seen { epoch: epoch.to_owned(), seq });
    let frame = ClientFrame::Subscribe { topic: topic.to_string(), after };
    say(socket, &serde_json::to_string(&frame).expect("a frame")).await;
    hear(socket).await
}

#[tokio::test]
async fn who_comes_back_in_time_is_given_exactly_what_was_missed_and_no_snapshot() {
    let served = served().await;
    let live = served.bench.platform.live.clone();
    let mut socket = served.owner().await;
    subscribe(&mut socket, "bots").await;
    let ServerFrame::Snapshot { epoch, seq: 0, .. } = hear(&mut socket).await else { panic!("snapshot") };
    live.publish_bots(HERE, gone(1));
    hear(&mut socket).await;
    drop(socket);
    for n in 2..=5 {
        live.publish_bots(HERE, gone(n));
    }
    let mut socket = served.owner().await;
    let resumed = resume(&mut socket, Topic::Bots, &epoch, 1).await;
    assert_eq!(resumed, ServerFrame::Resumed { topic: Topic::Bots, seq: 1 });
    live.publish_bots(HERE, gone(6));
    for n in 2..=6u64 {
        let ServerFrame::Event { seq, data, .. } = hear(&mut socket).await else { panic!("an event") };
        assert_eq!((seq, data), (n, gone(u128::from(n))));
    }
    // With nothing missed, nothing but the word.
    let resumed = resume(&mut socket, Topic::Bots, &epoch, 6).await;
    assert_eq!(resumed, ServerFrame::Resumed { topic: Topic::Bots, seq: 6 });
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(hear(&mut socket).await, ServerFrame::Pong {});
}

#[tokio::test]
async fn a_number_too_old_or_of_another_process_or_never_given_gets_a_snapshot() {
    let served = served().await;
    let live = served.bench.platform.live.clone();
    let topic = Topic::Thread(THREAD);
    let mut socket = served.owner().await;
    subscribe(&mut socket, &topic.to_string()).await;
    let ServerFrame::Snapshot { epoch, .. } = hear(&mut socket).await else { panic!("snapshot") };
    let message = MessageId(Uuid::from_u128(1));
    let last = 400;
    for _ in 0..last {
        live.publish(topic, LiveEvent::Phase { message, phase: "x".repeat(1_000) });
    }
    drop(socket);
    let mut socket = served.owner().await;
    for (epoch, seq) in
        [(epoch.as_str(), 1), ("another", last), (&epoch, last + 1), (&epoch, u64::MAX), ("", 0)]
    {
        let answer = resume(&mut socket, topic, epoch, seq).await;
        assert!(matches!(answer, ServerFrame::Snapshot { seq: at, .. } if at == last), "{seq}: {answer:?}");
    }
    let answer = resume(&mut socket, topic, &epoch, last - 100).await;
    assert!(matches!(answer, ServerFrame::Resumed { .. }), "{answer:?}");
}

#[tokio::test]
async fn coming_back_is_no_way_around_the_right_to_watch() {
    let served = served().await;
    let live = served.bench.platform.live.clone();
    let foreign = Topic::Thread(ThreadId(Uuid::from_u128(999)));
    let watched = live.attach(None, foreign);
    live.publish(foreign, gone(1));
    let mut socket = served.owner().await;
    let answer = resume(&mut socket, foreign, live.epoch(), 0).await;
    assert!(matches!(answer, ServerFrame::Refused { .. }), "{answer:?}");
    live.publish(foreign, gone(2));
    say(&mut socket, r#"{"type":"ping"}"#).await;
    assert_eq!(hear(&mut socket).await, ServerFrame::Pong {});
    drop(watched);
}

#[tokio::test]
async fn a_stopping_server_says_so_and_an_old_socket_must_come_again() {
    let served = served().await;
    let mut old = served.owner().await;
    say(&mut old, r#"{"type":"ping"}"#).await;
    hear(&mut old).await;
    served.bench.clock.advance(61 * 60_000);
    assert_eq!(closed(&mut old).await, Some(4000));
    let mut socket = served.owner().await;
    say(&mut socket, r#"{"type":"ping"}"#).await;
    hear(&mut socket).await;
    served.bench.platform.shutdown.cancel();
    assert_eq!(closed(&mut socket).await, Some(1012));
    served.stop.cancel();
}
