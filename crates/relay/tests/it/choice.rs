//! Which of several keys a call is asked with: by its caller's tags, by what each key is for, and by each key's own limits.

use crate::support::*;
use api::ids::{BotId, KeyId, WorkspaceId};
use relay::{
    CallerKind, Egress, EgressPolicy, End, Limit, Price, Prices, Snapshot, SnapshotBuilder, Tokens, Unit,
    UpstreamKey, UsageRow, Wire,
    chains::{Link, Skip},
    egress::{Allowed, BaseUrl},
    limits::{Need, Reserved},
    snapshot::token_hash,
    vendors,
};
use std::{collections::BTreeMap, sync::Arc};
use testkit::vendor::{Mode, Script};
use uuid::Uuid;

/// A key as a test wants it.
#[derive(Default)]
struct Wish {
    tags: &'static [&'static str],
    only: &'static [&'static str],
    limits: Vec<Arc<Limit>>,
    fails: bool,
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn secret(n: usize) -> String {
    format!("sk-fake-key-number-{n}")
}

fn id(n: usize) -> KeyId {
    KeyId(Uuid::from_u128(100 + n as u128))
}

fn limit(unit: Unit, most: u64) -> Arc<Limit> {
    // The test's clock stands at 1,000 ms.
    Arc::new(limit_within(unit, most, (0, 21_000)))
}

/// A house with these keys of OpenAI's; its callers prefer keys by these tags.
async fn with(tags: &[&str], wishes: Vec<Wish>) -> House {
    built(tags, wishes, |builder| builder).await
}

async fn built(
    tags: &[&str],
    wishes: Vec<Wish>,
    more: impl FnOnce(SnapshotBuilder) -> SnapshotBuilder,
) -> House {
    let mode = |wish: &Wish| if wish.fails { status(500) } else { Mode::Answer };
    let others: BTreeMap<_, _> = wishes.iter().enumerate().map(|(n, wish)| (secret(n), mode(wish))).collect();
    let house = house_out(Script { others, ..Script::default() }, short(), |fake| {
        let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    let bot = CallerKind::Bot(BotId(Uuid::from_u128(0xb1)));
    let mut builder = Snapshot::builder()
        .tagged(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp), owned(tags))
        .tagged(token_hash(BOT_TOKEN.as_bytes()), caller(bot, Wire::Tcp), owned(tags));
    for (n, wish) in wishes.into_iter().enumerate() {
        let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
        let key = UpstreamKey::new(id(n), vendors::find("openai").unwrap(), base, secret(n).into(), true)
            .with_choice(owned(wish.tags), owned(wish.only))
            .with_limits(wish.limits)
            .with_models(r#"["openai/fake-model","openai/dear"]"#.to_owned());
        builder = builder.key(workspace(), Arc::new(key));
    }
    house.snapshot.store(more(builder).build().into());
    house
}

fn status(status: u16) -> Mode {
    Mode::Status { status, body: r#"{"error":{"message":"no","type":"server_error"}}"#.into() }
}

fn whys(row: &UsageRow) -> Vec<(Option<KeyId>, &'static str)> {
    row.tries.iter().map(|tried| (tried.key, tried.why)).collect()
}

#[tokio::test]
async fn a_call_goes_by_tags_then_to_untagged_keys_then_to_any_and_tries_all_of_them() {
    let keys = || {
        let key = |tags| Wish { tags, fails: true, ..Wish::default() };
        vec![key(&["us"][..]), key(&[]), key(&["eu"]), key(&["eu", "cheap"])]
    };
    for (tags, order) in [
        (&["cheap", "eu"][..], [3, 2, 1, 0]),
        (&["us"], [0, 1, 2, 3]),
        (&[], [1, 0, 2, 3]),
        (&["nobody"], [1, 0, 2, 3]),
    ] {
        let mut house = with(tags, keys()).await;
        assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 500);
        let row = house.row().await;
        assert_eq!(whys(&row), order.map(|n| (Some(id(n)), "failed")), "{tags:?}");
    }
}

#[tokio::test]
async fn keys_with_the_same_tag_take_turns_and_the_others_are_not_asked() {
    let key = |tags| Wish { tags, ..Wish::default() };
    let mut house = with(&["eu"], vec![key(&[][..]), key(&["eu"]), key(&["eu"]), key(&["us"])]).await;
    let mut served = Vec::new();
    for _ in 0..4 {
        assert_eq!(house.chat(BOT_TOKEN, ASK).await.status, 200);
        served.push(house.row().await.key.unwrap());
    }
    assert_eq!(served, [id(1), id(2), id(1), id(2)]);
}

#[tokio::test]
async fn a_key_is_asked_for_its_models_only_and_the_row_says_why_it_was_not() {
    let key = |only| Wish { only, ..Wish::default() };
    let mut house = with(&[], vec![key(&["gpt-5", "fake-*"][..]), key(&["dear"])]).await;
    for _ in 0..3 {
        assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200);
        let row = house.row().await;
        assert_eq!(row.key, Some(id(0)));
        assert!(whys(&row).iter().all(|why| *why == (Some(id(1)), "other_models")), "{row:?}");
    }
    let dear = ASK.replace("fake-model", "dear");
    assert_eq!(house.chat(PROGRAM_TOKEN, &dear).await.status, 200);
    assert_eq!(house.row().await.key, Some(id(1)));
    // No body says one thing to Chela and another to the vendor.
    let two = ASK
        .replacen('{', r#"{"model":"fake-model","#, 1)
        .replace(r#""fake-model","messages""#, r#""dear","messages""#);
    let answer = house.chat(PROGRAM_TOKEN, &two).await;
    assert_eq!(answer.json()["error"]["code"], "two_models", "{two}: {}", answer.text());
    house.row().await;
    let listed = house.send_get("/v1/models", PROGRAM_TOKEN).await.json();
    let listed: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    let of_keys = |name: &&serde_json::Value| name.as_str().is_some_and(|name| name.contains('/'));
    assert_eq!(listed.iter().filter(of_keys).collect::<Vec<_>>(), ["openai/dear", "openai/fake-model"]);
}

#[tokio::test]
async fn where_no_key_is_for_a_model_every_dialect_says_so_and_a_bot_in_words_that_lock_nothing_away() {
    let mut house = with(&[], vec![Wish { only: &["fake-*"], ..Wish::default() }]).await;
    let link = Link::read("openai/other").unwrap();
    let skips = |link| house.snapshot.load().skips(workspace(), link, None, 1_000);
    assert_eq!(skips(&link).map(Skip::as_str), Some("no_key_for_model"));
    assert_eq!(skips(&Link::read("openai/fake-model").unwrap()), None);
    for token in [PROGRAM_TOKEN, BOT_TOKEN] {
        let answer = house.chat(token, &ASK.replace("fake-model", "other")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (400, &"not_connected_for_model".into())
        );
        assert_neutral(&answer);
        let row = house.row().await;
        assert_eq!((row.end, whys(&row)), (End::Refused, vec![(Some(id(0)), "other_models")]));
    }
    // A call that names no model needs a key for all of them.
    let answer = house.send_get("/v1/openai/files", PROGRAM_TOKEN).await;
    assert_eq!(answer.json()["error"]["code"], "not_connected_for_model");
    house.row().await;
    assert!(house.vendor.calls().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn a_key_over_its_limit_is_passed_over_until_all_are_and_then_the_caller_hears_how_long() {
    let requests = limit(Unit::Requests, 1);
    let limited = || Wish { limits: vec![Arc::clone(&requests)], tags: &["first"], ..Wish::default() };
    let other = Wish { limits: vec![limit(Unit::Requests, 2)], ..Wish::default() };
    let mut house = with(&["first"], vec![limited(), other]).await;
    let mut served = Vec::new();
    for _ in 0..3 {
        let answer = house.chat(PROGRAM_TOKEN, ASK).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let row = house.row().await;
        served.push((row.key, whys(&row)));
    }
    let over = |n| (Some(id(n)), "over_limit");
    assert_eq!(served[0], (Some(id(0)), vec![]));
    assert_eq!(served[1..], [(Some(id(1)), vec![over(0)]), (Some(id(1)), vec![over(0)])]);

    let answer = house.chat(PROGRAM_TOKEN, ASK).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (429, &"20".parse().unwrap()));
    assert_eq!(answer.json()["error"]["code"], "request_limit");
    let row = house.row().await;
    assert_eq!((row.end, row.limit, whys(&row)), (End::Refused, None, vec![over(0), over(1)]));
    let answer = house.chat(BOT_TOKEN, ASK).await;
    assert_eq!(answer.status, 400);
    assert_neutral(&answer);
    house.row().await;
    let skip = house.snapshot.load().skips(workspace(), &Link::read("openai/x").unwrap(), None, 1_000);
    assert_eq!(skip.map(Skip::as_str), Some("keys_over_limit"));
    let standing = requests.standing(1_000);
    assert_eq!((standing.used, standing.reserved), (1, 0), "who was passed over used nothing");
}

#[tokio::test]
async fn a_key_that_fails_counts_its_request_and_gives_the_rest_back() {
    let (requests, tokens) = (limit(Unit::Requests, 9), limit(Unit::Tokens, 100_000));
    let (other, theirs) = (limit(Unit::Requests, 9), limit(Unit::Tokens, 100_000));
    let keys = vec![
        Wish { limits: vec![Arc::clone(&requests), Arc::clone(&tokens)], fails: true, ..Wish::default() },
        Wish { limits: vec![Arc::clone(&other), Arc::clone(&theirs)], ..Wish::default() },
    ];
    let mut house = with(&[], keys).await;
    assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200);
    let row = house.row().await;
    assert_eq!(row.key, Some(id(1)));
    let used = |limit: &Limit| (limit.standing(1_000).used, limit.standing(1_000).reserved);
    assert_eq!([used(&requests), used(&tokens)], [(1, 0), (0, 0)]);
    let counted = row.tokens.input + row.tokens.output + row.tokens.cache_read + row.tokens.cache_write;
    assert_eq!([used(&other), used(&theirs)], [(1, 0), (counted, 0)]);
}

/// A micro-USD a token for one model, nothing known of others.
#[derive(Debug)]
struct Cheap;

impl Prices for Cheap {
    fn cost(&self, call: &UsageRow) -> Option<i64> {
        self.price(call.workspace, call.vendor, &call.model, 0, 0)?.cost(&call.tokens)
    }

    fn price(&self, _: WorkspaceId, _: &str, model: &str, _: i64, _: u64) -> Option<Price> {
        let one = 1_000_000;
        let price =
            Price { input: one, output: one, cache_read: Some(one), cache_write: Some(one), thinking: None };
        (model == "fake-model").then_some(price)
    }
}

#[tokio::test]
async fn a_keys_money_ends_its_calls_and_what_costs_nobody_knows_what_is_not_asked_with_it() {
    let money = limit(Unit::Money, 5_000);
    let keys = vec![
        Wish { limits: vec![Arc::clone(&money)], tags: &["first"], ..Wish::default() },
        Wish { only: &["fake-*"], ..Wish::default() },
    ];
    let mut house = built(&["first"], keys, |builder| builder.prices(Arc::new(Cheap))).await;
    assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200);
    let row = house.row().await;
    assert_eq!(row.key, Some(id(0)));
    let cost = u64::try_from(row.cost_micro_usd.unwrap()).unwrap();
    assert_eq!((money.standing(1_000).used, money.standing(1_000).reserved), (cost, 0));
    assert_eq!(cost, Tokens::default().input + row.tokens.input + row.tokens.output + row.tokens.cache_read);
    // What an answer may cost at most does not fit any more.
    let long = ASK.replacen('{', r#"{"max_tokens":4990,"#, 1);
    assert_eq!(house.chat(PROGRAM_TOKEN, &long).await.status, 200);
    let row = house.row().await;
    assert_eq!((row.key, whys(&row)), (Some(id(1)), vec![(Some(id(0)), "over_limit")]));
    let answer = house.chat(PROGRAM_TOKEN, &ASK.replace("fake-model", "unknown")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &"price_unknown".into()));
    let row = house.row().await;
    assert_eq!((row.end, row.reason, row.limit), (End::Refused, Some("price_unknown"), None));
}

#[tokio::test]
async fn of_several_reasons_the_caller_hears_the_one_that_is_over_soonest() {
    for turn in [[0, 1], [1, 0]] {
        let mut wishes = [
            Some(Wish { limits: vec![limit(Unit::Requests, 1)], ..Wish::default() }),
            Some(Wish { only: &["gpt-*"], ..Wish::default() }),
        ];
        let wishes = turn.map(|n: usize| wishes[n].take().unwrap());
        let mut house = with(&[], wishes.into()).await;
        assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200);
        house.row().await;
        for _ in 0..2 {
            let answer = house.chat(PROGRAM_TOKEN, ASK).await;
            assert_eq!(answer.status, 429, "{}", answer.text());
            assert_eq!(answer.headers["retry-after"], "20");
            assert_eq!(house.row().await.tries.len(), 2);
        }
    }
}

#[tokio::test]
async fn whatever_a_limit_is_of_who_is_refused_hears_how_much_there_is_and_until_when() {
    for (unit, code) in
        [(Unit::Requests, "request_limit"), (Unit::Tokens, "token_limit"), (Unit::Money, "budget_used_up")]
    {
        let mut house = built(&[], vec![Wish::default()], |builder| builder.prices(Arc::new(Cheap))).await;
        let small = limit(unit, 5_000);
        let _taken = Reserved::take(
            &[Arc::clone(&small)],
            ("", ""),
            Need { requests: 5_000, tokens: 5_000, money: 5_000 },
            1_000,
        )
        .unwrap();
        let program = caller(CallerKind::Program, Wire::Tcp).with_limits(vec![small]);
        let before = house.snapshot.load_full();
        let builder = Snapshot::builder()
            .caller(token_hash(PROGRAM_TOKEN.as_bytes()), program)
            .key(workspace(), Arc::clone(before.key(id(0)).unwrap()))
            .prices(Arc::new(Cheap));
        house.snapshot.store(builder.build().into());
        let answer = house.chat(PROGRAM_TOKEN, ASK).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (429, &code.into()));
        let said = ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
            .map(|name| answer.headers[name].to_str().unwrap().to_owned());
        assert_eq!(said, ["1", "5000", "0", "1"], "{code}: what runs may be over at once");
        house.row().await;
    }
}

#[tokio::test]
async fn a_program_is_not_told_that_a_key_is_refused_where_another_has_room_again_soon() {
    let limited = Wish { limits: vec![limit(Unit::Requests, 1)], ..Wish::default() };
    let mut house = with(&[], vec![Wish::default(), limited]).await;
    house.vendor.answer_with(&secret(0), status(401));
    assert_eq!(house.chat(PROGRAM_TOKEN, ASK).await.status, 200, "with the second key");
    house.row().await;
    for _ in 0..2 {
        let answer = house.chat(PROGRAM_TOKEN, ASK).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (429, &"request_limit".into()));
        house.row().await;
    }
    assert_eq!(house.vendor.calls().len(), 2);
}
