//! Keys of every vendor, as a person adds them.

use crate::support::*;
use http::Request;
use runtime::RuntimeKind;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use testkit::vendor::Mode;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_every_vendor_is_tested_at_once_and_used_as_its_row_says() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let vendors = at.ask(&owner, "GET", "/api/vendors", json!(null)).await.ok(200);
    let vendors = vendors.as_array().expect("a list");
    assert!(vendors.len() > 60);
    let base = at.world.vendor.base_url();
    for vendor in vendors {
        let id = vendor["id"].as_str().expect("an id");
        let body = json!({ "vendor": id, "secret": KEY, "base_url": base });
        let key = at.ask(&owner, "POST", "/api/keys", body).await.ok(201);
        assert_eq!(
            (&key["status"], &key["vendor"], &key["own_base_url"]),
            (&json!("working"), &vendor["id"], &json!(true))
        );
        let models = key["models"].as_array().expect("models");
        assert!(models.iter().all(|m| *m == format!("{id}/fake-model")), "{id}: {models:?}");
        for region in vendor["regions"].as_array().expect("regions") {
            let named = format!("{id}@{}", region["id"].as_str().expect("an id"));
            let body = json!({ "vendor": named, "secret": KEY, "base_url": base });
            // It is known, and not dropped for an address.
            let both = at.ask(&owner, "POST", "/api/keys", body).await;
            assert_eq!((both.status, both.pointers()), (422, vec!["/vendor".to_owned()]));
            assert!(both.text.contains("leave out the region or the base URL"), "{named}: {}", both.text);
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_key_is_added_without_one_and_asked_without_one() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.world.vendor.expect_key("");
    let body = json!({ "vendor": "ollama", "base_url": at.world.vendor.base_url() });
    let key = at.ask(&owner, "POST", "/api/keys", body).await.ok(201);
    assert_eq!((&key["status"], &key["last_four"]), (&json!("working"), &json!("")));
    let id = key["id"].as_str().expect("an id");
    let tested = at.ask(&owner, "POST", &format!("/api/keys/{id}/test"), json!(null)).await.ok(200);
    assert_eq!(tested["status"], "working");
    let none = json!({ "vendor": "mistral", "base_url": at.world.vendor.base_url() });
    let refused = at.ask(&owner, "POST", "/api/keys", none).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/secret".to_owned()]));
    at.stop().await;
}

/// As it is where its vendor signs calls; where the build has none, it is told how to get it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pair_of_keys_is_looked_at_before_it_is_sealed_and_only_the_end_of_its_id_is_seen() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let base = at.world.vendor.base_url();
    let add = async |secret: &str| {
        let body = json!({ "vendor": "bedrock", "secret": secret, "base_url": base, "accept_failing": true });
        at.ask(&owner, "POST", "/api/keys", body).await
    };
    let pair = add(&format!("AKIAIOSFODNN7EXAMPLE:{SECRET}")).await;
    if relay::vendors::find("bedrock").is_none() {
        assert_eq!((pair.status, pair.pointers()), (422, vec!["/vendor".to_owned()]));
        assert!(pair.text.contains("./x build --features bedrock"), "{}", pair.text);
        at.stop().await;
        return;
    }
    let key = pair.ok(201);
    assert_eq!((&key["status"], &key["last_four"]), (&json!("failing"), &json!("MPLE")));
    assert!(!key.to_string().contains("wJalr") && !key.to_string().contains("EKEY"), "{key}");
    for call in at.world.vendor.calls() {
        let authorization = &call.headers["authorization"];
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"));
        assert!(!format!("{:?}", call.headers).contains(SECRET), "a pair is never sent");
    }
    for bad in
        ["AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE:short", &format!("ASIAIOSFODNN7EXAMPLE:{SECRET}")]
    {
        let refused = add(bad).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/secret".to_owned()]), "{bad}");
        assert!(!refused.text.contains("wJalr"), "{}", refused.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_may_ask_at_one_address_for_what_its_workspace_has_keys_for() {
    let at = World::new(RuntimeKind::Process).await.serve().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let other = json!({ "vendor": "mistral", "secret": KEY, "base_url": at.world.vendor.base_url() });
    at.ask(&owner, "POST", "/api/keys", other).await.ok(201);
    let bot = at.ready_bot(&owner, "Helper").await;
    let file =
        at.world.data().join("bots").join(&bot).join("run").join(openclaw::config::cell::RELAY_TOKEN_FILE);
    let token = std::fs::read_to_string(file).expect("its token");
    let call = async |method: &str, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
        let request = request.header("authorization", format!("Bearer {}", token.trim()));
        send(at.world.relay(), request.body(body.to_string().into()).expect("a request")).await
    };
    let listed = call("GET", "/v1/models", json!(null)).await.ok(200);
    let models = listed["data"].as_array().expect("models").iter().filter(|m| m["owned_by"] != "chela");
    let models: Vec<_> = models.map(|m| m["id"].clone()).collect();
    assert_eq!(models, ["mistral/fake-model", "openai/fake-model"]);
    let ask =
        |model: &str| json!({ "messages": [{ "role": "user", "content": "ask:tide" }], "model": model });
    let answered = call("POST", "/v1/chat/completions", ask("mistral/fake-model")).await.ok(200);
    assert_eq!(answered["choices"][0]["message"]["content"], at.world.vendor.answer_to("tide"));
    let refused = call("POST", "/v1/messages", ask("mistral/fake-model")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("Mistral speaks"), "{}", refused.text);
    assert_eq!(call("POST", "/v1/chat/completions", ask("nobody/fake-model")).await.status, 400);
    let told = eventually("the rows", async || {
        let told = at.get(&owner, &format!("/api/usage?bot={bot}")).await.ok(200);
        let rows = told["items"].as_array().expect("rows").clone();
        (rows.len() == 3).then_some(rows)
    })
    .await;
    let mut rows: Vec<_> =
        told.iter().map(|r| format!("{} {} {}", r["vendor"], r["model"], r["status"])).collect();
    rows.sort();
    assert_eq!(
        rows,
        [
            "\"\" \"nobody/fake-model\" 400",
            "\"mistral\" \"fake-model\" 200",
            "\"mistral\" \"fake-model\" 400",
        ]
    );
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_key_cannot_another_does_and_both_the_key_and_the_call_say_so() {
    const OTHER: &str = "sk-fake-other-key-0002";
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.world.vendor.answer_with(OTHER, Mode::Answer);
    let body = json!({ "vendor": "openai", "secret": OTHER, "base_url": at.world.vendor.base_url() });
    let first = at.ask(&owner, "POST", "/api/keys", body).await.ok(201);
    assert_eq!((&first["status"], &first["rests"]), (&json!("working"), &json!([])));
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let refuses = r#"{"error":{"message":"Your account is not active, please check your billing details."}}"#;
    at.world.vendor.answer_with(OTHER, Mode::Status { status: 402, body: refuses.to_owned() });
    let said = at.talk(&owner, &bot, "ask:two").await;
    assert_eq!(said["text"], json!(at.world.vendor.answer_to("two")), "the customer notices nothing: {said}");
    let rows = eventually("the row of the call", async || {
        let rows = at.get(&owner, "/api/usage").await.ok(200);
        (rows["items"][0]["attempts"] == 2).then_some(rows)
    })
    .await;
    let tried = &rows["items"][0]["tries"][0];
    assert_eq!(
        (&tried["key"], &tried["status"], &tried["why"]),
        (&first["id"], &json!(402), &json!("refused"))
    );
    assert_ne!(rows["items"][0]["key"], first["id"]);
    let rests = async || {
        let keys = at.get(&owner, "/api/keys").await.ok(200);
        let keys = keys["items"].as_array().expect("keys").clone();
        keys.into_iter().find(|key| key["id"] == first["id"]).expect("the key")["rests"].clone()
    };
    assert_eq!(rests().await[0]["why"], "refused");
    let stranger = at.stranger().await;
    assert_eq!(at.get(&stranger, "/api/keys").await.ok(200)["items"], json!([]), "nobody else's business");
    at.world.vendor.answer_with(OTHER, Mode::Answer);
    let test = format!("/api/keys/{}/test", first["id"].as_str().expect("an id"));
    assert_eq!(
        at.ask(&owner, "POST", &test, Value::Null).await.ok(200)["rests"],
        json!([]),
        "asked with again"
    );
    assert_eq!(rests().await, json!([]));
    at.stop().await;
}

/// A key of the relay's tests alone.
const ACCOUNT: &str = include_str!("../../../crates/relay/tests/it/vertex/account.json");

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_a_service_account_is_kept_as_one_line_and_only_the_end_of_its_keys_id_is_seen() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let base = format!("{}/projects/PROJECT/locations/global/publishers/google", at.world.vendor.base_url());
    let add = async |body: Value| at.ask(&owner, "POST", "/api/keys", body).await;
    // No vendor is named: a file tells its own. This one's vendor refuses everybody.
    let body = json!({ "secret": ACCOUNT, "base_url": base, "accept_failing": true });
    let key = add(body.clone()).await.ok(201);
    assert_eq!((&key["vendor"], &key["last_four"]), (&json!("vertex"), &json!("cdef")));
    assert_eq!((&key["status"], &key["own_base_url"]), (&json!("failing"), &json!(true)));
    let place = "/projects/acme-project-1/locations/global/publishers/google";
    assert!(key["base_url"].as_str().is_some_and(|base| base.ends_with(place)), "{key}");
    let call = at.world.vendor.calls().pop().expect("a test");
    assert!(call.path.ends_with(&format!("{place}/models/gemini-2.5-flash:countTokens")), "{}", call.path);
    let token = call.headers["authorization"].strip_prefix("Bearer ").expect("a token").to_owned();
    assert_eq!(token.split('.').count(), 3);
    let said = [key.to_string(), at.get(&owner, "/api/keys").await.ok(200).to_string()].concat();
    assert!(!said.contains("MII") && !said.contains(&token) && !said.contains("PRIVATE"), "{said}");

    let id = key["id"].as_str().expect("an id");
    at.world.vendor.expect_key("AQ.express-key-1");
    let other = json!({ "secret": "AQ.express-key-1" });
    let replaced = at.ask(&owner, "POST", &format!("/api/keys/{id}/replace"), other).await.ok(200);
    assert_eq!((&replaced["status"], &replaced["last_four"]), (&json!("working"), &json!("ey-1")));

    // And the file again in its place, now at an address that is somebody's own: it stays there.
    let again = json!({ "secret": ACCOUNT, "accept_failing": true });
    let again = at.ask(&owner, "POST", &format!("/api/keys/{id}/replace"), again).await.ok(200);
    assert_eq!((&again["base_url"], &again["last_four"]), (&key["base_url"], &json!("cdef")));

    let asked = at.world.vendor.calls().len();
    for (body, pointer) in [
        (
            json!({ "secret": ACCOUNT, "vendor": "google", "base_url": base, "accept_failing": true }),
            "/secret",
        ),
        (
            json!({ "secret": ACCOUNT, "vendor": "custom", "base_url": base, "accept_failing": true }),
            "/secret",
        ),
        (json!({ "secret": ACCOUNT.replace("service_account", "authorized_user") }), "/secret"),
        (json!({ "secret": "{ \"type\": \"service_account\" }", "vendor": "vertex" }), "/secret"),
        (json!({ "secret": "AQ.express-key-1", "vendor": "vertex@us-central1" }), "/vendor"),
        // A region is not dropped for an address, silently or otherwise.
        (
            json!({ "secret": ACCOUNT, "vendor": "vertex@us-central1", "base_url": base, "accept_failing": true }),
            "/vendor",
        ),
    ] {
        let refused = add(body).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer.to_owned()]));
        assert!(!refused.text.contains("MII"));
    }
    assert_eq!(at.world.vendor.calls().len(), asked, "nobody was asked with it");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_leaves_its_region_for_another_kind_of_key_only_where_somebody_says_so() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let base = format!("{}/projects/PROJECT/locations/global/publishers/google", at.world.vendor.base_url());
    let body = json!({ "secret": ACCOUNT, "base_url": base, "accept_failing": true });
    let key = at.ask(&owner, "POST", "/api/keys", body).await.ok(201);
    // As a file that was added with `vertex@europe-west1`, without asking Google.
    let regional = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/publishers/google";
    let write = format!("update provider_keys set base_url = '{regional}'");
    at.server.platform.db.maintenance().execute_unprepared(&write).await.expect("written");

    at.world.vendor.expect_key("AQ.express-key-1");
    let path = format!("/api/keys/{}/replace", key["id"].as_str().expect("an id"));
    let express = json!({ "secret": "AQ.express-key-1" });
    let refused = at.ask(&owner, "POST", &path, express.clone()).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/base_url".to_owned()]), "{}", refused.text);
    let said = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("Belgium") && said.contains("no region"), "{said}");
    let known = at.get(&owner, "/api/keys").await.ok(200)["items"][0].clone();
    assert_eq!(
        (&known["base_url"], &known["last_four"]),
        (&json!(regional), &json!("cdef")),
        "nothing moved"
    );

    let mut elsewhere = express;
    elsewhere["base_url"] = at.world.vendor.base_url().into();
    let moved = at.ask(&owner, "POST", &path, elsewhere).await.ok(200);
    assert_eq!(
        (&moved["base_url"], &moved["status"]),
        (&at.world.vendor.base_url().into(), &json!("working"))
    );
    at.stop().await;
}
