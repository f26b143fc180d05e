//! A bot's output over the API: what a person asks for, bounded, resumable, without secrets.

use crate::support::*;
use runtime::LogLine;
use serde_json::{Value, json};

fn line(at_ms: i64, text: &str) -> LogLine {
    LogLine { at_ms, text: text.to_owned() }
}

fn texts(page: &Value) -> Vec<&str> {
    page["lines"]
        .as_array()
        .map(|l| l.iter().filter_map(|l| l["text"].as_str()).collect())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_filtered_bounded_and_without_secrets_and_colours() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id = bot.parse().expect("an id");
    let path = format!("/api/bots/{bot}/logs");
    let empty = at.get(&owner, &path).await.ok(200);
    assert_eq!((texts(&empty).len(), &empty["skipped"]), (0, &json!(false)));
    at.world.cells.things.say(id, (0..2_000).map(|n| line(1_000 + n, &format!("line {n}"))));
    at.world.cells.things.say(
        id,
        [
            line(4_000, "\u{1b}[36m[gateway]\u{1b}[39m \u{1b}[33mslow\u{1b}[39m"),
            line(4_001, "Error: Authorization: Bearer abcdefgh12345678 refused"),
        ],
    );
    let all = at.get(&owner, &path).await.ok(200);
    assert_eq!((texts(&all).len(), &all["skipped"]), (500, &json!(true)));
    assert_eq!(texts(&all)[498..], ["[gateway] slow", "Error: Authorization: Bearer *** refused"]);
    assert_eq!((&all["lines"][498]["level"], &all["lines"][499]["level"]), (&json!("warn"), &json!("error")));
    let grave = at.get(&owner, &format!("{path}?level=warn")).await.ok(200);
    assert_eq!(texts(&grave).len(), 2);
    let found = at.get(&owner, &format!("{path}?q=LINE%20199")).await.ok(200);
    assert_eq!(texts(&found).len(), 11);
    let since = at.get(&owner, &format!("{path}?since_ms=2998&limit=1000")).await.ok(200);
    assert_eq!(texts(&since).len(), 3 + 1);
    for (bad, pointer) in [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=-5-1", "/cursor"),
        ("wait_s=11&cursor=0-0", "/wait_s"),
        ("wait_s=1", "/wait_s"),
        ("since_ms=-1", "/since_ms"),
        ("level=loud", "/level"),
    ] {
        let refused = at.get(&owner, &format!("{path}?{bad}")).await;
        assert_eq!(
            (refused.status, &refused.json()["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{bad}"
        );
    }
    assert_eq!(at.get(&at.stranger().await, &path).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_hears_of_new_lines_at_once_and_of_none_twice() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id = bot.parse().expect("an id");
    let path = format!("/api/bots/{bot}/logs");
    at.world.cells.things.say(id, [line(1, "one"), line(1, "two")]);
    let first = at.get(&owner, &path).await.ok(200);
    assert_eq!(texts(&first), ["one", "two"]);
    let next = first["next"].as_str().expect("a cursor").to_owned();
    let follow = format!("{path}?wait_s=10&cursor={next}");
    let (more, ()) = tokio::join!(at.get(&owner, &follow), async {
        // Whether the question is already waiting or not: no line is lost.
        at.world.cells.things.say(id, [line(1, "three"), line(2, "four")]);
    });
    let more = more.ok(200);
    assert_eq!(texts(&more), ["three", "four"], "those of the same millisecond too");
    let next = more["next"].as_str().expect("a cursor").to_owned();
    let none = at.get(&owner, &format!("{path}?cursor={next}")).await.ok(200);
    assert_eq!((texts(&none).len(), &none["next"]), (0, &json!(next)));
    // The place outlives the bot's life and Chela's.
    at.ask(&owner, "POST", &format!("/api/bots/{bot}/stop"), Value::Null).await.ok(200);
    at.observed(&owner, &bot, "stopped").await;
    at.world.cells.things.say(id, [line(3, "last words")]);
    let at = at.stop().await.serve().await;
    assert_eq!(texts(&at.get(&owner, &format!("{path}?cursor={next}")).await.ok(200)), ["last words"]);
    at.stop().await;
}
