//! Chains: models of several vendors under one name. Where one cannot serve a call the next one does, the caller notices
//! nothing, and the row says who was asked, who was skipped, and why.

use crate::support::*;
use api::ids::{KeyId, WorkspaceId};
use relay::{
    CallerKind, Dialect, Egress, EgressPolicy, End, Facts, Price, Prices, Snapshot, SnapshotBuilder,
    UpstreamKey, Wire,
    chains::{Chain, Link, Skip, Trigger},
    egress::{Allowed, BaseUrl},
    health::Rest,
    snapshot::token_hash,
    usage::UsageRow,
    vendors,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use testkit::vendor::{Mode, Script};
use uuid::Uuid;

/// Keys of a vendor, each with what the fake does with it.
type Keys<'a> = &'a [(&'static str, &'static str, Mode)];

const CHAT: &str = "/v1/chat/completions";
const ASK_MINE: &str = r#"{ "n":1e0, "model" : "mine" , "messages":[{"role":"user","content":"ask:t1"}]}"#;

fn chain(links: &[&str], triggers: &[Trigger]) -> Chain {
    Chain {
        name: "mine".into(),
        links: links.iter().map(|name| Link::read(name).unwrap()).collect(),
        triggers: triggers.to_vec(),
        timeout: Duration::from_secs(20),
        tries: 2,
    }
}

fn callers() -> SnapshotBuilder {
    let bot = CallerKind::Bot(api::ids::BotId(Uuid::from_u128(0xb1)));
    Snapshot::builder()
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .caller(token_hash(BOT_TOKEN.as_bytes()), caller(bot, Wire::Tcp))
}

/// A workspace with these keys and one chain of its own.
async fn with(keys: Keys<'_>, chain: Chain) -> House {
    let others: BTreeMap<_, _> =
        keys.iter().map(|(_, secret, mode)| ((*secret).to_owned(), mode.clone())).collect();
    let house = house_out(Script { others, ..Script::default() }, short(), |fake| {
        let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    let mut builder = callers().chain(workspace(), chain);
    for (n, (vendor, secret, _)) in keys.iter().enumerate() {
        let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
        let vendor = vendors::find(vendor).unwrap();
        let key = UpstreamKey::new(id(n), vendor, base, (*secret).to_owned().into(), true);
        builder = builder.key(workspace(), Arc::new(key));
    }
    house.snapshot.store(builder.build().into());
    house
}

fn id(n: usize) -> KeyId {
    KeyId(Uuid::from_u128(100 + n as u128))
}

fn says(status: u16, body: &str) -> Mode {
    Mode::Status { status, body: body.into() }
}

fn broken() -> Mode {
    says(500, r#"{"error":{"message":"no","type":"server_error"}}"#)
}

/// Links that did not serve it, and why.
fn passed_over(row: &UsageRow) -> Vec<(&str, &str)> {
    row.tries.iter().map(|tried| (tried.link.as_deref().unwrap_or(""), tried.why)).collect()
}

async fn ask(house: &House, body: &str) -> Answer {
    house.post(CHAT, &[("x-api-key", PROGRAM_TOKEN)], body).await
}

#[tokio::test]
async fn a_chain_goes_on_to_another_vendor_and_only_the_models_name_differs() {
    let links = ["openai/gpt-a", "deepseek/a \"longer\" name"];
    let keys = [("openai", "sk-one-000000001", broken()), ("deepseek", "sk-two-000000002", Mode::Echo)];
    let mut house = with(&keys, chain(&links, &Trigger::ALL)).await;
    let answer = ask(&house, ASK_MINE).await;
    let sent = |name: &str| ASK_MINE.replace("\"mine\"", name);
    assert_eq!((answer.status.as_u16(), answer.text()), (200, sent(r#""a \"longer\" name""#)));
    let said = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    assert_eq!((said("x-chela-vendor"), said("x-chela-attempts")), ("deepseek".into(), "2".into()));
    assert_eq!(said("x-chela-model"), "a \"longer\" name");
    let calls = house.vendor.calls();
    assert_eq!(calls[0].body, sent("\"gpt-a\""));
    assert!(calls.iter().all(|call| call.headers["content-length"] == call.body.len().to_string()));
    let row = house.row().await;
    assert_eq!(
        (row.chain.as_deref(), row.vendor, row.model.as_str()),
        (Some("mine"), "deepseek", "a \"longer\" name")
    );
    assert_eq!((row.key, row.attempts(), row.end), (Some(id(1)), 2, End::Complete), "{row:?}");
    assert_eq!(passed_over(&row), [("openai/gpt-a", "failed")]);
    assert_eq!(row.tries[0].status, Some(500));
}

#[tokio::test]
async fn what_cannot_be_asked_is_skipped_and_says_why_also_in_advance() {
    let links = ["nobody/x", "mistral/x", "anthropic/x", "openai/x", "deepseek/x"];
    let keys = [
        ("anthropic", "sk-one-000000001", Mode::Answer),
        ("openai", "sk-two-000000002", Mode::SlowDown { after: "60".into() }),
        ("deepseek", "sk-three-00000003", Mode::Answer),
    ];
    let mut house = with(&keys, chain(&links, &Trigger::ALL)).await;
    let always = [("nobody/x", "no_vendor"), ("mistral/x", "no_key"), ("anthropic/x", "other_dialect")];
    for last in ["slow_down", "cooling_down"] {
        let answer = ask(&house, ASK_MINE).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let row = house.row().await;
        assert_eq!(passed_over(&row), [&always[..], &[("openai/x", last)]].concat());
        let asked = if last == "slow_down" { 2 } else { 1 };
        assert_eq!(
            (row.attempts(), answer.headers["x-chela-attempts"].to_str().unwrap()),
            (asked, &*asked.to_string())
        );
    }
    let snapshot = house.snapshot.load();
    let mine = snapshot.chain(workspace(), "mine").unwrap();
    let skips = |dialect| -> Vec<_> {
        let why = |link| snapshot.skips(workspace(), link, dialect, 1_000).map(Skip::as_str);
        mine.links.iter().map(why).collect()
    };
    let openai = skips(Some(Dialect::OpenAiChat));
    assert_eq!(
        openai,
        [Some("no_vendor"), Some("no_key"), Some("other_dialect"), Some("cooling_down"), None]
    );
    assert_eq!(skips(None), [Some("no_vendor"), Some("no_key"), None, Some("cooling_down"), None]);
    // In Anthropic's dialect it is the other way round.
    let body = r#"{"model":"mine","max_tokens":9,"messages":[{"role":"user","content":"ask:t1"}]}"#;
    let answer = house.post("/v1/messages", &[("x-api-key", PROGRAM_TOKEN)], body).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["x-chela-vendor"]),
        (200, &"anthropic".parse().unwrap())
    );
}

#[tokio::test]
async fn a_chain_of_which_nothing_can_be_asked_says_so_at_once() {
    let mut house = with(&[], chain(&["openai/x", "nobody/x"], &Trigger::ALL)).await;
    let answer = house.post(CHAT, &[("x-api-key", BOT_TOKEN)], ASK_MINE).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"]["code"].as_str()), (400, Some("no_link")));
    assert_neutral(&answer);
    let row = house.row().await;
    assert_eq!((row.end, row.attempts(), row.chain.as_deref()), (End::Refused, 0, Some("mine")));
    assert!(house.vendor.calls().is_empty());
}

#[tokio::test]
async fn a_bot_whose_chain_is_refused_everywhere_reads_no_word_that_would_lock_it_out() {
    let no_key = says(401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#);
    let no_money = says(402, r#"{"error":{"message":"insufficient_quota: check your billing"}}"#);
    let keys = [("openai", "sk-one-000000001", no_key), ("deepseek", "sk-two-000000002", no_money)];
    let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], &Trigger::ALL)).await;
    let answer = house.post(CHAT, &[("x-api-key", BOT_TOKEN)], ASK_MINE).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_neutral(&answer);
    let row = house.row().await;
    assert_eq!((row.end, row.chain.as_deref(), row.attempts()), (End::KeyRefused, Some("mine"), 2));
    // A chain that is gone is no less polite.
    let gone = house.post(CHAT, &[("x-api-key", BOT_TOKEN)], &ASK_MINE.replace("mine", "gone")).await;
    assert_eq!(gone.status, 400);
    assert_neutral(&gone);
}

#[tokio::test]
async fn a_chain_is_asked_in_the_dialect_most_of_its_links_with_a_key_speak() {
    let said = async |links: &[&str], keys: Keys<'_>| {
        let house = with(keys, chain(links, &Trigger::ALL)).await;
        let snapshot = house.snapshot.load();
        snapshot.chain_dialect(workspace(), snapshot.chain(workspace(), "mine").unwrap())
    };
    let (claude, openai) =
        (("anthropic", "sk-one-000000001", Mode::Answer), ("openai", "sk-2", Mode::Answer));
    let links = ["anthropic/a", "openai/b", "mistral/c"];
    assert_eq!(said(&links, &[]).await, Some(Dialect::OpenAiChat), "most of all");
    assert_eq!(
        said(&links, std::slice::from_ref(&claude)).await,
        Some(Dialect::Anthropic),
        "the only one with a key"
    );
    assert_eq!(said(&links, &[claude, openai]).await, Some(Dialect::OpenAiChat), "of two alike");
    assert_eq!(said(&["custom-gemini/a"], &[]).await, Some(Dialect::Gemini));
    assert_eq!(said(&["replicate/a", "nobody/b"], &[]).await, None);
}

#[tokio::test]
async fn what_the_content_breaks_is_final_whatever_the_status_looks_like() {
    let flagged = r#"{"error":{"code":"content_filter","message":"insufficient_quota is not why"}}"#;
    let event = format!("data: {flagged}\n\n");
    for mode in [
        says(400, flagged),
        says(403, flagged),
        Mode::Json { body: flagged.into() },
        Mode::Events { body: event, whole: true },
    ] {
        let keys = [
            ("openai", "sk-one-000000001", mode.clone()),
            ("openai", "sk-two-000000002", mode.clone()),
            ("deepseek", "sk-three-00000003", Mode::Answer),
        ];
        let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], &Trigger::ALL)).await;
        let answer = ask(&house, ASK_MINE).await;
        assert!(answer.text().contains("content_filter"), "{mode:?}: {}", answer.text());
        assert_eq!((house.row().await.attempts(), house.vendor.calls().len()), (1, 1), "{mode:?}");
        let snapshot = house.snapshot.load();
        assert!(
            (0..2).all(|n| snapshot.key(id(n)).unwrap().health.resting(1_000).is_empty()),
            "no key is to blame"
        );
    }
}

#[tokio::test]
async fn an_account_without_money_is_a_refused_key_whatever_its_status() {
    for (mode, words) in [
        (says(400, r#"{"type":"error","error":{"message":"Your credit balance is too low"}}"#), "too low"),
        (says(429, r#"{"error":{"code":"insufficient_quota","message":"You exceeded"}}"#), "You exceeded"),
        (says(400, r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#), "API_KEY_INVALID"),
    ] {
        let keys = [("openai", "sk-one-000000001", mode), ("openai", "sk-two-000000002", Mode::Answer)];
        let mut house = with(&keys, chain(&["openai/x"], &[])).await;
        let answer = ask(&house, &ASK_MINE.replace("mine", "openai/x")).await;
        assert_eq!(answer.status, 200, "{words}: another key of the same vendor serves it");
        let row = house.row().await;
        assert_eq!((row.tries[0].why, row.attempts()), ("refused", 2));
        let [rest] = &*house.snapshot.load().key(id(0)).unwrap().health.resting(1_000) else {
            panic!("{words}")
        };
        assert_eq!((rest.resting.why, rest.since_ms, rest.streak), (Rest::Refused, 1_000, 1));
        assert!(
            rest.heard.words.as_ref().unwrap().contains(words) && rest.heard.status.is_some(),
            "{rest:?}"
        );
        // Alone it is asked all the same, and the row says what it was.
        house.vendor.answer_with("sk-two-000000002", says(402, "{}"));
        ask(&house, &ASK_MINE.replace("mine", "openai/x")).await;
        assert_eq!(house.row().await.end, End::KeyRefused);
    }
}

#[tokio::test]
async fn too_long_a_prompt_moves_on_where_the_chain_says_so_and_asks_no_other_key() {
    for words in [
        r#"{"error":{"code":"context_length_exceeded","message":"maximum context length is 8192 tokens"}}"#,
        r#"{"type":"error","error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}}"#,
    ] {
        for (triggers, status, asked) in
            [(&[Trigger::ContextLength][..], 200, 2), (&[Trigger::Overloaded], 400, 1)]
        {
            let keys = [
                ("openai", "sk-one-000000001", says(400, words)),
                ("openai", "sk-two-000000002", says(400, words)),
                ("deepseek", "sk-three-00000003", Mode::Answer),
            ];
            let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], triggers)).await;
            assert_eq!(ask(&house, ASK_MINE).await.status.as_u16(), status, "{words}");
            let row = house.row().await;
            assert_eq!((row.attempts(), house.vendor.calls().len()), (asked, asked), "{row:?}");
            let why: &[_] = if asked == 2 { &[("openai/x", "context_length_exceeded")] } else { &[] };
            assert_eq!(passed_over(&row), why);
        }
    }
}

#[tokio::test]
async fn only_its_triggers_lead_on_but_a_model_that_is_not_there_always_does() {
    let tool = r#"{"error":{"code":"tool_use_failed"}}"#;
    for (mode, trigger, why) in [
        (says(429, "{}"), Some(Trigger::RateLimit), "slow_down"),
        (says(503, "{}"), Some(Trigger::Overloaded), "failed"),
        (Mode::Hang, Some(Trigger::Timeout), "failed"),
        (says(401, "{}"), Some(Trigger::Refused), "refused"),
        (says(400, tool), Some(Trigger::ToolError), "tool_error"),
        (says(404, "{}"), None, "no_model"),
        (says(400, r#"{"error":{"code":"model_not_found"}}"#), None, "no_model"),
    ] {
        for on in [true, false] {
            let triggers: Vec<_> = Trigger::ALL.into_iter().filter(|t| (Some(*t) == trigger) == on).collect();
            let keys = [
                ("openai", "sk-one-000000001", mode.clone()),
                ("deepseek", "sk-two-000000002", Mode::Answer),
            ];
            let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], &triggers)).await;
            let answer = ask(&house, ASK_MINE).await;
            let leads = on || trigger.is_none();
            assert_eq!(answer.status == 200, leads, "{why}: {}", answer.text());
            let row = house.row().await;
            assert_eq!(row.attempts(), if leads { 2 } else { 1 }, "{why}");
            if leads {
                assert_eq!(passed_over(&row), [("openai/x", why)]);
            }
        }
    }
}

#[tokio::test]
async fn a_link_is_asked_with_as_many_keys_as_the_chain_says_and_the_last_one_with_all() {
    let secrets = ["sk-one-000000001", "sk-two-000000002", "sk-three-00000003"];
    let keys: Vec<_> = ["openai", "deepseek"]
        .into_iter()
        .flat_map(|vendor| secrets.map(|secret| (vendor, secret, broken())))
        .collect();
    let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], &Trigger::ALL)).await;
    assert_eq!(ask(&house, ASK_MINE).await.status, 500, "what the last one said");
    let row = house.row().await;
    let asked: Vec<_> = passed_over(&row).into_iter().map(|(link, _)| link).collect();
    assert_eq!(asked, ["openai/x", "openai/x", "deepseek/x", "deepseek/x", "deepseek/x"]);
    assert_eq!(row.attempts(), 5);
}

#[tokio::test]
async fn a_link_has_the_chains_time_for_its_first_word() {
    for mode in [Mode::Hang, Mode::HangAfter { pieces: 0 }] {
        let keys = [("openai", "sk-one-000000001", mode), ("deepseek", "sk-two-000000002", Mode::Answer)];
        let mine =
            Chain { timeout: Duration::from_millis(60), ..chain(&["openai/x", "deepseek/x"], &Trigger::ALL) };
        let mut house = with(&keys, mine).await;
        let streams = ASK_MINE.replace("\"n\":1e0", "\"stream\":true");
        assert!(ask(&house, &streams).await.text().contains("[DONE]"));
        let row = house.row().await;
        assert!((60..300).contains(&row.tries[0].took_ms), "{row:?}");
    }
}

#[tokio::test]
async fn what_is_too_long_to_keep_is_asked_of_the_first_link_only() {
    let keys = [("openai", "sk-one-000000001", broken()), ("deepseek", "sk-two-000000002", Mode::Answer)];
    let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], &Trigger::ALL)).await;
    let long = format!(r#"{{"model":"mine","messages":"{}"}}"#, "x".repeat(33 << 20));
    assert_eq!(ask(&house, &long).await.status, 500);
    assert_eq!(house.vendor.calls()[0].body, long.replacen("mine", "x", 1));
    assert_eq!(house.row().await.attempts(), 1);
}

#[tokio::test]
async fn gemini_names_a_chain_in_its_path() {
    let keys = [("google", "sk-one-000000001", Mode::Echo)];
    let mut house = with(&keys, chain(&["openai/x", "google/gemini-x"], &Trigger::ALL)).await;
    let ask = async |name: &str| {
        let path = format!("/v1beta/models/{name}:streamGenerateContent?alt=sse");
        house.post(&path, &[("x-goog-api-key", PROGRAM_TOKEN)], r#"{"model":"mine"}"#).await
    };
    let answer = ask("mine").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, r#"{"model":"mine"}"#), "as it is");
    let path = house.vendor.calls()[0].path.clone();
    assert!(path.ends_with("/models/gemini-x:streamGenerateContent?alt=sse"), "{path}");
    assert_eq!(ask("yours").await.status, 404);
    let row = {
        let mut rows = Vec::new();
        house.rows.recv_many(&mut rows, 8).await;
        rows.remove(0)
    };
    assert_eq!((row.chain.as_deref(), row.model.as_str()), (Some("mine"), "gemini-x"));
    assert_eq!(passed_over(&row), [("openai/x", "other_dialect")]);
}

#[tokio::test]
async fn a_chain_is_its_workspaces_own_and_comes_before_a_shipped_one() {
    let keys = [("openai", "sk-one-000000001", Mode::Echo)];
    let own = Chain { name: "coding".into(), ..chain(&["openai/own"], &[]) };
    let house = with(&keys, own.clone()).await;
    let coding = ASK_MINE.replace("mine", "coding");
    assert!(ask(&house, &coding).await.text().contains("\"own\""));
    assert_eq!(ask(&house, ASK_MINE).await.json()["error"]["code"], "unknown_vendor");
    let shipped = ask(&house, &ASK_MINE.replace("mine", "multimodal")).await;
    assert!(shipped.text().contains("\"gpt-4o\""), "{}", shipped.text());
    let other = callers().chain(WorkspaceId(Uuid::from_u128(2)), own).build();
    let chain = other.chain(workspace(), "coding").unwrap();
    assert_eq!(chain.links[0].name(), "anthropic/claude-sonnet-4-5", "another's is not ours");
}

#[tokio::test]
async fn chains_that_can_be_asked_stand_among_the_models() {
    let keys = [("anthropic", "sk-one-000000001", Mode::Answer)];
    let house = with(&keys, chain(&["anthropic/x"], &[])).await;
    let list = async |path: &str, extra: &[(&str, &str)]| {
        let mut request = http::Request::get(path).header("host", "relay").header("x-api-key", PROGRAM_TOKEN);
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        send(tokio::net::TcpStream::connect(house.at).await.unwrap(), request).await.json()
    };
    let ids = |list: &serde_json::Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_owned()).collect()
    };
    let version = [("anthropic-version", "2023-06-01")];
    let spoken = ids(&list("/v1/models", &version).await);
    assert!(["coding", "mine"].iter().all(|name| spoken.iter().any(|known| known == name)), "{spoken:?}");
    assert!(!spoken.iter().any(|name| name == "video-generation"), "nobody there has a key");
    assert!(ids(&list("/v1/models", &[]).await).is_empty(), "in OpenAI's dialect none can be asked");
    assert_eq!(list("/v1/models/mine", &version).await["id"], "mine");
}

#[tokio::test]
async fn after_the_first_word_a_chain_asks_nobody_else() {
    let keys = [
        ("openai", "sk-one-000000001", Mode::CutAfter { pieces: 2 }),
        ("deepseek", "sk-two-000000002", Mode::Answer),
    ];
    let mut house = with(&keys, chain(&["openai/x", "deepseek/x"], &Trigger::ALL)).await;
    let answer = ask(&house, &ASK_MINE.replace("\"n\":1e0", "\"stream\":true")).await;
    assert!(answer.text().contains("upstream_cut") && !answer.text().contains("[DONE]"), "{}", answer.text());
    assert_eq!((house.row().await.attempts(), house.vendor.calls().len()), (1, 1));
}

#[tokio::test]
async fn what_its_caller_may_not_ask_or_has_no_room_for_is_skipped_and_what_serves_is_what_is_counted() {
    let window: relay::limits::Windows = Arc::new(|_| (0, i64::MAX));
    let limit = |vendor: &str, most: u64| {
        let counter = Arc::new(relay::limits::Counter::new((0, i64::MAX), 0, Arc::default()));
        Arc::new(relay::limits::Limit {
            id: Uuid::from_u128(u128::from(most) + 1),
            identity: String::new(),
            unit: relay::limits::Unit::Requests,
            most,
            hard: true,
            vendor: Some(vendor.to_owned()),
            model: None,
            instead: None,
            windows: Arc::clone(&window),
            counter,
        })
    };
    let links = ["openai/x", "mistral/x", "groq/x", "deepseek/x"];
    let keys = [
        ("openai", "sk-one-000000001", Mode::Answer),
        ("mistral", "sk-two-000000002", Mode::Answer),
        ("groq", "sk-three-00000003", broken()),
        ("deepseek", "sk-four-000000004", Mode::Answer),
    ];
    let mut house = with(&keys, chain(&links, &Trigger::ALL)).await;
    let (none, some, served) = (limit("mistral", 0), limit("groq", 5), limit("deepseek", 1));
    let models = ["mistral/x", "groq/*", "deepseek/x"].map(str::to_owned).to_vec();
    let limited = relay::Caller {
        limits: vec![none, Arc::clone(&some), Arc::clone(&served)].into(),
        models: Some(Arc::new(relay::snapshot::Allowed::new(models))),
        ..caller(CallerKind::Program, Wire::Tcp)
    };
    let mut builder = Snapshot::builder()
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), limited)
        .chain(workspace(), chain(&links, &Trigger::ALL));
    for n in 0..keys.len() {
        builder = builder.key(workspace(), Arc::clone(house.snapshot.load().key(id(n)).unwrap()));
    }
    house.snapshot.store(builder.build().into());
    let used = |limit: &relay::limits::Limit| {
        let standing = limit.standing(1_000);
        (standing.used, standing.reserved)
    };
    assert_eq!(ask(&house, ASK_MINE).await.status, 200);
    let row = house.row().await;
    let why = [("openai/x", "not_allowed"), ("mistral/x", "no_room"), ("groq/x", "failed")];
    assert_eq!((passed_over(&row), row.limit), (why.to_vec(), None));
    assert_eq!((used(&some), used(&served)), ((0, 0), (1, 0)), "what failed gave its place back");
    // Now the last one has no room either, and what the one before it said is what there is.
    assert_eq!(ask(&house, ASK_MINE).await.status, 500);
    assert_eq!(passed_over(&house.row().await)[3], ("deepseek/x", "no_room"));
    assert_eq!((used(&some), used(&served)), ((1, 0), (1, 0)));
}

/// What models read at most; nothing costs anything.
struct Contexts(&'static [(&'static str, i64)]);

impl Prices for Contexts {
    fn cost(&self, _: &UsageRow) -> Option<i64> {
        None
    }

    fn price(&self, _: WorkspaceId, _: &str, _: &str, _: i64, _: u64) -> Option<Price> {
        None
    }

    fn facts(&self, _: WorkspaceId, vendor: &str, _: &str) -> Facts {
        let of = self.0.iter().find(|(of, _)| *of == vendor);
        Facts { context_length: of.map(|(_, context)| *context), ..Facts::default() }
    }
}

#[tokio::test]
async fn too_long_a_prompt_is_not_asked_of_a_model_that_is_known_to_read_no_more() {
    let words = r#"{"error":{"code":"context_length_exceeded"}}"#;
    let keys = [
        ("openai", "sk-one-000000001", says(400, words)),
        ("mistral", "sk-two-000000002", Mode::Answer),
        ("groq", "sk-three-00000003", Mode::Answer),
        ("deepseek", "sk-four-000000004", Mode::Answer),
    ];
    let links = ["openai/x", "mistral/x", "groq/x", "deepseek/x"];
    for (contexts, skipped) in [
        (&[("openai", 8_000), ("mistral", 4_000), ("groq", 8_000), ("deepseek", 16_000)][..], 2),
        (&[("openai", 8_000), ("groq", 8_000)], 0),
        (&[("mistral", 4_000)], 0),
    ] {
        let mut house = with(&keys, chain(&links, &Trigger::ALL)).await;
        let mut builder = callers().chain(workspace(), chain(&links, &Trigger::ALL));
        let before = house.snapshot.load_full();
        for n in 0..keys.len() {
            builder = builder.key(workspace(), Arc::clone(before.key(id(n)).unwrap()));
        }
        house.snapshot.store(builder.prices(Arc::new(Contexts(contexts))).build().into());
        assert_eq!(ask(&house, ASK_MINE).await.status, 200);
        let row = house.row().await;
        let want: Vec<_> = std::iter::once(("openai/x", "context_length_exceeded"))
            .chain(links[1..=skipped].iter().map(|link| (*link, "not_longer")))
            .collect();
        assert_eq!(passed_over(&row), want, "{contexts:?}");
        assert_eq!(row.attempts(), 2);
    }
}

#[tokio::test]
async fn of_links_that_may_not_be_asked_the_one_with_room_again_soon_is_told() {
    let keys = [("openai", "sk-one-000000001", Mode::Answer), ("deepseek", "sk-two-000000002", Mode::Answer)];
    for links in [["openai/other", "deepseek/x"], ["deepseek/x", "openai/other"]] {
        let mut house = with(&keys, chain(&links, &Trigger::ALL)).await;
        let before = house.snapshot.load_full();
        let only = vec!["deepseek/x".to_owned(), "mine".to_owned()];
        let program = caller(CallerKind::Program, Wire::Tcp).with_limits(vec![Arc::new(limit_within(
            relay::Unit::Requests,
            1,
            (0, 21_000),
        ))]);
        let program = relay::Caller { models: Some(Arc::new(relay::AllowedModels::new(only))), ..program };
        let mut builder = Snapshot::builder()
            .caller(token_hash(PROGRAM_TOKEN.as_bytes()), program)
            .chain(workspace(), chain(&links, &Trigger::ALL));
        for n in 0..keys.len() {
            builder = builder.key(workspace(), Arc::clone(before.key(id(n)).unwrap()));
        }
        house.snapshot.store(builder.build().into());
        assert_eq!(ask(&house, ASK_MINE).await.status, 200);
        house.row().await;
        let answer = ask(&house, ASK_MINE).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (429, &"request_limit".into()));
        house.row().await;
    }
}
