//! The same server on PostgreSQL: migrations and the main job. `CHELA_TEST_POSTGRES` names a server on which
//! databases may be made; CI sets it.

use crate::support::*;
use runtime::RuntimeKind;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use testkit::vendor::Mode;
use uuid::Uuid;

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
    let name = format!("chela_test_{}", Uuid::now_v7().simple());
    let db = Database::connect(server).await.expect("PostgreSQL answers");
    db.execute_unprepared(&format!("create database {name}")).await.expect("a database");
    let mut url = url::Url::parse(server).expect("a URL");
    url.set_path(&name);
    (db, name, url.to_string())
}

async fn lists_are_narrowed(at: &TestServer, who: &Who, bot: &str) {
    at.ask(who, "PATCH", &format!("/api/bots/{bot}"), json!({ "tags": ["eu"] })).await.ok(200);
    for sort in ["created", "-created", "name", "-name", "since", "-since"] {
        let words = format!("sort={sort}&limit=1&q=HELP&state=running&tag=eu&runtime=process");
        let page = at.get(who, &format!("/api/bots?{words}")).await.ok(200);
        assert_eq!(page["items"][0]["name"], "Helper", "{sort}: {page}");
        let first = at.get(who, &format!("/api/bots?sort={sort}&limit=1")).await.ok(200);
        let next = first["next"].as_str().expect("there are two");
        let rest = at.get(who, &format!("/api/bots?sort={sort}&limit=1&cursor={next}")).await.ok(200);
        assert_ne!(first["items"][0]["id"], rest["items"][0]["id"], "{sort}");
    }
    let stats = at.get(who, "/api/bots/stats?tag=eu").await.ok(200);
    assert_eq!((&stats["total"], &stats["tags"][0]["tag"]), (&json!(1), &json!("eu")));
    assert_eq!(at.get(who, &format!("/api/bots/{bot}/uptime")).await.ok(200)["deaths"], 0);
}

async fn notifications_are_told(at: &TestServer, who: &Who, bot: &str) {
    assert!(at.world.cells.exit(bot.parse().expect("an id"), 137), "it runs");
    let told = eventually("the death to be told", async || {
        let page = at.get(who, "/api/notifications?unread=true&limit=1").await.ok(200);
        page["items"].get(0).cloned()
    })
    .await;
    assert_eq!((&told["kind"], &told["bot"]["id"]), (&json!("died"), &json!(bot)));
    at.observed(who, bot, "running").await;
    let over = at.get(who, "/api/notifications").await.ok(200);
    assert!(over["items"][0]["resolved_at_ms"].is_i64(), "{over}");
    let here = at.first_workspace().await;
    let (_, _, ada) = at.person("Ada", here, "owner").await;
    let choices = json!({ "in_app": ["died", "recovered"], "push": [] });
    for _ in 0..2 {
        at.ask(&ada, "PUT", "/api/notification-choices", choices.clone()).await.ok(200);
        at.ask(&ada, "POST", &format!("/api/bots/{bot}/mute"), json!({ "minutes": 0 })).await.ok(200);
        let browser = json!({
            "endpoint": "https://push.example/pg",
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        });
        at.ask(&ada, "POST", "/api/push/subscribe", browser).await.ok(200);
    }
    at.ask(&ada, "POST", "/api/push/unsubscribe", json!({ "endpoint": "https://push.example/pg" }))
        .await
        .ok(200);
    for (reader, unread) in [(&ada, 1), (who, 1)] {
        assert_eq!(at.get(reader, "/api/notifications/unread").await.ok(200)["count"], unread);
        for _ in 0..2 {
            at.ask(reader, "POST", "/api/notifications/read", json!({})).await.ok(200);
        }
        assert_eq!(at.get(reader, "/api/notifications/unread").await.ok(200)["count"], 0);
    }
}

/// What was stopped, lifted and stopped anew is one stop that stands; and calls are found by names there, too.
async fn calls_are_stopped_again(at: &TestServer, owner: &Who) {
    let stop = async || at.ask(owner, "POST", "/api/stops", json!({ "vendor": "qwen" })).await.ok(201);
    let (one, same) = (stop().await, stop().await);
    assert_eq!(one, same);
    let path = format!("/api/stops/{}", one["id"].as_str().expect("an id"));
    at.ask(owner, "DELETE", &path, Value::Null).await.ok(200);
    let anew = stop().await;
    assert_eq!(at.get(owner, "/api/stops").await.ok(200)["items"], json!([anew]));
    for path in ["/api/usage", "/api/usage/summary", "/api/usage/export.csv"] {
        let found = at.get(owner, &format!("{path}?bot=Helper&key=openai&model=openai/fake-model")).await;
        assert_eq!(found.status, 200, "{path}: {}", found.text);
    }
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
    lists_are_narrowed(&at, &owner, &bot).await;
    calls_are_stopped_again(&at, &owner).await;
    notifications_are_told(&at, &owner, &bot).await;
    let second = server::platform::db::Db::postgres(
        &at.world.env.iter().find(|(n, _)| *n == "CHELA_DATABASE_URL").expect("set").1,
    )
    .await;
    let refused = second.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("another Chela"), "{refused}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_model_with_a_nul_in_its_name_stops_neither_ledger_nor_start_on_postgresql() {
    let Some(server) = address() else { return };
    let (db, name, url) = database(&server).await;
    let mut world = World::new(RuntimeKind::Process).await;
    world.env.push(("CHELA_DATABASE_URL", url.clone()));
    let at = world.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let key = at.ask(&owner, "POST", "/api/virtual-keys", json!({ "name": "Batch" })).await.ok(201);
    at.world.vendor.play(Mode::HangAfter { pieces: 3 });
    let request = http::Request::post("/v1/chat/completions").header("host", "127.0.0.1");
    let bearer = format!("Bearer {}", key["secret"].as_str().expect("a secret"));
    let request = request.header("authorization", bearer).header("content-type", "application/json");
    let body = r#"{"model":"openai/a\u0000b","stream":true,"messages":[]}"#;
    let calling = tokio::spawn(try_send(at.world.relay(), request.body(body.into()).expect("a request")));
    eventually("the call to be noted", async || (rows_of(&at, "open_calls").await == 1).then_some(())).await;
    let noted = "select call from open_calls";
    let noted = Statement::from_string(DbBackend::Postgres, noted);
    let noted = at.server.platform.db.read().query_one_raw(noted).await.expect("a database").expect("a row");
    let noted: String = noted.try_get("", "call").expect("a text");
    let world = at.stop().await;
    let _cut = calling.await.expect("no panic");
    // As if another had run when Chela died.
    let (first, second) = (Uuid::from_u128(1), noted.split('"').nth(3).expect("an id"));
    let lost = noted.replace(second, &first.to_string()).replace('\'', "''");
    let own = Database::connect(&url).await.expect("the test's own database");
    let insert = format!("insert into open_calls (id, call) values ('{first}', '{lost}')");
    own.execute_unprepared(&insert).await.expect("inserted");
    drop(own);
    let at = world.serve().await;
    let rows = at.get(&owner, "/api/usage").await.ok(200)["items"].clone();
    let ended: Vec<_> =
        rows.as_array().expect("rows").iter().map(|row| (&row["model"], &row["ended"])).collect();
    assert_eq!(ended, [(&json!("ab"), &json!("stopped")), (&json!("ab"), &json!("lost"))], "{rows}");
    assert_eq!(rows_of(&at, "open_calls").await, 0);
    drop(at.stop().await);
    db.execute_unprepared(&format!("drop database {name} with (force)")).await.expect("dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_budgets_hold_what_was_counted_on_postgresql_too() {
    let Some(server) = address() else { return };
    let (db, name, url) = database(&server).await;
    let mut world = World::new(RuntimeKind::Process).await;
    world.env.push(("CHELA_DATABASE_URL", url));
    let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    let gone = async || {
        db.execute_unprepared(&end).await.expect("ended");
    };
    drop(crate::counted::a_teams_budgets_outlive_its_callers(world, gone).await);
    db.execute_unprepared(&format!("drop database {name} with (force)")).await.expect("dropped");
}
