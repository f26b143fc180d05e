//! The same server on PostgreSQL: migrations and the main job. `CHELA_TEST_POSTGRES` names a server on which
//! databases may be made; CI sets it.

use crate::support::*;
use runtime::RuntimeKind;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use server::platform::jobs::{JobEnd, NewJob};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

/// The server's address, or why there is none.
fn address() -> Option<String> {
    let found = std::env::var("CHELA_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    if found.is_none() {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
        assert!(!in_ci, "CI must start PostgreSQL and set CHELA_TEST_POSTGRES=postgres://user@host/postgres");
        eprintln!("skipped: CHELA_TEST_POSTGRES is not set");
    }
    found
}

/// The address of a database of its own on that server.
async fn database(server: &str) -> (DatabaseConnection, String, String) {
    let name = format!("chela_test_{}", uuid::Uuid::now_v7().simple());
    let db = Database::connect(server).await.expect("PostgreSQL answers");
    db.execute_unprepared(&format!("create database {name}")).await.expect("a database");
    let mut url = url::Url::parse(server).expect("a URL");
    url.set_path(&name);
    (db, name, url.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_is_done_on_postgresql_too() {
    let Some(server) = address() else { return };
    let (db, name, url) = database(&server).await;
    let mut world = World::new(RuntimeKind::Process).await;
    world.env.push(("CHELA_DATABASE_URL", url));
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    assert_eq!(at.talk(&owner, &bot, "ask:pg").await["text"], json!(at.world.vendor.answer_to("pg")));
    eventually("the usage row", async || (rows_of(&at, "usage_rows").await == 1).then_some(())).await;
    let today = at.get(&owner, "/api/usage/today").await.ok(200);
    assert_eq!((&today["calls"], &today["failed"]), (&json!(1), &json!(0)));
    assert_eq!(at.get(&owner, "/api/instance").await.ok(200)["database"], "PostgreSQL");

    let create = async |key: &str| {
        let request = at.request(&owner, "POST", "/api/bots").header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        let body = json!({ "name": "Twice", "model": "openai/fake-model" }).to_string();
        send(at.panel, request.body(body.into()).expect("a request")).await
    };
    let (one, two) = tokio::join!(create("k"), create("k"));
    for answer in [&one, &two] {
        assert!(
            answer.status == 201 || (answer.status, answer.code().as_str()) == (409, "in_flight"),
            "{answer:?}"
        );
    }
    assert_eq!(create("k").await.ok(201)["replayed"], true);
    let same = at.ask(&owner, "POST", "/api/bots", json!({ "name": "TWICE", "model": "openai/x" })).await;
    assert_eq!(same.status, 422);
    let edited = at
        .ask(&owner, "PATCH", &format!("/api/bots/{bot}"), json!({ "prompt": "p", "expected_version": 1 }))
        .await
        .ok(200);
    let stale = at
        .ask(&owner, "PATCH", &format!("/api/bots/{bot}"), json!({ "prompt": "q", "expected_version": 1 }))
        .await;
    assert_eq!((stale.status, &edited["version"]), (409, &json!(2)));
    for list in ["/api/bots", "/api/keys", "/api/tokens", "/api/audit", "/api/usage"] {
        let page = at.get(&owner, &format!("{list}?limit=1")).await.ok(200);
        if let Some(next) = page["next"].as_str() {
            at.get(&owner, &format!("{list}?limit=1&cursor={next}")).await.ok(200);
        }
    }
    let stranger = at.stranger().await;
    assert_eq!(at.get(&stranger, &format!("/api/bots/{bot}")).await.status, 404);

    let at = at.stop().await.serve().await;
    at.observed(&owner, &bot, "running").await;
    assert_eq!(at.talk(&owner, &bot, "ask:again").await["text"], json!(at.world.vendor.answer_to("again")));
    at.ask(&owner, "DELETE", &format!("/api/bots/{bot}"), Value::Null).await.ok(200);
    eventually("the bot to be gone", async || (rows_of(&at, "bots").await == 1).then_some(())).await;
    assert_eq!(rows_of(&at, "messages").await, 0);
    let refused = server::backup::create(&at.world.config(), &at.world.dir.path().join("b.tar")).await;
    assert!(refused.is_err_and(|e| e.to_string().contains("pg_dump")));
    let world = at.stop().await;
    drop(world);
    db.execute_unprepared(&format!("drop database {name} with (force)")).await.expect("dropped");
}

/// SQLite has one writer, so there the twin is always seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_to_run_again_ends_when_its_twin_is_queued_at_the_same_moment() {
    let Some(server) = address() else { return };
    let (db, name, url) = database(&server).await;
    let mut world = World::new(RuntimeKind::Process).await;
    world.env.push(("CHELA_DATABASE_URL", url));
    let at = world.serve().await;
    let platform = &at.server.platform;
    let job = || NewJob {
        kind: "test.again",
        payload: String::new(),
        unique_key: Some("test".to_owned()),
        run_at_ms: 0,
    };
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let runs = Arc::new(AtomicUsize::new(0));
    platform.jobs.on("test.again", {
        let (started, go, runs) = (Arc::clone(&started), Arc::clone(&go), Arc::clone(&runs));
        move |_| {
            let (started, go, runs) = (Arc::clone(&started), Arc::clone(&go), Arc::clone(&runs));
            async move {
                if runs.fetch_add(1, Ordering::SeqCst) > 0 {
                    return Ok(JobEnd::Done);
                }
                started.notify_one();
                go.notified().await;
                Ok(JobEnd::Again { at_ms: 0 })
            }
        }
    });
    platform.db.write(async |tx| platform.jobs.add(tx, job()).await).await.expect("a job");
    platform.jobs.wake();
    started.notified().await;
    let twin = platform.db.write(async |tx| {
        platform.jobs.add(tx, job()).await?;
        go.notify_one();
        // The end of the first job waits for this transaction.
        eventually("a transaction that waits for this one", async || {
            let waiting = format!(
                "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = '{name}'"
            );
            let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, waiting)).await;
            (!rows.expect("activity").is_empty()).then_some(())
        })
        .await;
        Ok(())
    });
    twin.await.expect("the twin");
    platform.jobs.wake();
    let world = at.stop().await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    drop(world);
    db.execute_unprepared(&format!("drop database {name} with (force)")).await.expect("dropped");
}
