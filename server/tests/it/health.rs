//! Whether a bot lives and whether it works: two facts, each failure with its name and figures, what a death leaves,
//! and the diagnosis.

use crate::support::*;
use api::ids::BotId;
use runtime::{LogLine, RuntimeKind};
use serde_json::{Value, json};
use server::platform::clock::{Clock as _, ManualClock};
use testkit::vendor::Mode;

const NOW: i64 = 1_795_165_200_000;
const MINUTE: i64 = 60_000;

struct House {
    at: TestServer,
    clock: ManualClock,
    owner: Who,
}

async fn house(kind: RuntimeKind) -> House {
    let mut world = World::new(kind).await;
    let clock = ManualClock::at(NOW);
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    House { at, clock, owner }
}

impl House {
    async fn get(&self, path: &str) -> Value {
        self.at.get(&self.owner, path).await.ok(200)
    }

    async fn health(&self, bot: &str) -> Value {
        self.get(&format!("/api/bots/{bot}/health")).await
    }

    async fn act(&self, bot: &str, act: &str) -> Value {
        self.at.ask(&self.owner, "POST", &format!("/api/bots/{bot}/{act}"), json!({})).await.ok(200)
    }

    /// Lets time run by steps until it is so.
    async fn until(&self, what: &str, step_ms: i64, mut so: impl AsyncFnMut() -> bool) {
        eventually(what, async || {
            if so().await {
                return Some(());
            }
            self.clock.advance(step_ms);
            None
        })
        .await;
    }

    async fn observed(&self, bot: &str, observed: &str) -> Value {
        let path = format!("/api/bots/{bot}");
        self.until(observed, 500, async || self.get(&path).await["observed"] == observed).await;
        self.get(&path).await
    }

    /// Ends its process; returns why, as it is told.
    async fn die(&self, bot: &str, code: i32, out_of_memory: bool) -> Value {
        self.observed(bot, "running").await;
        let deaths = async || {
            let events = self.get(&format!("/api/bots/{bot}/events?limit=200")).await;
            let died = events["items"].as_array().expect("events").iter().filter(|e| e["kind"] == "died");
            died.map(|event| event["reason"].clone()).collect::<Vec<_>>()
        };
        let before = deaths().await.len();
        let id: BotId = bot.parse().expect("an id");
        assert!(self.at.world.cells.things.exit(id, code, out_of_memory));
        eventually("its death to be noted", async || (deaths().await.len() > before).then_some(())).await;
        deaths().await.first().expect("the newest").clone()
    }

    fn models_asked(&self) -> usize {
        self.at.world.vendor.calls().iter().filter(|call| call.path.ends_with("/models")).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_whose_model_cannot_be_reached_lives_and_does_not_work() {
    let house = house(RuntimeKind::Process).await;
    let mut bots = Vec::new();
    for name in ["First", "Second", "Third"] {
        bots.push(house.at.ready_bot(&house.owner, name).await);
    }
    let bot = bots[0].as_str();
    let first = house.health(bot).await;
    assert_eq!(
        (&first["health"], &first["process"]["lives"], &first["works"]["gateway"]),
        (&json!("healthy"), &json!("yes"), &json!("yes"))
    );
    assert_eq!(first["works"]["model"], "unknown", "nobody has asked yet: {first}");

    let asked = house.models_asked();
    house.clock.advance(MINUTE);
    eventually("the vendor to be asked", async || {
        (house.health(bot).await["works"]["model"] == "yes").then_some(())
    })
    .await;
    assert_eq!(house.models_asked(), asked + 1, "once for the key, not for each of its bots");
    let said = house.health(bot).await;
    assert!(
        said["works"]["probe"]["at_ms"].as_i64() >= Some(NOW) && said["works"]["works"] == "yes",
        "{said}"
    );

    house
        .at
        .world
        .vendor
        .play(Mode::Status { status: 401, body: r#"{"error":{"message":"revoked"}}"#.to_owned() });
    house.until("it to be degraded", MINUTE, async || house.health(bot).await["health"] == "degraded").await;
    let ill = house.health(bot).await;
    assert_eq!((&ill["process"]["lives"], &ill["works"]["works"]), (&json!("yes"), &json!("no")));
    assert_eq!((&ill["works"]["gateway"], &ill["works"]["model"]), (&json!("yes"), &json!("no")));
    assert_eq!(ill["reason"]["code"], "key_refused");
    assert!(
        ill["reason"]["message"].as_str().is_some_and(|m| m.contains("revoked") && !m.contains(KEY)),
        "{ill}"
    );
    let shown = house.get(&format!("/api/bots/{bot}")).await;
    assert_eq!((&shown["observed"], &shown["health"]), (&json!("running"), &json!("degraded")));
    house
        .until("all to be shown", 0, async || house.get("/api/bots/stats").await["attention"] == json!(3))
        .await;

    house.at.world.vendor.play(Mode::Answer);
    house.until("it to be well again", MINUTE, async || house.health(bot).await["health"] == "healthy").await;
    let history = house.health(bot).await["history"].clone();
    let told: Vec<_> = history
        .as_array()
        .expect("changes")
        .iter()
        .map(|c| c["health"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(told[..3], ["healthy", "degraded", "healthy"], "changes alone, newest first");

    house.act(bot, "stop").await;
    house.observed(bot, "stopped").await;
    let stopped = house.health(bot).await;
    assert_eq!(
        (&stopped["health"], &stopped["process"]["lives"], &stopped["works"]["works"]),
        (&json!("unknown"), &json!("no"), &json!("no"))
    );
    assert!(stopped["months"].as_array().is_some_and(|months| !months.is_empty()), "{stopped}");
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_is_named_with_figures_and_each_death_leaves_what_it_said_and_what_was_changed() {
    let house = house(RuntimeKind::Process).await;
    let bot = house.at.ready_bot(&house.owner, "Looping").await;
    let path = format!("/api/bots/{bot}");
    house.clock.advance(2 * MINUTE);
    house.at.ask(&house.owner, "PATCH", &path, json!({ "prompt": "Crash." })).await.ok(200);
    house.act(&bot, "apply").await;
    house.until("the change to run", 500, async || house.get(&path).await["restart_needed"] == false).await;
    let line = |n| LogLine { at_ms: NOW + n, text: format!("line {n} with sk-proj-abcdefghijklmnop") };
    house.at.world.cells.things.say(bot.parse().expect("an id"), (0..600).map(line));
    assert_eq!(house.die(&bot, 1, false).await["code"], "exited");
    house.die(&bot, 1, false).await;
    let looping = house.die(&bot, 1, false).await;
    assert_eq!(looping["code"], "crash_loop");
    let words = looping["message"].as_str().expect("words");
    assert!(words.contains("3 times in") && words.contains("code 1"), "{words}");
    let health = house.health(&bot).await;
    assert_eq!((&health["health"], &health["process"]["lives"]), (&json!("unhealthy"), &json!("no")));
    assert!(health["process"]["next_try_at_ms"].is_i64() && health["process"]["restarts"] == 3, "{health}");
    assert_eq!(health["process"]["last_exit"]["reason"]["code"], "crash_loop");

    let list = house.get(&format!("{path}/postmortems?limit=2")).await;
    assert!(list["items"].as_array().is_some_and(|all| all.len() == 2) && list["next"].is_string(), "{list}");
    let id = list["items"][0]["id"].as_str().expect("an id");
    let left = house.get(&format!("{path}/postmortems/{id}")).await;
    assert_eq!((&left["exit_code"], &left["reason"]["code"]), (&json!(1), &json!("crash_loop")));
    let lines = left["lines"].as_array().expect("lines");
    assert_eq!((lines.len(), &left["cut"]), (500, &json!(true)));
    assert_eq!(lines[499]["text"], "line 599 with sk-***");
    assert_eq!(left["changes"], json!([{ "setting": "prompt", "before": "", "after": "Crash." }]));
    house.observed(&bot, "running").await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_configuration_is_tried_once_more_and_then_waits_for_somebody() {
    let house = house(RuntimeKind::Process).await;
    let bot = house.at.ready_bot(&house.owner, "Refused").await;
    let path = format!("/api/bots/{bot}");
    let mends = || {
        let spec = house.at.world.cells.things.spec(bot.parse().expect("an id"));
        spec.is_some_and(|spec| spec.env.contains_key("CHELA_DOCTOR"))
    };
    assert!(!mends());
    assert_eq!(house.die(&bot, 78, false).await["code"], "config_refused");
    // As a gateway that refuses at once: it never answers before it ends.
    house.at.world.cells.refuse(true);
    house
        .until("it to be given up", 500, async || {
            let seen = house.get(&path).await;
            seen["observed"] == "failed" && seen["next_try_at_ms"].is_null()
        })
        .await;
    let seen = house.get(&path).await;
    assert_eq!(seen["reason"]["code"], "config_refused");
    assert!(mends(), "OpenClaw's doctor looked at its state before the second try");
    assert!(seen["reason"]["message"].as_str().is_some_and(|m| m.contains("not started again")), "{seen}");
    let starts = house.at.world.cells.things.calls().len();
    let creates = || {
        let calls = house.at.world.cells.things.calls();
        calls.iter().filter(|(call, _)| *call == testkit::fake_runtime::Call::Create).count()
    };
    let before = creates();
    house
        .until("time to pass", MINUTE, async || house.at.world.cells.things.calls().len() > starts + 8)
        .await;
    assert_eq!(creates(), before, "it is not started in a loop");
    house.at.world.cells.refuse(false);
    house.act(&bot, "start").await;
    house.observed(&bot, "running").await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_memory_and_a_silent_gateway_are_named_with_figures() {
    let house = house(RuntimeKind::Process).await;
    let bot = house.at.ready_bot(&house.owner, "Failing").await;
    let reason = house.die(&bot, 137, true).await;
    assert_eq!(reason["code"], "out_of_memory");
    assert!(reason["message"].as_str().is_some_and(|m| m.contains("2.0 GiB")), "{reason}");
    house.observed(&bot, "running").await;
    house.at.world.cells.mute(bot.parse().expect("an id")).await;
    house
        .until("the silence to be noticed", 5_000, async || {
            house.health(&bot).await["process"]["last_exit"]["reason"]["code"] == "gateway_timeout"
        })
        .await;
    let exit = house.health(&bot).await["process"]["last_exit"]["reason"].clone();
    assert!(exit["message"].as_str().is_some_and(|m| m.contains("not answered for")), "{exit}");
    house.observed(&bot, "running").await;
    let history = house.health(&bot).await["history"].to_string();
    assert!(history.contains("gateway_lost"), "it lived and did not work: {history}");
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_twenty_deaths_are_kept() {
    let house = house(RuntimeKind::Process).await;
    let bot = house.at.ready_bot(&house.owner, "Mortal").await;
    let path = format!("/api/bots/{bot}");
    let mut last = Value::Null;
    for _ in 0..22 {
        // Over its pause in one step; not over the time that a gateway has to come up.
        let pause = house.get(&path).await["next_try_at_ms"].as_i64();
        if let Some(ahead) = pause.map(|at| at - house.clock.now_ms()).filter(|ahead| *ahead > 0) {
            house.clock.advance(ahead);
        }
        last = house.die(&bot, 1, false).await;
    }
    let list = house.get(&format!("/api/bots/{bot}/postmortems?limit=100")).await;
    let items = list["items"].as_array().expect("deaths");
    assert_eq!((items.len(), &items[0]["reason"]), (20, &last));
    house.observed(&bot, "running").await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diagnosis_looks_at_everything_and_says_what_to_do() {
    for kind in [RuntimeKind::Process, RuntimeKind::Docker] {
        let house = house(kind).await;
        let bot = house.at.ready_bot(&house.owner, "Patient").await;
        let well = house.act(&bot, "diagnose").await;
        assert_eq!((&well["overall"], &well["recommendations"]), (&json!("healthy"), &json!([])), "{well}");
        let checks: Vec<_> = well["checks"]
            .as_array()
            .expect("checks")
            .iter()
            .map(|c| c["check"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(
            checks,
            ["provider_key", "model_access", "channel_tokens", "container", "network", "gateway"]
        );

        let keys = house.get("/api/keys").await;
        let key = format!("/api/keys/{}", keys["items"][0]["id"].as_str().expect("an id"));
        let only = async |models: Value| {
            let change = json!({ "allowed_models": models });
            house.at.ask(&house.owner, "PATCH", &key, change).await.ok(200)
        };
        only(json!(["other-*"])).await;
        let shut = house.act(&bot, "diagnose").await;
        let access = &shut["checks"][1];
        assert_eq!(
            (&access["check"], &access["verdict"]),
            (&json!("model_access"), &json!("fail")),
            "{shut}"
        );
        assert!(access["message"].as_str().is_some_and(|it| it.contains("not among the models")), "{shut}");
        assert_eq!(shut["recommendations"][0]["act"], "configure", "{shut}");
        only(json!([])).await;

        house.at.world.vendor.play(Mode::Status { status: 401, body: "{}".to_owned() });
        let ill = house.act(&bot, "diagnose").await;
        let verdict = |of: &Value, check: &str| {
            let all = of["checks"].as_array().cloned().unwrap_or_default();
            all.iter().find(|c| c["check"] == check).map(|c| c["verdict"].clone()).unwrap_or_default()
        };
        assert_eq!(
            (&ill["overall"], verdict(&ill, "provider_key"), verdict(&ill, "gateway")),
            (&json!("error"), json!("fail"), json!("pass"))
        );
        assert_eq!(ill["recommendations"][0]["act"], "test_key", "{ill}");
        // What was heard holds for the bot too.
        house
            .until("its health to follow", 0, async || {
                house.health(&bot).await["reason"]["code"] == "key_refused"
            })
            .await;
        house.at.world.vendor.play(Mode::Answer);

        assert_eq!(house.health(&bot).await["at_rest"], Value::Null);
        house.act(&bot, "stop").await;
        house.observed(&bot, "stopped").await;
        let rests = house.health(&bot).await;
        assert_eq!(
            (&rests["at_rest"], &rests["process"]["lives"], &rests["health"]),
            (&json!("stopped"), &json!("no"), &json!("unknown")),
            "down as wanted is no failure"
        );
        let stopped = house.act(&bot, "diagnose").await;
        assert_eq!(
            (&stopped["overall"], verdict(&stopped, "container")),
            (&json!("warning"), json!("warning"))
        );
        assert!(
            stopped["recommendations"].as_array().is_some_and(|all| all.iter().any(|r| r["act"] == "start")),
            "{stopped}"
        );
        house.at.stop().await;
    }
}
