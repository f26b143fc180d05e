//! What comes between two steps of the reconciler.

use crate::support::*;
use serde_json::Value;
use testkit::fake_runtime::{Call, Edge};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_between_the_look_at_a_bot_and_its_long_preparation_is_not_lost() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let held = at.world.cells.hold(Call::Inspect, Edge::Before);
    let bot = at.make_bot(&owner, "Helper").await;
    // Its row was read: it is wanted running.
    tokio::time::timeout(PATIENCE, held.reached()).await.expect("the look");
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    held.go_on();
    at.observed(&owner, &bot, "stopped").await;
    let calls = at.world.cells.things.calls();
    assert!(!calls.iter().any(|(call, _)| *call == Call::Prepare), "{calls:?}");
    at.stop().await;
}
