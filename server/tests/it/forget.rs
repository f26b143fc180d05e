//! Threads that are deleted while their bot cannot be reached.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;

/// Makes a thread, stops its bot and deletes the thread.
async fn deleted_while_stopped(at: &TestServer, owner: &Who, name: &str) -> String {
    let bot = at.ready_bot(owner, name).await;
    let path = format!("/api/bots/{bot}");
    let thread = at.ask(owner, "POST", &format!("{path}/threads"), json!({})).await.ok(201);
    at.ask(owner, "POST", &format!("{path}/stop"), Value::Null).await.ok(200);
    at.observed(owner, &bot, "stopped").await;
    let thread = thread["id"].as_str().expect("an id");
    at.ask(owner, "DELETE", &format!("/api/threads/{thread}"), Value::Null).await.ok(200);
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_bot_is_to_forget_waits_without_haste_until_it_starts_or_goes() {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(1_795_165_200_000);
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    let starts = deleted_while_stopped(&at, &owner, "Starts").await;
    let goes = deleted_while_stopped(&at, &owner, "Goes").await;
    let waiting = async || {
        let late = 1_795_165_200_000_i64 + 60_000;
        let all = "jobs where kind = 'chat.forget_session'";
        let calm = format!("{all} and state = 'queued' and attempts = 0 and run_at_ms > {late}");
        (rows_of(&at, all).await, rows_of(&at, &calm).await)
    };
    eventually("both to wait", async || (waiting().await == (2, 2)).then_some(())).await;
    at.ask(&owner, "POST", &format!("/api/bots/{starts}/start"), Value::Null).await.ok(200);
    at.observed(&owner, &starts, "running").await;
    eventually("the one to have forgotten", async || (waiting().await == (1, 1)).then_some(())).await;
    // What is in the trash may come back.
    at.ask(&owner, "POST", &format!("/api/bots/{goes}/trash"), Value::Null).await.ok(200);
    let late = 1_795_165_200_000_i64 + 500_000;
    eventually("another look to have found it waiting", async || {
        clock.advance(100_000);
        let again = format!("jobs where kind = 'chat.forget_session' and run_at_ms > {late}");
        (rows_of(&at, &again).await == 1).then_some(())
    })
    .await;
    at.ask(&owner, "DELETE", &format!("/api/bots/{goes}"), Value::Null).await.ok(200);
    clock.advance(300_000);
    eventually("the other's to end with it", async || (waiting().await.0 == 0).then_some(())).await;
    at.stop_busy().await;
}
