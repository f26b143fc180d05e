//! A key that cannot serve a call, and the one that does instead: the caller notices nothing, the row tells everything.

use crate::support::*;
use api::ids::KeyId;
use relay::{
    CallerKind, Egress, EgressPolicy, End, Snapshot, UpstreamKey, Wire,
    egress::{Allowed, BaseUrl},
    health::Rest,
    snapshot::token_hash,
    vendors,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use testkit::vendor::{Mode, Script};
use uuid::Uuid;

const BAD: &str = "sk-fake-bad-key-0001";
const GOOD: &str = "sk-fake-good-key-0002";

/// Two keys for the fake, the bad one first; it does this with the bad one.
async fn two(mode: Mode) -> House {
    two_of("openai", mode, Mode::Answer).await
}

/// The same of a vendor, with what it does with the good one.
async fn two_of(vendor: &str, mode: Mode, good: Mode) -> House {
    let others = BTreeMap::from([(BAD.to_owned(), mode), (GOOD.to_owned(), good)]);
    let house = house_out(Script { others, ..Script::default() }, short(), |fake| {
        let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    house.snapshot.store(snapshot_of(&house, vendor, &[BAD, GOOD]).into());
    house
}

fn snapshot(house: &House, secrets: &[&str]) -> Snapshot {
    snapshot_of(house, "openai", secrets)
}

fn snapshot_of(house: &House, vendor: &str, secrets: &[&str]) -> Snapshot {
    let mut builder = Snapshot::builder()
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .caller(
            token_hash(BOT_TOKEN.as_bytes()),
            caller(CallerKind::Bot(api::ids::BotId(Uuid::from_u128(0xb1))), Wire::Tcp),
        );
    let before = house.snapshot.load();
    for (n, secret) in secrets.iter().enumerate() {
        let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
        let vendor = vendors::find(vendor).unwrap();
        let key = UpstreamKey::new(id(n), vendor, base, (*secret).to_owned().into(), true).as_in(&before);
        builder = builder.key(workspace(), Arc::new(key));
    }
    builder.build()
}

fn id(n: usize) -> KeyId {
    KeyId(Uuid::from_u128(100 + n as u128))
}

/// What was found out about a key.
fn rests(house: &House, n: usize, now_ms: i64) -> Vec<Rest> {
    let snapshot = house.snapshot.load();
    let health = &snapshot.key(id(n)).unwrap().health;
    health.resting(now_ms).into_iter().map(|rest| rest.resting.why).collect()
}

fn status(status: u16) -> Mode {
    Mode::Status { status, body: r#"{"error":{"message":"no","type":"server_error"}}"#.into() }
}

/// As OpenAI says that an account has no such model.
fn unknown_model() -> Mode {
    let body = r#"{"error":{"code":"model_not_found","message":"no such model"}}"#;
    Mode::Status { status: 400, body: body.into() }
}

/// Every fault that another key can make good.
fn faults() -> Vec<(&'static str, Mode, Option<u16>, &'static str)> {
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n";
    vec![
        ("401", status(401), Some(401), "refused"),
        ("402", status(402), Some(402), "refused"),
        ("403", status(403), Some(403), "forbidden"),
        ("429", status(429), Some(429), "slow_down"),
        ("429 with a time", Mode::SlowDown { after: "30".into() }, Some(429), "slow_down"),
        ("500", status(500), Some(500), "failed"),
        ("503", status(503), Some(503), "failed"),
        ("529", status(529), Some(529), "failed"),
        ("closes", Mode::Close, None, "failed"),
        ("hangs", Mode::Hang, None, "failed"),
        ("garbage", Mode::Garbage, None, "failed"),
        ("leads elsewhere", Mode::Redirect { location: "https://example.com/".into() }, Some(307), "failed"),
        ("packed", Mode::GzipBomb, Some(200), "failed"),
        ("404", status(404), Some(404), "no_model"),
        ("400 that knows no such model", unknown_model(), Some(400), "no_model"),
        ("200 with an error event", Mode::Events { body: error.into(), whole: true }, Some(200), "failed"),
        (
            "200 with a comment before its error",
            Mode::Events { body: format!(": keep-alive\n\n{error}"), whole: true },
            Some(200),
            "failed",
        ),
        ("200 and an empty stream", Mode::Events { body: String::new(), whole: true }, None, "failed"),
        ("200 cut before the first event", Mode::CutAfter { pieces: 0 }, None, "failed"),
        ("200 that hangs before the first event", Mode::HangAfter { pieces: 0 }, None, "failed"),
    ]
}

#[tokio::test]
async fn another_key_makes_good_every_fault_before_the_first_word_and_nobody_notices() {
    for (what, mode, seen, why) in faults() {
        let streams = what.starts_with("200");
        for body in [ASK_STREAM, ASK].into_iter().take(if streams { 1 } else { 2 }) {
            let mut house = two(mode.clone()).await;
            let answer = house.chat(PROGRAM_TOKEN, body).await;
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            assert!(!answer.cut, "{what}");
            let said = house.vendor.answer_to("t1");
            let heard =
                if body == ASK { answer.text().contains(&said) } else { answer.text().contains("[DONE]") };
            assert!(heard, "{what}: {}", answer.text());
            assert_eq!(answer.headers["x-chela-attempts"], "2", "{what}");
            let row = house.row().await;
            assert_eq!((row.end, row.status, row.key), (End::Complete, 200, Some(id(1))), "{what}: {row:?}");
            let [tried] = row.tries.as_slice() else { panic!("{what}: {row:?}") };
            assert_eq!((tried.key, tried.status, tried.why), (Some(id(0)), seen, why), "{what}");
            assert!(row.counted && row.tokens.output > 0, "{what}: {row:?}");
            let asked: Vec<_> = house.vendor.calls().into_iter().map(|call| call.body).collect();
            assert!(asked.iter().all(|sent| sent == body), "{what}: the same was asked of both");
        }
    }
}

#[tokio::test]
async fn what_is_the_callers_own_is_final_and_asks_no_other_key() {
    for code in [400, 413, 422] {
        let mut house = two(status(code)).await;
        let answer = house.chat(PROGRAM_TOKEN, ASK).await;
        assert_eq!(answer.status.as_u16(), code);
        assert_eq!(answer.headers["x-chela-attempts"], "1");
        assert_eq!(house.vendor.calls().len(), 1);
        assert!(house.row().await.tries.is_empty() && rests(&house, 0, 1_000).is_empty());
    }
}

#[tokio::test]
async fn after_the_first_word_the_caller_has_what_it_has() {
    let mut house = two(Mode::CutAfter { pieces: 2 }).await;
    let answer = house.chat(PROGRAM_TOKEN, ASK_STREAM).await;
    assert!(answer.text().contains("upstream_cut") && !answer.text().contains("[DONE]"), "{}", answer.text());
    let row = house.row().await;
    assert_eq!((row.end, row.key, row.attempts()), (End::UpstreamCut, Some(id(0)), 1), "{row:?}");
    assert_eq!(house.vendor.calls().len(), 1);
}

#[tokio::test]
async fn where_no_key_can_serve_it_the_last_answer_is_what_the_caller_gets() {
    let mut house = two(status(500)).await;
    house.snapshot.store(snapshot(&house, &[BAD, "sk-unknown"]).into());
    let answer = house.chat(PROGRAM_TOKEN, ASK).await;
    assert_eq!(answer.status, 401, "the second key is not known there");
    assert_eq!(answer.headers["x-chela-attempts"], "2");
    let row = house.row().await;
    let why: Vec<_> = row.tries.iter().map(|tried| tried.why).collect();
    assert_eq!((why, row.attempts(), row.end), (vec!["failed", "refused"], 2, End::KeyRefused), "{row:?}");
    // A bot gets none of the words for which it would lock the vendor away.
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_neutral(&answer);
}

#[tokio::test]
async fn a_key_that_rests_is_not_asked_and_is_asked_again_when_its_rest_is_over() {
    static NOW: AtomicI64 = AtomicI64::new(1_000_000);
    let house = two(Mode::SlowDown { after: "30".into() }).await;
    let config = relay::RelayConfig {
        snapshot: house.snapshot.clone(),
        egress: Arc::new(
            Egress::new(EgressPolicy {
                allow_private: vec![Allowed::parse(&house.vendor.listed()).unwrap()],
                ..EgressPolicy::default()
            })
            .unwrap(),
        ),
        usage: relay::UsageSink::channel(64).0,
        limits: short(),
        now_ms: || NOW.load(Ordering::Relaxed),
    };
    let relay = relay::Relay::new(config);
    let ask = async || {
        let request = http::Request::post("/v1/openai/chat/completions")
            .header("authorization", format!("Bearer {PROGRAM_TOKEN}"))
            .body(http_body_util::Full::<bytes::Bytes>::from(ASK))
            .unwrap();
        relay.handle(Wire::Tcp, request).await
    };
    let tries = async || ask().await.headers()["x-chela-attempts"].to_str().unwrap().to_owned();
    assert_eq!(tries().await, "2");
    for _ in 0..4 {
        assert_eq!(tries().await, "1", "the resting key is left alone");
    }
    // Whatever else changes: what is known of a key stays known.
    house.snapshot.store(snapshot(&house, &[BAD, GOOD]).into());
    assert_eq!(rests(&house, 0, NOW.load(Ordering::Relaxed)), [Rest::Slow]);
    assert_eq!(tries().await, "1");
    // Alone it is not asked either: its vendor said when.
    house.snapshot.store(snapshot(&house, &[BAD]).into());
    let calls = house.vendor.calls().len();
    let refused = ask().await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"30".parse().unwrap()));
    assert_eq!(house.vendor.calls().len(), calls, "nobody was asked");
    NOW.fetch_add(30_000, Ordering::Relaxed);
    assert_eq!(ask().await.status(), 429);
    assert_eq!(house.vendor.calls().len(), calls + 1, "now it was");
    // Another secret is another key.
    house.snapshot.store(snapshot(&house, &[GOOD]).into());
    assert!(rests(&house, 0, NOW.load(Ordering::Relaxed)).is_empty());
    assert_eq!(ask().await.status(), 200);
}

#[tokio::test]
async fn a_key_that_fails_five_times_with_a_model_is_left_alone_for_a_while() {
    let house = two(status(500)).await;
    house.snapshot.store(snapshot(&house, &[BAD]).into());
    for _ in 0..5 {
        assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 500);
    }
    let calls = house.vendor.calls().len();
    let answer = house.chat(PROGRAM_TOKEN, ASK).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
        (503, Some("upstream_failing"))
    );
    assert_eq!(answer.headers["retry-after"], "5");
    assert_eq!(house.vendor.calls().len(), calls, "fails at once");
    let other = ASK.replace("fake-model", "other-model");
    assert_eq!(house.chat(PROGRAM_TOKEN, &other).await.status, 500, "another model is asked for");
}

#[tokio::test]
async fn a_refused_key_alone_is_asked_all_the_same_and_works_again_at_once() {
    let house = two(status(401)).await;
    house.snapshot.store(snapshot(&house, &[BAD]).into());
    assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 401);
    assert_eq!(rests(&house, 0, 1_000), [Rest::Refused]);
    house.vendor.answer_with(BAD, Mode::Answer);
    assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200, "its account is in order again");
    assert!(rests(&house, 0, 1_000).is_empty());
}

#[tokio::test]
async fn a_body_too_long_to_keep_is_sent_once_and_the_first_answer_stands() {
    let mut house = two(status(500)).await;
    let long = format!(
        r#"{{"model":"fake-model","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "x".repeat(33 << 20)
    );
    let answer = house.chat(PROGRAM_TOKEN, &long).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["x-chela-attempts"]), (500, &"1".parse().unwrap()));
    let row = house.row().await;
    assert_eq!((row.tries.len(), row.attempts()), (1, 1), "{row:?}");
}

#[tokio::test]
async fn a_200_that_says_an_error_is_one_to_the_next_key_to_the_row_and_to_a_bot() {
    let body = r#"{"error":{"code":402,"message":"Insufficient credits. Add more using your API key."}}"#;
    let mode = Mode::Json { body: body.to_owned() };
    let mut house = two(mode.clone()).await;
    assert_eq!(house.chat(BOT_TOKEN, ASK).await.headers["x-chela-attempts"], "2");
    assert_eq!(house.row().await.end, End::Complete);
    house.snapshot.store(snapshot(&house, &[BAD]).into());
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_neutral(&answer);
    assert_eq!(house.row().await.end, End::KeyRefused);
    let answer = house.chat(PROGRAM_TOKEN, ASK).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, body), "a program sees what was said");
    assert_eq!(house.row().await.end, End::VendorError);
}

#[tokio::test]
async fn where_nothing_was_said_the_caller_still_hears_a_status() {
    for (mode, status) in [
        (Mode::Events { body: String::new(), whole: true }, 502),
        (Mode::CutAfter { pieces: 0 }, 502),
        (Mode::EndAfter { pieces: 0 }, 502),
        (Mode::HangAfter { pieces: 0 }, 504),
    ] {
        let mut house = two(mode).await;
        house.snapshot.store(snapshot(&house, &[BAD]).into());
        let answer = house.chat(PROGRAM_TOKEN, ASK_STREAM).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        assert_eq!(house.row().await.status, status);
    }
}

/// What vendors say before they have anything to say, and then that they have nothing.
const OVERLOADED: [(&str, &str, &str, &str); 3] = [
    (
        "anthropic",
        "/v1/anthropic/v1/messages",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n\
         event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    ),
    (
        "openai",
        "/v1/openai/v1/responses",
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n\
         event: response.in_progress\ndata: {\"type\":\"response.in_progress\"}\n\n",
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\"}}}\n\n",
    ),
    (
        "openai",
        "/v1/openai/v1/responses",
        "event: response.created\ndata: {\"type\":\"response.created\"}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\"}\n\n",
    ),
];

#[tokio::test]
async fn an_error_behind_events_that_say_nothing_yet_is_made_good_too() {
    for (vendor, path, before, error) in OVERLOADED {
        let good = match vendor {
            "anthropic" => Mode::Answer,
            _ => Mode::Events {
                body: format!(
                    "{before}event: response.output_text.delta\ndata: {{\"delta\":\"hello\"}}\n\nevent: response.completed\ndata: {{}}\n\n"
                ),
                whole: true,
            },
        };
        for (body, status) in [(format!("{before}{error}"), Some(200)), (before.to_owned(), Some(200))] {
            let bad = Mode::Events { body, whole: true };
            let mut house = two_of(vendor, bad, good.clone()).await;
            let answer = house.chat_at(path, ASK_STREAM).await;
            let text = answer.text();
            assert_eq!((answer.status.as_u16(), answer.cut), (200, false), "{path}: {text}");
            assert_eq!(answer.headers["x-chela-attempts"], "2", "{path}: {text}");
            assert!(
                !text.contains("Overloaded") && !text.contains("failed") && !text.contains("rate_limit"),
                "{text}"
            );
            let row = house.row().await;
            assert_eq!((row.end, row.key), (End::Complete, Some(id(1))), "{path}: {row:?}");
            assert_eq!((row.tries[0].status, row.tries[0].why), (status, "failed"), "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_fails_behind_its_words_is_no_complete_one() {
    let (_, path, before, error) = OVERLOADED[1];
    let words = "event: response.output_text.delta\ndata: {\"delta\":\"hello\"}\n\n";
    let body = format!("{before}{words}{error}");
    let mut house = two(Mode::Events { body: body.clone(), whole: true }).await;
    house.snapshot.store(snapshot(&house, &[BAD]).into());
    let answer = house.post(path, &[("authorization", &format!("Bearer {PROGRAM_TOKEN}"))], ASK_STREAM).await;
    assert_eq!((answer.text(), answer.cut), (body, false), "it passes as it came");
    let row = house.row().await;
    assert_eq!((row.end, row.key, row.attempts()), (End::VendorError, Some(id(0)), 1), "{row:?}");
}

#[tokio::test]
async fn a_key_that_rests_is_named_where_another_was_asked() {
    let mut house = two(Mode::SlowDown { after: "30".into() }).await;
    let mut whys = Vec::new();
    // The second begins with the other key.
    for _ in 0..3 {
        assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200);
        let row = house.row().await;
        whys.extend(row.tries.iter().map(|tried| (tried.key, tried.status, tried.why)));
    }
    assert_eq!(whys, [(Some(id(0)), Some(429), "slow_down"), (Some(id(0)), None, "cooling_down")]);
}

#[tokio::test]
async fn what_leads_elsewhere_may_be_the_callers_path_and_is_no_failure_of_the_key() {
    let mut house = two(Mode::Redirect { location: "https://example.com/".into() }).await;
    house.snapshot.store(snapshot(&house, &[BAD]).into());
    for _ in 0..6 {
        assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 502);
        let row = house.row().await;
        assert_eq!((row.asked, row.tries.iter().filter(|tried| tried.charge.is_some()).count()), (1, 0));
    }
    assert!(rests(&house, 0, 1_000).is_empty());
}

#[tokio::test]
async fn a_model_that_three_keys_do_not_have_is_not_asked_of_a_fourth() {
    let mut house = two(status(404)).await;
    let secrets: Vec<String> = (0..5).map(|n| format!("sk-fake-no-model-{n}")).collect();
    for secret in &secrets {
        house.vendor.answer_with(secret, status(404));
    }
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    house.snapshot.store(snapshot(&house, &secrets).into());
    assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 404);
    assert_eq!((house.row().await.asked, house.vendor.calls().len()), (3, 3));
}
