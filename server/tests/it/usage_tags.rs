//! What calls cost by the tags of those who made them, bots and virtual keys alike.

use crate::{support::*, usage::talked};
use serde_json::{Value, json};

/// The shares of a question: what, calls, in their order.
async fn shares(at: &TestServer, who: &Who, question: &str) -> Vec<(String, i64)> {
    let page = at.get(who, &format!("/api/usage/breakdown?by=tag&sort=calls&{question}")).await.ok(200);
    let share = |it: &Value| {
        (it["value"].as_str().expect("a tag").to_owned(), it["sums"]["calls"].as_i64().expect("calls"))
    };
    page["items"].as_array().expect("shares").iter().map(share).collect()
}

async fn tag(at: &TestServer, owner: &Who, bot: &str, tags: Value) {
    at.ask(owner, "PATCH", &format!("/api/bots/{bot}"), json!({ "tags": tags })).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_counts_for_each_tag_of_its_caller_and_a_tag_leads_to_its_calls() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (dear, cheap, _) = talked(&at, &owner).await;
    assert_eq!(shares(&at, &owner, "").await, [("(none)".to_owned(), 3)]);
    tag(&at, &owner, &dear, json!(["night_shift", "shop"])).await;
    tag(&at, &owner, &cheap, json!(["nightxshift"])).await;
    let new = json!({ "name": "Till", "tags": ["shop"] });
    let made = at.ask(&owner, "POST", "/api/virtual-keys", new).await.ok(201);
    let program = Who::Bearer(made["secret"].as_str().expect("a secret").to_owned());
    let body = json!({ "model": "openai/fake-model", "max_tokens": 9, "messages": [] });
    at.ask(&program, "POST", "/api/v1/chat/completions", body).await.ok(200);
    eventually("its row", async || {
        let sums = at.get(&owner, "/api/usage/summary").await.ok(200);
        (sums["sums"]["calls"] == 4).then_some(())
    })
    .await;

    let all = [("shop", 3), ("night_shift", 2), ("nightxshift", 1)].map(|(tag, n)| (tag.to_owned(), n));
    assert_eq!(shares(&at, &owner, "").await, all);
    let first = at.get(&owner, "/api/usage/breakdown?by=tag&sort=calls&limit=1").await.ok(200);
    let next = first["next"].as_str().expect("another page").to_owned();
    assert_eq!(shares(&at, &owner, &format!("limit=1&cursor={next}")).await, all[1..2]);

    for (tag, calls) in [("shop", 3), ("night_shift", 2), ("nightxshift", 1), ("(none)", 0), ("none", 0)] {
        let listed = at.get(&owner, &format!("/api/usage?tag={tag}")).await.ok(200);
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(calls), "{tag}");
        let sums = at.get(&owner, &format!("/api/usage/summary?tag={tag}")).await.ok(200);
        assert_eq!(sums["sums"]["calls"], json!(calls), "{tag}");
    }
    assert_eq!(shares(&at, &owner, "tag=shop").await, all[..1]);
    let listed = at.get(&owner, "/api/usage?tag=shop&limit=1").await.ok(200);
    assert_eq!(listed["items"][0]["virtual_key_name"], "Till");
    let keys = at.get(&owner, "/api/usage/breakdown?by=virtual_key&tag=shop").await.ok(200);
    let names: Vec<_> =
        keys["items"].as_array().expect("shares").iter().map(|it| it["name"].clone()).collect();
    assert!(names.contains(&json!("Till")), "{keys}");

    // Tags are those of today: who has none any more counts for none.
    tag(&at, &owner, &cheap, json!([])).await;
    assert!(shares(&at, &owner, "").await.contains(&("(none)".to_owned(), 1)));
    let untagged = at.get(&owner, "/api/usage?tag=(none)").await.ok(200);
    assert_eq!(untagged["items"][0]["bot"], json!(cheap));

    for bad in ["night", "SHOP", "sh%25op", "a%22", "%25"] {
        let refused = at.get(&owner, &format!("/api/usage?tag={bad}")).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{bad}");
    }

    let stranger = at.stranger().await;
    assert_eq!(shares(&at, &stranger, "").await, []);
    let refused = at.get(&stranger, "/api/usage?tag=shop").await;
    assert_eq!(
        (refused.status, refused.pointers()),
        (422, vec!["/tag".to_owned()]),
        "nobody of theirs has it"
    );
    assert_eq!(at.get(&Who::Nobody, "/api/usage/breakdown?by=tag").await.status, 401);
    at.stop().await;
}
