//! Markdown of an answer that still streams: finished blocks come as HTML, once each, and the whole in the end.

use crate::support::*;
use api::{chat::MessageState, live::ServerFrame};
use runtime::RuntimeKind;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn finished_blocks_of_a_streaming_answer_come_as_html_and_stand_in_snapshots() {
    let world = World::new(RuntimeKind::Process).await;
    let pieces = ["# Title\n\nSome *text*.\n\nAnd", " more\nof **it"];
    let (reply, go_on) = held_reply(&pieces, vec!["**.\n\n<script>alert(1)</script>".to_owned()]);
    world.cells.answer_with(reply);
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let sent =
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": "go" })).await.ok(202);
    let (thread, id) =
        (sent["thread_id"].as_str().expect("an id"), sent["message_id"].as_str().expect("an id"));
    let mut live = at.live(&owner).await.expect("a socket");
    live.subscribe(&format!("thread:{thread}")).await;
    let mut shown = Shown::default();
    let settled = "# Title\n\nSome *text*.\n\n";
    let html = "<h1>Title</h1>\n<p>Some <em>text</em>.</p>\n";
    let half = loop {
        shown.take(live.next().await.expect("a frame"));
        let answer = shown.messages.iter().find(|m| m.id.to_string() == id).expect("the answer");
        if answer.text.ends_with("**it") && answer.html_bytes.is_some_and(|n| n as usize == settled.len()) {
            break answer.clone();
        }
    };
    assert_eq!((half.state, half.html.as_deref()), (MessageState::Streaming, Some(html)));

    let mut later = at.live(&owner).await.expect("a socket");
    later.subscribe(&format!("thread:{thread}")).await;
    let snapshot = later.next().await.expect("a frame");
    assert!(matches!(snapshot, ServerFrame::Snapshot { .. }), "{snapshot:?}");
    let mut fresh = Shown::default();
    fresh.take(snapshot);
    assert_eq!(fresh.messages.last(), Some(&half), "what a page opened now begins with");

    go_on.add_permits(1);
    while shown.ended(id).is_none() {
        shown.take(live.next().await.expect("a frame"));
    }
    let ended = shown.ended(id).expect("ended");
    assert_eq!(ended.html_bytes, None);
    let whole = ended.html.clone().expect("html");
    assert_eq!(whole.trim_end(), format!("{html}<p>And more\nof <strong>it</strong>.</p>"));
    assert_eq!(at.ended(&owner, &sent).await["html"], whole);
    drop((live, later));
    at.stop().await;
}
