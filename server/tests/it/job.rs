//! The main job over REST: a key, a bot, a message, an answer that streams; then the bot's life.

use crate::support::*;
use api::live::{LiveEvent, ServerFrame, Snapshot};
use runtime::RuntimeKind;
use serde_json::{Value, json};
use testkit::vendor::Mode;

/// Talks to a new bot over the live socket and checks every wall the call passed.
async fn whole_way(kind: RuntimeKind) {
    let at = World::new(kind).await.serve().await;
    let owner = at.owner().await;
    let key = at.add_key(&owner).await;
    let bot = at.make_bot(&owner, "Helper").await;
    let mut live = at.live(&owner).await.expect("a socket");
    live.subscribe(&format!("bot:{bot}")).await;
    let mut stages = Vec::new();
    loop {
        let seen = match live.next().await.expect("a frame") {
            ServerFrame::Snapshot { data: Snapshot::Bot { bot, .. }, .. } => bot,
            ServerFrame::Event { data: LiveEvent::BotUpdated { bot }, .. } => bot,
            other => panic!("{other:?}"),
        };
        stages.push(seen.summary.stage);
        if seen.summary.observed == api::bots::Observed::Running {
            break;
        }
    }
    assert!(stages.len() > 1, "the way to ready was seen: {stages:?}");

    let calls = at.world.vendor.calls().len();
    let sent =
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": "ask:tide" })).await;
    let sent = sent.ok(202);
    live.subscribe(&format!("thread:{}", sent["thread_id"].as_str().expect("a thread"))).await;
    let (mut shown, id) = (Shown::default(), sent["message_id"].as_str().expect("a message").to_owned());
    let answer = loop {
        match live.next().await.expect("a frame") {
            ServerFrame::Event { topic: api::live::Topic::Bot(_), .. } => {}
            frame => shown.take(frame),
        }
        if let Some(answer) = shown.ended(&id) {
            break answer.clone();
        }
    };
    assert_eq!(answer.text, at.world.vendor.answer_to("tide"), "{answer:?}");
    assert!(answer.html.is_some_and(|html| html.contains(&answer.text)));

    let seen = at.world.vendor.calls().split_off(calls);
    assert_eq!(seen.len(), 1, "exactly one call");
    let call = seen.first().expect("a call");
    assert_eq!(call.headers["authorization"], format!("Bearer {KEY}"));
    assert!(call.headers.contains_key("traceparent"), "{:?}", call.headers);
    assert!(!format!("{call:?}").contains("chela_bot_"), "the bot's own token left the house");

    let row = eventually("the usage row", async || {
        let page = at.get(&owner, "/api/usage").await.ok(200);
        page["items"].as_array().and_then(|rows| rows.first().cloned())
    })
    .await;
    assert_eq!((&row["bot"], &row["key"]), (&json!(bot), &json!(key)));
    assert_eq!((&row["status"], &row["vendor"]), (&json!(200), &json!("openai")));
    assert!(row["input_tokens"].as_i64().is_some_and(|n| n > 0), "{row}");
    let today = at.get(&owner, "/api/usage/today").await.ok(200);
    assert_eq!((&today["calls"], &today["failed"]), (&json!(1), &json!(0)));
    drop(live);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_process_bot_is_answered_by_the_model_behind_the_relay() {
    whole_way(RuntimeKind::Process).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_bot_without_a_network_goes_the_same_way_over_its_two_sockets() {
    whole_way(RuntimeKind::Docker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_stopped_started_restarted_and_deleted() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id: api::ids::BotId = bot.parse().expect("an id");
    let act =
        async |verb: &str| at.ask(&owner, "POST", &format!("/api/bots/{bot}/{verb}"), Value::Null).await;

    act("stop").await.ok(200);
    let stopped = at.observed(&owner, &bot, "stopped").await;
    assert_eq!((&stopped["desired"], &stopped["started_at_ms"]), (&json!("stopped"), &Value::Null));
    assert!(at.world.cells.things.bots().is_empty() && at.world.cells.living().is_empty());
    let version = stopped["version"].clone();
    assert_eq!(act("stop").await.ok(200)["version"], version, "stopping a stopped bot is a no-op");
    let refused =
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": "hello" })).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));

    act("start").await.ok(200);
    at.observed(&owner, &bot, "running").await;
    assert_eq!(at.talk(&owner, &bot, "ask:one").await["text"], json!(at.world.vendor.answer_to("one")));

    act("restart").await.ok(200);
    eventually("a fresh run", async || (at.world.cells.starts().len() == 3).then_some(())).await;
    at.observed(&owner, &bot, "running").await;
    assert_eq!(at.talk(&owner, &bot, "ask:two").await["text"], json!(at.world.vendor.answer_to("two")));
    let starts = at.world.cells.starts();
    assert!(starts.windows(2).all(|w| w[0].1 < w[1].1), "a generation each: {starts:?}");

    let wrong = at.ask(&owner, "DELETE", &format!("/api/bots/{bot}?confirm=Nope"), Value::Null).await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/confirm".to_owned()]));
    at.ask(&owner, "DELETE", &format!("/api/bots/{bot}?confirm=Helper"), Value::Null).await.ok(200);
    assert_eq!(at.get(&owner, &format!("/api/bots/{bot}")).await.status, 404, "gone for people at once");
    eventually("everything of it to be gone", async || {
        let rows =
            rows_of(&at, "bots").await + rows_of(&at, "threads").await + rows_of(&at, "bot_tokens").await;
        (rows == 0 && at.world.cells.things.bots().is_empty()).then_some(())
    })
    .await;
    assert!(!at.world.data().join("bots").join(id.to_string()).exists());
    assert_eq!(
        at.ask(&owner, "POST", "/api/bots", json!({ "name": "Helper", "model": "openai/fake-model" }))
            .await
            .status,
        201
    );
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_pending_until_it_is_applied_or_discarded() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let path = format!("/api/bots/{bot}");
    let config = at.world.data().join("bots").join(&bot).join("workspace");
    let persona = || {
        let files = std::fs::read_dir(&config).expect("the workspace").flatten();
        files.filter_map(|f| std::fs::read_to_string(f.path()).ok()).collect::<String>()
    };

    let edited = at.ask(&owner, "PATCH", &path, json!({ "prompt": "Speak like a pirate." })).await.ok(200);
    assert_eq!(edited["pending"]["prompt"], "Speak like a pirate.");
    assert_eq!(edited["settings"]["prompt"], "", "nothing runs differently yet");
    let dropped = at.ask(&owner, "POST", &format!("{path}/discard"), Value::Null).await.ok(200);
    assert_eq!(dropped["pending"], Value::Null);

    at.ask(&owner, "PATCH", &path, json!({ "prompt": "Speak like a poet.", "name": "Poet" })).await.ok(200);
    assert!(!persona().contains("poet"));
    let applied = at.ask(&owner, "POST", &format!("{path}/apply"), Value::Null).await.ok(200);
    assert_eq!((&applied["settings"]["name"], &applied["pending"]), (&json!("Poet"), &Value::Null));
    eventually("the files to follow", async || {
        let now = at.get(&owner, &path).await.ok(200);
        (now["restart_needed"] == false && persona().contains("Speak like a poet.")).then_some(())
    })
    .await;
    let same = at.ask(&owner, "POST", &format!("{path}/apply"), Value::Null).await.ok(200);
    assert_eq!(
        same["version"],
        at.get(&owner, &path).await.ok(200)["version"],
        "nothing to apply changes nothing"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_browsers_the_later_one_is_told_both_versions() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let path = format!("/api/bots/{bot}");
    let version = at.get(&owner, &path).await.ok(200)["version"].as_i64().expect("a version");
    let edit = |prompt: &str| json!({ "prompt": prompt, "expected_version": version });
    at.ask(&owner, "PATCH", &path, edit("first")).await.ok(200);
    let late = at.ask(&owner, "PATCH", &path, edit("second")).await;
    assert_eq!((late.status, late.code().as_str()), (409, "stale"));
    assert_eq!(late.json()["versions"], json!({ "expected": version, "actual": version + 1 }));
    assert_eq!(at.get(&owner, &path).await.ok(200)["pending"]["prompt"], "first");

    let matching = at.request(&owner, "PATCH", &path).header("if-match", format!("\"v{version}\""));
    let matching = matching.header("content-type", "application/json").body("{\"prompt\":\"x\"}".into());
    assert_eq!(send(at.panel, matching.expect("a request")).await.status, 409, "If-Match says the same");
    for verb in ["apply", "discard"] {
        let late =
            at.ask(&owner, "POST", &format!("{path}/{verb}"), json!({ "expected_version": version })).await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale"), "{verb}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_sent_again_with_its_key_makes_nothing_twice() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let create = async |name: &str, key: &str| {
        let request = at.request(&owner, "POST", "/api/bots").header("idempotency-key", key);
        let request = request.header("content-type", "application/json");
        let body = json!({ "name": name, "model": "openai/fake-model" }).to_string();
        send(at.panel, request.body(body.into()).expect("a request")).await
    };
    let first = create("Helper", "k1").await.ok(201);
    let again = create("Helper", "k1").await.ok(201);
    assert_eq!((&again["id"], &again["replayed"]), (&first["id"], &json!(true)));
    let other = create("Other", "k1").await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_mismatch"));
    let (one, two, three) = tokio::join!(create("Both", "k2"), create("Both", "k2"), create("Both", "k2"));
    for answer in [&one, &two, &three] {
        assert!(
            answer.status == 201 || (answer.status, answer.code().as_str()) == (409, "in_flight"),
            "{answer:?}"
        );
    }
    assert_eq!(create("Both", "k2").await.status, 201);
    let bots = at.get(&owner, "/api/bots").await.ok(200);
    assert_eq!(bots["items"].as_array().map(Vec::len), Some(2), "{bots}");
    let bad = create("X", &"k".repeat(201)).await;
    assert_eq!((bad.status, bad.code().as_str()), (422, "invalid"));
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_made_renamed_and_deleted_with_the_bots_own_session() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let made = at
        .ask(&owner, "POST", &format!("/api/bots/{bot}/threads"), json!({ "title": "Plans" }))
        .await
        .ok(201);
    let thread = made["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/threads/{thread}");
    let renamed = at.ask(&owner, "PATCH", &path, json!({ "title": "Better plans" })).await.ok(200);
    assert_eq!(renamed["title"], "Better plans");
    let say = json!({ "text": "ask:plan", "thread_id": thread });
    let sent = at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), say).await.ok(202);
    assert_eq!(at.ended(&owner, &sent).await["text"], json!(at.world.vendor.answer_to("plan")));
    let page = at.get(&owner, &format!("{path}/messages")).await.ok(200);
    let roles: Vec<_> = page["items"].as_array().expect("items").iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant"]);
    at.ask(&owner, "DELETE", &path, Value::Null).await.ok(200);
    assert_eq!(at.get(&owner, &path).await.status, 404);
    assert_eq!(rows_of(&at, "messages").await, 0);
    // `stop` waits for the job that deletes the session in the bot.
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_stopped_in_its_middle_and_the_thread_is_free_again() {
    let world = World::new(RuntimeKind::Process).await;
    world.cells.answer_with(slow_reply());
    let at = world.serve().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let sent =
        at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": "go" })).await.ok(202);
    let thread = sent["thread_id"].as_str().expect("a thread").to_owned();
    let again = json!({ "text": "again", "thread_id": thread });
    let busy = at.ask(&owner, "POST", &format!("/api/bots/{bot}/messages"), again).await;
    assert_eq!((busy.status, busy.code().as_str()), (409, "conflict"), "one answer at a time");
    eventually("some text", async || {
        let page = at.get(&owner, &format!("/api/threads/{thread}/messages")).await.ok(200);
        page["items"][1]["text"].as_str().is_some_and(|t| !t.is_empty()).then_some(())
    })
    .await;
    at.ask(&owner, "POST", &format!("/api/threads/{thread}/stop"), Value::Null).await.ok(200);
    let ended = at.ended(&owner, &sent).await;
    assert_eq!(ended["state"], "aborted");
    assert!(ended["text"].as_str().is_some_and(|t| !t.is_empty() && t.len() < slow_text().len()), "{ended}");
    at.ask(&owner, "POST", &format!("/api/threads/{thread}/stop"), Value::Null).await.ok(200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_misbehaves_ends_in_a_message_a_person_understands_and_one_row_each() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    at.add_key(&owner).await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let billing = json!({ "error": { "message": "You exceeded your current quota, check your billing" } });
    let modes = [
        Mode::Status { status: 402, body: billing.to_string() },
        Mode::Status { status: 500, body: "{}".to_owned() },
        Mode::Close,
        Mode::CutAfter { pieces: 5 },
        Mode::HugeHeader { bytes: 100 << 20 },
        Mode::Garbage,
        Mode::GzipBomb,
        Mode::BadUtf8,
        Mode::EndlessLine { bytes: 64 << 20 },
        Mode::Redirect { location: "http://169.254.169.254/".to_owned() },
        Mode::SplitCrlf,
    ];
    for (calls, mode) in (1_i64..).zip(modes) {
        eprintln!("{mode:?}");
        at.world.vendor.play(mode.clone());
        let said = at.talk(&owner, &bot, "ask:x").await;
        assert!(["final", "failed"].contains(&said["state"].as_str().expect("a state")), "{mode:?}: {said}");
        if said["state"] == "failed" {
            assert!(said["error"].as_str().is_some_and(|why| !why.is_empty()), "{mode:?}: {said}");
        }
        let text = said.to_string().to_lowercase();
        assert!(!text.contains("billing") && !text.contains("quota"), "{mode:?}: {said}");
        eventually("one row for each call", async || {
            (rows_of(&at, "usage_rows").await == calls).then_some(())
        })
        .await;
    }
    assert_eq!(at.get(&owner, &format!("/api/bots/{bot}")).await.ok(200)["observed"], "running");
    at.world.vendor.play(Mode::Answer);
    assert_eq!(at.talk(&owner, &bot, "ask:well").await["text"], json!(at.world.vendor.answer_to("well")));
    at.stop().await;
}
