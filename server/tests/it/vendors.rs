//! Keys of every vendor, as a person adds them.

use crate::support::*;
use serde_json::json;

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
            assert_eq!(at.ask(&owner, "POST", "/api/keys", body).await.ok(201)["vendor"], *id);
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
