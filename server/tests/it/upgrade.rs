//! A bot is given another OpenClaw: rehearsed while the old one serves, swapped with its state kept, undone by itself
//! where the new one is not well, and taken up again wherever Chela is killed.

use crate::support::*;
use api::ids::BotId;
use runtime::{RuntimeKind, home::Part};
use serde_json::{Value, json};
use server::platform::clock::ManualClock;
use std::path::PathBuf;
use testkit::fake_runtime::{Broken, Call, Edge, STATE_FILE};

const NOW: i64 = 1_795_165_200_000;
const OLD: &str = "2026.9.6";
const NEW: &str = "2026.10.1";

struct Bench {
    at: TestServer,
    clock: ManualClock,
    owner: Who,
    bot: String,
}

impl Bench {
    /// A ready bot of the old version whose state says so; Chela has the new one to offer.
    async fn new(kind: RuntimeKind) -> Self {
        let mut world = World::new(kind).await;
        let clock = ManualClock::at(NOW);
        world.clock = Some(clock.clone());
        world.cells.things.set_openclaw(OLD);
        let at = world.serve().await;
        let owner = at.owner().await;
        at.add_key(&owner).await;
        let bot = at.ready_bot(&owner, "Helper").await;
        at.world.cells.things.set_openclaw(NEW);
        let bench = Self { at, clock, owner, bot };
        std::fs::write(bench.state_file(), "from before").expect("written");
        bench
    }

    fn id(&self) -> BotId {
        self.bot.parse().expect("an id")
    }

    fn state_file(&self) -> PathBuf {
        self.dir(&self.bot).join(Part::State.name()).join(STATE_FILE)
    }

    fn dir(&self, bot: &str) -> PathBuf {
        self.at.world.data().join("bots").join(bot)
    }

    async fn seen(&self) -> Value {
        self.at.get(&self.owner, &format!("/api/bots/{}", self.bot)).await.ok(200)
    }

    async fn act(&self, act: &str, body: Value) -> Answer {
        self.at.ask(&self.owner, "POST", &format!("/api/bots/{}/{act}", self.bot), body).await
    }

    /// Lets time run until the upgrade stands so, slowly enough for a busy machine to start a bot within its deadline.
    async fn phase(&self, phase: &str) -> Value {
        self.phase_by(200, phase).await
    }

    /// The same in leaps of so many milliseconds.
    async fn phase_by(&self, leap: i64, phase: &str) -> Value {
        eventually(phase, async || {
            let seen = self.seen().await;
            if seen["upgrade"]["phase"] == phase {
                return Some(seen);
            }
            self.clock.advance(leap);
            None
        })
        .await
    }

    /// The only bot there is, the only thing that lives, and no file of another one.
    async fn alone(&self) {
        let cells = &self.at.world.cells;
        let names = || {
            let names =
                std::fs::read_dir(self.at.world.data().join("bots")).expect("the bots' files").flatten();
            let names = names.filter_map(|f| f.file_name().into_string().ok());
            names.filter(|name| name != ".trash").collect::<Vec<_>>()
        };
        eventually("no rehearsal left", async || {
            let runs = cells.things.bots() == [self.id()] && cells.living() == [self.id()];
            (runs && names() == [self.bot.clone()]).then_some(())
        })
        .await;
    }

    async fn answers(&self) {
        let said = self.at.talk(&self.owner, &self.bot, "ask:alive").await;
        assert_eq!(said["text"], json!(self.at.world.vendor.answer_to("alive")), "{said}");
    }

    /// Kinds of what happened to it, newest first.
    async fn past(&self) -> Vec<String> {
        let page = self.at.get(&self.owner, &format!("/api/bots/{}/events", self.bot)).await.ok(200);
        let items = page["items"].as_array().expect("a page");
        items.iter().map(|event| event["kind"].as_str().expect("a word").to_owned()).collect()
    }

    async fn told(&self) -> Vec<Value> {
        let page = self.at.get(&self.owner, "/api/notifications").await.ok(200);
        page["items"].as_array().expect("a page").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_comes_up_with_a_copy_while_the_old_one_serves_and_then_takes_over() {
    for kind in [RuntimeKind::Process, RuntimeKind::Docker] {
        let bench = Bench::new(kind).await;
        let before = bench.seen().await;
        assert_eq!(
            (&before["openclaw"], &before["openclaw_offers"]),
            (&json!(OLD), &json!([NEW])),
            "not unasked"
        );
        let held = bench.at.world.cells.hold(Call::Start, Edge::After);
        let asked = bench.act("upgrade", json!({})).await.ok(200);
        assert_eq!(asked["upgrade"]["to"], NEW);
        held.reached().await;
        // The copy lives beside it, and nobody sees it.
        assert_eq!(bench.at.world.cells.living().len(), 2);
        let seen = bench.seen().await;
        assert_eq!((&seen["observed"], &seen["upgrade"]["phase"]), (&json!("running"), &json!("rehearsing")));
        bench.answers().await;
        assert_eq!(
            bench.at.get(&bench.owner, "/api/bots").await.ok(200)["items"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(rows_of(&bench.at, "bot_tokens").await, 1, "it has no token of the relay");
        held.go_on();
        let proving = bench.phase("proving").await;
        assert_eq!(proving["openclaw"], NEW);
        let done = bench.phase("done").await;
        assert!(
            done["upgrade"]["kept_until_ms"].as_i64() > done["upgrade"]["ended_at_ms"].as_i64(),
            "{done}"
        );
        assert_eq!((&done["openclaw"], &done["openclaw_offers"]), (&json!(NEW), &json!([])));
        bench.answers().await;
        bench.alone().await;
        let past = bench.past().await;
        assert!(past.starts_with(&["upgraded".to_owned(), "ready".to_owned()]), "{past:?}");
        assert_eq!(
            bench.act("upgrade", json!({})).await.ok(200)["upgrade"]["phase"],
            "done",
            "there is no newer one"
        );
        assert!(bench.told().await.is_empty(), "nothing went wrong");
        bench.at.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_come_up_with_the_copy_never_touches_the_bot() {
    for (broken, says) in [(Broken::Refuses, "exit 78"), (Broken::Hangs, "180 s")] {
        let bench = Bench::new(RuntimeKind::Process).await;
        bench.at.world.cells.break_version(NEW, broken);
        bench.act("upgrade", json!({})).await.ok(200);
        let seen = bench.phase_by(500, "failed").await;
        let reason = &seen["upgrade"]["reason"];
        assert_eq!(reason["code"], "upgrade_failed");
        assert!(reason["message"].as_str().is_some_and(|text| text.contains(says)), "{reason}");
        assert_eq!((&seen["openclaw"], &seen["observed"]), (&json!(OLD), &json!("running")));
        assert_eq!(seen["restarts"], 0);
        assert_eq!(std::fs::read_to_string(bench.state_file()).expect("the state"), "from before");
        let own = bench.at.world.cells.starts().into_iter().filter(|(bot, _)| *bot == bench.id()).count();
        assert_eq!(own, 1, "it was never stopped");
        bench.alone().await;
        bench.answers().await;
        let told = bench.told().await;
        assert_eq!(told.first().map(|n| &n["kind"]), Some(&json!("upgrade_undone")), "{told:?}");
        assert_eq!(bench.past().await.first().map(String::as_str), Some("upgrade_undone"));
        bench.at.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_in_earnest_is_undone_with_the_state_from_before() {
    let bench = Bench::new(RuntimeKind::Process).await;
    bench.at.world.cells.break_version(NEW, Broken::InEarnest);
    bench.act("upgrade", json!({})).await.ok(200);
    let seen = bench.phase("returned").await;
    assert_eq!(seen["upgrade"]["reason"]["code"], "upgrade_undone");
    assert_eq!((&seen["openclaw"], &seen["observed"]), (&json!(OLD), &json!("running")));
    assert_eq!(std::fs::read_to_string(bench.state_file()).expect("the state"), "from before");
    bench.answers().await;
    bench.alone().await;
    let past = bench.past().await;
    assert_eq!(past.first().map(String::as_str), Some("upgrade_undone"), "{past:?}");
    assert_eq!(past.iter().filter(|kind| *kind == "died").count(), 1, "one death, no loop: {past:?}");
    let told = bench.told().await;
    assert_eq!(told.first().map(|n| &n["kind"]), Some(&json!("upgrade_undone")), "{told:?}");
    let path = format!("/api/bots/{}/postmortems", bench.bot);
    assert_eq!(bench.at.get(&bench.owner, &path).await.ok(200)["items"].as_array().map(Vec::len), Some(1));
    bench.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_dies_within_its_minute_is_undone_and_one_that_dies_after_it_is_not() {
    let bench = Bench::new(RuntimeKind::Process).await;
    // The clock stands: nothing but the minute is missing.
    let upgraded = async || {
        let came_up = async || bench.past().await.iter().filter(|kind| *kind == "ready").count();
        let before = came_up().await;
        bench.act("upgrade", json!({})).await.ok(200);
        eventually("the new version to be ready", async || (came_up().await > before).then_some(())).await;
        assert_eq!(bench.seen().await["openclaw"], NEW);
    };
    upgraded().await;
    bench.answers().await;
    assert_eq!(bench.seen().await["upgrade"]["phase"], "proving", "it answers, and is not well yet");
    assert!(bench.at.world.cells.exit(bench.id(), 1));
    assert_eq!(bench.phase("returned").await["openclaw"], OLD);
    assert_eq!(std::fs::read_to_string(bench.state_file()).expect("the state"), "from before");
    bench.at.observed(&bench.owner, &bench.bot, "running").await;
    upgraded().await;
    bench.phase("done").await;
    assert!(bench.at.world.cells.exit(bench.id(), 1));
    eventually("it to be back", async || {
        bench.clock.advance(500);
        let seen = bench.seen().await;
        (seen["restarts"] == 2 && seen["observed"] == "running").then_some(())
    })
    .await;
    assert_eq!(bench.seen().await["openclaw"], NEW);
    bench.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_goes_back_by_hand_within_seven_days_and_not_later() {
    let bench = Bench::new(RuntimeKind::Process).await;
    assert_eq!(bench.act("upgrade/return", Value::Null).await.status, 409, "nothing to go back to");
    bench.act("upgrade", json!({})).await.ok(200);
    bench.phase("done").await;
    std::fs::write(bench.state_file(), "changed since").expect("written");
    bench.act("upgrade/return", Value::Null).await.ok(200);
    let seen = bench.phase("returned").await;
    assert_eq!((&seen["openclaw"], &seen["upgrade"]["kept_until_ms"]), (&json!(OLD), &Value::Null));
    bench.at.observed(&bench.owner, &bench.bot, "running").await;
    assert_eq!(std::fs::read_to_string(bench.state_file()).expect("the state"), "from before");
    bench.answers().await;
    // Once more, and time passes.
    bench.act("upgrade", json!({ "rehearse": false })).await.ok(200);
    bench.phase("done").await;
    assert!(bench.dir(&bench.bot).join("kept").exists());
    bench.clock.advance(api::bots::KEPT_STATE_MS);
    eventually("the copy to be given up", async || {
        bench.clock.advance(60_000);
        (!bench.dir(&bench.bot).join("kept").exists()).then_some(())
    })
    .await;
    assert_eq!(bench.act("upgrade/return", Value::Null).await.status, 409);
    bench.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_outlives_an_upgrade_that_came_to_nothing_and_no_older_version_is_offered() {
    let bench = Bench::new(RuntimeKind::Process).await;
    bench.act("upgrade", json!({})).await.ok(200);
    bench.phase("done").await;
    std::fs::write(bench.state_file(), "changed since").expect("written");
    bench.at.world.cells.things.set_openclaw(OLD);
    assert_eq!(bench.seen().await["openclaw_offers"], json!([]), "its state is a newer version's");
    assert_eq!(bench.act("upgrade", json!({ "to": OLD })).await.status, 422);
    bench.at.world.cells.things.set_openclaw("2026.11.1");
    bench.at.world.cells.break_version("2026.11.1", Broken::Refuses);
    bench.act("upgrade", json!({})).await.ok(200);
    let failed = bench.phase("failed").await;
    assert_eq!((&failed["openclaw"], &failed["upgrade"]["kept_version"]), (&json!(NEW), &json!(OLD)));
    bench.act("upgrade/return", Value::Null).await.ok(200);
    let seen = bench.phase("returned").await;
    assert_eq!((&seen["openclaw"], &seen["upgrade"]["to"]), (&json!(OLD), &json!(NEW)));
    bench.at.observed(&bench.owner, &bench.bot, "running").await;
    assert_eq!(std::fs::read_to_string(bench.state_file()).expect("the state"), "from before");
    bench.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_bot_is_upgraded_when_it_starts_and_may_be_cancelled_until_then() {
    let bench = Bench::new(RuntimeKind::Process).await;
    bench.act("stop", Value::Null).await.ok(200);
    bench.at.observed(&bench.owner, &bench.bot, "stopped").await;
    bench.act("upgrade", json!({})).await.ok(200);
    assert_eq!(bench.phase("proving").await["observed"], "stopped");
    let path = format!("/api/bots/{}", bench.bot);
    bench.at.ask(&bench.owner, "PATCH", &path, json!({ "prompt": "Other." })).await.ok(200);
    bench.act("apply", Value::Null).await.ok(200);
    let cancelled = bench.act("upgrade/cancel", Value::Null).await.ok(200);
    assert_eq!((&cancelled["openclaw"], &cancelled["upgrade"]["phase"]), (&json!(OLD), &json!("failed")));
    bench.act("upgrade", json!({})).await.ok(200);
    bench.phase("proving").await;
    bench.act("start", Value::Null).await.ok(200);
    assert_eq!(bench.phase("done").await["openclaw"], NEW);
    bench.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_cancelled_before_it_takes_over_and_goes_alone() {
    let bench = Bench::new(RuntimeKind::Process).await;
    let held = bench.at.world.cells.hold(Call::Create, Edge::After);
    bench.act("upgrade", json!({ "to": NEW })).await.ok(200);
    held.reached().await;
    let twice = bench.act("upgrade", json!({})).await;
    assert_eq!((twice.status, twice.code().as_str()), (409, "conflict"));
    assert_eq!(bench.act("upgrade", json!({ "to": "1.2.3" })).await.status, 409);
    let cancelled = bench.act("upgrade/cancel", Value::Null).await.ok(200);
    assert_eq!(cancelled["upgrade"]["reason"]["code"], "upgrade_cancelled");
    held.go_on();
    bench.alone().await;
    assert_eq!(bench.seen().await["openclaw"], OLD);
    let unknown = eventually("the rehearsal to be cleared away", async || {
        let unknown = bench.act("upgrade", json!({ "to": "1.2.3" })).await;
        (unknown.status != 409).then_some(unknown)
    })
    .await;
    assert_eq!((unknown.status, unknown.pointers()), (422, vec!["/to".to_owned()]));
    bench.answers().await;
    bench.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_not_changed_in_the_middle_of_a_swap() {
    let bench = Bench::new(RuntimeKind::Process).await;
    bench.act("upgrade", json!({})).await.ok(200);
    bench.phase("proving").await;
    let path = format!("/api/bots/{}", bench.bot);
    bench.at.ask(&bench.owner, "PATCH", &path, json!({ "prompt": "Other." })).await.ok(200);
    assert_eq!(bench.act("apply", Value::Null).await.status, 409);
    bench.phase("done").await;
    bench.act("apply", Value::Null).await.ok(200);
    bench.at.stop().await;
}

/// Kills Chela at the `nth` time that `call` of an upgrade stands at `edge`, and looks how it ends.
async fn killed_at(kind: RuntimeKind, call: Call, nth: usize, edge: Edge, broken: bool) {
    let bench = Bench::new(kind).await;
    if broken {
        bench.at.world.cells.break_version(NEW, Broken::InEarnest);
    }
    let mut held = bench.at.world.cells.hold(call, edge);
    bench.act("upgrade", json!({})).await.ok(200);
    held.reached().await;
    for _ in 0..nth {
        let next = bench.at.world.cells.hold(call, edge);
        held.go_on();
        held = next;
        eventually("the next call", async || {
            bench.clock.advance(200);
            tokio::time::timeout(std::time::Duration::from_millis(10), held.reached()).await.ok()
        })
        .await;
    }
    let Bench { at, clock, owner, bot } = bench;
    let at = at.kill().await.serve().await;
    let bench = Bench { at, clock, owner, bot };
    let (phase, version) = if broken { ("returned", OLD) } else { ("done", NEW) };
    let what = format!("{kind:?} {call:?} {nth} {edge:?} broken: {broken}");
    let seen = bench.phase(phase).await;
    assert_eq!((&seen["openclaw"], &seen["observed"]), (&json!(version), &json!("running")), "{what}");
    let expected = if broken { Some("from before") } else { None };
    if let Some(expected) = expected {
        assert_eq!(std::fs::read_to_string(bench.state_file()).expect("the state"), expected, "{what}");
    }
    bench.alone().await;
    assert_eq!(rows_of(&bench.at, "bot_tokens").await, 1, "{what}");
    bench.answers().await;
    bench.at.stop().await;
}

/// The calls of an upgrade in turn: what may be left is cleared, the rehearsal, its clearing, the swap.
const STEPS: [(Call, usize); 5] =
    [(Call::Prepare, 2), (Call::Create, 2), (Call::Start, 2), (Call::Stop, 3), (Call::Remove, 3)];

async fn killed_everywhere(kind: RuntimeKind, edge: Edge) {
    for (call, times) in (0..kill_rounds()).flat_map(|_| STEPS) {
        for nth in 0..times {
            killed_at(kind, call, nth, edge, false).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_killed_before_any_step_of_an_upgrade_takes_it_to_its_end() {
    killed_everywhere(RuntimeKind::Process, Edge::Before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_killed_after_any_step_of_an_upgrade_takes_it_to_its_end() {
    killed_everywhere(RuntimeKind::Docker, Edge::After).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chela_killed_on_the_way_back_brings_the_old_version_and_its_state_back() {
    let steps = [(Call::Start, 1), (Call::Remove, 3), (Call::Create, 2), (Call::Start, 2)];
    for (call, nth) in (0..kill_rounds()).flat_map(|_| steps) {
        for edge in [Edge::Before, Edge::After] {
            killed_at(RuntimeKind::Process, call, nth, edge, true).await;
        }
    }
}
