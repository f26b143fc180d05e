//! Many bots: the list narrowed and counted, acts on several, the trash.

use crate::support::*;
use entity::bots::bot;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

/// Names of a list's bots, over all its pages.
async fn names(at: &TestServer, who: &Who, query: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = at.get(who, &format!("/api/bots?{query}&limit=2&cursor={cursor}")).await.ok(200);
        let items = page["items"].as_array().expect("items");
        all.extend(items.iter().map(|bot| bot["name"].as_str().expect("a name").to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

async fn stopped(at: &TestServer, who: &Who, name: &str, tags: &[&str]) -> String {
    let new = json!({ "name": name, "model": "openai/fake-model", "tags": tags });
    let id = at.ask(who, "POST", "/api/bots", new).await.ok(201)["id"].as_str().expect("an id").to_owned();
    at.ask(who, "POST", &format!("/api/bots/{id}/stop"), json!({})).await.ok(200);
    at.observed(who, &id, "stopped").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_sorted_paged_and_counted_on_the_server() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    for (name, tags) in [("delta", &["eu", "sales"][..]), ("Alpha", &["eu"]), ("echo", &[])] {
        stopped(&at, &owner, name, tags).await;
    }
    let order = |query: &'static str| names(&at, &owner, query);
    assert_eq!(order("").await, ["delta", "Alpha", "echo"]);
    assert_eq!(order("sort=-name").await, ["echo", "delta", "Alpha"]);
    assert_eq!(order("sort=since").await.len(), 3);
    assert_eq!(order("state=stopped&tag=eu&sort=name").await, ["Alpha", "delta"]);
    assert_eq!(order("state=running").await, [""; 0]);
    assert_eq!(order("q=ALPH&runtime=process").await, ["Alpha"]);
    let stats = at.get(&owner, "/api/bots/stats?tag=eu").await.ok(200);
    let counts = ["total", "running", "changing", "stopped", "attention", "trashed"]
        .map(|name| stats[name].as_u64().expect("a count"));
    assert_eq!(counts, [2, 0, 0, 2, 0, 0]);
    assert_eq!(stats["tags"], json!([{ "tag": "eu", "bots": 2 }, { "tag": "sales", "bots": 1 }]));

    for (query, pointer) in [
        ("sort=colour", "/sort"),
        ("limit=0", "/limit"),
        ("sort=name&cursor=bot_x", "/cursor"),
        ("sort=since&cursor=x.y", "/cursor"),
        ("state=sleeping", "/state"),
    ] {
        let refused = at.get(&owner, &format!("/api/bots?{query}")).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer.to_owned()]), "{query}");
    }
    let elsewhere = at.stranger().await;
    assert_eq!(at.get(&elsewhere, "/api/bots/stats").await.ok(200)["total"], 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_hold_at_once_and_what_is_no_tag_is_refused() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = stopped(&at, &owner, "Tagged", &[]).await;
    let path = format!("/api/bots/{bot}");
    let told = at.ask(&owner, "PATCH", &path, json!({ "tags": ["vip", "eu", "vip"] })).await.ok(200);
    assert_eq!((&told["tags"], &told["pending"]), (&json!(["vip", "eu"]), &Value::Null));
    let many: Vec<String> = (0..21).map(|n| format!("t{n}")).collect();
    for wrong in [json!(["Ä"]), json!(["x".repeat(33)]), json!(["a\"b"]), json!(many)] {
        let refused = at.ask(&owner, "PATCH", &path, json!({ "tags": wrong })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/tags".to_owned()]), "{wrong}");
    }
    assert_eq!(at.get(&owner, &path).await.ok(200)["tags"], json!(["vip", "eu"]));
    // A form's field for one more, left empty.
    at.ask(&owner, "PATCH", &path, json!({ "tags": ["vip", " ", "eu", ""] })).await.ok(200);
    assert_eq!(at.get(&owner, &path).await.ok(200)["tags"], json!(["vip", "eu"]));
    // What an unset variable leaves takes none away.
    let refused = at.ask(&owner, "PATCH", &path, json!({ "tags": [""] })).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/tags/0".to_owned()]), "{}", refused.text);
    assert_eq!(at.get(&owner, &path).await.ok(200)["tags"], json!(["vip", "eu"]));
    let made = at.ask(&owner, "POST", &format!("{path}/clone"), json!({ "name": "Twin" })).await.ok(201);
    let twin = at.get(&owner, &format!("/api/bots/{}", made["id"].as_str().expect("an id"))).await.ok(200);
    assert_eq!((&twin["tags"], &twin["model"]), (&json!(["vip", "eu"]), &told["model"]));
    assert_eq!(twin["settings"]["profile"], told["settings"]["profile"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_on_several_bots_says_of_each_what_became_of_it() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let (one, two) = (stopped(&at, &owner, "One", &[]).await, stopped(&at, &owner, "Two", &[]).await);
    at.ask(&owner, "POST", &format!("/api/bots/{two}/start"), json!({})).await.ok(200);
    let start = json!({ "act": "start", "bots": [one, "two", "nobody"] });
    let done = at.ask(&owner, "POST", "/api/bots/bulk", start).await.ok(200);
    let told: Vec<_> = done["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|r| {
            (
                r["ok"] == true,
                r["changed"] == true,
                r["error"]["code"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let said = |ok, changed, code: &str| (ok, changed, code.to_owned());
    assert_eq!(told, [said(true, true, ""), said(true, false, ""), said(false, false, "not_found")]);
    at.observed(&owner, &one, "running").await;

    let stranger = at.stranger().await;
    let foreign = json!({ "act": "delete", "bots": [one] });
    let refused = at.ask(&stranger, "POST", "/api/bots/bulk", foreign).await.ok(200);
    assert_eq!(refused["results"][0]["error"]["code"], "not_found");
    for bad in [json!([]), json!(vec!["x"; 201])] {
        let refused = at.ask(&owner, "POST", "/api/bots/bulk", json!({ "act": "stop", "bots": bad })).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/bots".to_owned()]));
    }
    let all = json!({ "act": "trash", "bots": [one, two] });
    at.ask(&owner, "POST", "/api/bots/bulk", all).await.ok(200);
    assert_eq!(names(&at, &owner, "").await, [""; 0]);
    let back = json!({ "act": "restore", "bots": [one, two] });
    let done = at.ask(&owner, "POST", "/api/bots/bulk", back).await.ok(200);
    assert!(done["results"].as_array().expect("results").iter().all(|r| r["changed"] == true), "{done}");
    assert_eq!(names(&at, &owner, "").await, ["One", "Two"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_in_the_trash_is_stopped_and_out_of_sight_and_comes_back_as_it_was() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Precious").await;
    at.talk(&owner, &bot, "ask:before").await;
    let path = format!("/api/bots/{bot}");
    let put = at.ask(&owner, "POST", &format!("{path}/trash"), json!({})).await.ok(200);
    assert!(put["trashed_at_ms"].is_i64(), "{put}");
    for (method, path) in
        [("GET", path.clone()), ("POST", format!("{path}/start")), ("POST", format!("{path}/trash"))]
    {
        assert_eq!(at.ask(&owner, method, &path, json!({})).await.status, 404, "{method} {path}");
    }
    at.get(&owner, &format!("{path}/logs")).await.ok(200);
    assert_eq!(at.get(&at.stranger().await, &format!("{path}/logs")).await.status, 404);
    assert_eq!(names(&at, &owner, "trashed=true").await, ["Precious"]);
    assert_eq!(at.get(&owner, "/api/bots/stats").await.ok(200)["trashed"], 1);
    eventually("it has ended", async || {
        let page = at.get(&owner, "/api/bots?trashed=true").await.ok(200);
        (page["items"][0]["observed"] == "stopped").then_some(())
    })
    .await;

    // Its name is free meanwhile, and then it cannot come back under it.
    let other = stopped(&at, &owner, "precious", &[]).await;
    let refused = at.ask(&owner, "POST", &format!("{path}/restore"), json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
    at.ask(&owner, "DELETE", &format!("/api/bots/{other}"), Value::Null).await.ok(200);
    at.ask(&owner, "POST", &format!("{path}/restore"), json!({})).await.ok(200);
    at.observed(&owner, &bot, "running").await;
    let threads = at.get(&owner, &format!("{path}/threads")).await.ok(200);
    assert_eq!(threads["items"].as_array().map(Vec::len), Some(1), "with what was said");
    at.talk(&owner, &bot, "ask:after").await;
    let again = at.ask(&owner, "POST", &format!("{path}/restore"), json!({})).await.ok(200);
    assert_eq!(again["trashed_at_ms"], Value::Null, "twice is no harm");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_a_week_in_the_trash_is_deleted_and_what_is_not_stays() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let (old, new) = (stopped(&at, &owner, "Old", &[]).await, stopped(&at, &owner, "New", &[]).await);
    for bot in [&old, &new] {
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/trash"), json!({})).await.ok(200);
    }
    let id = old.parse::<api::ids::BotId>().expect("an id");
    let aged = at.server.platform.db.write(async |tx| {
        let weeks = Expr::col(bot::Column::TrashedAtMs).sub(api::bots::TRASH_MS);
        bot::Entity::update_many()
            .col_expr(bot::Column::TrashedAtMs, weeks)
            .filter(bot::Column::Id.eq(id))
            .exec(tx)
            .await?;
        Ok(())
    });
    aged.await.expect("a row");
    let at = at.stop().await.serve().await;
    let dir = at.world.data().join("bots").join(&old);
    eventually("the old one is gone", async || {
        (names(&at, &owner, "trashed=true").await == ["New"] && !dir.exists()).then_some(())
    })
    .await;
    at.stop().await;
}
