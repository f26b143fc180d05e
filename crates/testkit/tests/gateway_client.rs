//! The gateway client over real sockets, against the fake gateway.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a helper fails the test")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use openclaw::clock::Clock;
use openclaw::gateway::CloseReason;
use openclaw::{
    CallError, ChatEvent, ConnectError, ConnectOptions, Endpoint, Event, Events, Gateway, Lost, Signal,
    Signals, Token, ToolStep, probe, supervise,
};
use serde_json::json;
use testkit::gateway::{FakeGateway, Listen, Options, Reply};
use tokio::sync::watch;
use tokio::time::timeout;

const SESSION: &str = "agent:main:chela:thread-1";
const PATIENCE: Duration = Duration::from_secs(10);

fn options(fake: &FakeGateway) -> ConnectOptions {
    ConnectOptions::new(fake.endpoint().clone(), Token::new(fake.token()))
}

async fn start(options: Options) -> FakeGateway {
    FakeGateway::start(options).await.unwrap()
}

async fn next(events: &mut Events) -> Event {
    timeout(PATIENCE, events.next()).await.expect("an event in time").expect("an open connection")
}

async fn signal(signals: &mut Signals) -> Signal {
    timeout(PATIENCE, signals.next()).await.expect("a signal in time").expect("a supervised connection")
}

/// Reads a run to its end: what was appended, and the end.
async fn answer(events: &mut Events) -> (String, ChatEvent) {
    let mut text = String::new();
    loop {
        let Event::Chat(run) = next(events).await else { continue };
        match run.what {
            ChatEvent::Delta { text: piece, replace: true } => text = piece,
            ChatEvent::Delta { text: piece, replace: false } => text.push_str(&piece),
            end if end.is_end() => return (text, end),
            _ => {}
        }
    }
}

/// Pauses of up to 30 seconds pass at once; longer ones when the test says so.
#[derive(Debug)]
struct TestClock(watch::Sender<Duration>);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::channel(Duration::ZERO).0))
    }

    fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration <= Duration::from_secs(30) {
            return Box::pin(tokio::task::yield_now());
        }
        let (mut now, due) = (self.0.subscribe(), self.now() + duration);
        Box::pin(async move {
            let _ = now.wait_for(|now| *now >= due).await;
        })
    }
}

fn patient(fake: &FakeGateway) -> ConnectOptions {
    ConnectOptions { deadline: Duration::from_secs(3600), ..options(fake) }
}

#[tokio::test]
async fn an_answer_streams_over_a_port_and_over_a_socket_alike() {
    let dir = tempfile::tempdir().unwrap();
    let tcp = start(Options::default()).await;
    let unix =
        FakeGateway::start_on(Listen::Unix(dir.path().join("g.sock")), Options::default()).await.unwrap();
    for fake in [&tcp, &unix] {
        let (gateway, mut events) = Gateway::connect(options(fake)).await.unwrap();
        assert_eq!(gateway.hello().server.version, openclaw::OPENCLAW_VERSION);
        gateway.sessions_messages_subscribe(SESSION).await.unwrap();
        let started = gateway.chat_send(SESSION, "hello", "run-1", None).await.unwrap();
        assert_eq!((started.run_id.as_str(), started.status.as_str()), ("run-1", "started"));
        let (text, end) = answer(&mut events).await;
        assert_eq!(text, "Hello from the fake gateway.");
        let ChatEvent::Final { text: whole, usage, model, .. } = end else { panic!("{end:?}") };
        assert_eq!(whole, text);
        assert_eq!(model.as_deref(), Some("openai/fake-1"));
        assert_eq!(usage.unwrap().output_tokens, 4);
        let history = gateway.chat_history(SESSION, 10).await.unwrap();
        let lines: Vec<_> = history.messages.iter().map(|m| (m.role.as_str(), m.text())).collect();
        assert_eq!(lines, [("user", "hello".to_owned()), ("assistant", text)]);
    }
}

#[tokio::test]
async fn a_run_can_be_stopped_and_says_how_far_it_came() {
    let pieces = (0..1000).map(|n| format!("w{n} ")).collect();
    let reply = Reply::Script { pieces, pause: Duration::from_millis(5) };
    let fake = start(Options { reply, ..Options::default() }).await;
    let (gateway, mut events) = Gateway::connect(options(&fake)).await.unwrap();
    gateway.chat_send(SESSION, "count", "run-1", None).await.unwrap();
    loop {
        if let Event::Chat(run) = next(&mut events).await
            && matches!(run.what, ChatEvent::Delta { .. })
        {
            break;
        }
    }
    let again = gateway.chat_send(SESSION, "count", "run-1", None).await.unwrap();
    assert_eq!(again.status, "in_flight");
    let in_flight = gateway.chat_history(SESSION, 10).await.unwrap().in_flight_run.unwrap();
    assert!(in_flight.text.starts_with("w0"));
    let aborted = gateway.chat_abort(SESSION, Some("run-1")).await.unwrap();
    assert_eq!(aborted.run_ids, ["run-1"]);
    let (_, end) = answer(&mut events).await;
    assert!(matches!(end, ChatEvent::Aborted { text, .. } if text.starts_with("w0")));
    assert!(!gateway.chat_abort(SESSION, Some("run-1")).await.unwrap().aborted);
}

#[tokio::test]
async fn a_tool_call_has_a_start_and_a_result() {
    let fake = start(Options { reply: Reply::Echo, ..Options::default() }).await;
    let (gateway, mut events) = Gateway::connect(options(&fake)).await.unwrap();
    gateway.chat_send(SESSION, r#"USE_TOOL:find {"q":"x"}"#, "run-1", None).await.unwrap();
    let mut steps = Vec::new();
    while steps.len() < 2 {
        if let Event::Tool(tool) = next(&mut events).await {
            assert_eq!((tool.run_id.as_str(), tool.name.as_str()), ("run-1", "find"));
            steps.push(tool.step);
        }
    }
    assert_eq!(steps[0], ToolStep::Started { args: json!({ "q": "x" }) });
    assert!(matches!(&steps[1], ToolStep::Finished { is_error: false, text, .. } if text == "find: done"));
}

#[tokio::test]
async fn a_deleted_session_has_no_history_and_deleting_twice_is_no_error() {
    let fake = start(Options::default()).await;
    let (gateway, mut events) = Gateway::connect(options(&fake)).await.unwrap();
    gateway.chat_send(SESSION, "hello", "run-1", None).await.unwrap();
    answer(&mut events).await;
    assert!(gateway.tools_effective(SESSION).await.unwrap().is_empty());
    let deleted = gateway.sessions_delete(SESSION).await.unwrap();
    assert!(deleted.deleted && deleted.archived.len() == 1);
    assert!(!gateway.sessions_delete(SESSION).await.unwrap().deleted);
    assert!(gateway.chat_history(SESSION, 10).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn a_wrong_token_is_a_refusal_and_an_unknown_method_an_answer() {
    let fake = start(Options::default()).await;
    let wrong = ConnectOptions { token: Token::new("wrong"), ..options(&fake) };
    assert!(matches!(Gateway::connect(wrong).await, Err(ConnectError::Refused(_))));
    let (gateway, _events) = Gateway::connect(options(&fake)).await.unwrap();
    let error = gateway.call("no.such", json!({}), PATIENCE).await.unwrap_err();
    assert!(matches!(error, CallError::Refused(error) if error.code == "INVALID_REQUEST"));
}

#[tokio::test]
async fn a_reader_that_never_reads_does_not_stall_calls() {
    let fake = start(Options::default()).await;
    let (gateway, mut events) = Gateway::connect(options(&fake)).await.unwrap();
    for n in 0..3000 {
        let run = json!({ "runId": format!("run-{n}"), "sessionKey": "s", "seq": 1, "state": "status", "phase": "p" });
        fake.emit("chat", &run);
        if n % 100 == 0 {
            gateway.health().await.unwrap();
        }
    }
    gateway.health().await.unwrap();
    assert!(matches!(next(&mut events).await, Event::Lagged { dropped } if dropped > 0));
}

#[tokio::test]
async fn a_young_gateway_is_asked_until_it_is_ready() {
    let fake = start(Options { starting: Duration::from_millis(60), ..Options::default() }).await;
    let startup = probe::startupz(fake.endpoint(), PATIENCE).await.unwrap();
    assert!(!startup.ok && startup.status == "starting");
    let (connection, mut signals) = supervise(patient(&fake), TestClock::new());
    assert!(connection.gateway().is_none());
    loop {
        match signal(&mut signals).await {
            Signal::Ready { hello, .. } => {
                assert_eq!(hello.protocol, 4);
                break;
            }
            Signal::Lost { why } => assert!(matches!(why, Lost::Starting { .. }), "{why:?}"),
            Signal::Connecting { .. } | Signal::Event(_) => {}
        }
    }
    assert!(connection.gateway().is_some());
    assert!(probe::startupz(fake.endpoint(), PATIENCE).await.unwrap().ok);
}

async fn until_ready(signals: &mut Signals) -> Vec<Signal> {
    let mut seen = Vec::new();
    loop {
        let signal = signal(signals).await;
        let ready = matches!(signal, Signal::Ready { .. });
        seen.push(signal);
        if ready {
            return seen;
        }
    }
}

#[tokio::test]
async fn a_restarted_gateway_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g.sock");
    let fake = FakeGateway::start_on(Listen::Unix(path.clone()), Options::default()).await.unwrap();
    let (_connection, mut signals) = supervise(patient(&fake), TestClock::new());
    until_ready(&mut signals).await;
    fake.shut_down();
    assert!(matches!(signal(&mut signals).await, Signal::Event(Event::Shutdown { .. })));
    let lost = signal(&mut signals).await;
    let expected = CloseReason::Gateway { code: 1012, reason: "service restart".to_owned() };
    assert_eq!(lost, Signal::Lost { why: Lost::Closed(expected) });
    let _fake = FakeGateway::start_on(Listen::Unix(path), Options::default()).await.unwrap();
    until_ready(&mut signals).await;
}

#[tokio::test]
async fn a_gateway_silent_for_twice_its_tick_is_given_up_and_tried_anew() {
    let fake = start(Options { tick: Duration::from_secs(60), ..Options::default() }).await;
    let clock = TestClock::new();
    let (_connection, mut signals) = supervise(patient(&fake), clock.clone());
    until_ready(&mut signals).await;
    clock.advance(Duration::from_secs(121));
    let lost = signal(&mut signals).await;
    assert_eq!(lost, Signal::Lost { why: Lost::Closed(CloseReason::Silent) });
    until_ready(&mut signals).await;
}

#[tokio::test]
async fn dropping_the_connection_ends_its_signals_and_its_handles() {
    let fake = start(Options::default()).await;
    let (connection, mut signals) = supervise(patient(&fake), TestClock::new());
    until_ready(&mut signals).await;
    let gateway = connection.gateway().unwrap();
    drop(connection);
    let ended = timeout(PATIENCE, async { while signals.next().await.is_some() {} }).await;
    assert!(ended.is_ok());
    let closed = timeout(PATIENCE, async { while gateway.health().await.is_ok() {} }).await;
    assert!(closed.is_ok(), "a handle kept elsewhere does not keep the connection");
}

#[tokio::test]
async fn a_web_page_with_status_200_is_no_gateway() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let page = axum::Router::new().fallback(|| async { axum::response::Html("<p>hello") });
    tokio::spawn(async move { axum::serve(listener, page).await });
    let error = probe::startupz(&endpoint, PATIENCE).await.unwrap_err();
    assert!(matches!(error, probe::ProbeError::NotAGateway { .. }));
    let connected = Gateway::connect(ConnectOptions::new(endpoint, Token::new("t"))).await;
    assert!(matches!(connected, Err(ConnectError::Protocol(_))));
}
