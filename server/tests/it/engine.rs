//! A real Docker engine that is killed or hangs for a while, at any moment of a bot's life: it converges,
//! nothing is left over and nothing is made twice. Needs root and dockerd; without them the tests say so.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use testkit::fake_runtime::Call;

/// Nothing here takes longer, however busy the machine: an engine takes seconds to come back.
const LONG: Duration = Duration::from_secs(120);

/// Waits as [`eventually`] does, longer and with more rest: each look is a call to an engine.
pub async fn in_the_end<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut turn = tokio::time::interval(Duration::from_millis(100));
        loop {
            turn.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(LONG, asking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A server whose bots live in an engine of their own; none where there can be none.
pub async fn house(flags: &[&'static str]) -> Option<(TestServer, Who, Aim)> {
    let aim = Aim::at(Engine::start(flags).await?);
    let mut world = World::new(RuntimeKind::Docker).await;
    let (tools, aimed) = (world.dir.path().join("tools"), Arc::clone(&aim));
    world.runtime = Some(Arc::new(move |homes, config| {
        Arc::new(aimed.runtime(&tools, homes, config.bot_image.clone())) as _
    }));
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    Some((at, owner, aim))
}

async fn observed(at: &TestServer, who: &Who, bot: &str, wanted: &[&str]) -> Value {
    let mut last = Value::Null;
    let asking = async {
        let mut turn = tokio::time::interval(Duration::from_millis(50));
        loop {
            turn.tick().await;
            last = at.get(who, &format!("/api/bots/{bot}")).await.ok(200);
            if last["observed"].as_str().is_some_and(|seen| wanted.contains(&seen)) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(LONG, asking).await.is_ok();
    assert!(in_time, "{bot} is not {wanted:?}: {last}");
    last
}

/// One container, and its bot answers through it.
async fn one_that_answers(at: &TestServer, who: &Who, aim: &Aim, bot: &str, ask: &str) {
    observed(at, who, bot, &["running"]).await;
    let found = aim.engine.containers(aim.instance.as_str()).await;
    assert_eq!(found.len(), 1, "{ask}: {found:?}");
    assert_eq!((&found[0]["State"], &found[0]["Labels"]["chela.bot"]), (&json!("running"), &json!(bot)));
    let said = at.talk(who, bot, &format!("ask:{ask}")).await;
    assert_eq!(said["text"], json!(at.world.vendor.answer_to(ask)), "{said}");
}

/// Nothing of any bot is left, in the engine, in the database or on the disk.
async fn nothing_left(at: &TestServer, aim: &Aim) {
    in_the_end("the bot to be gone", async || (rows_of(at, "bots").await == 0).then_some(())).await;
    in_the_end("its container to be gone", async || (aim.count().await == 0).then_some(())).await;
    assert_eq!(rows_of(at, "bot_tokens").await, 0);
    let files = std::fs::read_dir(at.world.data().join("bots")).expect("the bots' files").flatten();
    let names: Vec<_> = files.map(|f| f.file_name()).filter(|name| name != ".trash").collect();
    assert!(names.is_empty(), "{names:?}");
}

async fn delete(at: &TestServer, who: &Who, bot: &str) {
    at.ask(who, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
}

/// Strikes on the way of a creation or of a deletion, one bot each.
async fn struck_at(strikes: &[Strike]) {
    let Some((at, owner, aim)) = house(&[]).await else { return };
    for (n, strike) in strikes.iter().enumerate() {
        eprintln!("{strike:?}");
        let making = matches!(strike.call, Call::Prepare | Call::Create | Call::Start);
        if making {
            aim.strike(*strike);
        }
        let bot = at.make_bot(&owner, &format!("Bot {n}")).await;
        if !making {
            observed(&at, &owner, &bot, &["running"]).await;
            aim.strike(*strike);
            delete(&at, &owner, &bot).await;
        }
        aim.fallen().await;
        if strike.blow == Blow::Hang {
            in_the_end("Chela to give the call up", async || {
                (rows_of(&at, "bots where failures > 0 or observed = 'unknown'").await > 0).then_some(())
            })
            .await;
        }
        aim.engine.heal(strike.blow).await;
        if making {
            one_that_answers(&at, &owner, &aim, &bot, &format!("after-{n}")).await;
            delete(&at, &owner, &bot).await;
        }
        nothing_left(&at, &aim).await;
    }
    at.stop_busy().await;
}

const fn kill(call: Call, into_ms: u32) -> Strike {
    Strike { call, into_ms, blow: Blow::Kill }
}

const fn hang(call: Call, into_ms: u32) -> Strike {
    Strike { call, into_ms, blow: Blow::Hang }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_or_hanging_while_a_bot_is_made_makes_it_once() {
    let instants = [
        kill(Call::Prepare, 300),
        kill(Call::Create, 0),
        kill(Call::Create, 10),
        kill(Call::Create, 10_000),
        hang(Call::Create, 5),
        kill(Call::Start, 0),
        kill(Call::Start, 150),
        hang(Call::Start, 100),
    ];
    struck_at(&instants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_or_hanging_while_a_bot_is_deleted_leaves_nothing_of_it() {
    let instants = [
        kill(Call::Stop, 0),
        kill(Call::Stop, 20),
        hang(Call::Stop, 5),
        kill(Call::Remove, 0),
        kill(Call::Remove, 10),
        kill(Call::Remove, 10_000),
        hang(Call::Remove, 5),
    ];
    struck_at(&instants).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_gone_while_a_bot_runs_costs_time_and_makes_nothing_twice() {
    let Some((at, owner, aim)) = house(&[]).await else { return };
    let first = at.make_bot(&owner, "First").await;
    one_that_answers(&at, &owner, &aim, &first, "before").await;
    for blow in [Blow::Kill, Blow::Hang] {
        aim.engine.strike(blow);
        at.ask(&owner, "POST", &format!("/api/bots/{first}/restart"), Value::Null).await.ok(200);
        observed(&at, &owner, &first, &["unknown", "failed"]).await;
        aim.engine.heal(blow).await;
        one_that_answers(&at, &owner, &aim, &first, &format!("after-{blow:?}")).await;
    }
    // Deleted while nobody can say how it stands; meanwhile Chela itself is killed.
    aim.engine.strike(Blow::Kill);
    delete(&at, &owner, &first).await;
    let world = at.kill().await;
    aim.engine.heal(Blow::Kill).await;
    let at = world.serve().await;
    nothing_left(&at, &aim).await;
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_keeps_its_containers_alive_costs_the_bot_nothing() {
    let Some((at, owner, aim)) = house(&["--live-restore"]).await else { return };
    let bot = at.make_bot(&owner, "Helper").await;
    one_that_answers(&at, &owner, &aim, &bot, "before").await;
    let was = aim.engine.containers(aim.instance.as_str()).await[0]["Id"].clone();
    for _ in 0..2 {
        aim.engine.strike(Blow::Kill);
        let said = at.talk(&owner, &bot, "ask:meanwhile").await;
        assert_eq!(
            said["text"],
            json!(at.world.vendor.answer_to("meanwhile")),
            "no engine is needed to talk"
        );
        observed(&at, &owner, &bot, &["unknown"]).await;
        aim.engine.heal(Blow::Kill).await;
        one_that_answers(&at, &owner, &aim, &bot, "after").await;
    }
    let now = at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200);
    assert_eq!((&now["restarts"], now["started_at_ms"].is_i64()), (&json!(0), true), "{now}");
    assert_eq!(aim.engine.containers(aim.instance.as_str()).await[0]["Id"], was);
    delete(&at, &owner, &bot).await;
    nothing_left(&at, &aim).await;
    at.stop_busy().await;
}
