//! A cheaper model where a budget has no room for the one that is asked for.

use crate::support::*;
use api::ids::{BotId, KeyId};
use relay::{
    CallerKind, End, Limit, Snapshot, Unit, UpstreamKey, Wire, egress::BaseUrl, limits::Instead,
    snapshot::token_hash, vendors,
};
use std::sync::Arc;
use uuid::Uuid;

/// Calls that a window has, of one model or of all, and what is asked instead.
fn limit(most: u64, of: Option<&str>, (vendor, from_percent): (&str, Option<u64>)) -> Arc<Limit> {
    let vendor = vendors::find(vendor).unwrap().id;
    Arc::new(Limit {
        id: Uuid::from_u128(9),
        vendor: of.map(|_| vendor.to_owned()),
        model: of.map(str::to_owned),
        instead: Some(Instead { vendor: vendor.to_owned(), model: "small".to_owned(), from_percent }),
        ..limit_of(Unit::Requests, most)
    })
}

async fn house_of(limit: Arc<Limit>) -> House {
    let house = house().await;
    let mut snapshot = Snapshot::builder();
    let bot = CallerKind::Bot(BotId(Uuid::from_u128(0xb1)));
    for (token, kind) in [(BOT_TOKEN, bot), (PROGRAM_TOKEN, CallerKind::Program)] {
        let caller = caller(kind, Wire::Tcp).with_limits(vec![Arc::clone(&limit)]);
        snapshot = snapshot.caller(token_hash(token.as_bytes()), caller);
    }
    for (n, vendor) in vendors::all().enumerate() {
        let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
        let id = KeyId(Uuid::from_u128(100 + n as u128));
        let key = UpstreamKey::new(id, vendor, base, house.vendor.script().key.into(), true);
        snapshot = snapshot.key(workspace(), Arc::new(key));
    }
    house.snapshot.store(snapshot.build().into());
    house
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_call_without_room_goes_to_the_cheaper_model_by_a_splice_and_says_so() {
    let chat = r#"{"model":"openai/dear","n":1,"messages":[{"role":"user","content":"ask:t"}]}"#;
    let own = chat.replace("openai/dear", "dear");
    let claude =
        r#"{"max_tokens":9,"model" : "anthropic/dear" ,"messages":[{"role":"user","content":"ask:t"}]}"#;
    let gemini = r#"{"contents":[{"role":"user","parts":[{"text":"ask:t"}]}]}"#;
    for (vendor, path, body, at, sent) in [
        (
            "openai",
            "/v1/chat/completions",
            chat,
            "/v1/chat/completions",
            chat.replace("openai/dear", "small"),
        ),
        ("openai", "/v1/openai/chat/completions", &own, "/v1/chat/completions", own.replace("dear", "small")),
        ("anthropic", "/v1/messages", claude, "/v1/messages", claude.replace("anthropic/dear", "small")),
        (
            "gemini",
            "/v1beta/models/gemini/dear:generateContent",
            gemini,
            "/v1/v1beta/models/small:generateContent",
            gemini.to_owned(),
        ),
    ] {
        let mut house = house_of(limit(1, Some("dear"), (vendor, None))).await;
        let first = house.chat_at(path, body).await;
        assert_eq!((first.status.as_u16(), header(&first, "x-chela-downgraded")), (200, None), "{path}");
        assert_eq!((house.row().await.asked_model, header(&first, "x-chela-model")), (None, Some("dear")));
        let second = house.chat_at(path, body).await;
        assert_eq!(second.status, 200, "{path}: {}", second.text());
        assert_eq!(header(&second, "x-chela-model"), Some("small"), "{path}");
        assert_eq!(header(&second, "x-chela-downgraded"), Some("dear"), "{path}");
        let row = house.row().await;
        assert_eq!(
            (row.asked_model.as_deref(), row.model.as_str(), row.end),
            (Some("dear"), "small", End::Complete)
        );
        assert_eq!(row.limit, None, "nothing stopped it");
        let call = house.vendor.calls().pop().unwrap();
        assert_eq!((call.path.as_str(), &call.body), (at, &sent), "{path}");
    }
}

#[tokio::test]
async fn from_a_share_of_a_budget_on_calls_go_to_the_cheaper_model_before_it_is_full() {
    let house = house_of(limit(5, Some("dear"), ("openai", Some(80)))).await;
    let body = ASK.replace("fake-model", "dear");
    let mut served = Vec::new();
    for _ in 0..6 {
        let answer = house.chat(PROGRAM_TOKEN, &body).await;
        served.push(header(&answer, "x-chela-model").unwrap().to_owned());
    }
    assert_eq!(served, ["dear", "dear", "dear", "dear", "small", "small"]);
}

#[tokio::test]
async fn where_even_the_cheaper_model_does_not_fit_a_call_is_refused() {
    let mut house = house_of(limit(1, None, ("openai", None))).await;
    assert_eq!(house.chat(BOT_TOKEN, ASK).await.status, 200);
    house.row().await;
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &"set_aside_used".into()));
    assert_neutral(&answer);
    assert_eq!(header(&answer, "x-chela-downgraded"), None, "nobody was asked");
    let row = house.row().await;
    assert_eq!(
        (row.limit, row.model.as_str(), row.asked_model),
        (Some(Uuid::from_u128(9)), "fake-model", None)
    );
}

#[tokio::test]
async fn what_no_other_model_can_take_over_is_refused() {
    for (vendor, path, body, code) in [
        // Another vendor's model is no help here, and one for vectors is none for words.
        ("groq", "/v1/chat/completions", r#"{"model":"openai/dear","messages":[]}"#, "request_limit"),
        ("openai", "/v1/embeddings", r#"{"model":"openai/dear","input":"x"}"#, "request_limit"),
        ("openai", "/v1/chat/completions", r#"{"model":"openai/small","messages":[]}"#, "request_limit"),
        // Of two names a vendor takes the last.
        ("openai", "/v1/chat/completions", r#"{"model":"openai/dear","model":"openai/dear"}"#, "two_models"),
    ] {
        let house = house_of(limit(1, None, (vendor, Some(0)))).await;
        let used = house.post(
            "/v1/embeddings",
            &[("x-api-key", PROGRAM_TOKEN)],
            r#"{"model":"openai/e","input":"x"}"#,
        );
        assert_eq!(used.await.status, 200);
        let answer = house.post(path, &[("x-api-key", PROGRAM_TOKEN)], body).await;
        assert_eq!(answer.json()["error"]["code"], code, "{path} {body}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_stop_leads_to_no_cheaper_model() {
    let house = house_of(limit(0, Some("dear"), ("openai", None))).await;
    let answer = house.chat(PROGRAM_TOKEN, &ASK.replace("fake-model", "dear")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (403, &"stopped".into()));
}
