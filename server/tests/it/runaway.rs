//! Bots that spend for nobody: told once a day, with figures, and answered in one step. Time is virtual: calls say when they were.

use crate::support::*;
use api::ids::{BotId, KeyId};
use relay::{End, UsageRow};
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::{
    platform::clock::{Clock, ManualClock, SystemClock},
    usage::Sees,
};
use testkit::vendor::Mode;
use uuid::Uuid;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

struct House {
    at: TestServer,
    owner: Who,
    clock: ManualClock,
    bot: String,
}

async fn house() -> House {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(SystemClock.now_ms());
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Sleepless").await;
    House { at, owner, clock, bot }
}

impl House {
    async fn call(&self, at_ms: i64, sent_bytes: u64, micro_usd: i64) -> UsageRow {
        UsageRow {
            bot: Some(self.bot.parse::<BotId>().expect("an id")),
            key: Some(KeyId(Uuid::nil())),
            asked: 1,
            vendor: "openai",
            model: "fake-model".to_owned(),
            cost_micro_usd: Some(micro_usd),
            status: 200,
            upstream_status: Some(200),
            counted: true,
            sent_bytes,
            received_bytes: 1,
            latency_ms: 1,
            end: End::Complete,
            ..UsageRow::begun(Uuid::now_v7(), self.at.first_workspace().await, Uuid::nil(), at_ms)
        }
    }

    /// Twenty calls of one size, half an hour apart, the last of them now.
    async fn beats(&self) {
        let mut calls = Vec::new();
        for n in 0..20 {
            calls.push(self.call(self.clock.now_ms() - (19 - n) * 30 * MINUTE, 61_000, 20_000).await);
        }
        self.at.server.budgets.saw(&calls);
    }

    async fn told(&self, kind: &str) -> Value {
        eventually("a notification", async || {
            let all = self.at.get(&self.owner, "/api/notifications").await.ok(200);
            all["items"].as_array()?.iter().find(|it| it["kind"] == kind).cloned()
        })
        .await
    }

    async fn over(&self, kind: &str) {
        eventually("it to be over", async || {
            let it = self.told(kind).await;
            it["resolved_at_ms"].is_i64().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_nobody_wrote_to_is_told_once_a_day_with_its_figures() {
    let house = house().await;
    house.clock.advance(11 * HOUR);
    house.beats().await;
    let told = house.told("heartbeat_loop").await;
    assert_eq!(
        told["reason"]["message"],
        "20 calls of about 61 KB, one every 30 min, and nobody wrote to it."
    );
    assert_eq!((&told["bot"]["name"], &told["count"]), (&json!("Sleepless"), &json!(1)));
    house.beats().await;
    let mut other = house.call(house.clock.now_ms(), 61_000, 20_000).await;
    other.bot = Some(BotId(Uuid::nil()));
    house.at.server.budgets.saw(&[other]);
    // Another bot's trouble is told after it, so that this one's would have been.
    let second = house.at.ready_bot(&house.owner, "Second").await;
    let mut calls = Vec::new();
    for n in 0..20 {
        let mut call = house.call(house.clock.now_ms() - (19 - n) * 30 * MINUTE, 9_000, 0).await;
        call.bot = Some(second.parse().expect("an id"));
        calls.push(call);
    }
    house.at.server.budgets.saw(&calls);
    let all = eventually("both", async || {
        let all = house.at.get(&house.owner, "/api/notifications").await.ok(200);
        let all = all["items"].as_array()?.clone();
        (all.len() == 2).then_some(all)
    })
    .await;
    assert!(all.iter().all(|it| it["count"] == 1), "once a day: {all:?}");

    let stop = json!({ "bot": house.bot, "why": "sleepless" });
    house.at.ask(&house.owner, "POST", "/api/stops", stop).await.ok(201);
    eventually("it to be over", async || {
        let all = house.at.get(&house.owner, "/api/notifications").await.ok(200);
        let mut all = all["items"].as_array()?.iter();
        all.find(|it| it["bot"]["name"] == "Sleepless").filter(|it| it["resolved_at_ms"].is_i64()).map(|_| ())
    })
    .await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_spending_in_which_nobody_wrote_is_told_and_one_in_which_somebody_did_is_not() {
    let house = house().await;
    let sent = json!({ "text": "ask:write" });
    let spends = async |from: i64| {
        let mut calls = Vec::new();
        for (n, minute) in [0, 7, 31, 44, 59, 75, 80].into_iter().enumerate() {
            calls.push(house.call(from + minute * MINUTE, 1_000 * (n as u64 + 1), 200_000).await);
        }
        calls
    };
    house.clock.advance(3 * HOUR);
    let begun = house.clock.now_ms();
    let calls = spends(begun).await;
    house.clock.advance(70 * MINUTE);
    house.at.world.vendor.play(Mode::HangAfter { pieces: 3 });
    let answer = house.at.ask(&house.owner, "POST", &format!("/api/bots/{}/messages", house.bot), sent).await;
    let answer = answer.ok(202);
    house.at.server.budgets.saw(&calls);
    house.clock.advance(5 * HOUR);
    // The bot's own words come when the later spell begins: they are not somebody's.
    let stop = format!("/api/threads/{}/stop", answer["thread_id"].as_str().expect("a thread"));
    house.at.ask(&house.owner, "POST", &stop, Value::Null).await.ok(200);
    house.at.ended(&house.owner, &answer).await;
    house.at.world.vendor.play(Mode::Answer);
    // What is left of the first after somebody wrote is neither an hour nor a dollar; the later one is both.
    let later = house.clock.now_ms();
    house.at.server.budgets.saw(&spends(later).await);
    let told = house.told("idle_spend").await;
    let message = told["reason"]["message"].as_str().expect("words");
    assert!(message.ends_with("and nobody wrote to it meanwhile."), "{message}");
    assert!(!message.starts_with("2.80"), "what came before somebody wrote is not in it: {message}");
    assert_eq!(told["count"], 1);
    house.clock.advance(25 * HOUR);
    let path = format!("/api/bots/{}/messages", house.bot);
    house.at.ask(&house.owner, "POST", &path, json!({ "text": "ask:again" })).await.ok(202);
    house.at.server.budgets.saw(&[]);
    house.over("idle_spend").await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_stays_told_when_chela_starts_anew() {
    let house = house().await;
    house.clock.advance(11 * HOUR);
    house.beats().await;
    house.told("heartbeat_loop").await;
    let House { at, owner, clock, bot } = house;
    let at = at.stop().await.serve().await;
    let house = House { at, owner, clock, bot };
    house.beats().await;
    let second = house.at.ready_bot(&house.owner, "Second").await;
    let house = House { bot: second, ..house };
    house.beats().await;
    eventually("the second", async || {
        let all = house.at.get(&house.owner, "/api/notifications").await.ok(200);
        let all = all["items"].as_array()?.clone();
        assert!(all.iter().all(|it| it["count"] == 1), "{all:?}");
        (all.len() == 2).then_some(())
    })
    .await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_says_from_when_on_it_is_told_and_that_holds_at_once_and_after_a_restart() {
    let house = house().await;
    let stranger = house.at.stranger().await;
    let shipped = json!({
        "loop_calls": 20, "loop_spread_percent": 20, "loop_apart_s": 30, "busy_minutes": 10,
        "idle_minutes": 60, "idle_micro_usd": 1_000_000,
    });
    assert_eq!(house.at.get(&house.owner, "/api/lookout").await.ok(200), shipped);
    let wrong = json!({
        "loop_calls": 4, "loop_spread_percent": 51, "loop_apart_s": 0, "busy_minutes": -1, "idle_minutes": 1_381,
        "idle_micro_usd": 0,
    });
    let refused = house.at.ask(&house.owner, "PATCH", "/api/lookout", wrong.clone()).await;
    let pointers: Vec<String> =
        wrong.as_object().expect("fields").keys().map(|field| format!("/{field}")).collect();
    let mut named = refused.pointers();
    named.sort();
    assert_eq!((refused.status, named), (422, pointers));
    let change = json!({ "loop_calls": 30, "idle_micro_usd": 2_500_000 });
    let said = house.at.ask(&house.owner, "PATCH", "/api/lookout", change).await.ok(200);
    assert_eq!((&said["loop_calls"], &said["idle_micro_usd"]), (&json!(30), &json!(2_500_000)));
    assert_eq!(house.at.get(&stranger, "/api/lookout").await.ok(200), shipped, "of their own workspace");

    house.clock.advance(11 * HOUR);
    house.beats().await;
    let change = json!({ "loop_calls": 12 });
    let said = house.at.ask(&house.owner, "PATCH", "/api/lookout", change).await.ok(200);
    assert_eq!(said["idle_micro_usd"], 2_500_000, "what is left out stays");
    let told = house.told("heartbeat_loop").await;
    let message = told["reason"]["message"].as_str().expect("words");
    assert!(message.starts_with("12 calls of about 61 KB"), "not of twenty: {message}");

    let House { at, owner, clock, .. } = house;
    let at = at.stop().await.serve().await;
    assert_eq!(at.get(&owner, "/api/lookout").await.ok(200), said);
    let bot = at.ready_bot(&owner, "Second").await;
    let house = House { at, owner, clock, bot };
    house.clock.advance(HOUR);
    let mut calls = Vec::new();
    for n in 0..12 {
        calls.push(house.call(house.clock.now_ms() + n * 10 * MINUTE, 9_000, 0).await);
    }
    house.clock.advance(2 * HOUR);
    house.at.server.budgets.saw(&calls);
    eventually("the second", async || {
        let all = house.at.get(&house.owner, "/api/notifications").await.ok(200);
        (all["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    house.at.stop().await;
}
