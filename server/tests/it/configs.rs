//! What a bot may use, the versions of its settings, and the two answers of a night: more memory, and the settings it
//! was well with.

use crate::support::*;
use api::ids::BotId;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;

const NOW: i64 = 1_795_165_200_000;
const MINUTE: i64 = 60_000;
const MIB: u64 = 1 << 20;

struct House {
    at: TestServer,
    clock: ManualClock,
    owner: Who,
    bot: String,
}

async fn house(kind: RuntimeKind) -> House {
    let mut world = World::new(kind).await;
    let clock = ManualClock::at(NOW);
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Night porter").await;
    House { at, clock, owner, bot }
}

impl House {
    async fn get(&self, path: &str) -> Value {
        self.at.get(&self.owner, &format!("/api/bots/{}{path}", self.bot)).await.ok(200)
    }

    async fn post(&self, act: &str, body: Value) -> Answer {
        self.at.ask(&self.owner, "POST", &format!("/api/bots/{}/{act}", self.bot), body).await
    }

    async fn configure(&self, change: Value) {
        self.at.ask(&self.owner, "PATCH", &format!("/api/bots/{}", self.bot), change).await.ok(200);
        self.post("apply", json!({})).await.ok(200);
    }

    /// Lets time run until it is so.
    async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        eventually(what, async || {
            if so().await {
                return Some(());
            }
            self.clock.advance(500);
            None
        })
        .await;
    }

    /// Running, with its applied settings, in the limits it should have.
    async fn runs_with(&self, memory_mb: u64) {
        let id: BotId = self.bot.parse().expect("an id");
        self.until("it to run so", async || {
            let bot = self.get("").await;
            let spec = self.at.world.cells.things.spec(id);
            bot["observed"] == "running"
                && bot["restart_needed"] == false
                && spec.is_some_and(|spec| spec.limits.memory_bytes == memory_mb * MIB)
        })
        .await;
    }

    /// Dies of want of memory; returns what it left, as it is read afterwards.
    async fn out_of_memory(&self) -> Value {
        let id: BotId = self.bot.parse().expect("an id");
        let before = self.get("/postmortems").await["items"][0]["id"].clone();
        assert!(self.at.world.cells.things.exit(id, 137, true));
        let left = eventually("its death to be noted", async || {
            let newest = self.get("/postmortems").await["items"][0]["id"].clone();
            (newest != before && newest.is_string()).then_some(newest)
        })
        .await;
        self.get(&format!("/postmortems/{}", left.as_str().expect("an id"))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_part_of_the_settings_and_reach_the_runtime_with_a_fresh_run() {
    for kind in [RuntimeKind::Process, RuntimeKind::Docker] {
        let house = house(kind).await;
        house.runs_with(2048).await;
        let generation = |house: &House| {
            house.at.world.cells.things.spec(house.bot.parse().expect("an id")).expect("made").generation
        };
        let first = generation(&house);
        house.configure(json!({ "limits": { "memory_mb": 1024, "pids": 4096 } })).await;
        house.runs_with(1024).await;
        let spec = house.at.world.cells.things.spec(house.bot.parse().expect("an id")).expect("made");
        assert_eq!((spec.limits.cpu_milli, spec.limits.pids), (2000, 4096), "what was left out stays");
        assert!(generation(&house) > first, "a process keeps the limits it was made with");
        let second = generation(&house);
        house.configure(json!({ "prompt": "Be brief." })).await;
        house.runs_with(1024).await;
        assert_eq!(generation(&house), second, "nothing else needs a fresh run");
        let kinds = house.get("/events").await.to_string();
        assert!(kinds.contains("restart"), "its past says so: {kinds}");

        let wild = json!({ "limits": { "memory_mb": 511, "cpu_milli": 99, "pids": 5000 } });
        let path = format!("/api/bots/{}", house.bot);
        let refused = house.at.ask(&house.owner, "PATCH", &path, wild).await;
        assert_eq!(
            (refused.status, refused.pointers()),
            (422, ["/limits/memory_mb", "/limits/cpu_milli", "/limits/pids"].map(str::to_owned).to_vec())
        );
        let made = json!({ "name": "Small", "model": "openai/fake-model", "limits": { "memory_mb": 512 } });
        let small = house.at.ask(&house.owner, "POST", "/api/bots", made).await.ok(201);
        let small = small["id"].as_str().expect("an id");
        let copy = format!("/api/bots/{small}/clone");
        let copy = house.at.ask(&house.owner, "POST", &copy, json!({ "name": "Copy" })).await.ok(201);
        let copy = format!("/api/bots/{}", copy["id"].as_str().expect("an id"));
        let copy = house.at.get(&house.owner, &copy).await.ok(200);
        assert_eq!(copy["settings"]["limits"], json!({ "memory_mb": 512, "cpu_milli": 2000, "pids": 512 }));
        house.at.stop_busy().await;
    }
}

/// What this machine could give.
fn free_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).expect("a figure");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_limit_than_the_machine_has_room_for_is_refused_with_figures_and_changes_nothing() {
    let house = house(RuntimeKind::Process).await;
    if free_mib() > 60_000 {
        return;
    }
    let before = house.get("").await;
    for answer in [
        house.post("limits", json!({ "memory_mb": 65_536 })).await,
        house
            .at
            .ask(
                &house.owner,
                "PATCH",
                &format!("/api/bots/{}", house.bot),
                json!({ "limits": { "memory_mb": 65_536 } }),
            )
            .await,
        house
            .at
            .ask(
                &house.owner,
                "POST",
                "/api/bots",
                json!({ "name": "Huge", "model": "openai/fake-model", "limits": { "memory_mb": 65_536 } }),
            )
            .await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"));
        let words = answer.json()["detail"].to_string();
        assert!(words.contains("needs 62.0 GiB of memory") && words.contains("are free"), "{words}");
    }
    let after = house.get("").await;
    assert_eq!((&after["settings"], &after["pending"]), (&before["settings"], &before["pending"]));
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_want_of_memory_one_call_gives_more_and_it_is_offered_until_it_was_given() {
    let house = house(RuntimeKind::Process).await;
    house
        .at
        .ask(&house.owner, "PATCH", &format!("/api/bots/{}", house.bot), json!({ "prompt": "Later." }))
        .await
        .ok(200);
    let left = house.out_of_memory().await;
    assert_eq!(
        (&left["memory_limit_bytes"], &left["answers"]["raise_memory_mb"]),
        (&json!(2048 * MIB), &json!(3072))
    );
    let advice = house.post("diagnose", json!({})).await.ok(200);
    let first = &advice["recommendations"][0];
    assert_eq!((&first["act"], &first["memory_mb"]), (&json!("raise_memory"), &json!(3072)), "{advice}");

    let raised = house.post("limits", json!({ "memory_mb": 3072 })).await.ok(200);
    assert!(raised["next_try_at_ms"].is_null(), "who presses does not wait for the pause: {raised}");
    assert_eq!((&raised["settings"]["prompt"], &raised["pending"]["prompt"]), (&json!(""), &json!("Later.")));
    assert_eq!(raised["pending"]["limits"]["memory_mb"], 3072, "what is pending takes nothing back");
    house.runs_with(3072).await;
    let again = house.get(&format!("/postmortems/{}", left["id"].as_str().expect("an id"))).await;
    assert!(again["answers"]["raise_memory_mb"].is_null(), "given already: {again}");
    let second = house.out_of_memory().await;
    assert!(second["reason"]["message"].as_str().is_some_and(|words| words.contains("3.0 GiB")), "{second}");
    assert_eq!(second["answers"]["raise_memory_mb"], 4608);
    let refused = house.post("limits", json!({ "memory_mb": 100 })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/memory_mb".to_owned()]));
    house.runs_with(3072).await;
    house.at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_goes_back_to_the_settings_it_was_well_with_and_history_only_grows() {
    let house = house(RuntimeKind::Process).await;
    house.clock.advance(2 * MINUTE);
    house.configure(json!({ "prompt": "Eat everything.", "limits": { "memory_mb": 512 } })).await;
    house.runs_with(512).await;
    let left = house.out_of_memory().await;
    let back = &left["answers"]["rollback"];
    let wanted = json!([
        { "setting": "prompt", "before": "Eat everything.", "after": "" },
        { "setting": "memory_mb", "before": "512", "after": "2048" },
    ]);
    assert_eq!(back["changes"], wanted);
    let versions = house.get("/configs").await["items"].clone();
    assert_eq!(versions.as_array().map(Vec::len), Some(2));
    assert_eq!((&versions[0]["current"], &versions[1]["well"]), (&json!(true), &json!(true)), "{versions}");
    assert_eq!((&versions[1]["rollback"], &versions[1]["changes"]), (&wanted, &json!([])));
    assert_eq!((&versions[1]["id"], &versions[0]["rollback"]), (&back["config_id"], &json!([])));

    let rolled = house.post("rollback", json!({})).await.ok(200);
    assert_eq!((&rolled["settings"]["prompt"], &rolled["next_try_at_ms"]), (&json!(""), &Value::Null));
    house.runs_with(2048).await;
    let after = house.get("/configs").await["items"].clone();
    assert_eq!(after.as_array().map(Vec::len), Some(3), "a new version, none rewritten");
    assert_eq!((&after[0]["changes"], &after[1]["id"]), (&wanted, &versions[0]["id"]));
    assert!(after[0]["author"].as_str().is_some_and(|author| author.contains("tok_")), "{after}");
    assert!(after[0]["author_name"].as_str().is_some_and(|name| !name.is_empty()), "{after}");
    let again = house.post("rollback", json!({ "config_id": back["config_id"] })).await.ok(200);
    assert_eq!(again["version"], house.get("").await["version"], "there already");
    assert_eq!(house.get("/configs").await["items"].as_array().map(Vec::len), Some(3));

    // Taken back by rolling back again, and a page goes on where the one before ended, with its difference.
    house.post("rollback", json!({ "config_id": versions[0]["id"] })).await.ok(200);
    house.runs_with(512).await;
    let newest = house.get("/configs?limit=1").await;
    assert_eq!(newest["items"][0]["changes"].as_array().map(Vec::len), Some(2), "{newest}");
    let older =
        house.get(&format!("/configs?limit=3&cursor={}", newest["next"].as_str().expect("more"))).await;
    assert_eq!((older["items"].as_array().map(Vec::len), &older["next"]), (Some(3), &Value::Null));
    let kinds = house.get("/events").await.to_string();
    assert!(kinds.contains("rolled_back"), "{kinds}");

    let other = house.at.make_bot(&house.owner, "Other").await;
    let theirs = house.at.get(&house.owner, &format!("/api/bots/{other}/configs")).await.ok(200);
    for wrong in [theirs["items"][0]["id"].clone(), json!("cfg_00000000000000000000000000")] {
        let refused = house.post("rollback", json!({ "config_id": wrong })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/config_id".to_owned()]));
    }
    house.at.stop_busy().await;
}
