//! What bots use of their machine: looked at by the clock, told as points, written down over a restart.

use crate::support::*;
use api::ids::BotId;
use entity::bots::bot_metric;
use http::Request;
use runtime::{RuntimeKind, Used};
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
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

/// One call of a bot through the relay: the bytes of its body, and of the answer's.
async fn relayed(at: &TestServer, bot: &str, stream: bool) -> (u64, u64) {
    let file = openclaw::config::cell::RELAY_TOKEN_FILE;
    let token = std::fs::read_to_string(at.world.data().join("bots").join(bot).join("run").join(file));
    let token = format!("Bearer {}", token.expect("its token").trim());
    let said = json!([{ "role": "user", "content": "ask:tide" }]);
    let body = json!({ "model": "fake-model", "stream": stream, "messages": said }).to_string();
    let sent = body.len() as u64;
    let request = Request::post("/v1/openai/chat/completions").header("host", "127.0.0.1");
    let request = request.header("authorization", token).header("content-type", "application/json");
    let (answer, received) = send_raw(at.world.relay(), request.body(body.into()).expect("a request")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (sent, received.len() as u64)
}

fn moved(point: &Value) -> (Option<u64>, Option<u64>) {
    (point["sent_bytes"].as_u64(), point["received_bytes"].as_u64())
}

/// Keeps a segment as it stands.
async fn keep(at: &TestServer, bot: &str, from_ms: i64, samples: Vec<u8>) {
    let bot_id: BotId = bot.parse().expect("an id");
    let row = bot_metric::Model { bot_id, from_ms, workspace_id: at.first_workspace().await, samples };
    let kept = at.server.platform.db.write(async |tx| {
        bot_metric::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    });
    kept.await.expect("kept");
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

    // Nothing passed the relay; then two calls do, counted to the byte.
    assert_eq!(moved(&next), (Some(0), Some(0)));
    let streamed = relayed(&at, &bot, true).await;
    let whole = relayed(&at, &bot, false).await;
    let both = (streamed.0 + whole.0, streamed.1 + whole.1);
    eventually("both calls to be in the books", async || {
        let rows = at.get(&owner, &format!("/api/usage?bot={bot}")).await.ok(200);
        rows["items"].as_array().is_some_and(|rows| rows.len() == 2).then_some(())
    })
    .await;
    clock.advance(30_000);
    let called =
        eventually("a look after the calls", async || points(&at).await.get(looked + 1).cloned()).await;
    assert_eq!(moved(&called), (Some(both.0), Some(both.1)));
    let figures = raw(at.metrics, b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    for (name, bytes) in [("sent", both.0), ("received", both.1)] {
        let line = format!("chela_bot_{name}_bytes_total{{bot=\"{bot}\"}} {bytes}");
        assert!(figures.lines().any(|told| told == line), "{line} is not in {figures}");
    }

    // What was kept before traffic was counted is a gap, not 0.
    let kept = [[0, 0, 11, 0], [9, 0, 0, 0], [8, 0, 0, 0], [7, 0, 0, 0]].concat();
    let earlier = NOW - 1_800_000;
    keep(&at, &bot, earlier, kept).await;
    let old = points(&at).await.first().cloned().expect("the old one");
    assert_eq!(
        (&old["at_ms"], &old["cpu_milli"], &old["disk_bytes"]),
        (&json!(earlier), &json!(9), &json!(7 * 1024))
    );
    assert_eq!((&old["sent_bytes"], &old["received_bytes"]), (&Value::Null, &Value::Null));
    let looked = looked + 3;

    // A new life counts from nothing.
    at.world.cells.set_used(used(1, 100 * MIB));
    clock.advance(30_000);
    let anew = eventually("a look after a restart", async || points(&at).await.get(looked).cloned()).await;
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
