//! A cheaper model in the place of a chain's links, where a budget is used so far or has no room.

use crate::support::*;
use api::ids::KeyId;
use relay::{
    AllowedModels, CallerKind, End, Limit, Snapshot, Unit, UpstreamKey, UsageRow, Wire,
    chains::{Chain, Link, Trigger},
    egress::BaseUrl,
    limits::Instead,
    snapshot::token_hash,
    vendors,
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const MINE: &str = r#"{"model":"mine","messages":[{"role":"user","content":"ask:t"}]}"#;
const CHAT: &str = "/v1/chat/completions";

/// Calls of a window, of a vendor or of all, and what is asked instead, from what share on.
fn limit(most: u64, of: Option<&str>, (instead, from_percent): (&str, Option<u64>)) -> Limit {
    let (vendor, model) = instead.split_once('/').unwrap();
    Limit {
        id: Uuid::from_u128(9),
        vendor: of.map(str::to_owned),
        instead: Some(Instead { vendor: vendor.to_owned(), model: model.to_owned(), from_percent }),
        ..limit_of(Unit::Requests, most)
    }
}

async fn house_of(links: &[&str], limits: Vec<Limit>, models: Option<&[&str]>) -> House {
    let house = house().await;
    let chain = Chain {
        name: "mine".into(),
        links: links.iter().map(|name| Link::read(name).unwrap()).collect(),
        triggers: Trigger::ALL.to_vec(),
        timeout: Duration::from_secs(20),
        tries: 2,
    };
    let mut program =
        caller(CallerKind::Program, Wire::Tcp).with_limits(limits.into_iter().map(Arc::new).collect());
    let names = |models: &[&str]| models.iter().map(|name| (*name).to_owned()).collect();
    program.models = models.map(|models| Arc::new(AllowedModels::new(names(models))));
    let mut snapshot =
        Snapshot::builder().caller(token_hash(PROGRAM_TOKEN.as_bytes()), program).chain(workspace(), chain);
    for (n, vendor) in vendors::all().filter(|vendor| vendor.id != "mistral").enumerate() {
        let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
        let id = KeyId(Uuid::from_u128(100 + n as u128));
        let key = UpstreamKey::new(id, vendor, base, house.vendor.script().key.into(), true);
        snapshot = snapshot.key(workspace(), Arc::new(key));
    }
    house.snapshot.store(snapshot.build().into());
    house
}

/// Which model served, and in whose place.
async fn served(house: &mut House, path: &str, body: &str) -> (Answer, String, Option<String>, UsageRow) {
    let answer = house.post(path, &[("x-api-key", PROGRAM_TOKEN)], body).await;
    let row = house.row().await;
    let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (model, instead) = (header("x-chela-model").unwrap_or_default(), header("x-chela-downgraded"));
    assert_eq!((&instead, &row.chain), (&row.asked_model, &Some("mine".to_owned())), "{row:?}");
    let model = format!("{}/{model}", row.vendor);
    (answer, model, instead, row)
}

fn why(row: &UsageRow) -> Vec<(&str, &str)> {
    row.tries.iter().map(|tried| (tried.link.as_deref().unwrap_or(""), tried.why)).collect()
}

#[tokio::test]
async fn from_a_share_of_a_budget_on_a_chain_is_the_cheaper_model() {
    let links = ["openai/dear", "deepseek/dear"];
    let mut house = house_of(&links, vec![limit(9, None, ("groq/small", Some(20)))], None).await;
    for (served_by, instead) in
        [("openai/dear", None), ("openai/dear", None), ("groq/small", Some("mine".to_owned()))]
    {
        let (answer, model, asked, row) = served(&mut house, CHAT, MINE).await;
        assert_eq!((answer.status.as_u16(), model.as_str(), asked), (200, served_by, instead), "{row:?}");
        assert_eq!((row.end, row.tries.len()), (End::Complete, 0), "{row:?}");
    }
    let sent = house.vendor.calls().pop().unwrap().body;
    assert_eq!(sent, MINE.replace("mine", "small"), "and nothing else of its body differs");
}

#[tokio::test]
async fn a_budget_of_a_vendor_changes_its_links_only() {
    let links = ["deepseek/dear", "openai/dear"];
    let limits = || vec![limit(9, Some("openai"), ("openai/small", Some(0)))];
    let mut house = house_of(&links, limits(), None).await;
    assert_eq!(served(&mut house, CHAT, MINE).await.1, "deepseek/dear");
    let mut house = house_of(&["openai/dear", "deepseek/dear"], limits(), None).await;
    assert_eq!(served(&mut house, CHAT, MINE).await.1, "openai/small");
}

#[tokio::test]
async fn where_the_cheaper_model_cannot_be_asked_the_chain_goes_on_and_the_row_says_why() {
    let links = ["openai/dear", "deepseek/dear"];
    for (instead, models, skipped) in [
        ("anthropic/small", None, "other_dialect"),
        ("mistral/small", None, "no_key"),
        ("groq/small", Some(["openai/*", "deepseek/*"].as_slice()), "not_allowed"),
    ] {
        let mut house = house_of(&links, vec![limit(9, None, (instead, Some(0)))], models).await;
        let (answer, model, asked, row) = served(&mut house, CHAT, MINE).await;
        assert_eq!((answer.status.as_u16(), model.as_str(), asked), (200, "openai/dear", None), "{instead}");
        assert_eq!(why(&row), [(instead, skipped)], "{instead}: {row:?}");
    }
}

#[tokio::test]
async fn the_first_budget_whose_cheaper_model_can_be_asked_says_which_it_is() {
    let links = ["openai/dear", "deepseek/dear"];
    let other = |id, instead| Limit { id: Uuid::from_u128(id), ..limit(9, None, (instead, Some(0))) };
    let limits = vec![other(1, "anthropic/small"), other(2, "groq/small")];
    let mut house = house_of(&links, limits, None).await;
    let (answer, model, _, row) = served(&mut house, CHAT, MINE).await;
    assert_eq!((answer.status.as_u16(), model.as_str()), (200, "groq/small"), "{row:?}");
    assert_eq!(why(&row), [("anthropic/small", "other_dialect")]);
}

#[tokio::test]
async fn where_no_link_has_room_the_cheaper_model_of_any_budget_that_refused_one_is_asked() {
    let of = |id, vendor| Limit { id: Uuid::from_u128(id), ..limit(1, Some(vendor), ("groq/small", None)) };
    let plain = Limit { instead: None, ..of(2, "deepseek") };
    let mut house = house_of(&["openai/dear", "deepseek/dear"], vec![of(1, "openai"), plain], None).await;
    for model in ["openai/dear", "deepseek/dear", "groq/small"] {
        assert_eq!(served(&mut house, CHAT, MINE).await.1, model);
    }
}

#[tokio::test]
async fn where_no_link_has_room_the_cheaper_model_is_asked_before_the_call_is_refused() {
    let links = ["openai/dear", "openai/less-dear"];
    let limits = || vec![limit(1, Some("openai"), ("groq/small", None))];
    let mut house = house_of(&links, limits(), None).await;
    assert_eq!(served(&mut house, CHAT, MINE).await.1, "openai/dear");
    let (answer, model, asked, row) = served(&mut house, CHAT, MINE).await;
    assert_eq!((answer.status.as_u16(), model.as_str(), asked.as_deref()), (200, "groq/small", Some("mine")));
    assert_eq!(why(&row), [("openai/dear", "no_room"), ("openai/less-dear", "no_room")]);
    assert_eq!(row.limit, None, "nothing stopped it");
    // Another link comes first.
    let mut house = house_of(&["openai/dear", "deepseek/dear"], limits(), None).await;
    served(&mut house, CHAT, MINE).await;
    assert_eq!(served(&mut house, CHAT, MINE).await.1, "deepseek/dear");
    // What somebody stopped leads nowhere.
    let stop = vec![limit(0, None, ("groq/small", Some(0)))];
    let mut house = house_of(&links, stop, None).await;
    let (answer, ..) = served(&mut house, CHAT, MINE).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[tokio::test]
async fn in_geminis_path_the_cheaper_model_is_named_and_tokens_are_counted_by_the_chains_own() {
    let limits = || vec![limit(9, None, ("google/small", Some(0)))];
    let mut house = house_of(&["google/dear"], limits(), None).await;
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"ask:t"}]}]}"#;
    let (answer, model, ..) = served(&mut house, "/v1beta/models/mine:generateContent", body).await;
    assert_eq!((answer.status.as_u16(), model.as_str()), (200, "google/small"), "{}", answer.text());
    let (_, model, ..) = served(&mut house, "/v1beta/models/mine:countTokens", body).await;
    assert_eq!(model, "google/dear");
}
