//! The live socket against those who hold it wrongly.

use crate::support::*;
use api::{
    ids::BotId,
    live::{LiveEvent, ServerFrame, Topic},
};
use serde_json::Value;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_for_our_own_pages_and_for_programs_with_a_token() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let here = at.first_workspace().await;
    let (_, _, person) = at.person("Ada", here, "owner").await;
    let (Who::Cookie(cookie), Who::Bearer(token)) = (&person, &owner) else { panic!("both") };
    let cookie = ("cookie", format!("__Host-chela={cookie}"));
    let bearer = ("authorization", format!("Bearer {token}"));
    let origin = |text: &str| ("origin", text.to_owned());
    for (headers, wanted) in [
        (vec![cookie.clone(), origin(ORIGIN)], Ok(())),
        (vec![bearer.clone()], Ok(())),
        (vec![bearer.clone(), origin(ORIGIN)], Ok(())),
        (vec![cookie.clone()], Err(403)),
        (vec![cookie.clone(), origin("https://evil.example")], Err(403)),
        (vec![cookie.clone(), origin("null")], Err(403)),
        (vec![bearer.clone(), origin("https://evil.example")], Err(403)),
        (vec![origin(ORIGIN)], Err(401)),
        (vec![origin(ORIGIN), ("authorization", "Bearer chela_pat_x".to_owned())], Err(401)),
    ] {
        let opened = open(at.panel, &headers).await.map(|_| ());
        assert_eq!(opened, wanted, "{headers:?}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_or_token_is_closed_within_a_second() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let here = at.first_workspace().await;
    let (_, session, person) = at.person("Ada", here, "owner").await;
    let mut live = at.live(&person).await.expect("a socket");
    live.subscribe("bots").await;
    live.next().await.expect("a snapshot");
    at.ask(&person, "DELETE", &format!("/api/sessions/{session}"), Value::Null).await.ok(200);
    assert_eq!(live.closed().await, Some(4401));
    assert_eq!(at.live(&person).await.err(), Some(401));

    let (_, _, person) = at.person("Bea", here, "owner").await;
    let mut live = at.live(&person).await.expect("a socket");
    at.ask(&person, "POST", "/api/auth/logout", Value::Null).await.ok(200);
    assert_eq!(live.closed().await, Some(4401), "logging out ends its sockets");

    let (id, program) = at.token(here, "viewer", None).await;
    let mut live = at.live(&program).await.expect("a socket");
    at.ask(&owner, "DELETE", &format!("/api/tokens/{id}"), Value::Null).await.ok(200);
    assert_eq!(live.closed().await, Some(4401));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_topics_huge_frames_and_nonsense_get_a_typed_end() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let mut live = at.live(&owner).await.expect("a socket");
    for topic in ["nonsense", "bot:x", "bot:", "thread:bot_1", "bots:all", ""] {
        live.subscribe(topic).await;
        match live.next().await {
            Some(ServerFrame::Refused { error, .. }) => assert_eq!(error.code.status(), 404, "{topic}"),
            other => panic!("{topic}: {other:?}"),
        }
    }
    live.say("{\"type\":\"ping\"}").await;
    assert_eq!(live.next().await, Some(ServerFrame::Pong {}), "and it goes on");
    live.say("x".repeat(1 << 20)).await;
    assert_eq!(live.closed().await, Some(1009));
    for nonsense in ["{", "[]", "{\"type\":\"fly\"}", "{\"type\":\"ping\",\"more\":1}"] {
        let mut live = at.live(&owner).await.expect("a socket");
        live.say(nonsense).await;
        assert_eq!(live.closed().await, Some(4400), "{nonsense}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_subscriptions_and_an_eleventh_tab_are_refused_by_word() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.make_bot(&owner, "Helper").await;
    let mut live = at.live(&owner).await.expect("a socket");
    // Threads that exist, so that they count.
    let row = entity::chat::thread::Model {
        id: api::ids::ThreadId(uuid::Uuid::nil()),
        workspace_id: at.first_workspace().await,
        bot_id: bot.parse().expect("an id"),
        title: "t".to_owned(),
        session_key: "k".to_owned(),
        created_at_ms: 1,
        updated_at_ms: 1,
        written_at_ms: None,
    };
    let mut ids = Vec::new();
    let made = at.server.platform.db.write(async |tx| {
        use sea_orm::{EntityTrait, IntoActiveModel};
        for n in 1..=250_u128 {
            let id = api::ids::ThreadId(uuid::Uuid::from_u128(n));
            let row = entity::chat::thread::Model { id, ..row.clone() };
            entity::chat::thread::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            ids.push(id);
        }
        Ok(())
    });
    made.await.expect("threads");
    let (mut snapshots, mut limited) = (0, 0);
    for n in 0..10_000 {
        live.subscribe(&format!("thread:{}", ids[n % ids.len()])).await;
        match live.next().await.expect("an answer to each") {
            ServerFrame::Snapshot { .. } => snapshots += 1,
            ServerFrame::Refused { error, .. } => {
                assert_eq!(error.code.status(), 429);
                limited += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(snapshots + limited == 10_000 && limited >= 1_950, "{snapshots} {limited}");
    assert!(at.server.platform.live.topics() <= 201, "memory stays small");
    let mut tabs = Vec::new();
    for _ in 0..9 {
        tabs.push(at.live(&owner).await.expect("ten tabs"));
    }
    assert_eq!(at.live(&owner).await.err(), Some(429));
    drop(tabs.pop());
    eventually("a place to be free again", async || at.live(&owner).await.ok()).await;
    drop(live);
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_too_slow_is_given_a_new_snapshot_and_no_gap() {
    let at = TestServer::start().await;
    let owner = at.owner().await;
    let bot = at.ready_bot(&owner, "Helper").await;
    let id: BotId = bot.parse().expect("an id");
    let mut live = at.live(&owner).await.expect("a socket");
    live.subscribe(&format!("bot:{bot}")).await;
    let Some(ServerFrame::Snapshot { data: api::live::Snapshot::Bot { bot: shown, .. }, .. }) =
        live.next().await
    else {
        panic!("a snapshot")
    };
    // More than the kernel's buffers and the tail hold, while nobody reads.
    let mut large = shown.clone();
    large.settings.prompt = "x".repeat(20_000);
    for _ in 0..2_000 {
        at.server.platform.live.publish(Topic::Bot(id), LiveEvent::BotUpdated { bot: large.clone() });
        tokio::task::yield_now().await;
    }
    let mut last = 0;
    let mut resynced = false;
    let end = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match live.next().await.expect("a frame") {
                ServerFrame::Event { seq, .. } => {
                    assert!(last == 0 || seq == last + 1, "a gap: {last} then {seq}");
                    last = seq;
                }
                ServerFrame::Resync { .. } => resynced = true,
                ServerFrame::Snapshot { seq, data, .. } => {
                    assert!(resynced, "a snapshot only after its word");
                    let api::live::Snapshot::Bot { bot, .. } = data else { panic!("a bot") };
                    assert_eq!(bot.settings.prompt, "", "what is stored, not what was published");
                    return seq;
                }
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(end.await.expect("a new snapshot") >= last);
    drop(live);
    at.stop().await;
}
