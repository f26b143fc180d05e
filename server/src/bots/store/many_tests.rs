use super::*;
use crate::bots::store::past;
use crate::platform::db::Db;
use api::ids::{BotConfigId, BotEventId, WorkspaceId};
use entity::{bots::bot_event, workspace};
use migration::{Migrator, MigratorTrait};
use policy::Subject;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use uuid::Uuid;

/// Name, tags, observed, failures, health, since, whether it is in the trash.
type Put = (&'static str, &'static str, &'static str, i64, &'static str, i64, bool);

const BOTS: [Put; 8] = [
    ("delta 100%", "[\"eu\",\"sales\"]", "running", 0, "healthy", 50, false),
    ("Alpha_1", "[\"eu\"]", "running", 3, "healthy", 40, false),
    ("echo", "[]", "starting", 1, "unknown", 30, false),
    ("Bravo", "[\"us\"]", "failed", 1, "unhealthy", 30, false),
    ("alpha-1", "[]", "stopped", 0, "unknown", 10, false),
    ("Ärger", "[]", "running", 0, "degraded", 60, false),
    ("nobody knows", "[]", "unknown", 0, "unknown", 70, false),
    ("gone", "[\"eu\"]", "stopped", 0, "unknown", 5, true),
];

fn row(workspace: WorkspaceId, n: u128, put: Put) -> bot::Model {
    let (name, tags, observed, failures, health, since_ms, trashed) = put;
    bot::Model {
        id: BotId(Uuid::from_u128(n)),
        workspace_id: workspace,
        slug: format!("slug-{n}"),
        name: name.to_owned(),
        runtime: if n == 1 { "docker" } else { "process" }.to_owned(),
        uid: None,
        gateway_port: None,
        gateway_token: Vec::new(),
        desired: "running".to_owned(),
        observed: observed.to_owned(),
        stage: None,
        health: health.to_owned(),
        reason: None,
        stages: "[]".to_owned(),
        since_ms,
        generation: 1,
        restarts: 0,
        failures,
        next_try_at_ms: None,
        settings: "{}".to_owned(),
        pending: None,
        running_config_id: None,
        config_id: BotConfigId(Uuid::from_u128(n)),
        version: 1,
        created_at_ms: 1,
        started_at_ms: None,
        ready_at_ms: None,
        tags: tags.to_owned(),
        trashed_at_ms: trashed.then_some(7),
        trashed_from: None,
        well_config_id: None,
        openclaw: "2026.9.6".to_owned(),
        upgrade: None,
        trial_uid: None,
        idle_stop_minutes: None,
        asleep_since_ms: None,
    }
}

async fn house() -> (tempfile::TempDir, Db, Granted<act::ReadBots>) {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&dir.path().join("a.db")).await.unwrap();
    Migrator::up(db.maintenance(), None).await.unwrap();
    let (ours, theirs) = (WorkspaceId(Uuid::from_u128(100)), WorkspaceId(Uuid::from_u128(101)));
    let put = db.write(async |tx| {
        for (id, slug) in [(ours, "ours"), (theirs, "theirs")] {
            let home = workspace::Model {
                id,
                slug: slug.to_owned(),
                name: slug.to_owned(),
                max_bots: None,
                time_zone: "UTC".to_owned(),
                created_at_ms: 1,
            };
            workspace::Entity::insert(home.into_active_model().reset_all())
                .exec_without_returning(tx)
                .await?;
        }
        let rows = (1..).zip(BOTS).map(|(n, put)| row(ours, n, put));
        for row in rows.chain([row(theirs, 50, BOTS[0])]) {
            bot::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
        }
        Ok(())
    });
    put.await.unwrap();
    let subject = Subject { workspace: Some(ours), ..Subject::SYSTEM };
    (dir, db, policy::check::<act::ReadBots>(&subject).unwrap())
}

async fn names(db: &Db, granted: &Granted<act::ReadBots>, sort: &str, narrow: &Narrow) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let place = Place::parse(Some(sort), Some(2), cursor.as_deref()).unwrap();
        let found = page(db.read(), granted, narrow, &place).await.unwrap();
        all.extend(found.items.into_iter().map(|row| row.name));
        match found.next {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_every_order_without_gap_or_twin() {
    let (_dir, db, granted) = house().await;
    let all = Narrow::default();
    for (sort, wanted) in [
        ("created", ["delta 100%", "Alpha_1", "echo", "Bravo", "alpha-1", "Ärger", "nobody knows"]),
        ("name", ["alpha-1", "Alpha_1", "Bravo", "delta 100%", "echo", "nobody knows", "Ärger"]),
        ("since", ["alpha-1", "echo", "Bravo", "Alpha_1", "delta 100%", "Ärger", "nobody knows"]),
    ] {
        assert_eq!(names(&db, &granted, sort, &all).await, wanted, "{sort}");
        let mut back = wanted;
        back.reverse();
        assert_eq!(names(&db, &granted, &format!("-{sort}"), &all).await, back, "-{sort}");
    }
}

#[tokio::test]
async fn every_word_narrows_and_a_count_is_the_length_of_its_list() {
    let (_dir, db, granted) = house().await;
    let any = Narrow::default;
    let state = |state| Narrow { state: Some(state), ..any() };
    let tag = |tag: &str| Narrow { tag: Some(tag.to_owned()), ..any() };
    let q = |q: &str| Narrow { q: Some(q.to_owned()), ..any() };
    let cases: [(Narrow, &[&str]); 14] = [
        (state(BotState::Running), &["delta 100%", "Alpha_1", "Ärger"]),
        (state(BotState::Changing), &["echo"]),
        (state(BotState::Stopped), &["alpha-1"]),
        (state(BotState::Attention), &["Alpha_1", "Bravo", "Ärger", "nobody knows"]),
        (tag("eu"), &["delta 100%", "Alpha_1"]),
        (tag("e"), &[]),
        (Narrow { state: Some(BotState::Attention), ..tag("eu") }, &["Alpha_1"]),
        (q(" ALPHA "), &["Alpha_1", "alpha-1"]),
        (q("100%"), &["delta 100%"]),
        (q("a_1"), &["Alpha_1"]),
        (q("Ärg"), &["Ärger"]),
        (q("' or 1=1 --"), &[]),
        (Narrow { runtime: Some(RuntimeKind::Docker), ..any() }, &["delta 100%"]),
        (Narrow { trashed: true, ..any() }, &["gone"]),
    ];
    for (narrow, wanted) in cases {
        assert_eq!(names(&db, &granted, "created", &narrow).await, wanted, "{narrow:?}");
        let counted = count(db.read(), &granted, &narrow).await.unwrap();
        assert_eq!(usize::try_from(counted).unwrap(), wanted.len(), "{narrow:?}");
    }
    assert_eq!(standings(db.read(), &granted, &any()).await.unwrap(), [7, 3, 1, 1, 4]);
    assert_eq!(standings(db.read(), &granted, &tag("eu")).await.unwrap(), [2, 2, 0, 0, 1]);
    assert_eq!(tags(db.read(), &granted).await.unwrap().len(), 3, "none of the trash or of others");
}

#[tokio::test]
async fn forgetting_a_past_keeps_how_a_bot_was_wanted_and_seen_last() {
    let (_dir, db, _granted) = house().await;
    let granted = policy::check::<act::RunBots>(&Subject::SYSTEM).unwrap();
    let kinds = ["created", "ready", "changed", "died", "ready", "applied", "stop", "ended", "start"];
    for (bot, told) in [(1, &kinds[..]), (2, &kinds[..2])] {
        for (n, kind) in (1..).zip(told) {
            let event = bot_event::Model {
                id: BotEventId(Uuid::from_u128(bot * 1000 + n)),
                workspace_id: WorkspaceId(Uuid::from_u128(100)),
                bot_id: BotId(Uuid::from_u128(bot)),
                at_ms: i64::try_from(n).unwrap(),
                kind: (*kind).to_owned(),
                actor: None,
                reason: None,
                lived_ms: None,
            };
            db.write(async |tx| past::add(tx, event).await).await.unwrap();
        }
    }
    db.write(async |tx| past::forget_before(tx, &granted, 9).await).await.unwrap();
    let left = bot_event::Entity::find().order_by_asc(bot_event::Column::Id).all(db.read()).await.unwrap();
    let left: Vec<_> = left.iter().map(|event| (event.bot_id.0.as_u128(), event.kind.as_str())).collect();
    assert_eq!(left, [(1, "ended"), (1, "start"), (2, "created"), (2, "ready")]);
}
