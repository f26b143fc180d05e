//! Bots that nobody needs sleep, and wake when somebody does.

use crate::support::*;
use api::ids::{BotId, RequestId, UsageId};
use entity::usage::usage_row;
use runtime::RuntimeKind;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use server::platform::clock::{Clock, ManualClock, SystemClock};
use testkit::gateway::Reply;
use uuid::Uuid;

const MINUTE: i64 = 60_000;

/// A server whose time a test moves. It begins now, so that whatever else tells the time is not ahead of it.
async fn timed(reply: Option<Reply>) -> (TestServer, ManualClock) {
    let mut world = World::new(RuntimeKind::Process).await;
    if let Some(reply) = reply {
        world.cells.answer_with(reply);
    }
    let clock = ManualClock::at(SystemClock.now_ms());
    world.clock = Some(clock.clone());
    (world.serve().await, clock)
}

async fn seen(at: &TestServer, who: &Who, bot: &str) -> Value {
    at.get(who, &format!("/api/bots/{bot}")).await.ok(200)
}

/// Lets a little time run until it is so.
async fn so(
    at: &TestServer,
    who: &Who,
    clock: &ManualClock,
    bot: &str,
    is: impl Fn(&Value) -> bool,
) -> Value {
    eventually("the bot to stand so", async || {
        let seen = seen(at, who, bot).await;
        if is(&seen) {
            return Some(seen);
        }
        clock.advance(100);
        None
    })
    .await
}

fn runs(bot: &Value) -> bool {
    bot["observed"] == "running" && bot["asleep_since_ms"].is_null()
}

fn sleeps(bot: &Value) -> bool {
    bot["observed"] == "stopped" && bot["asleep_since_ms"].is_i64()
}

/// A bot that runs and sleeps after so many minutes.
async fn sleeper(at: &TestServer, who: &Who, clock: &ManualClock, name: &str, minutes: u32) -> String {
    let new = json!({ "name": name, "model": "openai/fake-model", "idle_stop_minutes": minutes });
    let made = at.ask(who, "POST", "/api/bots", new).await.ok(201);
    let bot = made["id"].as_str().expect("an id").to_owned();
    so(at, who, clock, &bot, runs).await;
    bot
}

/// A server with a bot that sleeps.
async fn asleep() -> (TestServer, Who, ManualClock, String) {
    let (at, clock) = timed(None).await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = sleeper(&at, &owner, &clock, "Helper", 5).await;
    clock.advance(6 * MINUTE);
    so(&at, &owner, &clock, &bot, sleeps).await;
    (at, owner, clock, bot)
}

async fn say(at: &TestServer, who: &Who, bot: &str, text: &str) -> Value {
    at.ask(who, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": text })).await.ok(202)
}

/// The answer as it stands.
async fn answer(at: &TestServer, who: &Who, sent: &Value) -> Value {
    let thread = sent["thread_id"].as_str().expect("a thread");
    let page = at.get(who, &format!("/api/threads/{thread}/messages")).await.ok(200);
    let items = page["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().find(|m| m["id"] == sent["message_id"]).expect("the answer")
}

/// The end of an answer, while a little time runs.
async fn ended(at: &TestServer, who: &Who, clock: &ManualClock, sent: &Value) -> Value {
    eventually("the end of an answer", async || {
        clock.advance(500);
        Some(answer(at, who, sent).await).filter(|answer| answer["state"] != "streaming")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_nobody_needs_sleeps_after_its_time_not_before_and_that_is_no_failure() {
    let (at, clock) = timed(None).await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let soon = sleeper(&at, &owner, &clock, "Soon", 5).await;
    let late = sleeper(&at, &owner, &clock, "Late", 60).await;
    let never = at.make_bot(&owner, "Never").await;
    so(&at, &owner, &clock, &never, runs).await;
    clock.advance(10 * MINUTE);
    let asleep = so(&at, &owner, &clock, &soon, sleeps).await;
    assert_eq!((&asleep["desired"], &asleep["health"]), (&json!("running"), &json!("unknown")));
    assert_eq!((&asleep["reason"]["code"], &asleep["failures"]), (&json!("idle"), &Value::Null));
    let health = at.get(&owner, &format!("/api/bots/{soon}/health")).await.ok(200);
    assert_eq!(health["at_rest"], "asleep", "{health}");
    let found = at.ask(&owner, "POST", &format!("/api/bots/{soon}/diagnose"), json!({})).await.ok(200);
    let acts: Vec<_> =
        found["recommendations"].as_array().expect("advice").iter().map(|r| &r["act"]).collect();
    assert_eq!(
        (&found["overall"], acts.as_slice()),
        (&json!("healthy"), [&json!("wake")].as_slice()),
        "{found}"
    );
    assert!(!found.to_string().contains("stopped"), "asleep is not stopped: {found}");
    assert!(runs(&seen(&at, &owner, &late).await), "its hour is not over");
    clock.advance(60 * MINUTE);
    so(&at, &owner, &clock, &late, sleeps).await;
    assert!(runs(&seen(&at, &owner, &never).await), "nobody told it to sleep");
    let id: BotId = never.parse().expect("an id");
    assert_eq!(at.world.cells.living(), [id]);
    // Neither down nor wanted: a night of sleep costs no uptime.
    let wanted =
        async || at.get(&owner, &format!("/api/bots/{soon}/uptime")).await.ok(200)["wanted_ms"].clone();
    let before = wanted().await;
    clock.advance(8 * 60 * MINUTE);
    assert_eq!(wanted().await, before);
    let past = at.get(&owner, &format!("/api/bots/{soon}/events")).await.ok(200);
    let kinds: Vec<_> = past["items"].as_array().expect("events").iter().map(|e| e["kind"].clone()).collect();
    assert!(kinds.contains(&json!("slept")) && !kinds.contains(&json!("died")), "{kinds:?}");
    let told = at.get(&owner, "/api/notifications").await.ok(200);
    assert_eq!(told["items"], json!([]), "nothing happened that a person must know");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_wakes_it_and_is_answered_also_after_chela_was_restarted_meanwhile() {
    let (at, _, clock, bot) = asleep().await;
    let at = at.stop_busy().await.serve().await;
    let owner = at.owner().await;
    let idle = sleeper(&at, &owner, &clock, "Another", 5).await;
    assert!(sleeps(&seen(&at, &owner, &bot).await), "it sleeps on while another came up");
    let sent = say(&at, &owner, &bot, "ask:tide").await;
    let waits = answer(&at, &owner, &sent).await;
    assert!(waits["phase"] == "waking" || waits["state"] == "final", "{waits}");
    let answered = ended(&at, &owner, &clock, &sent).await;
    assert_eq!(answered["text"], json!(at.world.vendor.answer_to("tide")), "{answered}");
    let awake = so(&at, &owner, &clock, &bot, runs).await;
    assert_eq!(awake["reason"], Value::Null);
    let past = at.get(&owner, &format!("/api/bots/{bot}/events")).await.ok(200);
    let woke = past["items"].as_array().expect("events").iter().find(|e| e["kind"] == "woke").cloned();
    assert!(woke.is_some_and(|woke| woke["actor"].as_str().is_some_and(|who| who.starts_with("tok_"))));
    assert_eq!(at.talk(&owner, &bot, "ask:two").await["text"], json!(at.world.vendor.answer_to("two")));
    assert!(runs(&seen(&at, &owner, &idle).await) || sleeps(&seen(&at, &owner, &idle).await));
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_sleep_while_it_answers_nor_soon_after() {
    let (reply, go_on) = held_reply(&["I am "], vec!["done.".to_owned()]);
    let (at, clock) = timed(Some(reply)).await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let (busy, idle) =
        (sleeper(&at, &owner, &clock, "Busy", 5).await, sleeper(&at, &owner, &clock, "Idle", 5).await);
    let sent = say(&at, &owner, &busy, "go").await;
    clock.advance(60 * MINUTE);
    so(&at, &owner, &clock, &idle, sleeps).await;
    assert!(runs(&seen(&at, &owner, &busy).await), "an answer is under way");
    go_on.add_permits(1);
    let answered = ended(&at, &owner, &clock, &sent).await;
    assert_eq!(answered["text"], "I am done.");
    clock.advance(6 * MINUTE);
    so(&at, &owner, &clock, &busy, sleeps).await;
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_call_of_its_own_keeps_it_awake() {
    let (at, clock) = timed(None).await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let (caller, idle) =
        (sleeper(&at, &owner, &clock, "Caller", 30).await, sleeper(&at, &owner, &clock, "Idle", 30).await);
    clock.advance(20 * MINUTE);
    let row = usage_row::Model {
        id: UsageId(Uuid::now_v7()),
        workspace_id: at.first_workspace().await,
        bot_id: Some(caller.parse().expect("an id")),
        key_id: None,
        request_id: RequestId(Uuid::now_v7()),
        vendor: "openai".to_owned(),
        model: "fake-model".to_owned(),
        status: 200,
        input_tokens: 1,
        output_tokens: 1,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
        stream: false,
        ended: "finished".to_owned(),
        started_at_ms: clock.now_ms(),
        latency_ms: 1,
        first_event_ms: None,
        trace_id: None,
        chain: None,
        attempts: 1,
        tries: None,
        model_answered: None,
        virtual_key_id: None,
        cost_micro_usd: None,
        held_micro_usd: None,
        estimated: false,
        budget_id: None,
        stop_id: None,
        reason: None,
        asked_model: None,
    };
    let called = at.server.platform.db.write(async |tx| {
        usage_row::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    });
    called.await.expect("a call");
    clock.advance(15 * MINUTE);
    so(&at, &owner, &clock, &idle, sleeps).await;
    assert!(runs(&seen(&at, &owner, &caller).await), "it called a model a quarter of an hour ago");
    clock.advance(20 * MINUTE);
    so(&at, &owner, &clock, &caller, sleeps).await;
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_start_and_stop_one_that_sleeps_as_any_other() {
    let (at, clock) = timed(None).await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = sleeper(&at, &owner, &clock, "Helper", 5).await;
    let act = async |verb: &str| {
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/{verb}"), Value::Null).await.ok(200)
    };
    clock.advance(6 * MINUTE);
    so(&at, &owner, &clock, &bot, sleeps).await;
    act("start").await;
    so(&at, &owner, &clock, &bot, runs).await;
    clock.advance(6 * MINUTE);
    so(&at, &owner, &clock, &bot, sleeps).await;
    let stopped = act("stop").await;
    assert_eq!((&stopped["desired"], &stopped["asleep_since_ms"]), (&json!("stopped"), &Value::Null));
    let calm = so(&at, &owner, &clock, &bot, |bot| bot["reason"].is_null()).await;
    assert_eq!(calm["observed"], "stopped");
    let refused = at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": "hi" })).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "unavailable"),
        "a message wakes no stopped bot"
    );
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_bot_is_stopped_before_it_wakes_ends_in_words() {
    let (at, owner, clock, bot) = asleep().await;
    // It cannot come up: what wakes it finds no engine.
    at.world.cells.things.set_engine(false);
    let sent = say(&at, &owner, &bot, "ask:tide").await;
    assert_eq!(answer(&at, &owner, &sent).await["phase"], "waking");
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    let failed = ended(&at, &owner, &clock, &sent).await;
    assert_eq!(failed["state"], "failed");
    assert!(failed["error"].as_str().is_some_and(|why| why.contains("stopped")), "{failed}");
    at.world.cells.things.set_engine(true);
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_for_its_bot_outlives_chela_and_is_asked_once() {
    for killed in [false, true] {
        let (at, clock) = timed(None).await;
        let owner = at.owner().await;
        at.add_key(&owner).await;
        let bot = sleeper(&at, &owner, &clock, "Helper", 5).await;
        let other = sleeper(&at, &owner, &clock, "Other", 5).await;
        let third = sleeper(&at, &owner, &clock, "Third", 5).await;
        clock.advance(6 * MINUTE);
        for bot in [&bot, &other, &third] {
            so(&at, &owner, &clock, bot, sleeps).await;
        }
        // Nothing comes up meanwhile.
        at.world.cells.things.set_engine(false);
        let sent = say(&at, &owner, &bot, "ask:tide").await;
        let vain = say(&at, &owner, &other, "ask:nothing").await;
        let gone = say(&at, &owner, &third, "ask:nobody").await;
        let thread = gone["thread_id"].as_str().expect("a thread");
        at.ask(&owner, "DELETE", &format!("/api/threads/{thread}"), Value::Null).await.ok(200);
        let world = if killed { at.kill().await } else { at.stop_busy().await };
        let at = world.serve().await;
        let owner = at.owner().await;
        let waits = answer(&at, &owner, &sent).await;
        assert_eq!((&waits["state"], &waits["phase"]), (&json!("streaming"), &json!("waking")), "{waits}");
        // Who stops one of the bots takes its message back from it.
        at.ask(&owner, "POST", &format!("/api/bots/{other}/stop"), Value::Null).await.ok(200);
        assert_eq!(ended(&at, &owner, &clock, &vain).await["state"], "failed");
        at.world.cells.things.set_engine(true);
        let answered = ended(&at, &owner, &clock, &sent).await;
        assert_eq!(answered["text"], json!(at.world.vendor.answer_to("tide")), "{answered}");
        let thread = sent["thread_id"].as_str().expect("a thread");
        let page = at.get(&owner, &format!("/api/threads/{thread}/messages")).await.ok(200);
        assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "one question, one answer: {page}");
        let calls = at.world.vendor.calls();
        let asked = |word: &str| calls.iter().filter(|one| one.body.contains(word)).count();
        assert_eq!((asked("ask:tide"), asked("ask:nobody"), asked("ask:nothing")), (1, 0, 0));
        at.stop_busy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_while_chela_was_away_for_long_is_not_carried_out_unasked() {
    let (at, owner, clock, bot) = asleep().await;
    at.world.cells.things.set_engine(false);
    let sent = say(&at, &owner, &bot, "ask:tide").await;
    let world = at.kill().await;
    world.cells.things.set_engine(true);
    clock.advance(10 * MINUTE);
    let at = world.serve().await;
    let owner = at.owner().await;
    let failed = ended(&at, &owner, &clock, &sent).await;
    assert_eq!(failed["state"], "failed");
    assert!(failed["error"].as_str().is_some_and(|why| why.contains("away")), "{failed}");
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_holds_at_once_without_a_restart_and_within_its_limits() {
    let (at, clock) = timed(None).await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.make_bot(&owner, "Helper").await;
    so(&at, &owner, &clock, &bot, runs).await;
    let starts = at.world.cells.starts().len();
    let set = async |minutes: u32| {
        at.ask(&owner, "PATCH", &format!("/api/bots/{bot}"), json!({ "idle_stop_minutes": minutes })).await
    };
    for wrong in [1, 4, 10_081] {
        let refused = set(wrong).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/idle_stop_minutes".to_owned()]));
    }
    let saved = set(10_080).await.ok(200);
    assert_eq!((&saved["idle_stop_minutes"], &saved["pending"]), (&json!(10_080), &Value::Null));
    assert_eq!(saved["restart_needed"], json!(false));
    assert_eq!(set(0).await.ok(200)["idle_stop_minutes"], Value::Null);
    set(5).await.ok(200);
    assert_eq!(at.world.cells.starts().len(), starts, "nothing was restarted");
    clock.advance(6 * MINUTE);
    so(&at, &owner, &clock, &bot, sleeps).await;
    let like = json!({ "name": "Like it" });
    let copy = at.ask(&owner, "POST", &format!("/api/bots/{bot}/clone"), like).await.ok(201);
    let copy = seen(&at, &owner, copy["id"].as_str().expect("an id")).await;
    assert_eq!(copy["idle_stop_minutes"], json!(5));
    at.stop_busy().await;
}
