//! Chela killed at every step, bots that die or hang, an engine that goes away: it converges, leaves nothing
//! behind and makes nothing twice.

use crate::support::*;
use api::ids::BotId;
use runtime::{Observation, RuntimeKind};
use serde_json::{Value, json};
use server::platform::clock::{Clock, ManualClock};
use testkit::fake_runtime::{Call, Edge, Fault};

const NOW: i64 = 1_795_165_200_000;

/// Exactly these bots have something in the runtime, each one process, files and rows; nobody else does.
async fn only(at: &TestServer, who: &Who, bots: &[&str]) {
    let ids: Vec<BotId> = bots.iter().map(|b| b.parse().expect("an id")).collect();
    eventually("no orphan in the runtime", async || (at.world.cells.things.bots() == ids).then_some(()))
        .await;
    assert_eq!(at.world.cells.living(), ids);
    let listed = at.get(who, "/api/bots").await.ok(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(bots.len()), "{listed}");
    assert_eq!(rows_of(at, "bots").await, i64::try_from(bots.len()).expect("few"));
    let files = std::fs::read_dir(at.world.data().join("bots")).expect("the bots' files").flatten();
    let mut names: Vec<String> = files.filter_map(|f| f.file_name().into_string().ok()).collect();
    names.retain(|name| name != ".trash");
    names.sort();
    assert_eq!(names, bots);
    assert_eq!(rows_of(at, "bot_tokens").await, i64::try_from(bots.len()).expect("few"));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Create,
    Stop,
    Delete,
}

/// The calls of the runtime on the way of each act.
fn steps(act: Act) -> &'static [Call] {
    match act {
        Act::Create => &[Call::Prepare, Call::Create, Call::Start],
        Act::Stop | Act::Delete => &[Call::Stop, Call::Remove],
    }
}

/// Kills Chela while `call` of `act` stands at `edge`, starts another one, and looks how it ends.
async fn killed_at(kind: RuntimeKind, act: Act, call: Call, edge: Edge) {
    let at = World::new(kind).await.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = if act == Act::Create { String::new() } else { at.ready_bot(&owner, "Helper").await };
    let held = at.world.cells.hold(call, edge);
    let bot = match act {
        Act::Create => at.make_bot(&owner, "Helper").await,
        Act::Stop => {
            at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
            bot
        }
        Act::Delete => {
            at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
            bot
        }
    };
    tokio::time::timeout(PATIENCE, held.reached()).await.unwrap_or_else(|_| panic!("{call:?} never came"));
    let at = at.kill().await.serve().await;
    match act {
        Act::Create => {
            at.observed(&owner, &bot, "running").await;
            only(&at, &owner, &[&bot]).await;
            assert_eq!(at.world.cells.starts().len(), 1, "{call:?} {edge:?}: started once");
            let said = at.talk(&owner, &bot, "ask:alive").await;
            assert_eq!(said["text"], json!(at.world.vendor.answer_to("alive")), "{said}");
        }
        Act::Stop => {
            at.observed(&owner, &bot, "stopped").await;
            assert!(at.world.cells.things.bots().is_empty() && at.world.cells.living().is_empty());
            at.ask(&owner, "POST", &format!("/api/bots/{bot}/start"), Value::Null).await.ok(200);
            at.observed(&owner, &bot, "running").await;
            only(&at, &owner, &[&bot]).await;
        }
        Act::Delete => {
            eventually("the bot to be gone", async || (rows_of(&at, "bots").await == 0).then_some(())).await;
            only(&at, &owner, &[]).await;
        }
    }
    at.stop().await;
}

async fn killed_everywhere(kind: RuntimeKind, act: Act) {
    for _ in 0..kill_rounds() {
        for call in steps(act) {
            for edge in [Edge::Before, Edge::After] {
                killed_at(kind, act, *call, edge).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_killed_at_any_step_of_making_a_bot_makes_it_once() {
    killed_everywhere(RuntimeKind::Process, Act::Create).await;
    killed_everywhere(RuntimeKind::Docker, Act::Create).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_killed_at_any_step_of_stopping_a_bot_stops_it() {
    killed_everywhere(RuntimeKind::Process, Act::Stop).await;
    killed_everywhere(RuntimeKind::Docker, Act::Stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_killed_at_any_step_of_deleting_a_bot_leaves_nothing_of_it() {
    killed_everywhere(RuntimeKind::Process, Act::Delete).await;
    killed_everywhere(RuntimeKind::Docker, Act::Delete).await;
}

/// A server whose time a test moves.
async fn timed() -> (TestServer, ManualClock) {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(NOW);
    world.clock = Some(clock.clone());
    (world.serve().await, clock)
}

/// Lets time run until a bot is seen like this.
async fn in_time(at: &TestServer, who: &Who, clock: &ManualClock, bot: &str, observed: &str) -> Value {
    eventually(observed, async || {
        let seen = at.get(who, &format!("/api/bots/{bot}")).await.ok(200);
        if seen["observed"] == observed {
            return Some(seen);
        }
        clock.advance(500);
        None
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_every_call_is_tried_again_until_it_works() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    for call in Call::ALL {
        for fault in Fault::ALL {
            at.world.cells.things.fail_next(call, fault);
            let bot = at.make_bot(&owner, "Helper").await;
            in_time(&at, &owner, &clock, &bot, "running").await;
            at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
            in_time(&at, &owner, &clock, &bot, "stopped").await;
            at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
            eventually("the bot to be gone", async || {
                clock.advance(500);
                (rows_of(&at, "bots").await == 0).then_some(())
            })
            .await;
            at.world.cells.things.forgive();
            only(&at, &owner, &[]).await;
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_dies_is_back_after_a_pause_that_doubles() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id: BotId = bot.parse().expect("an id");
    let deaths = [(1_usize, 200, "exited"), (2, 1_000, "exited"), (3, 2_000, "crash_loop")];
    for (death, pause, named) in deaths {
        assert!(at.world.cells.exit(id, 137));
        let failed = eventually("the death to be noticed", async || {
            let seen = at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200);
            (seen["restarts"] == death).then_some(seen)
        })
        .await;
        assert_eq!(failed["reason"]["code"], named);
        assert_eq!(failed["next_try_at_ms"], json!(clock.now_ms() + pause), "though it was ready in between");
        eventually("the remains to be taken away", async || {
            at.world.cells.things.bots().is_empty().then_some(())
        })
        .await;
        clock.advance(pause - 1);
        assert!(at.world.cells.things.bots().is_empty(), "not before its time");
        clock.advance(1);
        at.observed(&owner, &bot, "running").await;
        assert_eq!(at.world.cells.starts().len(), death + 1);
    }
    only(&at, &owner, &[&bot]).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_hangs_is_replaced() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id: BotId = bot.parse().expect("an id");
    at.world.cells.mute(id).await;
    let hung = eventually("the hang to be noticed", async || {
        let seen = at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200);
        clock.advance(500);
        (seen["restarts"] == 1).then_some(seen)
    })
    .await;
    assert_eq!(hung["reason"]["code"], "gateway_timeout", "{hung}");
    in_time(&at, &owner, &clock, &bot, "running").await;
    assert_eq!(at.world.cells.starts().len(), 2);
    only(&at, &owner, &[&bot]).await;
    assert_eq!(at.talk(&owner, &bot, "ask:back").await["text"], json!(at.world.vendor.answer_to("back")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_goes_away_for_a_while_costs_time_and_nothing_else() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let first = at.ready_bot(&owner, "First").await;
    at.world.cells.things.set_engine(false);
    in_time(&at, &owner, &clock, &first, "unknown").await;
    let why = async || at.get(&owner, &format!("/api/bots/{first}")).await.ok(200)["reason"]["code"].clone();
    assert_eq!(why().await, "runtime_away");
    let second = at.make_bot(&owner, "Second").await;
    at.ask(&owner, "POST", &format!("/api/bots/{first}/restart"), Value::Null).await.ok(200);
    clock.advance(60_000);
    in_time(&at, &owner, &clock, &second, "unknown").await;
    at.world.cells.things.set_engine(true);
    for bot in [&first, &second] {
        in_time(&at, &owner, &clock, bot, "running").await;
    }
    eventually("the restart", async || {
        clock.advance(500);
        (at.world.cells.starts().len() == 3).then_some(())
    })
    .await;
    in_time(&at, &owner, &clock, &first, "running").await;
    assert_eq!(why().await, "no_key", "what it lacks now");
    only(&at, &owner, &[&first, &second]).await;
    // Why one failed is still to be read where the engine goes away meanwhile.
    assert!(at.world.cells.exit(first.parse().expect("an id"), 1));
    eventually("the death to be noticed", async || (why().await == "exited").then_some(())).await;
    at.world.cells.things.set_engine(false);
    in_time(&at, &owner, &clock, &first, "unknown").await;
    assert_eq!(why().await, "exited");
    at.world.cells.things.set_engine(true);
    in_time(&at, &owner, &clock, &first, "running").await;
    assert_eq!(why().await, "no_key", "what it lacks now");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_deleted_while_its_engine_is_away_is_told_of_until_it_is_gone() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let (kept, gone) = (at.ready_bot(&owner, "Kept").await, at.ready_bot(&owner, "Gone").await);
    at.world.cells.things.set_engine(false);
    for bot in [&kept, &gone] {
        in_time(&at, &owner, &clock, bot, "unknown").await;
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/trash"), Value::Null).await.ok(200);
    }
    at.ask(&owner, "DELETE", &format!("/api/bots/{gone}"), Value::Null).await.ok(200);
    let told = eventually("both are told of", async || {
        clock.advance(500);
        let page = at.get(&owner, "/api/bots?trashed=true&sort=name").await.ok(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let waits =
            |bot: &Value| bot["reason"]["message"].as_str().is_some_and(|m| m.contains("goes as soon as"));
        (items.len() == 2 && items.iter().all(waits)).then_some(items)
    })
    .await;
    let wanted: Vec<_> = told.iter().map(|bot| bot["desired"].clone()).collect();
    assert_eq!(wanted, [json!("deleted"), json!("stopped")]);
    let stats = at.get(&owner, "/api/bots/stats").await.ok(200);
    assert_eq!((&stats["total"], &stats["trashed"]), (&json!(0), &json!(2)));
    let jobs = at.get(&at.operator().await, "/api/jobs?state=queued&kind=bots.reconcile").await.ok(200);
    let waits: Vec<_> = jobs["items"].as_array().expect("jobs").iter().map(|job| &job["waits_for"]).collect();
    assert!(!waits.is_empty() && waits.iter().all(|wait| *wait == "runtime"), "{jobs}");
    // It cannot be had back, and is no bot of any other list.
    assert_eq!(at.ask(&owner, "POST", &format!("/api/bots/{gone}/restore"), Value::Null).await.status, 404);
    assert_eq!(at.get(&owner, &format!("/api/bots/{gone}")).await.status, 404);
    at.world.cells.things.set_engine(true);
    eventually("only the kept one is left, and stopped", async || {
        clock.advance(5_000);
        let page = at.get(&owner, "/api/bots?trashed=true").await.ok(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let rests = items.iter().all(|bot| bot["observed"] == "stopped" && bot["reason"].is_null());
        (items.len() == 1 && rests).then_some(())
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_bot_left_in_the_runtime_is_removed() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let orphan = BotId(uuid::Uuid::now_v7());
    at.world.cells.things.plant(
        orphan,
        Observation::Exited { generation: 1, code: None, out_of_memory: false, asked: false, at_ms: None },
    );
    eventually("the orphan to go", async || {
        clock.advance(5_000);
        at.world.cells.things.bots().is_empty().then_some(())
    })
    .await;
    only(&at, &owner, &[]).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_progress_is_cancelled_by_stop_and_leaves_nothing() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    for _ in 0..4 {
        at.world.cells.things.fail_next(Call::Prepare, Fault::Before);
    }
    let bot = at.make_bot(&owner, "Helper").await;
    let failed = at.observed(&owner, &bot, "failed").await;
    assert_eq!(failed["health"], "unhealthy");
    assert!(failed["reason"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{failed}");
    assert!(failed["next_try_at_ms"].is_i64(), "{failed}");
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    let stopped = in_time(&at, &owner, &clock, &bot, "stopped").await;
    assert_eq!((&stopped["reason"], &stopped["next_try_at_ms"]), (&Value::Null, &Value::Null));
    assert!(at.world.cells.things.bots().is_empty());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_marked_as_cut_however_its_bot_or_chela_went_away() {
    let world = World::new(RuntimeKind::Process).await;
    world.cells.answer_with(slow_reply());
    let mut at = world.serve().await;
    let owner = at.owner().await;
    for way in ["stopped", "killed", "deleted"] {
        let bot = at.ready_bot(&owner, &format!("Helper {way}")).await;
        let path = format!("/api/bots/{bot}/messages");
        let sent = at.ask(&owner, "POST", &path, json!({ "text": "go" })).await.ok(202);
        let thread = sent["thread_id"].as_str().expect("a thread").to_owned();
        let mut live = at.live(&owner).await.expect("a socket");
        live.subscribe(&format!("thread:{thread}")).await;
        let mut shown = Shown::default();
        while shown.deltas < 3 {
            shown.take(live.next().await.expect("a frame"));
        }
        if way == "deleted" {
            at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
            let id = sent["message_id"].as_str().expect("a message");
            let cut = loop {
                shown.take(live.next().await.expect("a frame"));
                if let Some(cut) = shown.ended(id) {
                    break cut.clone();
                }
            };
            let why = cut.error.clone().unwrap_or_default();
            assert!(why.starts_with("Cut"), "the stream ends with a reason: {cut:?}");
            eventually("the bot to be gone", async || (rows_of(&at, "bots").await == 2).then_some(())).await;
            break;
        }
        at = if way == "killed" { at.kill().await.serve().await } else { at.stop_busy().await.serve().await };
        let ended = at.ended(&owner, &sent).await;
        assert_eq!(ended["state"], "failed", "{way}: {ended}");
        assert!(ended["error"].as_str().is_some_and(|why| why.starts_with("Cut")), "{way}: {ended}");
        at.observed(&owner, &bot, "running").await;
        let again = json!({ "text": "go", "thread_id": thread });
        eventually("the thread to be free", async || {
            let sent = at.ask(&owner, "POST", &path, again.clone()).await;
            (sent.status == 202).then_some(())
        })
        .await;
    }
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_outlived_chela_is_taken_over_as_it_is() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let before = at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200);
    let at = at.kill().await.serve().await;
    let now = at.observed(&owner, &bot, "running").await;
    assert_eq!(now["since_ms"], before["since_ms"], "it has been ready all along");
    let past = at.get(&owner, &format!("/api/bots/{bot}/events")).await.ok(200);
    let told: Vec<_> = past["items"].as_array().expect("events").iter().map(|event| &event["kind"]).collect();
    assert_eq!(told, ["ready", "created"], "and it was told once");
    assert_eq!(at.talk(&owner, &bot, "ask:still").await["text"], json!(at.world.vendor.answer_to("still")));
    assert_eq!(at.world.cells.starts().len(), 1, "never started again");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_leaves_alone_what_stands_as_wanted_and_finds_what_nobody_told_of() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id: BotId = bot.parse().expect("an id");
    let idle = at.ready_bot(&owner, "Idle").await;
    at.ask(&owner, "POST", &format!("/api/bots/{idle}/stop"), Value::Null).await.ok(200);
    at.observed(&owner, &idle, "stopped").await;
    let jobs = &at.server.platform.jobs;
    let calls = |call: Call| at.world.cells.things.calls().iter().filter(|(made, _)| *made == call).count();
    // A sweep that lists again has ended the one before. The clock goes on seldom: to run ahead of gateways makes them
    // look silent.
    let sweep = async || {
        let (listed, mut turn) = (calls(Call::List), 0);
        eventually("a sweep", async || {
            if turn % 100 == 0 {
                clock.advance(30_000);
            }
            turn += 1;
            (calls(Call::List) > listed).then_some(())
        })
        .await;
    };
    sweep().await;
    sweep().await;
    eventually("every job to be done", async || (jobs.open().await.expect("jobs") == 0).then_some(())).await;
    let looked = calls(Call::Inspect);
    sweep().await;
    sweep().await;
    assert_eq!(calls(Call::Inspect), looked, "nobody gets a turn for nothing");

    let exited = Observation::Exited {
        generation: 1,
        code: Some(137),
        out_of_memory: true,
        asked: false,
        at_ms: None,
    };
    at.world.cells.things.plant(id, exited);
    sweep().await;
    // More may have become of the bot since.
    let mut turn = 0;
    let died = eventually("the death to be noticed", async || {
        // Where it is to wait for its turn, time has to pass.
        turn += 1;
        if turn % 100 == 0 {
            clock.advance(30_000);
        }
        let past = at.get(&owner, &format!("/api/bots/{bot}/events")).await.ok(200);
        past["items"].as_array()?.iter().rfind(|event| event["kind"] == "died").cloned()
    })
    .await;
    assert_eq!(died["reason"]["code"], "out_of_memory");
    at.stop_busy().await;
}
