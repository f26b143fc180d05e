//! A message sent with `Accept: text/event-stream`: its answer comes over the same request, until it ends.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::{Value, json};
use server::platform::clock::ManualClock;

fn messages(bot: &str) -> String {
    format!("/api/bots/{bot}/messages")
}

/// Reads to the end: the texts put together, the names of all events, and the last one's message.
async fn read(events: &mut Events) -> (String, Vec<String>, Value) {
    let (mut text, mut names) = (String::new(), Vec::new());
    while let Some((name, data)) = events.next().await {
        match name.as_str() {
            "delta" => {
                assert_eq!(data["at_bytes"], text.len(), "deltas join on");
                text.push_str(data["text"].as_str().expect("text"));
            }
            "replace" => text = data["text"].as_str().expect("text").to_owned(),
            _ => {}
        }
        names.push(name);
        if names.last().is_some_and(|name| name == "end") {
            assert_eq!(events.next().await, None, "nothing after the end");
            return (text, names, data);
        }
    }
    panic!("no end: {names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_an_answer_add_up_to_it_and_the_same_key_follows_it_again() {
    let world = World::new(RuntimeKind::Process).await;
    world.cells.answer_with(slow_reply());
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let body = json!({ "text": "go" });
    let mut events = at.events(&owner, &messages(&bot), Some("once"), &body).await;
    assert_eq!(events.status, 200);
    assert_eq!(events.headers["content-type"], "text/event-stream");
    let sent = events.expect("sent").await;
    assert!(sent["run_id"].as_str().is_some_and(|id| id.starts_with("run_")), "{sent}");
    let (text, names, last) = read(&mut events).await;
    assert_eq!(text, slow_text());
    assert_eq!((last["state"].as_str(), last["text"].as_str()), (Some("final"), Some(slow_text().as_str())));
    assert_eq!(last["id"], sent["message_id"]);
    assert!(names.iter().filter(|name| *name == "delta").count() > 10, "as it comes: {names:?}");
    assert!(names.iter().any(|name| name == "block"), "with its HTML: {names:?}");
    assert_eq!(at.ended(&owner, &sent).await["text"], slow_text());

    let mut again = at.events(&owner, &messages(&bot), Some("once"), &body).await;
    let replayed = again.expect("sent").await;
    assert_eq!((&replayed["message_id"], &replayed["replayed"]), (&sent["message_id"], &json!(true)));
    assert_eq!(read(&mut again).await.0, slow_text(), "nothing was asked twice");
    let plain = at.ask(&owner, "POST", &messages(&bot), body).await;
    assert_eq!(plain.status, 202, "without the header as ever");
    at.ended(&owner, &plain.json()).await;

    let document = at.get(&owner, "/api/openapi.json").await.ok(200);
    let answers = &document["paths"]["/api/bots/{bot}/messages"]["post"]["responses"];
    assert!(answers["202"]["content"]["application/json"].is_object(), "{answers}");
    assert!(answers["200"]["content"]["text/event-stream"].is_object(), "{answers}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_send_is_refused_before_anything_streams() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let here = at.first_workspace().await;
    let (_, viewer) = at.token(here, "viewer", None).await;
    let stranger = at.stranger().await;
    let (_, ended) = at.token(here, "owner", Some(1)).await;
    for (who, path, body, status) in [
        (&Who::Nobody, messages(&bot), json!({ "text": "hi" }), 401),
        (&ended, messages(&bot), json!({ "text": "hi" }), 401),
        (&viewer, messages(&bot), json!({ "text": "hi" }), 403),
        (&stranger, messages(&bot), json!({ "text": "hi" }), 404),
        (&owner, messages("nobody-has-it"), json!({ "text": "hi" }), 404),
        (&owner, messages(&bot), json!({ "text": " " }), 422),
    ] {
        let refused = at.events(who, &path, None, &body).await;
        assert_eq!(refused.status, status, "{who:?} {path}");
        assert_eq!(refused.headers["content-type"], "application/problem+json");
    }
    assert_eq!(rows_of(&at, "messages").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_a_word_when_its_token_is_revoked_its_hour_is_over_or_chela_stops() {
    let mut world = World::new(RuntimeKind::Process).await;
    let clock = ManualClock::at(1_795_165_200_000);
    world.clock = Some(clock.clone());
    let (reply, go_on) = held_reply(&["So far"], vec![" so good.".to_owned()]);
    world.cells.answer_with(reply);
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let (id, program) = at.token(at.first_workspace().await, "owner", None).await;
    let body = json!({ "text": "go" });
    let said = async |events: &mut Events| while events.next().await.expect("an event").0 != "delta" {};
    // What was said while the stream began may tell of a phase that is over.
    let next = async |events: &mut Events| loop {
        match events.next().await.expect("a last word") {
            (name, _) if name == "phase" => {}
            other => break other,
        }
    };
    let error = async |events: &mut Events| {
        let (name, data) = next(events).await;
        assert_eq!(name, "error", "{data}");
        data["code"].as_str().expect("a code").to_owned()
    };

    let mut events = at.events(&program, &messages(&bot), Some("one"), &body).await;
    said(&mut events).await;
    at.ask(&owner, "DELETE", &format!("/api/tokens/{id}"), Value::Null).await.ok(200);
    assert_eq!(error(&mut events).await, "unauthenticated");
    assert_eq!(events.next().await, None);

    let mut events = at.events(&owner, &messages(&bot), Some("two"), &body).await;
    let sent = events.expect("sent").await;
    said(&mut events).await;
    clock.advance(15_000);
    assert_eq!(next(&mut events).await.0, ":", "a sign of life");
    clock.advance(3_600_000);
    let (name, data) = loop {
        match next(&mut events).await {
            (name, _) if name == ":" => {}
            last => break last,
        }
    };
    assert_eq!((name.as_str(), data["code"].as_str()), ("error", Some("timeout")));
    assert_eq!(events.next().await, None);

    let mut events = at.events(&owner, &messages(&bot), Some("three"), &body).await;
    said(&mut events).await;
    // The second answer goes on without its stream, and is followed once more by its key.
    go_on.add_permits(2);
    assert_eq!(at.ended(&owner, &sent).await["text"], "So far so good.");
    let mut again = at.events(&owner, &messages(&bot), Some("two"), &body).await;
    again.expect("sent").await;
    assert_eq!(read(&mut again).await.0, "So far so good.");

    let mut last = at.events(&owner, &messages(&bot), Some("four"), &body).await;
    said(&mut last).await;
    at.server.platform.shutdown.cancel();
    assert_eq!(error(&mut last).await, "unavailable");
    assert_eq!(last.next().await, None);
    drop((events, again));
    at.stop_busy().await;
}
