//! Many bots in a real engine: how soon they are up, how soon a killed container is noticed and running again, and an engine
//! that is started anew again and again. Small by default; `CHELA_TEST_ENGINE_BOTS`, `CHELA_TEST_ENGINE_KILLS` and
//! `CHELA_TEST_ENGINE_RESTARTS` make it the load of bench/README.md, whose figures it prints. What is asserted is what
//! becomes of the bots, never how long it took.

use crate::{
    engine::{house, in_the_end},
    support::*,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Prints the middle, the 95th of a hundred, and the worst.
fn tell(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: f64| {
        took.get(((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1))).copied()
    };
    eprintln!("{what}: n {}, p50 {:?}, p95 {:?}, worst {:?}", took.len(), at(0.5), at(0.95), took.last());
}

async fn state(at: &TestServer, who: &Who, bot: &str) -> Value {
    at.get(who, &format!("/api/bots/{bot}")).await.ok(200)
}

/// Every bot runs in exactly one container, and nothing else is there.
async fn each_once(at: &TestServer, who: &Who, aim: &Aim, bots: &[String]) {
    in_the_end("every bot to run once", async || {
        // One question for all: asking for each would keep a core busy that the bots need.
        let page = at.get(who, "/api/bots?limit=100").await.ok(200);
        let listed = page["items"].as_array()?;
        if listed.len() != bots.len() || listed.iter().any(|bot| bot["observed"] != "running") {
            return None;
        }
        let found = aim.engine.containers(aim.instance.as_str()).await;
        let of: BTreeSet<_> = found.iter().filter_map(|c| c["Labels"]["chela.bot"].as_str()).collect();
        let run = found.iter().all(|container| container["State"] == "running");
        (run && found.len() == bots.len() && of.len() == bots.len()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bots_in_an_engine_come_up_and_come_back_each_once() {
    let Some((at, owner, aim)) = house(&[]).await else { return };
    let (many, kills) = (number("CHELA_TEST_ENGINE_BOTS", 3), number("CHELA_TEST_ENGINE_KILLS", 4));
    let restarts = number("CHELA_TEST_ENGINE_RESTARTS", 1);
    // The image is built with the first one.
    let mut bots = vec![at.make_bot(&owner, "First").await];
    each_once(&at, &owner, &aim, &bots).await;
    let begun = Instant::now();
    for n in 1..=many {
        bots.push(at.make_bot(&owner, &format!("Bot {n}")).await);
    }
    each_once(&at, &owner, &aim, &bots).await;
    eprintln!("{many} bots up: {:?}", begun.elapsed());

    let (mut noticed, mut back) = (Vec::new(), Vec::new());
    for n in 0..kills {
        let bot = &bots[n % bots.len()];
        // Each is a first death: what is measured is not the pause that grows.
        sql(&at, "update bots set failures = 0").await;
        let was = state(&at, &owner, bot).await["restarts"].as_i64().expect("a number");
        let found = aim.engine.containers(aim.instance.as_str()).await;
        let container = found.iter().find(|c| c["Labels"]["chela.bot"] == json!(bot)).expect("its container");
        let id = container["Id"].as_str().expect("an id").to_owned();
        let begun = Instant::now();
        let killed = aim.engine.ask("POST", &format!("/containers/{id}/kill")).await.expect("an answer").0;
        assert_eq!(killed, 204);
        eventually("the death to be noticed", async || {
            (state(&at, &owner, bot).await["restarts"].as_i64()? > was).then_some(())
        })
        .await;
        noticed.push(begun.elapsed());
        in_the_end("it to run again", async || {
            (state(&at, &owner, bot).await["observed"] == "running").then_some(())
        })
        .await;
        back.push(begun.elapsed());
    }
    each_once(&at, &owner, &aim, &bots).await;
    tell("killed containers noticed", noticed);
    tell("killed containers running again", back);

    let mut converged = Vec::new();
    for _ in 0..restarts {
        aim.engine.strike(Blow::Kill);
        sql(&at, "update bots set failures = 0").await;
        aim.engine.heal(Blow::Kill).await;
        let begun = Instant::now();
        each_once(&at, &owner, &aim, &bots).await;
        converged.push(begun.elapsed());
    }
    tell("as wanted after the engine is back", converged);
    for bot in &bots {
        at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
    }
    in_the_end("nothing to be left", async || {
        (rows_of(&at, "bots").await == 0 && aim.count().await == 0).then_some(())
    })
    .await;
    at.stop_busy().await;
}
