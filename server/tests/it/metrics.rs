//! What bots use of their machine: looked at by the clock, told as points, written down over a restart.

use crate::support::*;
use runtime::{RuntimeKind, Used};
use server::platform::clock::ManualClock;

const NOW: i64 = 1_795_165_200_000;
const MIB: u64 = 1 << 20;

fn used(cpu_s: u64, memory: u64) -> Used {
    Used {
        cpu_us: cpu_s * 1_000_000,
        memory_bytes: memory,
        memory_limit_bytes: Some(2048 * MIB),
        processes: 11,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bot_used_is_told_with_what_was_done_to_it_and_outlives_chela() {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(NOW);
    world.clock = Some(clock.clone());
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Busy").await;
    let path = format!("/api/bots/{bot}/metrics");
    let points = async |at: &TestServer| {
        let told = at.get(&owner, &path).await.ok(200);
        told["points"].as_array().expect("points").clone()
    };
    at.world.cells.set_used(used(10, 500 * MIB));
    clock.advance(30_000);
    eventually("a first look", async || (!points(&at).await.is_empty()).then_some(())).await;
    let looked = 1;
    // Fifteen seconds of work within the next thirty.
    at.world.cells.set_used(used(25, 700 * MIB));
    clock.advance(30_000);
    let next = eventually("the next look", async || points(&at).await.get(looked).cloned()).await;
    assert_eq!((next["cpu_milli"].as_u64(), next["memory_bytes"].as_u64()), (Some(500), Some(700 * MIB)));
    let told = at.get(&owner, &path).await.ok(200);
    assert_eq!(told["memory_limit_bytes"], 2048 * MIB);
    assert!(
        told["marks"].as_array().is_some_and(|marks| marks.iter().any(|mark| mark["kind"] == "ready")),
        "{told}"
    );

    // A new life counts from nothing.
    at.world.cells.set_used(used(1, 100 * MIB));
    clock.advance(30_000);
    let anew =
        eventually("a look after a restart", async || points(&at).await.get(looked + 1).cloned()).await;
    assert_eq!(anew["cpu_milli"], 0);

    // Somebody else's workspace knows nothing of it.
    let stranger = at.stranger().await;
    assert_eq!(at.get(&stranger, &path).await.status, 404);
    let wrong = at.get(&owner, &format!("{path}?from_ms=9&to_ms=9")).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/from_ms".to_owned()]));
    let long = at.get(&owner, &format!("{path}?from_ms=1")).await;
    assert_eq!(long.status, 422);

    let before = points(&at).await;
    let at = at.stop().await.serve().await;
    let owner = at.owner().await;
    let told = at.get(&owner, &path).await.ok(200);
    assert_eq!(told["points"].as_array(), Some(&before), "what was looked at is still known");
    at.stop().await;
}
