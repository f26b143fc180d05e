//! Everything an upstream does wrong × streamed or not × one key, two keys, a chain: what comes of it is written down here,
//! and nothing else may. Nobody is asked more often than there are keys, and little is held whatever comes.

use crate::support::*;
use api::ids::KeyId;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use relay::{
    CallerKind, Egress, EgressPolicy, End, Limits, Snapshot, UpstreamKey, Wire,
    chains::{Chain, Link, Trigger},
    egress::{Allowed, BaseUrl},
    health::Rest,
    snapshot::token_hash,
    vendors,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use testkit::vendor::{Mode, Script, Then};
use tokio::net::TcpStream;
use uuid::Uuid;

const BAD: &str = "sk-fake-bad-key-0001";
const GOOD: &str = "sk-fake-good-key-0002";

/// What the caller sees where nobody else can be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    /// A status that is no success.
    Status(u16),
    /// An answer that ends as it should.
    Whole,
    /// A stream that says this and is cut.
    Event(&'static str),
    /// A body that is cut.
    Cut,
}
use Seen::{Cut, Event, Status, Whole};

struct Fault {
    what: &'static str,
    mode: Mode,
    /// Whether it happens before the first word: then another key or link makes it good.
    before: bool,
    seen: Seen,
    end: End,
    rests: Option<Rest>,
}

fn raw(bytes: &str, then: Then) -> Mode {
    Mode::Raw { bytes: bytes.into(), then }
}

fn forever(piece: &str, every_ms: u64) -> Then {
    Then::Forever { piece: piece.into(), every_ms }
}

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
const SIZED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999\r\n\r\n";
const FIRST: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";

/// Those that come before a body, whatever was asked for.
fn heads() -> Vec<Fault> {
    let status = |status| Mode::Status { status, body: r#"{"error":{"message":"no","type":"x"}}"#.into() };
    let fault =
        |what, mode, code, end, rests| Fault { what, mode, before: true, seen: Status(code), end, rests };
    let slow = || Mode::SlowDown { after: "30".into() };
    let close = || raw("HTTP/1.1 200 OK\r\ncontent-type: text/ev", Then::Close);
    vec![
        fault("401", status(401), 401, End::KeyRefused, Some(Rest::Refused)),
        fault("402", status(402), 402, End::KeyRefused, Some(Rest::Refused)),
        fault("403", status(403), 403, End::KeyRefused, None),
        fault("429", status(429), 429, End::VendorError, Some(Rest::Slow)),
        fault("429 with Retry-After", slow(), 429, End::VendorError, Some(Rest::Slow)),
        fault("500", status(500), 500, End::VendorError, None),
        fault("503", status(503), 503, End::VendorError, None),
        fault("timeout", Mode::Hang, 504, End::TimedOut, None),
        fault("RST", raw("", Then::Reset), 502, End::UpstreamCut, None),
        fault("half a head, then closed", close(), 502, End::UpstreamCut, None),
        fault("half-open in its head", raw("HTTP/1.1 200", Then::Hang), 504, End::TimedOut, None),
        fault("no HTTP", Mode::Garbage, 502, End::BadAnswer, None),
    ]
}

fn streams() -> Vec<Fault> {
    let begun = |rest: &str| format!("{EVENTS}{FIRST}{rest}");
    let fault = |what, mode, before, seen, end| Fault { what, mode, before, seen, end, rests: None };
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n";
    let bad = format!("{FIRST}data: {{\"choices\":[{{{{]}}\n\ndata: [DONE]\n\n");
    let comments = raw(EVENTS, forever(": k\n\n", 20));
    let mut faults = vec![
        // Comments came, so the caller has a stream, which says what became of it.
        fault("slow loris, no event", comments, true, Event("upstream_late"), End::TimedOut),
        fault("half-open before its first event", raw(EVENTS, Then::Hang), true, Status(504), End::TimedOut),
    ];
    faults.extend([
        fault("RST before its first event", raw(EVENTS, Then::Reset), true, Status(502), End::UpstreamCut),
        fault(
            "half-open after its first event",
            raw(&begun(""), Then::Hang),
            false,
            Event("upstream_late"),
            End::TimedOut,
        ),
        fault(
            "slow loris in an event",
            raw(&begun("data: "), forever("x", 20)),
            false,
            Event("upstream_late"),
            End::TimedOut,
        ),
        fault(
            "cut after 3 pieces",
            Mode::CutAfter { pieces: 3 },
            false,
            Event("upstream_cut"),
            End::UpstreamCut,
        ),
        fault(
            "ended after 3 pieces",
            Mode::EndAfter { pieces: 3 },
            false,
            Event("upstream_cut"),
            End::UpstreamCut,
        ),
        fault("a chunk of bad JSON", Mode::Events { body: bad, whole: true }, false, Whole, End::Complete),
        fault(
            "200 with an error",
            Mode::Events { body: error.into(), whole: true },
            true,
            Whole,
            End::VendorError,
        ),
        fault("endless events", raw(EVENTS, forever(FIRST, 0)), false, Event("upstream_late"), End::TimedOut),
        fault(
            "an endless event",
            raw(&begun("data: "), forever(&"x".repeat(65_536), 0)),
            false,
            Event("upstream_late"),
            End::TimedOut,
        ),
    ]);
    faults
}

fn wholes() -> Vec<Fault> {
    let fault = |what, mode, before, seen, end| Fault { what, mode, before, seen, end, rests: None };
    let error = r#"{"error":{"message":"overloaded","type":"server_error"}}"#;
    let (sized, begun) = (raw(SIZED, Then::Hang), format!("{SIZED}{{\"choices\":"));
    vec![
        fault("half-open before its body", sized, true, Status(504), End::TimedOut),
        fault("RST before its body", raw(SIZED, Then::Reset), true, Status(502), End::UpstreamCut),
        fault("half-open in its body", raw(&begun, Then::Hang), false, Cut, End::TimedOut),
        fault("slow loris body", raw(&begun, forever(" ", 20)), false, Cut, End::TimedOut),
        fault("cut in its body", raw(&begun, Then::Close), false, Cut, End::UpstreamCut),
        fault("bad JSON", Mode::Json { body: "{\"choices\":[{{".into() }, false, Whole, End::Complete),
        fault("200 with an error", Mode::Json { body: error.into() }, true, Whole, End::VendorError),
        fault("endless JSON", raw(JSON, forever(&"{".repeat(65_536), 0)), false, Cut, End::TimedOut),
    ]
}

/// Who may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Keys {
    One,
    Two,
    Chain,
}

fn limits() -> Limits {
    let wait = Duration::from_millis(500);
    Limits { headers: wait, first_event: wait, idle: wait, total: Duration::from_millis(2_500), ..short() }
}

async fn house(mode: Mode, keys: Keys) -> House {
    let others = BTreeMap::from([(BAD.to_owned(), mode), (GOOD.to_owned(), Mode::Answer)]);
    let house = house_out(Script { others, ..Script::default() }, limits(), |fake| {
        let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    let key = |n, vendor, secret: &str| {
        let (vendor, base) =
            (vendors::find(vendor).unwrap(), BaseUrl::parse(&house.vendor.base_url()).unwrap());
        Arc::new(UpstreamKey::new(id(n), vendor, base, secret.to_owned().into(), true))
    };
    let builder = Snapshot::builder()
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .key(workspace(), key(0, "openai", BAD));
    let links = ["openai/fake-model", "deepseek/fake-model"].into_iter().filter_map(Link::read).collect();
    let (timeout, triggers) = (Duration::from_secs(60), Trigger::ALL.to_vec());
    let chain = Chain { name: "mine".into(), links, triggers, timeout, tries: 3 };
    let builder = match keys {
        Keys::One => builder,
        Keys::Two => builder.key(workspace(), key(1, "openai", GOOD)),
        Keys::Chain => builder.key(workspace(), key(1, "deepseek", GOOD)).chain(workspace(), chain),
    };
    house.snapshot.store(builder.build().into());
    house
}

fn id(n: u128) -> KeyId {
    KeyId(Uuid::from_u128(100 + n))
}

/// What is left of an answer that is not kept.
struct Heard {
    status: u16,
    attempts: String,
    /// Its last 4 KiB.
    tail: Vec<u8>,
    cut: bool,
}

async fn ask(house: &House, what: &str, body: String, path: &str) -> Heard {
    let stream = TcpStream::connect(house.at).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::post(path).header("host", "relay").header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {PROGRAM_TOKEN}"));
    let sent = sender.send_request(request.body(Full::<Bytes>::from(body)).unwrap());
    let answer = tokio::time::timeout(Duration::from_secs(30), sent).await.expect("no answer in time");
    let answer = answer.map_err(|error| (what, error)).unwrap();
    let (head, mut body) = answer.into_parts();
    let (mut tail, mut cut) = (Vec::new(), false);
    let next = async |body: &mut hyper::body::Incoming| {
        tokio::time::timeout(Duration::from_secs(30), body.frame()).await.expect("the answer never ended")
    };
    while let Some(frame) = next(&mut body).await {
        let Ok(frame) = frame else {
            cut = true;
            break;
        };
        tail.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        tail.drain(..tail.len().saturating_sub(4_096));
    }
    connection.abort();
    let attempts = head.headers["x-chela-attempts"].to_str().unwrap().to_owned();
    Heard { status: head.status.as_u16(), attempts, tail, cut }
}

async fn holds(fault: &Fault, streams: bool, keys: Keys) {
    let what = format!("{} × {} × {keys:?}", fault.what, if streams { "stream" } else { "whole" });
    let mut house = house(fault.mode.clone(), keys).await;
    let body = if streams { ASK_STREAM } else { ASK };
    let heard = match keys {
        Keys::Chain => ask(&house, &what, body.replace("fake-model", "mine"), "/v1/chat/completions").await,
        _ => ask(&house, &what, body.to_owned(), "/v1/openai/chat/completions").await,
    };
    let text = String::from_utf8_lossy(&heard.tail);
    let mended = fault.before && keys != Keys::One;
    let row = house.row().await;
    let asked = if mended { 2 } else { 1 };
    // As often as is said, and no oftener.
    assert_eq!((row.attempts(), house.vendor.calls().len()), (asked, asked), "{what}: {row:?}");
    assert_eq!(heard.attempts, asked.to_string(), "{what}");
    assert_eq!(row.status, heard.status, "{what}");
    if mended {
        assert_eq!((heard.status, heard.cut, row.end), (200, false, End::Complete), "{what}: {text}");
        let said = house.vendor.answer_to("t1");
        assert!(if streams { text.contains("[DONE]") } else { text.contains(&said) }, "{what}: {text}");
        assert_eq!((row.key, row.tries.len(), row.tries[0].key), (Some(id(1)), 1, Some(id(0))), "{what}");
    } else {
        let seen = match (heard.status, heard.cut) {
            (200, false) => Whole,
            (200, true) if streams => match fault.seen {
                Event(code) if text.contains(code) && text.ends_with("\n\n") && !text.contains("[DONE]") => {
                    Event(code)
                }
                _ => Cut,
            },
            (200, true) => Cut,
            (status, _) => Status(status),
        };
        assert_eq!((seen, row.end), (fault.seen, fault.end), "{what}: {text}");
        if let Status(_) = seen {
            let error: serde_json::Value = serde_json::from_slice(&heard.tail).expect("an error in JSON");
            assert!(error["error"]["message"].is_string() && !heard.cut, "{what}: {text}");
        }
    }
    let health = house.snapshot.load().key(id(0)).unwrap().health.resting(1_000);
    assert_eq!(health.first().map(|rest| rest.resting.why), fault.rests, "{what}");
    if keys != Keys::One {
        assert!(house.snapshot.load().key(id(1)).unwrap().health.resting(1_000).is_empty(), "{what}");
    }
}

/// The most memory this process has held, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_an_upstream_has_the_outcome_that_is_written_down() {
    let before = peak_mib();
    let cases = [(heads(), true), (streams(), true), (heads(), false), (wholes(), false)];
    let mut count = 0;
    for (faults, streams) in &cases {
        for fault in faults {
            let each = [Keys::One, Keys::Two, Keys::Chain].map(|keys| holds(fault, *streams, keys));
            count += futures::future::join_all(each).await.len();
        }
    }
    assert_eq!(count, 3 * (2 * 12 + 11 + 8));
    let grown = peak_mib() - before;
    assert!(grown < 64, "{grown} MiB were held at once");
}

#[tokio::test]
async fn a_fault_that_goes_on_is_asked_five_times_and_then_left_alone() {
    for mode in [raw("", Then::Reset), Mode::Status { status: 503, body: "{}".into() }] {
        let house = house(mode, Keys::One).await;
        for n in 0..12 {
            let heard = ask(&house, "five times", ASK.to_owned(), "/v1/openai/chat/completions").await;
            assert_eq!(heard.attempts, if n < 5 { "1" } else { "0" });
        }
        assert_eq!(house.vendor.calls().len(), 5, "a breaker is open");
    }
}
