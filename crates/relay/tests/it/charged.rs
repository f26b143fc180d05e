//! Attempts that came to nothing and are charged all the same: the row's cost holds them, and so do limits.

use crate::support::*;
use api::ids::{KeyId, WorkspaceId};
use relay::{
    CallerKind, Egress, EgressPolicy, End, Limit, Price, Prices, Snapshot, Stops, Unit, UpstreamKey,
    UsageRow, Wire,
    chains::{Chain, Link, Trigger},
    egress::{Allowed, BaseUrl},
    snapshot::token_hash,
    usage::Charge,
    vendors,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::vendor::{Mode, Script};
use uuid::Uuid;

/// What a whole answer of the fake costs.
const ANSWER: i64 = 54;
const BAD: &str = "sk-fake-bad-key-0001";
const GOOD: &str = "sk-fake-good-key-0002";

/// What an operator does.
type Doing = Box<dyn Fn() + Send>;

/// A micro-USD a token, whatever kind; nothing known of `strange`.
#[derive(Default)]
struct Flat {
    /// After so many questions for a price an operator stops everything.
    stops: Mutex<Option<(Doing, u32)>>,
}

impl fmt::Debug for Flat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flat")
    }
}

impl Flat {
    fn is_asked(&self) {
        let mut stops = self.stops.lock().unwrap();
        if let Some((stop, left)) = stops.as_mut() {
            *left -= 1;
            if *left == 0 {
                stop();
                *stops = None;
            }
        }
    }
}

impl Prices for Flat {
    fn cost(&self, call: &UsageRow) -> Option<i64> {
        match (call.is_exact(), call.counted) {
            (false, _) => None,
            (true, false) => Some(0),
            (true, true) => self.price(call.workspace, call.vendor, &call.model, 0, 0)?.cost(&call.tokens),
        }
    }

    fn price(&self, _: WorkspaceId, _: &str, model: &str, _: i64, _: u64) -> Option<Price> {
        self.is_asked();
        let one = 1_000_000;
        let price =
            Price { input: one, output: one, cache_read: Some(one), cache_write: Some(one), thinking: None };
        (model != "strange").then_some(price)
    }
}

fn limit(unit: Unit, most: u64) -> Arc<Limit> {
    Arc::new(limit_of(unit, most))
}

/// A chain of two vendors, each with a key; the first one's does this. The program has limits of money, tokens and requests.
struct Chained {
    house: House,
    limits: [Arc<Limit>; 3],
    prices: Arc<Flat>,
}

impl Chained {
    async fn new(mode: Mode, links: (&str, &str), money: u64) -> Self {
        Self::of(mode, links, limit(Unit::Money, money)).await
    }

    async fn of(mode: Mode, (first, second): (&str, &str), money: Arc<Limit>) -> Self {
        let limits = [money, limit(Unit::Tokens, 2_000_000), limit(Unit::Requests, 1_000)];
        let others = BTreeMap::from([(BAD.to_owned(), mode), (GOOD.to_owned(), Mode::Answer)]);
        let house = house_out(Script { others, ..Script::default() }, short(), |fake| {
            let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
            Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
        })
        .await;
        let chain = Chain {
            name: "mine".into(),
            links: [first, second].iter().map(|name| Link::read(name).unwrap()).collect(),
            triggers: Trigger::ALL.to_vec(),
            timeout: Duration::from_secs(20),
            tries: 2,
        };
        let program = caller(CallerKind::Program, Wire::Tcp).with_limits(limits.to_vec());
        let prices = Arc::<Flat>::default();
        let mut snapshot = Snapshot::builder()
            .caller(token_hash(PROGRAM_TOKEN.as_bytes()), program)
            .prices(Arc::clone(&prices) as Arc<dyn Prices>)
            .chain(workspace(), chain);
        for (n, (name, secret)) in [(first, BAD), (second, GOOD)].into_iter().enumerate() {
            let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
            let vendor = vendors::find(name.split('/').next().unwrap()).unwrap();
            let id = KeyId(Uuid::from_u128(100 + n as u128));
            let key = UpstreamKey::new(id, vendor, base, secret.to_owned().into(), true);
            snapshot = snapshot.key(workspace(), Arc::new(key));
        }
        house.snapshot.store(snapshot.build().into());
        Self { house, limits, prices }
    }

    async fn asks(&mut self, body: &str) -> (Answer, UsageRow) {
        let answer = self.house.post("/v1/chat/completions", &[("x-api-key", PROGRAM_TOKEN)], body).await;
        (answer, self.house.row().await)
    }

    /// What is used, and held still: money, tokens, requests.
    fn used(&self) -> [(u64, u64); 3] {
        let standing = |limit: &Arc<Limit>| limit.standing(1_000);
        self.limits.each_ref().map(standing).map(|standing| (standing.used, standing.reserved))
    }

    /// What the row says that limits counted, by limit.
    fn counted(&self, row: &UsageRow) -> [u64; 3] {
        self.limits.each_ref().map(|limit| {
            row.counts.iter().filter(|count| count.limit == limit.id).map(|count| count.amount).sum()
        })
    }
}

const TOLD: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20}}

data: {"error":{"message":"overloaded","type":"server_error"}}

"#;
const STREAM: &str = r#"{"model":"mine","stream":true,"stream_options":{"include_usage":true},"max_tokens":50,"messages":[{"role":"user","content":"ask:t1"}]}"#;
const WHOLE: &str = r#"{"model":"mine","max_tokens":50,"messages":[{"role":"user","content":"ask:t1"}]}"#;

fn told() -> Mode {
    Mode::Events { body: TOLD.into(), whole: true }
}

fn json(status: u16) -> Mode {
    let body = r#"{"error":{"message":"no","type":"server_error"},"usage":{"prompt_tokens":100,"completion_tokens":20}}"#;
    match status {
        200 => Mode::Json { body: body.into() },
        status => Mode::Status { status, body: body.into() },
    }
}

#[tokio::test]
async fn a_link_that_says_what_it_used_before_it_fails_is_paid_for_in_row_and_limits() {
    let charge = Charge { tokens: 120, cost_micro_usd: Some(120), estimated: false };
    for (mode, body) in [(told(), STREAM), (json(200), WHOLE), (json(503), WHOLE)] {
        let mut chained = Chained::new(mode.clone(), ("openai/a", "deepseek/b"), 1_000_000).await;
        let (answer, row) = chained.asks(body).await;
        assert_eq!((answer.status.as_u16(), row.end), (200, End::Complete), "{mode:?}: {}", answer.text());
        let [tried] = row.tries.as_slice() else { panic!("{mode:?}: {row:?}") };
        assert_eq!((tried.link.as_deref(), tried.charge), (Some("openai/a"), Some(charge)), "{mode:?}");
        assert_eq!((row.cost_micro_usd, row.estimated), (Some(ANSWER + 120), false), "{mode:?}");
        assert_eq!(chained.used(), [(174, 0), (174, 0), (2, 0)], "{mode:?}");
        assert_eq!(chained.counted(&row), [174, 174, 2], "{mode:?}");
    }
}

#[tokio::test]
async fn a_key_that_says_what_it_used_before_it_fails_is_paid_for_too_as_one_request() {
    let mut chained = Chained::new(told(), ("openai/a", "openai/b"), 1_000_000).await;
    let (answer, row) = chained.asks(&STREAM.replace("mine", "openai/a")).await;
    assert_eq!((answer.status.as_u16(), row.attempts()), (200, 2), "{}", answer.text());
    assert_eq!(row.tries[0].charge.and_then(|charge| charge.cost_micro_usd), Some(120), "{row:?}");
    assert_eq!((row.cost_micro_usd, row.estimated), (Some(ANSWER + 120), false));
    assert_eq!((chained.used(), chained.counted(&row)), ([(174, 0), (174, 0), (1, 0)], [174, 174, 1]));
}

#[tokio::test]
async fn what_a_link_used_that_said_nothing_is_about_what_was_held_back_for_it() {
    let mut chained = Chained::new(Mode::Close, ("openai/a", "deepseek/b"), 1_000_000).await;
    let (answer, row) = chained.asks(STREAM).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let charge = row.tries[0].charge.unwrap();
    let held = STREAM.len().div_ceil(4) as u64 + 50;
    assert_eq!((charge.tokens, charge.estimated), (held, true));
    let cost = i64::try_from(held).unwrap();
    assert_eq!((charge.cost_micro_usd, row.cost_micro_usd), (Some(cost), Some(ANSWER + cost)));
    assert!(row.estimated);
    let all = held + 54;
    assert_eq!((chained.used(), chained.counted(&row)), ([(all, 0), (all, 0), (2, 0)], [all, all, 2]));
}

#[tokio::test]
async fn a_link_whose_cost_nobody_knows_makes_the_calls_cost_unknown_and_limits_keep_what_is_known() {
    // Where money is ended, nothing strange is asked.
    let soft = Limit { hard: false, ..Arc::into_inner(limit(Unit::Money, 1_000_000)).unwrap() };
    let mut chained = Chained::of(told(), ("openai/strange", "deepseek/b"), Arc::new(soft)).await;
    let (_, row) = chained.asks(STREAM).await;
    let charge = Charge { tokens: 120, cost_micro_usd: None, estimated: false };
    assert_eq!((row.tries[0].charge, row.cost_micro_usd), (Some(charge), None));
    assert_eq!((row.held_micro_usd, chained.used()[0]), (Some(ANSWER), (54, 0)));
}

#[tokio::test]
async fn the_last_attempt_is_the_calls_own_outcome_and_is_paid_for_once() {
    // The second link has no room: the first one's failure is what the caller gets.
    let mut chained = Chained::new(told(), ("openai/a", "deepseek/b"), 100).await;
    let (_, row) = chained.asks(STREAM).await;
    let skipped = |(link, why): (&str, &str)| {
        row.tries.iter().any(|tried| tried.link.as_deref() == Some(link) && tried.why == why)
    };
    assert!(skipped(("openai/a", "failed")) && skipped(("deepseek/b", "no_room")), "{row:?}");
    assert!(row.tries.iter().all(|tried| tried.charge.is_none()), "{row:?}");
    assert_eq!((row.cost_micro_usd, row.estimated), (Some(120), false), "as its vendor said: {row:?}");
    assert_eq!((chained.used()[0], chained.counted(&row)[0]), ((120, 0), 120));
}

#[tokio::test]
async fn where_a_charged_attempt_leaves_no_room_no_other_key_is_asked() {
    let mut chained = Chained::new(told(), ("openai/a", "openai/b"), 130).await;
    let (answer, row) = chained.asks(&STREAM.replace("mine", "openai/a")).await;
    assert_eq!((answer.status.as_u16(), row.end), (429, End::Refused), "{}", answer.text());
    assert_eq!((row.attempts(), row.limit), (1, Some(chained.limits[0].id)));
    assert_eq!(row.cost_micro_usd, Some(120));
    assert_eq!((chained.used(), chained.counted(&row)), ([(120, 0), (120, 0), (1, 0)], [120, 120, 1]));
}

#[tokio::test]
async fn an_attempt_that_was_charged_is_paid_for_where_everything_is_stopped_before_the_next() {
    let mut chained = Chained::new(told(), ("openai/a", "openai/b"), 1_000_000).await;
    // What the call may cost is asked for first; then what the attempt did.
    let relay = chained.house.relay.clone();
    let stop = move || {
        let mut stops = Stops::default();
        stops.all(workspace(), Uuid::from_u128(7));
        relay.stop(stops);
    };
    *chained.prices.stops.lock().unwrap() = Some((Box::new(stop), 2));
    let (answer, row) = chained.asks(&STREAM.replace("mine", "openai/a")).await;
    assert_eq!(
        (answer.status.as_u16(), row.attempts(), row.stop),
        (403, 1, Some(Uuid::from_u128(7))),
        "{row:?}"
    );
    assert_eq!(row.tries[0].charge.and_then(|charge| charge.cost_micro_usd), Some(120), "{row:?}");
    assert_eq!(row.cost_micro_usd, Some(120));
    assert_eq!((chained.used(), chained.counted(&row)), ([(120, 0), (120, 0), (1, 0)], [120, 120, 1]));
}

#[tokio::test]
async fn a_link_that_used_little_leaves_the_rest_of_what_was_held_to_the_next() {
    let body = STREAM.replace(r#""max_tokens":50"#, r#""max_tokens":500"#);
    let held = u64::try_from(body.len().div_ceil(4)).unwrap() + 500;
    let mut chained = Chained::new(told(), ("openai/a", "deepseek/b"), held + 120).await;
    let (answer, row) = chained.asks(&body).await;
    assert_eq!((answer.status.as_u16(), row.tries.len()), (200, 1), "{row:?}");
    assert_eq!(chained.used()[0], (174, 0));
    // One less, and the second has no room.
    let mut chained = Chained::new(told(), ("openai/a", "deepseek/b"), held + 119).await;
    let (_, row) = chained.asks(&body).await;
    assert_eq!((row.tries.len(), row.tries[1].why, chained.used()[0]), (2, "no_room", (120, 0)), "{row:?}");
}
