//! A bot that hangs: the others do not notice.

use crate::support::*;
use runtime::RuntimeKind;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_whose_gateway_hangs_while_it_is_caught_up_keeps_no_other_from_being_heard() {
    let world = World::new(RuntimeKind::Process).await;
    let (reply, _never) = held_reply(&["So far"], Vec::new());
    world.cells.answer_with(reply);
    world.cells.deaf_to(Some("chat.history"));
    let at = world.serve().await;
    let owner = at.owner().await;
    let hanging = at.ready_bot(&owner, "Hanging").await;
    at.world.cells.answer_with(slow_reply());
    at.world.cells.deaf_to(None);
    let other = at.ready_bot(&owner, "Other").await;
    let id: api::ids::BotId = hanging.parse().expect("an id");
    let mut open = Vec::new();
    for _ in 0..2 {
        let path = format!("/api/bots/{hanging}/messages");
        open.push(at.ask(&owner, "POST", &path, json!({ "text": "go" })).await.ok(202));
    }
    for sent in &open {
        let thread = sent["thread_id"].as_str().expect("a thread");
        eventually("the bot to have begun", async || {
            let page = at.get(&owner, &format!("/api/threads/{thread}/messages")).await.ok(200);
            page["items"].as_array()?.iter().any(|m| m["text"] == "So far").then_some(())
        })
        .await;
    }
    at.world.cells.cut(id);
    eventually("it to be caught up", async || (at.world.cells.unanswered(id) == 1).then_some(())).await;
    assert_eq!(at.talk(&owner, &other, "go").await["text"], slow_text());
    assert_eq!(at.world.cells.unanswered(id), 1, "the other one was heard only when the first was given up");
    // What hangs is given up at once when Chela stops: well before its deadlines.
    at.stop_busy().await;
}
