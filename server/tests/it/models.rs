//! The catalogue of models: what is known of each, what a workspace says itself, and prices as a file.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;

/// 2026-11-22.
const NOW: i64 = 1_795_305_600_000;
const DAY: i64 = 86_400_000;

async fn all(at: &TestServer, who: &Who, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = at.get(who, &format!("/api/models?limit=50&cursor={cursor}&{query}")).await.ok(200);
        all.extend(page["items"].as_array().expect("models").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
    }
}

async fn one(at: &TestServer, who: &Who, vendor: &str, model: &str) -> Value {
    let found = all(at, who, &format!("vendor={vendor}&q={model}")).await;
    found.into_iter().find(|found| found["model"] == model).unwrap_or(Value::Null)
}

/// A world whose clock stands.
async fn standing() -> (TestServer, ManualClock) {
    let clock = ManualClock::at(NOW);
    let mut world = World::new(RuntimeKind::Process).await;
    world.clock = Some(clock.clone());
    (world.serve().await, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_once_each_with_facts_and_the_price_of_now() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let listed = all(&at, &owner, "").await;
    let mut names: Vec<_> =
        listed.iter().map(|m| (m["vendor"].to_string(), m["model"].to_string())).collect();
    assert!(names.len() > 90 && names.is_sorted(), "{}", names.len());
    names.dedup();
    assert_eq!(names.len(), listed.len(), "a page repeats another");
    let sonnet = one(&at, &owner, "claude", "claude-sonnet-5-5").await;
    assert_eq!(sonnet["facts"]["context_length"], 1_000_000);
    assert_eq!((&sonnet["price"]["input_price"], &sonnet["price"]["id"]), (&json!(2_000_000), &Value::Null));
    assert!(
        sonnet["price"]["source"].as_str().is_some_and(|source| source.starts_with("https://")),
        "{sonnet}"
    );
    let haiku = one(&at, &owner, "anthropic", "claude-haiku-5-5").await;
    assert_eq!(
        (&haiku["price"]["up_to_input"], &haiku["more"][0]["up_to_input"]),
        (&json!(100_000), &Value::Null)
    );
    assert_eq!(
        one(&at, &owner, "deepseek", "deepseek-v4-pro").await["price"],
        Value::Null,
        "it has no one price"
    );
    let embed = all(&at, &owner, "kind=embedding").await;
    assert!(embed.len() > 3 && embed.iter().all(|m| m["facts"]["kind"] == "embedding"), "{embed:?}");
    assert!(all(&at, &owner, "q=SONNET").await.len() >= 3);
    assert!(all(&at, &owner, "own=true").await.is_empty());
    for bad in ["vendor=nobody", "kind=4d", "limit=0", "cursor=x", "colour=red"] {
        assert_eq!(at.get(&owner, &format!("/api/models?{bad}")).await.status, 422, "{bad}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workspace_says_of_a_model_is_its_own_and_is_taken_back() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let (_, _, viewer) = at.person("Vera", at.first_workspace().await, "viewer").await;
    let stranger = at.stranger().await;
    let before = one(&at, &owner, "openai", "gpt-4o").await;
    let say = json!({ "vendor": "openai", "model": "gpt-4o", "context_length": 64_000, "deprecated": true,
        "notes": "ours goes in spring", "coding_score": 71, "display_name": "Our 4o",
        "recommended_scenarios": ["translation, Code", "code"] });
    assert_eq!(at.ask(&viewer, "PUT", "/api/models", say.clone()).await.status, 403);
    let said = at.ask(&owner, "PUT", "/api/models", say.clone()).await.ok(200);
    assert_eq!((&said["facts"]["context_length"], &said["facts"]["vision"]), (&json!(64_000), &json!(true)));
    assert_eq!(said["own_facts"]["vision"], Value::Null, "only what was said");
    let words = (&said["facts"]["display_name"], &said["facts"]["recommended_scenarios"]);
    assert_eq!(words, (&json!("Our 4o"), &json!(["code", "translation"])), "each word once");
    assert_eq!(said["price"], before["price"]);
    assert_eq!(one(&at, &viewer, "openai", "gpt-4o").await, said, "members read it");
    assert_eq!(one(&at, &stranger, "openai", "gpt-4o").await, before, "nobody else does");
    let audit = at.get(&owner, "/api/audit?limit=1").await.ok(200)["items"][0].clone();
    assert_eq!((&audit["act"], &audit["target"]), (&json!("models.set"), &json!("openai/gpt-4o")));

    let nothing = json!({ "vendor": "openai", "model": "gpt-4o" });
    at.ask(&stranger, "PUT", "/api/models", nothing.clone()).await.ok(200);
    assert_eq!(one(&at, &owner, "openai", "gpt-4o").await, said, "others cannot take it back");
    assert_eq!(at.ask(&owner, "PUT", "/api/models", nothing).await.ok(200), before);
    assert_eq!(one(&at, &owner, "openai", "gpt-4o").await, before);

    let bad = json!({ "vendor": "nobody", "model": "a b", "context_length": 0, "speed_score": 101,
        "notes": "x".repeat(301), "display_name": "x".repeat(81), "recommended_scenarios": ["a/b"] });
    let refused = at.ask(&owner, "PUT", "/api/models", bad).await;
    let pointers = [
        "/vendor",
        "/model",
        "/context_length",
        "/speed_score",
        "/display_name",
        "/notes",
        "/recommended_scenarios",
    ];
    assert_eq!((refused.status, refused.pointers()), (422, pointers.map(str::to_owned).to_vec()));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_may_begin_later_and_holds_from_then_on() {
    let (at, clock) = standing().await;
    let owner = at.owner().await;
    let set = async |more: Value| {
        let mut price =
            json!({ "vendor": "openai", "model": "mine", "input_usd": "2.50", "output_usd": "$10" });
        price.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        at.ask(&owner, "POST", "/api/prices", price).await
    };
    let now = set(json!({ "source": "our contract", "thinking_usd": "3" })).await.ok(201);
    assert_eq!(now["thinking_price"], 3_000_000);
    assert_eq!((&now["input_price"], &now["output_price"]), (&json!(2_500_000), &json!(10_000_000)));
    assert_eq!((&now["since_ms"], &now["source"]), (&json!(NOW), &json!("our contract")));
    let later = set(json!({ "since": "2026-11-24", "input_usd": "9" })).await.ok(201);
    assert_eq!(later["since_ms"], NOW + 2 * DAY);
    let model = one(&at, &owner, "openai", "mine").await;
    assert_eq!((&model["price"], &model["more"]), (&now, &json!([later])));
    clock.advance(2 * DAY);
    let model = one(&at, &owner, "openai", "mine").await;
    assert_eq!((&model["price"], &model["more"]), (&later, &json!([])));
    // Whoever names the same beginning corrects what stands there.
    let mended = set(json!({ "since": "2026-11-24T00:00:00Z", "input_usd": "8" })).await.ok(201);
    assert_eq!((&mended["id"], &mended["input_price"]), (&later["id"], &json!(8_000_000)));
    // A price for short prompts of the same beginning belongs to it.
    let short = set(json!({ "since": "2026-11-24", "up_to_input": 1000, "input_usd": "1" })).await.ok(201);
    let model = one(&at, &owner, "openai", "mine").await;
    assert_eq!((&model["price"], &model["more"]), (&short, &json!([mended])));
    for (bad, field) in [
        (json!({ "since": "soon" }), "/since"),
        (json!({ "since": "2019-12-31" }), "/since"),
        (json!({ "since_ms": NOW + 3 * 366 * DAY }), "/since_ms"),
        (json!({ "since": "2026-11-24", "since_ms": NOW }), "/since"),
        (json!({ "up_to_input": 0 }), "/up_to_input"),
        (json!({ "input_price": 1 }), "/input_price"),
        (json!({ "input_usd": "" }), "/input_price"),
        (json!({ "output_usd": "1e3" }), "/output_price"),
        (json!({ "source": "x".repeat(301) }), "/source"),
    ] {
        let refused = set(bad.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![field.to_owned()]), "{bad}");
    }
    at.stop().await;
}

const FILE: &str = "since,vendor,model,up_to_input,input_usd,output_usd,cache_read_usd,cache_write_usd,source\r\n\
2026-12-01,openai,gpt-4o,,2.50,10.00,1.25,,\"a, contract\"\r\n\
,claude,mine,1000,1,2.5,,,\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_prices_is_checked_then_taken_and_the_same_file_again_changes_nothing() {
    let (at, _clock) = standing().await;
    let owner = at.owner().await;
    let import = async |csv: &str, check: bool| {
        at.ask(&owner, "POST", "/api/prices/import", json!({ "csv": csv, "check": check })).await
    };
    let count =
        |came: &Value| ["added", "replaced", "unchanged"].map(|key| came[key].as_u64().expect("a count"));
    let own = async || at.get(&owner, "/api/prices?limit=200").await.ok(200)["items"].clone();
    let before = own().await;
    let came = import(FILE, true).await.ok(200);
    assert_eq!((count(&came), &came["check"]), ([2, 0, 0], &json!(true)));
    assert_eq!(came["lines"][1]["price"]["vendor"], "anthropic");
    assert_eq!((&came["lines"][0]["line"], &came["lines"][0]["price"]["id"]), (&json!(2), &Value::Null));
    assert_eq!(own().await, before, "a check changes nothing");
    let audit = at.get(&owner, "/api/audit?limit=1").await.ok(200)["items"][0]["act"].clone();
    assert_ne!(audit, "prices.import");

    assert_eq!(count(&import(FILE, false).await.ok(200)), [2, 0, 0]);
    let audit = at.get(&owner, "/api/audit?limit=1").await.ok(200)["items"][0].clone();
    assert_eq!((&audit["act"], &audit["target"]), (&json!("prices.import"), &json!("2 added, 0 replaced")));
    let taken = own().await;
    assert_eq!(count(&import(FILE, false).await.ok(200)), [0, 0, 2]);
    let file = at.get(&owner, "/api/prices/export").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(
        file.text,
        "since,vendor,model,up_to_input,input_usd,output_usd,cache_read_usd,cache_write_usd,thinking_usd,source\r\n\
         2026-11-22,anthropic,mine,1000,1.00,2.50,,,,\r\n\
         2026-12-01,openai,gpt-4o,,2.50,10.00,1.25,,,\"a, contract\"\r\n"
    );
    assert_eq!(count(&import(&file.text, false).await.ok(200)), [0, 0, 2], "an export is an import");
    let dearer = file.text.replace("2.50,10.00", "3,10");
    let came = import(&dearer, false).await.ok(200);
    assert_eq!((count(&came), &came["lines"][1]["before"]["input_price"]), ([0, 1, 1], &json!(2_500_000)));
    assert_eq!(own().await.as_array().map(Vec::len), taken.as_array().map(Vec::len));
    let whole = at.get(&owner, "/api/prices/export?all=true").await.text;
    assert!(whole.lines().count() > 50 && whole.contains("claude-sonnet-5-5"), "{whole}");
    let came = import(&whole, true).await;
    assert_eq!(came.status, 200, "what is shipped can be taken as one's own: {}", came.text);
    import(&whole, false).await.ok(200);
    let again = at.get(&owner, "/api/prices/export?all=true").await.text;
    let many = u64::try_from(whole.lines().count() - 1).expect("a count");
    assert_eq!(count(&import(&again, false).await.ok(200)), [0, 0, many], "each stands there once");
    assert_eq!(at.get(&owner, "/api/prices/export?limit=3").await.status, 422);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_price_stay_together_however_one_of_them_changes() {
    let (at, clock) = standing().await;
    let owner = at.owner().await;
    let import = async |long: &str| {
        let csv = format!(
            "vendor,model,up_to_input,input_usd,output_usd\nopenai,steps,1000,1,9\nopenai,steps,,{long},9\n"
        );
        let came = at.ask(&owner, "POST", "/api/prices/import", json!({ "csv": csv })).await.ok(200);
        ["added", "unchanged"].map(|key| came[key].as_u64().expect("a count"))
    };
    let steps = async || {
        let model = one(&at, &owner, "openai", "steps").await;
        [&model["price"], &model["more"][0]].map(|price| price["input_price"].as_i64())
    };
    assert_eq!(import("3").await, [2, 0]);
    clock.advance(DAY);
    assert_eq!(import("5").await, [2, 0], "the step that stays begins with the one that changed");
    assert_eq!(import("5").await, [0, 2]);
    assert_eq!(steps().await, [Some(1_000_000), Some(5_000_000)]);
    clock.advance(DAY);
    let short = json!({ "vendor": "openai", "model": "steps", "up_to_input": 1000, "input_usd": "0.5", "output_usd": "9" });
    at.ask(&owner, "POST", "/api/prices", short).await.ok(201);
    assert_eq!(steps().await, [Some(500_000), Some(5_000_000)]);

    let twice = json!({ "csv": "vendor,model,input_usd,output_usd,input_usd\nopenai,a,1,2,3\n" });
    assert_eq!(at.ask(&owner, "POST", "/api/prices/import", twice).await.status, 422);
    let nameless = json!({ "vendor": "openai", "model": "models/", "input_usd": "1", "output_usd": "2" });
    assert_eq!(at.ask(&owner, "POST", "/api/prices", nameless).await.status, 422);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_bad_line_changes_nothing_and_every_bad_line_is_named_with_its_reason() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let stranger = at.stranger().await;
    let (_, _, viewer) = at.person("Vera", at.first_workspace().await, "viewer").await;
    let import =
        async |who: &Who, csv: &str| at.ask(who, "POST", "/api/prices/import", json!({ "csv": csv })).await;
    let before = at.get(&owner, "/api/prices?limit=200").await.text;
    let bad = "model,vendor,input_usd,output_usd,since\n\
        fine,openai,1,2,\n\
        \n\
        \"two\nlines\",openai,1,2,\n\
        x,nobody,cheap,2,soon\n\
        x,openai,1,,\n\
        fine,openai,1,2,\n\
        x,openai,1,2,,,,\n";
    let refused = import(&owner, bad).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"));
    let said: Vec<_> = refused.json()["errors"].as_array().expect("errors").clone();
    let said: Vec<_> = said.iter().map(|error| error["detail"].as_str().expect("words")).collect();
    let lines: Vec<_> = said.iter().filter_map(|words| words.split(':').next()).collect();
    assert_eq!(lines, ["line 4", "line 6", "line 7", "line 8", "line 9"], "{said:?}");
    for (at, words) in [
        (1, "vendor must be a vendor Chela knows"),
        (1, "since must be a day"),
        (2, "output price must be said"),
        (3, "line 2"),
    ] {
        assert!(said[at].contains(words), "{said:?}");
    }
    let line = |n: usize| format!("m{n},nobody,1,2\n");
    let many: String = (0..30).map(line).collect();
    let refused = import(&owner, &format!("model,vendor,input_usd,output_usd\n{many}")).await;
    assert_eq!(refused.pointers().len(), 20);
    assert!(refused.text.contains("30 lines cannot be used"), "{}", refused.text);
    let good = |n: usize| format!("m{n},openai,1,2\n");
    let long: String = (0..1001).map(good).collect();
    for (csv, words) in [
        (String::new(), "names of its columns"),
        ("model,vendor,input_usd\n".to_owned(), "'output_usd' is missing"),
        ("model,vendor,colour\n".to_owned(), "no column is named 'colour'"),
        ("model\n\"x".to_owned(), "line 2: a quotation mark"),
        (format!("model,vendor,input_usd,output_usd\n{long}"), "at most 1000 prices"),
        ("x".repeat(256 * 1024 + 1), "at most 256 KiB"),
    ] {
        let refused = import(&owner, &csv).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/csv".to_owned()]));
        assert!(refused.text.contains(words), "{words}: {}", refused.text);
    }
    assert_eq!(at.get(&owner, "/api/prices?limit=200").await.text, before, "nothing was changed");
    let full: String = (0..1000).map(good).collect();
    let full = format!("model,vendor,input_usd,output_usd\n{full}");
    assert_eq!(import(&viewer, &full).await.status, 403);
    import(&owner, &full).await.ok(200);
    assert_eq!(import(&owner, "model,vendor,input_usd,output_usd\nmore,openai,1,2\n").await.status, 409);
    // Ours are nobody else's, and read by who is a member.
    assert!(!at.get(&stranger, "/api/prices/export").await.text.contains("m7"));
    assert!(all(&at, &stranger, "q=m7").await.is_empty());
    assert!(at.get(&viewer, "/api/prices/export").await.text.contains("openai,m7,"));
    assert_eq!(at.get(&Who::Nobody, "/api/prices/export").await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_a_token_says_own_prices_and_lengths_before_the_shipped_ones() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let made = at.ask(&owner, "POST", "/api/virtual-keys", json!({ "name": "Script" })).await.ok(201);
    let token = Who::Bearer(made["secret"].as_str().expect("a secret").to_owned());
    let listed = async || {
        let listed = at.get(&token, "/api/v1/models").await.ok(200)["data"].clone();
        let all = listed.as_array().expect("models").clone();
        all.into_iter().find(|model| model["id"] == "openai/fake-model").expect("the model")
    };
    let before = listed().await;
    assert_eq!((&before["pricing"], &before["context_length"]), (&Value::Null, &Value::Null), "{before}");
    let price = json!({ "vendor": "openai", "model": "fake-model", "input_usd": "2.50", "output_usd": "10" });
    at.ask(&owner, "POST", "/api/prices", price).await.ok(201);
    let say = json!({ "vendor": "openai", "model": "fake-model", "context_length": 4096, "max_output_tokens": 512 });
    at.ask(&owner, "PUT", "/api/models", say).await.ok(200);
    let after = listed().await;
    assert_eq!(after["pricing"], json!({ "prompt": "0.0000025", "completion": "0.00001" }));
    assert_eq!((&after["context_length"], &after["max_output_tokens"]), (&json!(4096), &json!(512)));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dated_model_is_shown_with_the_price_its_calls_are_reckoned_with() {
    let (at, _clock) = standing().await;
    let owner = at.owner().await;
    let say = |model: &str| json!({ "vendor": "openai", "model": model, "notes": "ours" });
    for model in ["gpt-4o-2099-01-01", "zebra-2026-01-01"] {
        at.ask(&owner, "PUT", "/api/models", say(model)).await.ok(200);
    }
    let of = async |model: &str| {
        let found = one(&at, &owner, "openai", model).await;
        (found["price"]["model"].clone(), found["price"]["input_price"].clone())
    };
    let (whose, known) = of("gpt-4o").await;
    assert_eq!(of("gpt-4o-2099-01-01").await, (whose, known), "the shipped price of its family");
    assert_eq!(of("zebra-2026-01-01").await, (Value::Null, Value::Null));
    let price = |model: &str, input: i64| json!({ "vendor": "openai", "model": model, "input_price": input, "output_price": 9_000_000 });
    at.ask(&owner, "POST", "/api/prices", price("zebra", 7_000_000)).await.ok(201);
    assert_eq!(of("zebra-2026-01-01").await, (json!("zebra"), json!(7_000_000)));
    at.ask(&owner, "POST", "/api/prices", price("zebra-2026-01-01", 8_000_000)).await.ok(201);
    assert_eq!(of("zebra-2026-01-01").await, (json!("zebra-2026-01-01"), json!(8_000_000)));
    at.stop().await;
}
