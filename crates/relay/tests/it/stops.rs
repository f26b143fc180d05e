//! What an operator stops ends at once: calls that begin, calls that wait, answers that run.

use crate::support::*;
use api::ids::{BotId, WorkspaceId};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use relay::{End, Limits, Stops, Wire};
use std::time::Duration;
use testkit::vendor::{Mode, Script};
use tokio::{net::TcpStream, time::timeout};
use uuid::Uuid;

/// Within which a stop ends what runs, as is promised.
const AT_ONCE: Duration = Duration::from_secs(1);
/// What the stop of a test goes by.
const STOP: Uuid = Uuid::from_u128(0x57);
const BOT: BotId = BotId(Uuid::from_u128(0xb1));
const LIVE: &str =
    r#"{"model":"openai/fake-model","messages":[{"role":"user","content":"ask:t1"}],"stream":true}"#;

/// Nothing but the stop ends a call within the time a test has.
fn patient() -> Limits {
    let long = Duration::from_secs(600);
    Limits { headers: long, first_event: long, idle: long, total: long, ..short() }
}

fn stopped(what: impl FnOnce(&mut Stops)) -> Stops {
    let mut stops = Stops::default();
    what(&mut stops);
    stops
}

/// How an answer that has begun ends once something is stopped: its last words, and whether it is cut.
async fn ends(house: &House, token: &str, path: &str, body: &str, stops: Stops) -> (String, bool) {
    let stream = TcpStream::connect(house.at).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(path).header("host", "relay").header("x-api-key", token);
    let request = request.header("content-type", "application/json");
    let answer =
        sender.send_request(request.body(Full::<Bytes>::from(body.to_owned())).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap();
    assert!(first.data_ref().is_some_and(|data| !data.is_empty()), "the answer runs");
    house.relay.stop(stops);
    let (mut rest, mut cut) = (String::new(), false);
    let reading = async {
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => rest.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap())),
                Err(_) => cut = true,
            }
        }
    };
    timeout(AT_ONCE, reading).await.expect("the stop ends it");
    (rest, cut)
}

#[tokio::test]
async fn an_answer_that_runs_is_ended_by_a_stop_while_its_vendor_hangs() {
    let chat = "/v1/chat/completions";
    for (what, token, stops) in [
        ("its bot", BOT_TOKEN, stopped(|s| s.bot(workspace(), BOT, STOP))),
        ("its vendor", BOT_TOKEN, stopped(|s| s.vendor(workspace(), "openai".to_owned(), STOP))),
        ("its workspace", PROGRAM_TOKEN, stopped(|s| s.all(workspace(), STOP))),
    ] {
        let mut house = house_with(Script::default(), patient(), true).await;
        house.vendor.play(Mode::HangAfter { pieces: 3 });
        let (rest, cut) = ends(&house, token, chat, LIVE, stops).await;
        assert!(rest.contains("\"code\":\"stopped\"") && cut, "{what}: {rest}");
        assert!(!rest.contains("[DONE]"), "{what}: it never looks whole: {rest}");
        let row = house.row().await;
        assert_eq!((row.end, row.status, row.asked, row.stop), (End::Halted, 200, 1, Some(STOP)), "{what}");
        assert!(row.note.is_some_and(|note| note.contains("operator")), "{what}");
    }
}

#[tokio::test]
async fn each_dialect_says_so_in_its_own_words() {
    let claude = r#"{"model":"anthropic/claude-x","stream":true,"messages":[{"role":"user","content":"ask:t"}],"max_tokens":9}"#;
    let responses = r#"{"model":"openai/fake-model","stream":true,"input":"ask:t1"}"#;
    for (path, body, says) in [
        ("/v1/messages", claude, "event: error\ndata: {\"error\":{\"message\":\"An operator"),
        ("/v1/responses", responses, "event: error\ndata: {\"code\":\"stopped\""),
    ] {
        let house = house_with(Script::default(), patient(), true).await;
        house.vendor.play(Mode::HangAfter { pieces: 3 });
        let (rest, cut) =
            ends(&house, BOT_TOKEN, path, body, stopped(|s| s.bot(workspace(), BOT, STOP))).await;
        assert!(rest.contains(says) && cut, "{path}: {rest}");
    }
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_left_with_its_answer() {
    let mut house = house_with(Script::default(), patient(), true).await;
    // More than the connections on both sides hold.
    house.vendor.play(Mode::Binary { bytes: 64 * 1024 * 1024 });
    let stream = TcpStream::connect(house.at).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::post("/v1/openai/audio/speech").header("host", "relay").header("x-api-key", BOT_TOKEN);
    let request = request.body(Full::<Bytes>::from(r#"{"model":"fake-model","input":"x"}"#)).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    house.relay.stop(stopped(|s| s.bot(workspace(), BOT, STOP)));
    assert_eq!(house.row().await.end, End::Halted, "while nothing of it is read");
    drop(answer);
}

#[tokio::test]
async fn a_stop_of_somebody_else_ends_nothing() {
    let house = house_with(Script::default(), patient(), true).await;
    house.vendor.play(Mode::HangAfter { pieces: 3 });
    let others = stopped(|s| {
        s.bot(workspace(), WIRED_BOT, STOP);
        s.vendor(workspace(), "groq".to_owned(), STOP);
        s.all(WorkspaceId(Uuid::from_u128(2)), STOP);
    });
    let own = stopped(|s| s.vendor(workspace(), "openai".to_owned(), STOP));
    let relay = house.relay.clone();
    let running = async { ends(&house, BOT_TOKEN, "/v1/chat/completions", LIVE, others).await };
    tokio::pin!(running);
    let still = timeout(Duration::from_millis(200), running.as_mut()).await;
    assert!(still.is_err(), "it runs on: {still:?}");
    relay.stop(own);
    assert!(running.await.0.contains("\"code\":\"stopped\""), "and is still woken by the next one");
}

#[tokio::test]
async fn a_call_that_waits_for_its_vendor_is_refused_when_it_is_stopped() {
    for (token, status) in [(BOT_TOKEN, 400), (PROGRAM_TOKEN, 403)] {
        let mut house = house_with(Script::default(), patient(), true).await;
        house.vendor.play(Mode::Hang);
        let (relay, vendor) = (house.relay.clone(), &house.vendor);
        let stopping = async {
            while vendor.calls().is_empty() {
                tokio::task::yield_now().await;
            }
            relay.stop(stopped(|s| s.all(workspace(), STOP)));
        };
        let (answer, ()) = tokio::join!(house.chat(token, ASK_STREAM), stopping);
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (status, &"stopped".into()));
        let row = house.row().await;
        assert_eq!((ended(&row), row.stop), ((End::Halted, status), Some(STOP)));
    }
}

#[tokio::test]
async fn what_is_stopped_is_refused_before_anybody_is_asked_until_it_is_allowed_again() {
    let mut house = house().await;
    house.relay.stop(stopped(|s| s.vendor(workspace(), "openai".to_owned(), STOP)));
    let answer = house.chat(BOT_TOKEN, ASK_STREAM).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &"stopped".into()));
    assert_neutral(&answer);
    let row = house.row().await;
    assert_eq!((ended(&row), row.asked, row.stop), ((End::Refused, 400), 0, Some(STOP)));
    assert!(row.note.is_some_and(|note| note.contains("operator has stopped")));
    let answer = house.chat(PROGRAM_TOKEN, ASK_STREAM).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (403, &"stopped".into()));
    house.row().await;
    assert_eq!(house.vendor.calls().len(), 0);
    house.relay.stop(Stops::default());
    assert_eq!(house.chat(BOT_TOKEN, ASK_STREAM).await.status, 200);
    assert_eq!(house.row().await.stop, None);
}

#[tokio::test]
async fn on_the_panels_listener_a_running_answer_is_ended_as_well() {
    let mut house = house_with(Script::default(), patient(), true).await;
    house.vendor.play(Mode::HangAfter { pieces: 3 });
    let request = Request::post("/v1/chat/completions").header("x-api-key", PROGRAM_TOKEN);
    let request = request.body(Full::<Bytes>::from(LIVE.to_owned())).unwrap();
    let mut body = house.relay.handle(Wire::Panel, request).await.into_body();
    let mut text = String::new();
    // Somebody else's task writes it: that one is woken.
    let relay = house.relay.clone();
    let reading = tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
            if text.matches("data:").count() == 3 {
                relay.stop(stopped(|s| s.all(workspace(), STOP)));
            }
        }
        text
    });
    let text = timeout(AT_ONCE, reading).await.expect("the stop ends it").unwrap();
    assert!(text.contains("\"code\":\"stopped\""), "{text}");
    assert_eq!(house.row().await.end, End::Halted);
}
