//! Two keys of one name, two budgets of one thing: the second is refused, where somebody makes it or makes one so.

use crate::support::*;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use server::platform::clock::Clock;

const DAY: i64 = 24 * 3_600_000;

async fn add(at: &TestServer, who: &Who, label: Value) -> Answer {
    let base = at.world.vendor.base_url();
    let key = json!({ "vendor": "openai", "secret": KEY, "base_url": base, "label": label });
    at.ask(who, "POST", "/api/keys", key).await
}

async fn program(at: &TestServer, who: &Who, name: &str) -> Answer {
    at.ask(who, "POST", "/api/virtual-keys", json!({ "name": name })).await
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("an id")
}

/// Refused as a clash, which names the field and says what clashes.
fn clashes(answer: &Answer, pointer: &str, word: &str) {
    let told = (answer.status, answer.json()["code"].clone(), answer.pointers());
    assert_eq!(told, (409, json!("conflict"), vec![pointer.to_owned()]), "{}", answer.text);
    assert!(answer.json()["detail"].as_str().is_some_and(|said| said.contains(word)), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_provider_keys_of_a_workspace_have_one_label() {
    let (at, owner, clock) = TestServer::timed().await;
    let main = add(&at, &owner, json!("Main")).await.ok(201);
    let asked = at.world.vendor.calls().len();
    clashes(&add(&at, &owner, json!(" Main ")).await, "/label", "Main");
    clashes(&add(&at, &owner, json!("mAIN")).await, "/label", "Main");
    assert_eq!(at.world.vendor.calls().len(), asked, "its vendor is not asked about it");
    assert_eq!(add(&at, &at.stranger().await, json!("Main")).await.status, 201, "elsewhere is elsewhere");

    // What nobody chose makes room by itself.
    let labels = [Value::Null, json!(""), Value::Null].map(|label| add(&at, &owner, label));
    let labels = futures::future::join_all(labels).await.into_iter().map(|made| made.ok(201));
    let mut labels: Vec<_> = labels.map(|made| made["label"].as_str().expect("a label").to_owned()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["OpenAI", "OpenAI 2", "OpenAI 3"]);

    let other = add(&at, &owner, json!("Other")).await.ok(201);
    let path = format!("/api/keys/{}", id(&other));
    let change = async |fields: Value| at.ask(&owner, "PATCH", &path, fields).await;
    clashes(&change(json!({ "label": "Main" })).await, "/label", "Main");
    let same = change(json!({ "label": "Other", "tags": ["eu"] })).await.ok(200);
    assert_eq!(same["tags"], json!(["eu"]), "its own label is no other key's");

    // One that is over keeps no name; it has to find another to come back.
    let ended = json!({ "expires_at_ms": clock.now_ms() + DAY });
    change(ended).await.ok(200);
    clock.advance(2 * DAY);
    assert_eq!(add(&at, &owner, json!("Other")).await.status, 201);
    clashes(&change(json!({ "expires_at_ms": 0 })).await, "/label", "Other");
    let secret = json!({ "secret": KEY });
    clashes(&at.ask(&owner, "POST", &format!("{path}/replace"), secret.clone()).await, "/label", "Other");
    change(json!({ "label": "Third" })).await.ok(200);
    let back = at.ask(&owner, "POST", &format!("{path}/replace"), secret).await.ok(200);
    assert_eq!((&back["label"], &back["expires_at_ms"]), (&json!("Third"), &Value::Null));
    let gone = format!("/api/keys/{}", id(&main));
    at.ask(&owner, "DELETE", &gone, Value::Null).await.ok(200);
    assert_eq!(add(&at, &owner, json!("Main")).await.status, 201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_virtual_keys_of_a_workspace_have_one_name() {
    let (at, owner, clock) = TestServer::timed().await;
    let all = futures::future::join_all([(); 4].map(|()| program(&at, &owner, "Batch"))).await;
    let made: Vec<_> = all.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "one of four at once");
    clashes(all.iter().find(|answer| answer.status != 201).expect("another"), "/name", "Batch");
    assert_eq!(program(&at, &at.stranger().await, "Batch").await.status, 201, "elsewhere is elsewhere");

    let other = program(&at, &owner, "Other").await.ok(201);
    let path = format!("/api/virtual-keys/{}", id(&other));
    let change = async |fields: Value| at.ask(&owner, "PATCH", &path, fields).await;
    clashes(&change(json!({ "name": " Batch" })).await, "/name", "Batch");
    change(json!({ "name": "Other", "blocked": true })).await.ok(200);
    assert_eq!(program(&at, &owner, "Other").await.status, 409, "a blocked one may be opened again");

    change(json!({ "expires_at_ms": clock.now_ms() + DAY })).await.ok(200);
    clock.advance(2 * DAY);
    let living = program(&at, &owner, "Other").await.ok(201);
    let limit = json!({ "virtual_key": "Other", "unit": "requests", "period": "day", "most": 5 });
    let limit = at.ask(&owner, "POST", "/api/budgets", limit).await.ok(201);
    assert_eq!(limit["virtual_key"], living["id"], "an expired one keeps no name");
    clashes(&change(json!({ "expires_at_ms": 0 })).await, "/name", "Other");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_have_one_name_already_go_on_and_change() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let one = add(&at, &owner, json!("One")).await.ok(201);
    add(&at, &owner, json!("Two")).await.ok(201);
    let first = program(&at, &owner, "First").await.ok(201);
    program(&at, &owner, "Second").await.ok(201);
    let db = at.server.platform.db.maintenance();
    db.execute_unprepared("update provider_keys set label = 'One'").await.expect("two of one label");
    db.execute_unprepared("update virtual_keys set name = 'First'").await.expect("two of one name");

    let tagged = json!({ "label": "One", "tags": ["eu"] });
    let path = format!("/api/keys/{}", id(&one));
    assert_eq!(at.ask(&owner, "PATCH", &path, tagged).await.ok(200)["tags"], json!(["eu"]));
    let path = format!("/api/virtual-keys/{}", id(&first));
    at.ask(&owner, "PATCH", &path, json!({ "name": "First", "tags": ["eu"] })).await.ok(200);
    let program = Who::Bearer(first["secret"].as_str().expect("a secret").to_owned());
    let body = json!({ "model": "openai/fake-model", "messages": [] });
    assert_eq!(at.ask(&program, "POST", "/api/v1/chat/completions", body).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_budget_of_the_same_calls_unit_and_period() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let key = program(&at, &owner, "Batch").await.ok(201);
    let make = async |more: Value| {
        let mut budget = json!({ "unit": "requests", "period": "month", "most": 5 });
        budget.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
        at.ask(&owner, "POST", "/api/budgets", budget).await
    };
    // Each is another than those before it, and there is no second one of any.
    let mut ids = Vec::new();
    let all = [
        json!({}),
        json!({ "period": "day" }),
        json!({ "unit": "tokens" }),
        json!({ "hard": false }),
        json!({ "most": 0 }),
        json!({ "model": "openai/*" }),
        json!({ "model": "openai/gpt-5" }),
        json!({ "virtual_key": key["id"] }),
    ];
    for other in &all {
        ids.push(id(&make(other.clone()).await.ok(201)).to_owned());
    }
    for (again, known) in all.iter().zip(&ids) {
        let refused = make(again.clone()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("conflict")), "{again}");
        let said = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(said.contains(known), "{again}: it names the one there is: {said}");
        assert_eq!(said.contains("stopped already"), again["most"] == 0, "{said}");
        assert!(refused.json()["hint"].is_string(), "and says what to do");
    }
    assert_eq!(make(json!({ "model": "openai", "most": 9 })).await.status, 409, "another amount, same calls");

    // Nor is one made so afterwards.
    let change = async |id: &str, fields: Value| {
        at.ask(&owner, "PATCH", &format!("/api/budgets/{id}"), fields).await.status
    };
    assert_eq!(change(&ids[3], json!({ "hard": true })).await, 409);
    assert_eq!(change(&ids[0], json!({ "most": 0 })).await, 409, "that is stopped already");
    assert_eq!(change(&ids[0], json!({ "most": 6 })).await, 200);
    at.ask(&owner, "DELETE", &format!("/api/budgets/{}", ids[4]), Value::Null).await.ok(200);
    assert_eq!(change(&ids[0], json!({ "most": 0 })).await, 200);
    let stranger = at.stranger().await;
    let theirs = json!({ "unit": "requests", "period": "day", "most": 5 });
    at.ask(&stranger, "POST", "/api/budgets", theirs).await.ok(201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_key_is_not_made_with_a_limit_that_lets_nothing_through() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let make = async |limits: Value| {
        at.ask(&owner, "POST", "/api/virtual-keys", json!({ "name": "Batch", "limits": limits })).await
    };
    let requests = |most: Value, amount: Value| json!([{ "unit": "requests", "period": "minute", "most": most, "amount": amount }]);
    for (limits, pointer) in [
        (requests(json!(0), Value::Null), "/limits/0/most"),
        (requests(Value::Null, json!("0")), "/limits/0/amount"),
        (requests(json!(-1), Value::Null), "/limits/0/most"),
    ] {
        let refused = make(limits).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer.to_owned()]), "{}", refused.text);
        assert!(refused.text.contains("leave it out for no limit"), "{}", refused.text);
    }
    // Nor without the limit that somebody meant.
    for nothing in [Value::Null, json!(""), json!("  ")] {
        let refused = make(requests(Value::Null, nothing.clone())).await;
        let told = (refused.status, refused.pointers());
        assert_eq!(told, (422, vec!["/limits/0/amount".to_owned()]), "{nothing}: {}", refused.text);
    }
    let bare = make(json!([{ "unit": "money", "period": "month" }])).await;
    assert_eq!((bare.status, bare.pointers()), (422, vec!["/limits/0/amount".to_owned()]), "{}", bare.text);
    let twice = make(requests(json!(5), json!("6"))).await;
    assert_eq!(
        (twice.status, twice.pointers()),
        (422, vec!["/limits/0/amount".to_owned()]),
        "{}",
        twice.text
    );
    assert!(twice.text.contains("must be said once"), "{}", twice.text);
    assert_eq!(at.get(&owner, "/api/virtual-keys").await.ok(200)["items"], json!([]), "none is half made");
    // Of a provider key 0 takes away what there is.
    let key = at.add_key(&owner).await;
    let set =
        async |fields: Value| at.ask(&owner, "PATCH", &format!("/api/keys/{key}"), fields).await.ok(200);
    let limited = json!({ "requests_per_minute": 5, "month_micro_usd": 5 });
    assert_eq!(set(limited).await["requests_per_minute"], 5);
    let none = set(json!({ "requests_per_minute": 0, "month_micro_usd": 0 })).await;
    assert_eq!((&none["requests_per_minute"], &none["month_micro_usd"]), (&Value::Null, &Value::Null));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_leaves_limits_empty_and_hears_of_the_one_that_is_wrong() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let send_form = async |name: &str, money: &str, rate: &str| {
        let fields = [
            ("cmd[name]", name),
            ("cmd[limits][0][unit]", "money"),
            ("cmd[limits][0][period]", "month"),
            ("cmd[limits][0][amount]", money),
            ("cmd[limits][1][unit]", "requests"),
            ("cmd[limits][1][period]", "minute"),
            ("cmd[limits][1][amount]", rate),
        ];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = at.request(&owner, "POST", "/api/fn/virtual_keys/create");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        send(at.panel, request.body(form.into()).expect("a request")).await
    };
    let budgets = async || at.get(&owner, "/api/budgets").await.ok(200)["items"].clone();
    assert_eq!(send_form("Free", "", " ").await.status, 200);
    assert_eq!(budgets().await, json!([]), "an empty field is no limit");
    let refused = send_form("Held", "", "0").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("/limits/1/amount"), "by its place in the form: {}", refused.text);
    assert_eq!(send_form("Held", "", "5").await.status, 200);
    assert_eq!(budgets().await[0]["most"], 5);
    at.stop().await;
}
