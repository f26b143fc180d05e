//! The relay forgets a token that is good for nothing any more, also where it could not be told at once.

use crate::support::*;
use http::Request;
use runtime::RuntimeKind;
use sea_orm::ConnectionTrait;
use serde_json::Value;
use server::platform::clock::ManualClock;

async fn house() -> (TestServer, ManualClock, Who, String) {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(1_795_165_200_000);
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    (at, clock, owner, bot)
}

/// The relay token of a bot that runs.
fn token(at: &TestServer, bot: &str) -> String {
    let file = openclaw::config::cell::RELAY_TOKEN_FILE;
    let path = at.world.data().join("bots").join(bot).join("run").join(file);
    std::fs::read_to_string(path).expect("its token").trim().to_owned()
}

/// Whether the relay takes a token.
async fn works(at: &TestServer, token: &str) -> bool {
    let request = Request::get("/v1/openai/models").header("host", "127.0.0.1");
    let request = request.header("authorization", format!("Bearer {token}")).body(axum::body::Body::empty());
    send(at.world.relay(), request.expect("a request")).await.status != 401
}

async fn sql(at: &TestServer, text: &str) {
    at.server.platform.db.maintenance().execute_unprepared(text).await.expect("done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_the_relay_was_not_told_of_reaches_it_with_the_next_look_at_everything() {
    let (at, clock, _, bot) = house().await;
    let token = token(&at, &bot);
    sql(&at, "delete from bot_tokens").await;
    assert!(works(&at, &token).await, "it goes on with what it knows");
    eventually("the token to be refused", async || {
        clock.advance(30_000);
        (!works(&at, &token).await).then_some(())
    })
    .await;
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_bots_token_dies_also_where_the_relay_could_not_be_told_at_first() {
    let (at, clock, owner, bot) = house().await;
    let other = at.ready_bot(&owner, "Other").await;
    let token = token(&at, &bot);
    // What it is told is built from all bots: one row it cannot read, and there is nothing to tell.
    sql(&at, "update bots set runtime = 'abacus' where name = 'Other'").await;
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    eventually("the relay not to be told", async || {
        (rows_of(&at, "bots where name = 'Helper' and failures > 0").await == 1).then_some(())
    })
    .await;
    assert_eq!(rows_of(&at, "bot_tokens").await, 1, "only {other} has one");
    assert!(works(&at, &token).await);
    sql(&at, "update bots set runtime = 'process' where name = 'Other'").await;
    // Well before the next look at everything; it waits longer the oftener it failed.
    let (mut turn, mut left) = (0, 2);
    eventually("the token to be refused", async || {
        if turn % 100 == 0 && left > 0 {
            left -= 1;
            clock.advance(12_000);
        }
        turn += 1;
        (!works(&at, &token).await).then_some(())
    })
    .await;
    at.stop_busy().await;
}
