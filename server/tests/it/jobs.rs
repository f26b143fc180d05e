//! Looking after jobs: what an administrator sees of them and does to them, and that nobody else can.

use crate::support::*;
use api::{
    ids::{BotId, JobId},
    live::{LiveEvent, ServerFrame},
};
use entity::job;
use runtime::RuntimeKind;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};
use server::platform::{
    clock::ManualClock,
    jobs::{JobEnd, JobKind},
};
use std::time::Duration;
use uuid::Uuid;

/// A kind whose runs end when they are broken off only.
const HANGS: JobKind = JobKind { name: "test.hangs", deadline: Duration::from_secs(3_600), breaks_off: true };
/// A kind whose runs go on whatever one asks.
const STAYS: JobKind = JobKind { name: "test.stays", breaks_off: false, ..HANGS };

async fn put(at: &TestServer, kind: &str, state: &str, payload: &str) -> String {
    let id = JobId(Uuid::now_v7());
    let now = at.server.platform.clock.now_ms();
    let ended = state != "queued";
    let row = job::Model {
        id,
        kind: kind.to_owned(),
        payload: payload.to_owned(),
        unique_key: None,
        state: state.to_owned(),
        run_at_ms: if ended { now } else { now + 60_000 },
        attempts: if ended { 12 } else { 1 },
        max_attempts: 12,
        locked_until_ms: None,
        last_error: Some("it failed".to_owned()),
        created_at_ms: now,
        finished_at_ms: ended.then_some(now),
        started_at_ms: Some(now),
        ran_ms: Some(7),
    };
    let made = at.server.platform.db.write(async |tx| {
        job::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    });
    made.await.expect("a job");
    id.to_string()
}

async fn still() -> TestServer {
    let mut world = World::new(RuntimeKind::Process).await;
    world.clock = Some(ManualClock::at(1_790_000_000_000));
    world.serve().await
}

/// A job as its administrator sees it.
async fn seen(at: &TestServer, who: &Who, id: &str) -> Value {
    at.get(who, &format!("/api/jobs/{id}")).await.ok(200)
}

async fn act(at: &TestServer, who: &Who, id: &str, act: &str) -> Answer {
    at.ask(who, "POST", &format!("/api/jobs/{id}/{act}"), json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_listed_counted_and_discarded_and_each_act_is_written_down() {
    let at = still().await;
    let olga = at.operator().await;
    let dead = put(&at, "test.none", "dead", "").await;
    put(&at, "test.none", "queued", "").await;
    let list = at.get(&olga, "/api/jobs?state=dead&kind=test.none&limit=1").await.ok(200);
    assert_eq!((&list["items"][0]["id"], &list["items"][1]), (&json!(dead), &Value::Null));
    assert_eq!((&list["counts"]["dead"], &list["counts"]["queued"]), (&json!(1), &json!(1)));
    assert!(list["kinds"].as_array().is_some_and(|k| k.contains(&json!("bots.reconcile"))), "{list}");
    let job = seen(&at, &olga, &dead).await;
    assert_eq!((&job["attempts"], &job["max_attempts"], &job["ran_ms"]), (&json!(12), &json!(12), &json!(7)));
    assert_eq!((&job["last_error"], &job["next_at_ms"]), (&json!("it failed"), &Value::Null));
    at.ask(&olga, "DELETE", &format!("/api/jobs/{dead}"), Value::Null).await.ok(200);
    assert_eq!(at.get(&olga, &format!("/api/jobs/{dead}")).await.status, 404);
    let audit = at.get(&olga, "/api/audit?limit=1").await.ok(200);
    assert_eq!(
        (&audit["items"][0]["act"], &audit["items"][0]["target"]),
        (&json!("jobs.discard"), &json!(dead))
    );
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_is_retried_runs_anew_with_all_its_tries() {
    let at = still().await;
    let olga = at.operator().await;
    let dead = put(&at, "test.none", "dead", "").await;
    let queued = act(&at, &olga, &dead, "retry").await.ok(200);
    assert_eq!((&queued["state"], &queued["attempts"]), (&json!("queued"), &json!(0)));
    // Nobody handles this kind: it fails once, and would be tried again.
    let again = eventually("it to have failed", async || {
        Some(seen(&at, &olga, &dead).await).filter(|job| job["attempts"] == 1)
    })
    .await;
    assert!(again["last_error"].as_str().is_some_and(|why| why.contains("no handler")), "{again}");
    // One that waits is run without waiting.
    act(&at, &olga, &dead, "retry").await.ok(200);
    eventually("its second try", async || {
        Some(seen(&at, &olga, &dead).await).filter(|job| job["attempts"] == 2)
    })
    .await;
    let cancelled = act(&at, &olga, &dead, "cancel").await.ok(200);
    assert_eq!((&cancelled["state"], &cancelled["next_at_ms"]), (&json!("cancelled"), &Value::Null));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_runs_is_broken_off_where_its_kind_allows_it_and_otherwise_it_says_so() {
    let at = still().await;
    let olga = at.operator().await;
    let jobs = &at.server.platform.jobs;
    jobs.on(HANGS, |_| std::future::pending());
    let (go, gone) = tokio::sync::watch::channel(false);
    jobs.on(STAYS, move |_| {
        let mut gone = gone.clone();
        async move {
            let _ = gone.wait_for(|go| *go).await;
            Ok(JobEnd::Done)
        }
    });
    let (hangs, stays) = (put(&at, HANGS.name, "queued", "").await, put(&at, STAYS.name, "queued", "").await);
    for id in [&hangs, &stays] {
        act(&at, &olga, id, "retry").await.ok(200);
        eventually("it to run", async || {
            Some(seen(&at, &olga, id).await).filter(|job| job["state"] == "running")
        })
        .await;
        let discard = at.ask(&olga, "DELETE", &format!("/api/jobs/{id}"), Value::Null).await;
        assert_eq!((discard.status, discard.code().as_str()), (409, "conflict"));
    }
    assert_eq!(act(&at, &olga, &hangs, "retry").await.status, 409, "it runs already");
    let ended = act(&at, &olga, &hangs, "cancel").await.ok(200);
    assert_eq!((&ended["state"], &ended["can_cancel"]), (&json!("cancelled"), &json!(false)));
    assert_eq!(seen(&at, &olga, &stays).await["can_cancel"], json!(false));
    let refused = act(&at, &olga, &stays, "cancel").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    assert!(refused.text.contains("stop the bot"), "{}", refused.text);
    go.send(true).expect("it listens");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_queued_already_is_not_queued_a_second_time() {
    let at = still().await;
    let olga = at.operator().await;
    let (dead, queued) = (put(&at, "test.none", "dead", "").await, put(&at, "test.none", "queued", "").await);
    let same = at.server.platform.db.write(async |tx| {
        let ids = [&dead, &queued].map(|id| id.parse::<JobId>().expect("an id"));
        let key = sea_orm::sea_query::Expr::value("the same");
        let both = job::Entity::update_many().col_expr(job::Column::UniqueKey, key);
        both.filter(job::Column::Id.is_in(ids)).exec(tx).await?;
        Ok(())
    });
    same.await.expect("one key");
    let refused = act(&at, &olga, &dead, "retry").await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bots_name_is_told_to_members_of_its_workspace_only() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Zebra").await;
    let dead = put(&at, "bots.reconcile", "dead", &bot).await;
    let inside = seen(&at, &at.operator().await, &dead).await;
    assert_eq!((&inside["about"], &inside["bot"]["name"]), (&json!(bot), &json!("Zebra")));
    let elsewhere = {
        let me = at.get(&at.stranger().await, "/api/me").await.ok(200);
        me["workspace"].as_str().expect("a workspace").parse().expect("an id")
    };
    let outside = seen(&at, &at.administrator("Olga", elsewhere, "owner").await, &dead).await;
    assert_eq!(
        (&outside["about"], &outside["bot"], &outside["stage"]),
        (&json!(bot), &Value::Null, &Value::Null)
    );
    // Who owns the workspace but not the instance sees no job at all, not even by its id.
    let (known, unknown) = (
        at.get(&owner, &format!("/api/jobs/{dead}")).await,
        at.get(&owner, &format!("/api/jobs/{}", JobId(Uuid::now_v7()))).await,
    );
    assert_eq!((known.status, known.shape()), (403, unknown.shape()));
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_watches_hears_of_a_job_and_a_routine_look_leaves_no_row() {
    let at = TestServer::start().await;
    let (owner, olga) = (at.owner().await, at.operator().await);
    at.add_key(&owner).await;
    let mut live = at.live(&olga).await.expect("a socket");
    live.subscribe("jobs").await;
    assert!(matches!(live.next().await, Some(ServerFrame::Snapshot { .. })));
    let bot = at.ready_bot(&owner, "Helper").await;
    loop {
        if let ServerFrame::Event { data: LiveEvent::JobsChanged {}, .. } =
            live.next().await.expect("a frame")
        {
            break;
        }
    }
    drop(live);
    let id: BotId = bot.parse().expect("an id");
    eventually("nothing to be left of routine work", async || {
        let list = at.get(&olga, "/api/jobs?kind=bots.reconcile").await.ok(200);
        list["items"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
    assert!(at.world.cells.starts().iter().any(|start| start.0 == id));
    at.stop().await;
}
