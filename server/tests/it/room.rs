//! Two hundred calls at once where a budget has room for a few: those few are served, and nobody beyond.

use crate::support::*;
use futures::future::join_all;
use http::Request;
use serde_json::{Value, json};
use testkit::vendor::Mode;
use tokio::task::JoinSet;

/// Calls at once.
const CALLS: usize = 200;
/// How many of them there is room for.
const ROOM: usize = 7;
/// What each may answer at most, in tokens, and what it does cost: 11 + 3 cached + 40 tokens.
const BOUND: usize = 100;
const COST: i64 = 413;

fn body() -> String {
    json!({
        "model": "openai/fake-model", "max_tokens": BOUND, "messages": [{ "role": "user", "content": "ask:x" }],
    })
    .to_string()
}

/// What one call holds back, in micro-USD: a token for four bytes of its body, and its bound.
fn held() -> i64 {
    i64::try_from(body().len().div_ceil(4) + BOUND * 10).expect("little")
}

/// A price of 1 and 10 USD a million tokens, and a program with this limit.
struct House {
    at: TestServer,
    owner: Who,
    bearer: String,
}

async fn house(limit: Value) -> House {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let price = json!({
        "vendor": "openai", "model": "fake-model", "input_price": 1_000_000, "output_price": 10_000_000,
        "cache_read_price": 500_000,
    });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    let key = json!({ "name": "Crowd", "limits": [limit] });
    let key = at.ask(&owner, "POST", "/api/virtual-keys", key).await.ok(201);
    let bearer = format!("Bearer {}", key["secret"].as_str().expect("a secret"));
    House { at, owner, bearer }
}

impl House {
    /// One call of the program.
    fn call(&self) -> impl Future<Output = Answer> + Send + use<> {
        let request = Request::post("/v1/chat/completions").header("host", "127.0.0.1");
        let request =
            request.header("authorization", &self.bearer).header("content-type", "application/json");
        send(self.at.world.relay(), request.body(body().into()).expect("a request"))
    }

    async fn budget(&self) -> Value {
        self.at.get(&self.owner, "/api/budgets").await.ok(200)["items"][0].clone()
    }

    /// The sums of the ledger, once it has as many calls.
    async fn sums(&self, calls: usize) -> Value {
        eventually("the calls' rows", async || {
            let sums = self.at.get(&self.owner, "/api/usage/summary?range=24h").await.ok(200)["sums"].clone();
            (sums["calls"] == calls).then_some(sums)
        })
        .await
    }

    /// Chat calls that reached the vendor.
    fn served(&self) -> usize {
        let calls = self.at.world.vendor.calls();
        calls.iter().filter(|call| call.path.ends_with("/chat/completions")).count()
    }
}

fn number(answer: &Answer, header: &str) -> Option<i64> {
    answer.headers.get(header)?.to_str().ok()?.parse().ok()
}

/// Refused as programs are: with the time to wait.
fn assert_refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &json!(code)), "{}", answer.text);
    assert!(number(answer, "retry-after").is_some_and(|s| s > 0), "{:?}", answer.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_calls_at_once_no_more_run_than_money_is_set_aside_for() {
    let most = held() * i64::try_from(ROOM + 1).expect("little") - 1;
    let house = house(json!({ "unit": "money", "period": "month", "most": most })).await;
    // Nothing of what is held back comes back while the others ask.
    house.at.world.vendor.play(Mode::Hang);
    let mut all: JoinSet<Answer> = (0..CALLS).map(|_| house.call()).collect();
    for _ in ROOM..CALLS {
        let refused = all.join_next().await.expect("a call").expect("no panic");
        assert_refused(&refused, "budget_used_up");
    }
    house.at.world.vendor.seen(1 + ROOM).await;
    assert_eq!(house.served(), ROOM, "as many as there is room for, and no other");
    let budget = house.budget().await;
    let taken = held() * i64::try_from(ROOM).expect("little");
    assert_eq!((&budget["reserved"], &budget["used"]), (&json!(taken), &json!(0)), "{budget}");
    all.shutdown().await;
    let sums = house.sums(CALLS).await;
    let spent = sums["cost_micro_usd"].as_i64().expect("sum") + sums["held_micro_usd"].as_i64().expect("sum");
    assert_eq!(sums["refused"], CALLS - ROOM);
    let budget = house.budget().await;
    assert_eq!((&budget["used"], &budget["reserved"]), (&json!(spent), &json!(0)), "{budget}");
    assert!(spent <= most, "{spent} of {most}");
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_give_back_what_they_did_not_use_never_spend_more_than_the_budget_together() {
    let most = held() * i64::try_from(ROOM).expect("little");
    let house = house(json!({ "unit": "money", "period": "month", "most": most })).await;
    let (mut served, mut asked) = (0, 0);
    // Until there is no room for a single one any more.
    loop {
        let calling = join_all((0..CALLS).map(|_| house.call()));
        tokio::pin!(calling);
        let answers = loop {
            tokio::select! {
                answers = &mut calling => break answers,
                budget = house.budget() => {
                    let taken = |name: &str| budget[name].as_i64().expect("a number");
                    assert!(taken("used") + taken("reserved") <= most, "while they run: {budget}");
                }
            }
        };
        asked += CALLS;
        let whole = answers.iter().filter(|answer| answer.status == 200).count();
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .for_each(|no| assert_refused(no, "budget_used_up"));
        served += whole;
        if whole == 0 {
            break;
        }
    }
    let spent = COST * i64::try_from(served).expect("little");
    assert!((most - held() + 1..=most).contains(&spent), "{served} calls, {spent} of {most}");
    assert_eq!(house.served(), served, "who was refused reached nobody");
    let sums = house.sums(asked).await;
    assert_eq!((&sums["cost_micro_usd"], &sums["held_micro_usd"]), (&json!(spent), &json!(0)), "{sums}");
    assert_eq!(sums["refused"], asked - served);
    let budget = house.budget().await;
    assert_eq!((&budget["used"], &budget["reserved"]), (&json!(spent), &json!(0)), "{budget}");
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_calls_at_once_as_many_are_served_as_a_budget_of_requests_has() {
    let house = house(json!({ "unit": "requests", "period": "month", "most": ROOM })).await;
    let answers = join_all((0..CALLS).map(|_| house.call())).await;
    let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((served.len(), house.served()), (ROOM, ROOM));
    for answer in &refused {
        assert_refused(answer, "request_limit");
        assert_eq!(number(answer, "ratelimit-remaining"), Some(0), "{:?}", answer.headers);
    }
    let mut left: Vec<_> = served.iter().map(|answer| number(answer, "ratelimit-remaining")).collect();
    left.sort_unstable();
    let room = i64::try_from(ROOM).expect("little");
    assert!(left.iter().all(|left| left.is_some_and(|left| (0..room).contains(&left))), "{left:?}");
    for answer in &answers {
        assert_eq!(number(answer, "ratelimit-limit"), Some(room), "{:?}", answer.headers);
        assert!(number(answer, "ratelimit-reset").is_some_and(|s| s > 0), "{:?}", answer.headers);
    }
    let sums = house.sums(CALLS).await;
    assert_eq!(sums["refused"], CALLS - ROOM);
    let budget = house.budget().await;
    assert_eq!((&budget["used"], &budget["reserved"]), (&json!(ROOM), &json!(0)), "{budget}");
    house.at.stop().await;
}
