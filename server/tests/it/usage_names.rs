//! Calls are found by the names that people use, and a name that is nobody's is refused.

use crate::{support::*, usage::talked};
use serde_json::{Value, json};

/// How many calls a choice lists, and how many its sums are of: the same.
async fn calls(at: &TestServer, who: &Who, chosen: &str) -> usize {
    let list = at.get(who, &format!("/api/usage?{chosen}")).await.ok(200);
    let listed = list["items"].as_array().expect("calls").len();
    let sums = at.get(who, &format!("/api/usage/summary?{chosen}")).await.ok(200);
    assert_eq!(sums["sums"]["calls"], json!(listed), "{chosen}");
    listed
}

async fn program(at: &TestServer, owner: &Who, name: &str) -> (String, Who) {
    let made = at.ask(owner, "POST", "/api/virtual-keys", json!({ "name": name })).await.ok(201);
    let text = |field: &str| made[field].as_str().expect("text").to_owned();
    (text("id"), Who::Bearer(text("secret")))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_found_by_the_names_people_use() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (_, _, rows) = talked(&at, &owner).await;
    let (batch, secret) = program(&at, &owner, "Batch").await;
    let body = json!({ "model": "openai/fake-model", "messages": [] });
    at.ask(&secret, "POST", "/api/v1/chat/completions", body).await.ok(200);
    eventually("its row", async || {
        let sums = at.get(&owner, "/api/usage/summary").await.ok(200);
        (sums["sums"]["calls"] == 4).then_some(())
    })
    .await;
    let key = rows[0]["key"].as_str().expect("an id");
    for (chosen, found) in [
        ("model=fake-model", 4),
        ("model=openai/fake-model", 4),
        ("model=openai%2Ffake-model&vendor=openai", 4),
        ("model=groq/fake-model", 0),
        ("vendor=groq&model=openai/fake-model", 0),
        ("key=OpenAI", 4),
        ("key=openai&bot=Dear", 2),
        ("bot=dear", 2),
        ("virtual_key=Batch", 1),
        ("virtual_key=batch", 1),
        (&format!("key={key}&virtual_key={batch}"), 1),
        ("virtual_key=none&bot=Cheap", 1),
    ] {
        assert_eq!(calls(&at, &owner, chosen).await, found, "{chosen}");
    }
    let file = at.get(&owner, "/api/usage/export.csv?virtual_key=Batch&model=openai/fake-model").await;
    assert_eq!(file.text.matches("\r\n").count(), 2, "{}", file.text);

    // What is deleted has calls, and goes by its id alone.
    at.ask(&owner, "DELETE", &format!("/api/virtual-keys/{batch}"), Value::Null).await.ok(200);
    assert_eq!(calls(&at, &owner, &format!("virtual_key={batch}")).await, 1);
    for (chosen, field, says) in [
        ("virtual_key=Batch", "/virtual_key", "Batch"),
        ("key=Main", "/key", "Main"),
        ("bot=Deer", "/bot", "Deer"),
        ("vendor=nobody", "/vendor", "nobody"),
        ("tag=nosuch", "/tag", "nosuch"),
        ("bot=", "/bot", "must not be empty"),
        ("tag=%20", "/tag", "must not be empty"),
        ("from=", "/from", "must not be empty"),
        ("from=2026-11-20&to=2026-11-01", "/to", "before from"),
        ("from=2100-01-01", "/from", "in the future"),
        ("bott=Dear", "/bott", ""),
    ] {
        for path in ["/api/usage", "/api/usage/summary", "/api/usage/trend", "/api/usage/export.csv"] {
            let refused = at.get(&owner, &format!("{path}?{chosen}")).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{path} {chosen}");
            assert!(refused.text.contains(says), "{}", refused.text);
            assert!(
                path.ends_with("csv") || field == "/bott" || refused.pointers() == [field],
                "{}",
                refused.text
            );
        }
    }
    // Another workspace's names are nobody's here.
    let stranger = at.stranger().await;
    for chosen in ["key=OpenAI", "bot=Dear", "bot=dear"] {
        assert_eq!(at.get(&stranger, &format!("/api/usage?{chosen}")).await.status, 422, "{chosen}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_several_have_asks_for_the_id() {
    use sea_orm::ConnectionTrait;
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    at.add_key(&owner).await;
    let (batch, _) = program(&at, &owner, "Batch").await;
    program(&at, &owner, "Other").await;
    at.make_bot(&owner, "Fox").await;
    at.make_bot(&owner, "Hen").await;
    let db = at.server.platform.db.maintenance();
    for change in [
        "update provider_keys set label = 'One'",
        "update virtual_keys set name = 'Batch'",
        "update bots set name = 'Red Fox'",
    ] {
        db.execute_unprepared(change).await.expect("two of one name");
    }
    for (chosen, field) in
        [("key=One", "/key"), ("virtual_key=Batch", "/virtual_key"), ("bot=Red%20Fox", "/bot")]
    {
        let refused = at.get(&owner, &format!("/api/usage?{chosen}")).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![field.to_owned()]), "{}", refused.text);
        assert!(refused.text.contains("is the name of several"), "{}", refused.text);
    }
    let refused = at.get(&owner, "/api/usage?virtual_key=Batch").await;
    assert!(refused.text.contains(&batch), "it names them: {}", refused.text);
    assert_eq!(calls(&at, &owner, "bot=fox").await, 0, "a slug is one's own");
    at.stop().await;
}
