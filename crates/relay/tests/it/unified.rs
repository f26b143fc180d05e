//! One address for all vendors: the model's name chooses, the body passes as it is but for that name.

use crate::support::*;
use api::ids::{KeyId, WorkspaceId};
use bytes::Bytes;
use http::Request;
use http_body_util::{Full, StreamBody};
use relay::{
    Caller, CallerKind, Dialect, End, Facts, Price, Prices, Snapshot, UpstreamKey, Wire, egress::BaseUrl,
    snapshot::token_hash, vendors,
};
use testkit::vendor::Mode;
use tokio::net::TcpStream;
use uuid::Uuid;

const SHARED: [(&str, Dialect); 5] = [
    ("/v1/chat/completions", Dialect::OpenAiChat),
    ("/v1/embeddings", Dialect::OpenAiChat),
    ("/v1/responses", Dialect::OpenAiResponses),
    ("/v1/messages", Dialect::Anthropic),
    ("/v1/messages/count_tokens", Dialect::Anthropic),
];

#[tokio::test]
async fn the_model_chooses_among_all_vendors_that_speak_the_dialect_and_others_say_what_they_speak() {
    let mut house = house().await;
    house.vendor.play(Mode::Echo);
    for vendor in vendors::all() {
        for (path, dialect) in SHARED {
            let id = vendor.id;
            let body = format!(
                "{{ \"stream\":false,\"input\":\"a\\u00e9\\/b\", \"model\" : \"{id}/org/m:1\" , \"n\":1e0}}\n"
            );
            let before = house.vendor.calls().len();
            let answer = house.post(&format!("{path}?beta=true"), &[("x-api-key", BOT_TOKEN)], &body).await;
            let row = house.row().await;
            let calls = house.vendor.calls().split_off(before);
            assert_eq!((row.vendor, row.sent_bytes), (id, body.len() as u64));
            if vendor.dialects.contains(&dialect) {
                assert_eq!(answer.status, 200, "{id} {path}: {}", answer.text());
                assert_eq!(answer.text(), body.replace(&format!("{id}/org"), "org"), "{id} {path}");
                assert_eq!(
                    (answer.headers["x-chela-vendor"].to_str().unwrap(), row.model.as_str()),
                    (id, "org/m:1")
                );
                let end = format!("{}?beta=true", path.trim_start_matches("/v1"));
                assert!(calls[0].path.ends_with(&end), "{}", calls[0].path);
                assert_eq!(calls[0].headers["content-length"], calls[0].body.len().to_string());
            } else {
                assert_eq!((answer.status.as_u16(), row.end), (400, End::Refused), "{id} {path}");
                let said = answer.json();
                let anthropic = dialect == Dialect::Anthropic;
                assert_eq!(said["type"] == "error", anthropic, "in the caller's dialect: {said}");
                let words = said["error"]["message"].as_str().unwrap();
                assert!(words.starts_with(vendor.name) && words.contains(" speaks "), "{words}");
                assert!(words.ends_with(&format!(", not {}.", dialect.name())), "{words}");
                assert!(calls.is_empty(), "nothing is sent to who does not speak it");
                assert_neutral(&answer);
            }
        }
    }
}

#[tokio::test]
async fn gemini_names_vendor_and_model_in_the_path() {
    let mut house = house().await;
    house.vendor.play(Mode::Echo);
    let path = "/v1beta/models/google/gemini-x:streamGenerateContent?alt=sse";
    let answer = house.post(path, &[("x-goog-api-key", BOT_TOKEN)], "{\"contents\":[]}").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "{\"contents\":[]}"));
    let row = house.row().await;
    assert_eq!((row.vendor, row.model.as_str()), ("google", "gemini-x"));
    let call = &house.vendor.calls()[0];
    assert!(call.path.ends_with("/v1beta/models/gemini-x:streamGenerateContent?alt=sse"), "{}", call.path);
    assert_eq!(call.headers["x-goog-api-key"], house.vendor.script().key);
    let answer =
        house.post("/v1beta/models/mistral/m:generateContent", &[("x-goog-api-key", BOT_TOKEN)], "{}").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error"]["message"],
        "Mistral speaks OpenAI chat completions, not Gemini generateContent."
    );
    assert_eq!(answer.json()["error"]["code"], 400, "in Gemini's own shape");
    assert_eq!(house.row().await.end, End::Refused);
}

#[tokio::test]
async fn a_model_without_a_vendor_is_told_how_to_name_one() {
    let mut house = house().await;
    for body in [r#"{"model":"gpt-5"}"#, r#"{"model":"nobody/gpt-5"}"#, r#"{"messages":[]}"#, "no json", ""] {
        let answer = house.chat_at("/v1/chat/completions", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
            (400, Some("unknown_vendor")),
            "{body}"
        );
        assert_neutral(&answer);
        let row = house.row().await;
        assert_eq!((row.vendor, row.end), ("", End::Refused));
    }
    let empty =
        Snapshot::builder().caller(token_hash(BOT_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp));
    house.snapshot.store(empty.build().into());
    let answer = house.chat_at("/v1/chat/completions", r#"{"model":"openai/gpt-5"}"#).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
        (400, Some("not_connected"))
    );
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test]
async fn a_model_behind_a_long_body_still_chooses_and_one_behind_too_long_a_body_is_refused() {
    let mut house = house().await;
    house.vendor.play(Mode::Echo);
    for (size, fine) in [(3 << 20, true), (9 << 20, false)] {
        for chunked in [false, true] {
            let text = "x".repeat(size);
            let body = format!("{{\"messages\":\"{text}\",\"model\":\"openai/m\"}}");
            let request = Request::post("/v1/chat/completions").header("x-api-key", PROGRAM_TOKEN);
            let stream = TcpStream::connect(house.at).await.unwrap();
            let answer = if chunked {
                let pieces: Vec<_> = body.as_bytes().chunks(60_000).map(Bytes::copy_from_slice).collect();
                let frames = pieces.into_iter().map(|p| Ok::<_, std::io::Error>(http_body::Frame::data(p)));
                send(stream, request.body(StreamBody::new(futures::stream::iter(frames))).unwrap()).await
            } else {
                send(stream, request.body(Full::from(body.clone())).unwrap()).await
            };
            let row = house.row().await;
            if fine {
                assert_eq!((answer.status.as_u16(), row.vendor), (200, "openai"));
                assert!(answer.body == body.replace("openai/m", "m"), "the rest is as it was");
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
                    (400, Some("late_model"))
                );
                assert_eq!(row.end, End::Refused);
            }
        }
    }
    assert_eq!(house.vendor.calls().len(), 2);
}

#[tokio::test]
async fn long_bodies_that_wait_for_their_model_wait_their_turn_and_none_is_lost() {
    let mut house = house().await;
    house.vendor.play(Mode::Echo);
    let body = format!("{{\"messages\":\"{}\",\"model\":\"openai/m\"}}", "x".repeat(600_000));
    let asks = (0..24).map(|_| house.chat_at("/v1/chat/completions", &body));
    let answers = futures::future::join_all(asks).await;
    assert!(answers.iter().all(|a| a.status == 200 && a.body.len() == body.len() - "openai/".len()));
    let mut rows = Vec::new();
    while rows.len() < 24 {
        house.rows.recv_many(&mut rows, 24).await;
    }
    assert!(rows.iter().all(|r| r.end == End::Complete));
}

#[tokio::test]
async fn the_list_of_models_is_what_the_token_may_use_in_every_dialect() {
    let house = house().await;
    let base = || BaseUrl::parse(&house.vendor.base_url()).unwrap();
    let key = |n: u128, vendor: &str, models: &[&str]| {
        let id = KeyId(Uuid::from_u128(n));
        let key = UpstreamKey::new(id, vendors::find(vendor).unwrap(), base(), "s".to_owned().into(), true);
        std::sync::Arc::new(key.with_models(serde_json::to_string(models).unwrap()))
    };
    let stranger = WorkspaceId(Uuid::from_u128(2));
    let other = Caller { workspace: stranger, ..caller(CallerKind::Program, Wire::Tcp) };
    let snapshot = Snapshot::builder()
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .caller(token_hash(b"other"), other)
        .key(workspace(), key(1, "openai", &["openai/gpt-b", "openai/gpt-a"]))
        .key(workspace(), key(2, "openai", &["openai/gpt-a"]))
        .key(workspace(), key(3, "anthropic", &["anthropic/claude-x"]))
        .key(workspace(), key(4, "google", &["google/gemini-x"]))
        .key(stranger, key(5, "mistral", &["mistral/m"]));
    house.snapshot.store(snapshot.build().into());
    let get = async |path: &str, token: &str, anthropic: bool| {
        let mut request = Request::get(path).header("x-api-key", token);
        if anthropic {
            request = request.header("anthropic-version", "2023-06-01");
        }
        send(TcpStream::connect(house.at).await.unwrap(), request.body(Full::default()).unwrap()).await
    };
    let names = |answer: &Answer, list: &str, field: &str| -> Vec<String> {
        let list = answer.json()[list].as_array().unwrap_or_else(|| panic!("{}", answer.text())).clone();
        let names = list.iter().map(|m| m[field].as_str().unwrap().to_owned());
        // Chains stand behind the models; they are looked at in `chains`.
        names.take_while(|name| name.trim_start_matches("models/").contains('/')).collect()
    };
    let openai = get("/v1/models", PROGRAM_TOKEN, false).await;
    assert_eq!(names(&openai, "data", "id"), ["google/gemini-x", "openai/gpt-a", "openai/gpt-b"]);
    assert_eq!(openai.json()["data"][0]["owned_by"], "google");
    let anthropic = get("/v1/models", PROGRAM_TOKEN, true).await;
    assert_eq!(names(&anthropic, "data", "id"), ["anthropic/claude-x"]);
    assert_eq!(anthropic.json()["first_id"], "anthropic/claude-x");
    let gemini = get("/v1beta/models", PROGRAM_TOKEN, false).await;
    assert_eq!(names(&gemini, "models", "name"), ["models/google/gemini-x"]);
    assert_eq!(names(&get("/v1/models", "other", false).await, "data", "id"), ["mistral/m"]);
    assert_eq!(get("/v1/models", "nobody", false).await.status, 401);
    assert_eq!(get("/v1/models/openai/gpt-a", PROGRAM_TOKEN, false).await.json()["id"], "openai/gpt-a");
    assert_eq!(get("/v1/models/mistral/m", PROGRAM_TOKEN, false).await.status, 404);
    assert!(house.vendor.calls().is_empty(), "nobody is asked for it");
}

/// Of `known` everything, in each workspace at its own price; of others nothing.
#[derive(Debug)]
struct Told;

impl Prices for Told {
    fn cost(&self, _call: &relay::UsageRow) -> Option<i64> {
        None
    }

    fn price(&self, of: WorkspaceId, vendor: &str, model: &str, _: i64, _: u64) -> Option<Price> {
        let ours = if of == workspace() { 2_500_000 } else { 1 };
        let price = Price {
            input: ours,
            output: 10_000_000,
            cache_read: Some(0),
            cache_write: None,
            thinking: Some(3_000_000),
        };
        (model == "known")
            .then_some(Price { input: if vendor == "google" { 150_000 } else { ours }, ..price })
    }

    fn facts(&self, _: WorkspaceId, _: &str, model: &str) -> Facts {
        let known = Facts { context_length: Some(400_000), max_output_tokens: Some(128_000) };
        if model == "known" { known } else { Facts::default() }
    }
}

#[tokio::test]
async fn the_list_says_lengths_and_prices_where_they_are_known_in_each_dialects_words() {
    let house = house().await;
    let base = || BaseUrl::parse(&house.vendor.base_url()).unwrap();
    let key = |n: u128, vendor: &str, models: &[&str]| {
        let id = KeyId(Uuid::from_u128(n));
        let key = UpstreamKey::new(id, vendors::find(vendor).unwrap(), base(), "s".to_owned().into(), true);
        std::sync::Arc::new(key.with_models(serde_json::to_string(models).unwrap()))
    };
    let stranger = WorkspaceId(Uuid::from_u128(2));
    let other = Caller { workspace: stranger, ..caller(CallerKind::Program, Wire::Tcp) };
    let snapshot = Snapshot::builder()
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .caller(token_hash(b"other"), other)
        .key(workspace(), key(1, "openai", &["openai/known", "openai/strange"]))
        .key(workspace(), key(2, "anthropic", &["anthropic/known"]))
        .key(workspace(), key(3, "google", &["google/known"]))
        .key(stranger, key(4, "openai", &["openai/known"]))
        .prices(std::sync::Arc::new(Told));
    house.snapshot.store(snapshot.build().into());
    let get = async |path: &str, token: &str, version: &[(&str, &str)]| {
        let request = Request::get(path).header("x-api-key", token);
        let request = version.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer =
            send(TcpStream::connect(house.at).await.unwrap(), request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.json()
    };
    let known = get("/v1/models/openai/known", PROGRAM_TOKEN, &[]).await;
    assert_eq!((&known["context_length"], &known["max_output_tokens"]), (&400_000.into(), &128_000.into()));
    let pricing = serde_json::json!({"prompt": "0.0000025", "completion": "0.00001", "input_cache_read": "0", "internal_reasoning": "0.000003"});
    assert_eq!(known["pricing"], pricing, "USD a token; what is not known is no figure");
    let listed = get("/v1/models", PROGRAM_TOKEN, &[]).await["data"].as_array().unwrap().clone();
    assert!(listed.contains(&known), "{listed:?}");
    let strange = listed.iter().find(|model| model["id"] == "openai/strange").unwrap();
    assert_eq!(strange.as_object().unwrap().len(), 4, "nobody knows more: {strange}");
    let chain = listed.iter().find(|model| model["owned_by"] == "chela");
    assert!(chain.is_none_or(|chain| chain["pricing"].is_null()), "{chain:?}");
    let theirs = get("/v1/models/openai/known", "other", &[]).await;
    assert_eq!(theirs["pricing"]["prompt"], "0.000000000001", "another workspace's own price");
    let claude =
        get("/v1/models/anthropic/known", PROGRAM_TOKEN, &[("anthropic-version", "2023-06-01")]).await;
    assert_eq!((&claude["max_input_tokens"], &claude["max_tokens"]), (&400_000.into(), &128_000.into()));
    assert!(claude["pricing"].is_null(), "{claude}");
    let gemini = get("/v1beta/models/google/known", PROGRAM_TOKEN, &[]).await;
    assert_eq!((&gemini["inputTokenLimit"], &gemini["outputTokenLimit"]), (&400_000.into(), &128_000.into()));
}
