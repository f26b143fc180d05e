//! Notifications: told once per trouble, read by each person alone, in the transaction of what they tell.

use crate::support::*;
use api::{
    ids::BotId,
    live::{LiveEvent, ServerFrame, Snapshot},
};
use runtime::RuntimeKind;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;

const NOW: i64 = 1_795_165_200_000;

async fn timed() -> (TestServer, ManualClock) {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(NOW);
    world.clock = Some(clock.clone());
    (world.serve().await, clock)
}

async fn list(at: &TestServer, who: &Who) -> Vec<Value> {
    let page = at.get(who, "/api/notifications").await.ok(200);
    page["items"].as_array().cloned().expect("a list")
}

async fn unread(at: &TestServer, who: &Who) -> i64 {
    at.get(who, "/api/notifications/unread").await.ok(200)["count"].as_i64().expect("a number")
}

/// Ends a bot's process and waits until that is noticed for the n-th time.
async fn dies(at: &TestServer, who: &Who, bot: &str, code: i32, n: usize) {
    let id: BotId = bot.parse().expect("an id");
    assert!(at.world.cells.exit(id, code), "it runs");
    eventually("the death to be noticed", async || {
        let seen = at.get(who, &format!("/api/bots/{bot}")).await.ok(200);
        (seen["restarts"] == n).then_some(())
    })
    .await;
}

async fn comes_back(at: &TestServer, who: &Who, clock: &ManualClock, bot: &str) {
    eventually("it is back", async || {
        clock.advance(500);
        let seen = at.get(who, &format!("/api/bots/{bot}")).await.ok(200);
        (seen["observed"] == "running").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_fails_again_and_again_is_one_notification_until_it_is_well() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Restless").await;
    assert_eq!(unread(&at, &owner).await, 0, "being made and coming up is no news");
    dies(&at, &owner, &bot, 137, 1).await;
    let first = list(&at, &owner).await;
    assert_eq!(first.len(), 1);
    let told = (&first[0]["kind"], &first[0]["count"], &first[0]["resolved_at_ms"], &first[0]["unread"]);
    assert_eq!(told, (&json!("died"), &json!(1), &Value::Null, &json!(true)), "{first:?}");
    assert_eq!(first[0]["bot"]["name"], "Restless");
    assert_eq!(first[0]["reason"]["code"], "exited");

    comes_back(&at, &owner, &clock, &bot).await;
    let over = list(&at, &owner).await;
    assert!(
        over[0]["resolved_at_ms"].is_i64() && over[0]["unread"] == true,
        "over and not yet seen: {over:?}"
    );
    at.ask(&owner, "POST", "/api/notifications/read", json!({ "notification": over[0]["id"] })).await.ok(200);
    assert_eq!(unread(&at, &owner).await, 0);

    dies(&at, &owner, &bot, 137, 2).await;
    let again = list(&at, &owner).await;
    assert_eq!((again.len(), &again[0]["count"], &again[0]["resolved_at_ms"]), (1, &json!(2), &Value::Null));
    assert_eq!(unread(&at, &owner).await, 0, "the same again is no news");
    comes_back(&at, &owner, &clock, &bot).await;
    dies(&at, &owner, &bot, 137, 3).await;
    let looping = list(&at, &owner).await;
    assert_eq!(
        (looping.len(), &looping[0]["kind"], &looping[0]["count"]),
        (1, &json!("crash_loop"), &json!(3))
    );
    assert_eq!(unread(&at, &owner).await, 1, "a loop is");
    comes_back(&at, &owner, &clock, &bot).await;
    assert_eq!(list(&at, &owner).await[0]["resolved_at_ms"], Value::Null, "ready is not well");
    eventually("it is well", async || {
        clock.advance(60_000);
        list(&at, &owner).await[0]["resolved_at_ms"].is_i64().then_some(())
    })
    .await;

    clock.advance(20 * 60_000);
    dies(&at, &owner, &bot, 78, 4).await;
    let other = list(&at, &owner).await;
    assert_eq!(
        (other.len(), &other[0]["kind"]),
        (2, &json!("config_refused")),
        "long after, another trouble"
    );
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), json!({})).await.ok(200);
    eventually("nobody wants it running", async || {
        list(&at, &owner).await[0]["resolved_at_ms"].is_i64().then_some(())
    })
    .await;
    at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
    eventually("a deleted bot has none", async || list(&at, &owner).await.is_empty().then_some(())).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_does_not_answer_is_one_notification_for_all_its_bots() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let bots = [at.ready_bot(&owner, "First").await, at.ready_bot(&owner, "Second").await];
    at.world.cells.things.set_engine(false);
    eventually("both are unknown", async || {
        clock.advance(500);
        let all = list(&at, &owner).await;
        (all.len() == 1 && all[0]["count"] == 2).then_some(())
    })
    .await;
    let told = &list(&at, &owner).await[0];
    assert_eq!(
        (&told["kind"], &told["runtime"], &told["bot"]),
        (&json!("unreachable"), &json!("process"), &Value::Null)
    );
    at.world.cells.things.set_engine(true);
    for bot in &bots {
        comes_back(&at, &owner, &clock, bot).await;
    }
    assert!(list(&at, &owner).await[0]["resolved_at_ms"].is_i64());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_person_reads_mutes_or_does_not_want_is_nobody_elses() {
    let (at, clock) = timed().await;
    let token = at.owner().await;
    let here = at.first_workspace().await;
    let (_, _, ada) = at.person("Ada", here, "owner").await;
    let (_, _, vera) = at.person("Vera", here, "viewer").await;
    let stranger = at.stranger().await;
    let bot = at.ready_bot(&ada, "Shared").await;
    let mut tab = at.live(&ada).await.expect("a socket");
    tab.subscribe("notifications").await;
    let frame = tab.next().await;
    assert!(
        matches!(frame, Some(ServerFrame::Snapshot { data: Snapshot::Notifications { unread: 0 }, .. })),
        "{frame:?}"
    );
    dies(&at, &ada, &bot, 137, 1).await;
    let frame = tab.next().await;
    let everybody = LiveEvent::NotificationsChanged { of: None };
    assert!(matches!(&frame, Some(ServerFrame::Event { data, .. }) if *data == everybody), "{frame:?}");
    assert_eq!((unread(&at, &ada).await, unread(&at, &vera).await), (1, 1));
    assert_eq!((unread(&at, &stranger).await, list(&at, &stranger).await.len()), (0, 0));
    let id = list(&at, &ada).await[0]["id"].clone();
    let foreign = at.ask(&stranger, "POST", "/api/notifications/read", json!({ "notification": id })).await;
    assert_eq!((foreign.status, foreign.code().as_str()), (404, "not_found"));

    // What came since the page was drawn stays unread.
    let early = json!({ "until_ms": NOW - 1 });
    at.ask(&ada, "POST", "/api/notifications/read", early).await.ok(200);
    assert_eq!(unread(&at, &ada).await, 1);
    at.ask(&ada, "POST", "/api/notifications/read", json!({})).await.ok(200);
    assert_eq!((unread(&at, &ada).await, unread(&at, &vera).await), (0, 1), "hers alone");
    let marked = loop {
        let frame = tab.next().await.expect("a frame");
        if let ServerFrame::Event { data: LiveEvent::NotificationsChanged { of: Some(who) }, .. } = frame {
            break who;
        }
    };
    assert!(marked.starts_with("usr_"), "her other tabs are told: {marked}");

    let muted = at.ask(&vera, "POST", &format!("/api/bots/{bot}/mute"), json!({})).await.ok(200);
    assert!(muted["until_ms"].as_i64() > Some(NOW), "{muted}");
    assert_eq!(unread(&at, &vera).await, 0, "a muted bot does not count");
    at.ask(&vera, "POST", &format!("/api/bots/{bot}/mute"), json!({ "minutes": 0 })).await.ok(200);
    assert_eq!(unread(&at, &vera).await, 1, "until it is heard again");
    let long = at.ask(&vera, "POST", &format!("/api/bots/{bot}/mute"), json!({ "minutes": 999_999 })).await;
    assert_eq!((long.status, long.pointers()), (422, vec!["/minutes".to_owned()]));

    comes_back(&at, &ada, &clock, &bot).await;
    assert_eq!(unread(&at, &vera).await, 1, "it is over, and she has not seen it");
    let chosen = json!({ "in_app": ["died"], "push": ["crash_loop", "crash_loop"] });
    let kept = at.ask(&vera, "PUT", "/api/notification-choices", chosen).await.ok(200);
    assert_eq!(kept, json!({ "in_app": ["died"], "push": ["crash_loop"] }), "each once");
    assert_eq!(at.get(&vera, "/api/notification-choices").await.ok(200), kept);
    assert_eq!(
        (unread(&at, &vera).await, list(&at, &vera).await.len()),
        (0, 1),
        "what is over is no news to her"
    );
    at.ask(&vera, "PUT", "/api/notification-choices", json!({ "in_app": ["hung"] })).await.ok(200);
    assert_eq!(list(&at, &vera).await.len(), 0);
    assert_eq!(list(&at, &ada).await.len(), 1);
    let refused = at.get(&token, "/api/notification-choices").await;
    assert_eq!(refused.status, 403, "choices are a person's");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_notifications_are_forgotten_and_lists_are_paged() {
    let (at, clock) = timed().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Old").await;
    for n in 1..=3 {
        dies(&at, &owner, &bot, 137, n).await;
        comes_back(&at, &owner, &clock, &bot).await;
        eventually("it is well", async || {
            clock.advance(60_000);
            list(&at, &owner).await[0]["resolved_at_ms"].is_i64().then_some(())
        })
        .await;
        clock.advance(20 * 60_000);
        eventually("it counts as well", async || {
            clock.advance(60_000);
            let sql = "select failures from bots".to_owned();
            let db = at.server.platform.db.read();
            let row = db.query_one_raw(sea_orm::Statement::from_string(db.get_database_backend(), sql));
            let failures: i64 =
                row.await.expect("read").expect("a row").try_get_by_index(0).expect("a number");
            (failures == 0).then_some(())
        })
        .await;
    }
    let newest = at.get(&owner, "/api/notifications?limit=2").await.ok(200);
    let older = newest["next"].as_str().expect("more");
    let rest = at.get(&owner, &format!("/api/notifications?limit=2&cursor={older}")).await.ok(200);
    assert_eq!(
        (newest["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len)),
        (Some(2), Some(1))
    );
    assert!(newest["items"][0]["last_at_ms"].as_i64() > rest["items"][0]["last_at_ms"].as_i64());
    let altered = at.get(&owner, "/api/notifications?cursor=x").await;
    assert_eq!((altered.status, altered.pointers()), (422, vec!["/cursor".to_owned()]));
    clock.advance(91 * 24 * 3_600_000);
    eventually("they are forgotten", async || {
        clock.advance(60_000);
        (rows_of(&at, "notifications").await == 0).then_some(())
    })
    .await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bots_that_fall_at_once_make_a_tab_count_twice() {
    let (at, clock) = timed().await;
    at.owner().await;
    let (_, _, ada) = at.person("Ada", at.first_workspace().await, "owner").await;
    let mut bots: Vec<BotId> = Vec::new();
    for name in ["One", "Two", "Three", "Four", "Five"] {
        bots.push(at.ready_bot(&ada, name).await.parse().expect("an id"));
    }
    let mut tab = at.live(&ada).await.expect("a socket");
    tab.subscribe("notifications").await;
    assert!(matches!(tab.next().await, Some(ServerFrame::Snapshot { .. })));
    for bot in &bots {
        assert!(at.world.cells.exit(*bot, 137), "it runs");
    }
    eventually("every death to be told", async || (list(&at, &ada).await.len() == 5).then_some(())).await;
    let of = async |tab: &mut Live| match tab.next().await {
        Some(ServerFrame::Event { data: LiveEvent::NotificationsChanged { of }, .. }) => of,
        other => panic!("{other:?}"),
    };
    assert_eq!(of(&mut tab).await, None, "the first at once");
    // What is of one reader does not wait: if there were more for everybody, it would come before.
    at.ask(&ada, "POST", "/api/notifications/read", json!({})).await.ok(200);
    assert!(of(&mut tab).await.is_some(), "the rest waits");
    clock.advance(500);
    assert_eq!(of(&mut tab).await, None, "the rest together");
    at.ask(&ada, "POST", "/api/notifications/read", json!({})).await.ok(200);
    assert!(of(&mut tab).await.is_some(), "and no more");
    drop(tab);
    at.stop_busy().await;
}
