//! The ledger and its sums on a real database.

use super::{
    ledger::Late,
    rollup::{Names, Only},
    spans::{DAY_MS, floor},
    store::{self, Old},
    totals,
    when::When,
};
use crate::platform::{db::Db, error::OpError};
use api::{ids::*, usage::*};
use entity::{budgets::budget, workspace};
use jiff::{Timestamp, tz::TimeZoneDatabase};
use migration::{Migrator, MigratorTrait};
use policy::{Granted, Subject, act};
use relay::{
    UsageRow, UsageTotals as Absorbed,
    limits::Count,
    usage::{End, Tokens},
};
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};
use std::{collections::BTreeMap, sync::Mutex};
use uuid::Uuid;

pub(crate) const OURS: WorkspaceId = WorkspaceId(Uuid::from_u128(100));
const THEIRS: WorkspaceId = WorkspaceId(Uuid::from_u128(101));
const ZONES: [&str; 8] = [
    "UTC",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Europe/Berlin",
    "America/St_Johns",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
];

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

pub(crate) fn now() -> i64 {
    ms("2026-11-22T10:00:00Z")
}

/// A house with two workspaces.
pub(crate) struct House {
    _dir: tempfile::TempDir,
    pub(crate) db: Db,
    names: Mutex<Names>,
}

impl House {
    pub(crate) async fn empty(steps: Option<u32>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&dir.path().join("a.db")).await.unwrap();
        Migrator::up(db.maintenance(), steps).await.unwrap();
        let put = db.write(async |tx| {
            for (id, slug) in [(OURS, "ours"), (THEIRS, "theirs")] {
                let (slug, name) = (slug.to_owned(), slug.to_owned());
                let time_zone = "UTC".to_owned();
                let home = workspace::Model { id, slug, name, max_bots: None, created_at_ms: 1, time_zone };
                workspace::Entity::insert(home.into_active_model()).exec_without_returning(tx).await?;
            }
            Ok(())
        });
        put.await.unwrap();
        Self { _dir: dir, db, names: Mutex::default() }
    }

    pub(crate) async fn write(&self, rows: &[UsageRow], late: &[Late]) -> Result<(), OpError> {
        let granted = policy::check::<act::WriteUsage>(&Subject::SYSTEM).unwrap();
        self.db.write(async |tx| store::write(tx, &granted, rows, late, &self.names).await).await
    }

    async fn forget(&self, what: Old, before_ms: i64) -> u64 {
        let granted = policy::check::<act::WriteUsage>(&Subject::SYSTEM).unwrap();
        self.db.write(async |tx| store::forget(tx, &granted, what, before_ms, 7).await).await.unwrap()
    }

    async fn sums(&self, only: &Only, from_ms: i64, to_ms: i64) -> UsageSums {
        totals::sums(self.db.read(), &may(OURS), only, (from_ms, to_ms)).await.unwrap()
    }

    async fn all(&self) -> UsageSums {
        self.sums(&Only::default(), 0, now() + DAY_MS).await
    }

    async fn parts(&self, only: &Only, when: &When, by: UsageBy) -> Vec<UsageShare> {
        let mut all = Vec::new();
        loop {
            let (page, may) = ((all.len(), 7), may(OURS));
            let some = totals::shares(self.db.read(), &may, only, when, (by, UsageSort::Cost), page, now());
            let some = some.await.unwrap();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }
}

fn may(workspace: WorkspaceId) -> Granted<act::ReadUsage> {
    policy::check::<act::ReadUsage>(&Subject { workspace: Some(workspace), ..Subject::SYSTEM }).unwrap()
}

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub(crate) fn call(n: u128, started_ms: i64) -> UsageRow {
    UsageRow {
        asked: 1,
        vendor: "openai",
        model: "gpt-4o".to_owned(),
        cost_micro_usd: Some(35),
        status: 200,
        upstream_status: Some(200),
        tokens: Tokens { input: 100, output: 10, ..Tokens::default() },
        counted: true,
        sent_bytes: 1,
        received_bytes: 1,
        latency_ms: 50,
        first_event_ms: Some(5),
        end: End::Complete,
        ..UsageRow::begun(Uuid::from_u128(n), OURS, Uuid::nil(), started_ms)
    }
}

/// Calls of all kinds, over the days on which clocks are set.
fn calls(many: u64, dice: &mut Dice) -> Vec<UsageRow> {
    let (from, days) = (ms("2026-08-20T00:00:00Z"), 94);
    let some = |dice: &mut Dice| match dice.roll(4) {
        0 => None,
        n => Some(Uuid::from_u128(n.into())),
    };
    (0..many)
        .map(|n| {
            let quarter = i64::try_from(dice.roll(days * 96)).unwrap() * 900_000;
            // At the very edges of quarters, too.
            let within = [0, 899_999, i64::try_from(dice.roll(900_000)).unwrap()];
            let mut row = call(n.into(), from + quarter + within[usize::try_from(dice.roll(3)).unwrap()]);
            row.bot = some(dice).map(BotId);
            row.key = some(dice).map(KeyId);
            row.vendor = ["openai", "anthropic"][usize::try_from(dice.roll(2)).unwrap()];
            row.model = ["gpt-4o", "claude-opus-4-5", "nobody-knows"][usize::try_from(dice.roll(3)).unwrap()]
                .to_owned();
            row.model_answered = (dice.roll(2) == 0).then(|| format!("{}-2026", row.model));
            row.end = [End::Complete, End::Complete, End::Refused, End::UpstreamCut]
                [usize::try_from(dice.roll(4)).unwrap()];
            row.tokens = Tokens {
                input: dice.roll(10_000),
                output: dice.roll(10_000),
                cache_read: dice.roll(2) * dice.roll(100),
                cache_write: dice.roll(2) * dice.roll(100),
                reasoning: 0,
            };
            row.cost_micro_usd = (dice.roll(5) > 0).then(|| i64::try_from(dice.roll(1_000_000)).unwrap());
            row.held_micro_usd = row.cost_micro_usd.is_none().then_some(7);
            row.estimated = dice.roll(9) == 0;
            row.caller = Uuid::from_u128((dice.roll(3) + 7).into());
            row.first_event_ms = (dice.roll(2) == 0).then(|| dice.roll(500));
            if dice.roll(20) == 0 {
                row.workspace = THEIRS;
            }
            row
        })
        .collect()
}

/// What the rows say, added up by hand.
async fn by_hand(
    house: &House,
    part: impl Fn(&api::usage::UsageRow) -> Option<String>,
) -> BTreeMap<String, UsageSums> {
    let mut all = BTreeMap::<String, UsageSums>::new();
    let mut after = None::<String>;
    loop {
        let cursor = crate::platform::db::Cursor::parse(Some(200), after.as_deref()).unwrap();
        let page =
            store::page(house.db.read(), &may(OURS), &store::Chosen::default(), &cursor).await.unwrap();
        for row in page.items {
            let Some(part) = part(&row) else { continue };
            let refused = i64::from(row.ended == "refused");
            all.entry(part).or_default().add(&UsageSums {
                calls: 1,
                failed: i64::from(row.ended != "complete"),
                refused,
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                cache_read_tokens: row.cache_read_tokens,
                cache_write_tokens: row.cache_write_tokens,
                cost_micro_usd: row.cost_micro_usd.unwrap_or(0),
                cost_unknown: i64::from(row.cost_micro_usd.is_none()),
                held_micro_usd: row.held_micro_usd.unwrap_or(0),
                estimated: i64::from(row.estimated),
                timed: 1,
                latency_ms: row.latency_ms,
                first_events: i64::from(row.first_event_ms.is_some()),
                first_event_ms: row.first_event_ms.unwrap_or(0),
            });
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn total<'a>(all: impl IntoIterator<Item = &'a UsageSums>) -> UsageSums {
    let mut sum = UsageSums::default();
    all.into_iter().for_each(|one| sum.add(one));
    sum
}

#[tokio::test]
async fn calls_bots_keys_models_and_days_sum_up_to_the_same_in_every_zone() {
    let house = House::empty(None).await;
    for group in calls(2_000, &mut Dice(7)).chunks(333) {
        house.write(group, &[]).await.unwrap();
    }
    let whole = by_hand(&house, |_| Some(String::new())).await.remove("").unwrap();
    assert!(
        whole.calls > 1_500 && whole.cost_micro_usd > 0 && whole.cost_unknown > 0 && whole.refused > 0,
        "{whole:?}"
    );
    for zone in ZONES {
        let asked =
            Asked { zone: Some(zone.to_owned()), from: Some("2026-08-19".into()), ..Asked::default() };
        let when = When::read(&asked, now()).unwrap();
        assert_eq!(house.sums(&Only::default(), when.from_ms, when.to_ms).await, whole, "{zone}");
        for by in [
            UsageBy::Bot,
            UsageBy::Model,
            UsageBy::Vendor,
            UsageBy::Key,
            UsageBy::VirtualKey,
            UsageBy::Status,
            UsageBy::Day,
        ] {
            let parts = house.parts(&Only::default(), &when, by).await;
            assert_eq!(total(parts.iter().map(|part| &part.sums)), whole, "{by:?} in {zone}");
        }
        let tz = TimeZoneDatabase::bundled().get(zone).unwrap();
        for (by, format) in [(UsageStep::Day, "%Y-%m-%d"), (UsageStep::Month, "%Y-%m")] {
            let local = |at| {
                Timestamp::from_millisecond(at).unwrap().to_zoned(tz.clone()).strftime(format).to_string()
            };
            let days = by_hand(&house, |row| Some(local(row.started_at_ms))).await;
            let pieces = when.pieces(Some(by), now()).unwrap();
            let points = totals::over(house.db.read(), &may(OURS), &Only::default(), pieces).await.unwrap();
            let points: BTreeMap<_, _> =
                points.into_iter().filter(|p| p.sums.calls > 0).map(|p| (p.label, p.sums)).collect();
            assert_eq!(points, days, "each {by:?} in {zone}");
        }
        let hours = Asked { from: Some("2026-10-24".into()), to: Some("2026-11-02".into()), ..asked };
        let hours = When::read(&hours, now()).unwrap();
        let pieces = hours.pieces(Some(UsageStep::Hour), now()).unwrap();
        let points = totals::over(house.db.read(), &may(OURS), &Only::default(), pieces).await.unwrap();
        let sum = house.sums(&Only::default(), hours.from_ms, hours.to_ms).await;
        assert_eq!(total(points.iter().map(|point| &point.sums)), sum, "hours in {zone}");
    }
}

#[tokio::test]
async fn a_choice_sums_up_what_its_list_shows() {
    let house = House::empty(None).await;
    house.write(&calls(500, &mut Dice(3)), &[]).await.unwrap();
    let bot = BotId(Uuid::from_u128(1));
    let of_bot = Only { bot: Some(bot.0), ..Only::default() };
    let none = Only { bot: Some(Uuid::nil()), outcome: Some("failed"), ..Only::default() };
    let model = Only { vendor: Some("openai".into()), model: Some("gpt-4o-2026".into()), ..Only::default() };
    let prefix =
        Only { vendor: Some("openai".into()), model_prefix: Some("gpt-4o".into()), ..Only::default() };
    let named = |row: &api::usage::UsageRow| row.model_answered.clone().unwrap_or_else(|| row.model.clone());
    let failed = |row: &api::usage::UsageRow| row.ended != "complete" && row.ended != "refused";
    type Is<'a> = Box<dyn Fn(&api::usage::UsageRow) -> bool + 'a>;
    let choices: [(&Only, Is<'_>); 4] = [
        (&of_bot, Box::new(|row| row.bot == Some(bot))),
        (&none, Box::new(|row| row.bot.is_none() && failed(row))),
        (&model, Box::new(|row| row.vendor == "openai" && named(row) == "gpt-4o-2026")),
        (&prefix, Box::new(|row| row.vendor == "openai" && named(row).starts_with("gpt-4o"))),
    ];
    for (only, is) in choices {
        let by_hand = by_hand(&house, |row| is(row).then(String::new)).await.remove("").unwrap();
        assert_eq!(house.sums(only, 0, now()).await, by_hand, "{only:?}");
        let mut listed = 0;
        if only.model_prefix.is_none() {
            let chosen = store::Chosen { only: only.clone(), ..store::Chosen::default() };
            let cursor = crate::platform::db::Cursor::parse(Some(200), None).unwrap();
            let page = store::page(house.db.read(), &may(OURS), &chosen, &cursor).await.unwrap();
            assert!(page.next.is_none() && page.items.iter().all(&is));
            listed = i64::try_from(page.items.len()).unwrap();
        }
        assert!(only.model_prefix.is_some() || listed == by_hand.calls, "{only:?}");
    }
}

fn absorbed(calls: u64, failed: u64) -> Absorbed {
    Absorbed {
        workspace: OURS,
        caller: None,
        bot: None,
        key: None,
        vendor: "openai",
        model: "gpt-4o".to_owned(),
        minute_ms: floor(now(), 60_000),
        calls,
        failed,
        tokens: Tokens { input: 30, output: 3, ..Tokens::default() },
        sent_bytes: 0,
        received_bytes: 0,
        counts: Vec::new(),
    }
}

#[tokio::test]
async fn what_is_written_again_after_an_unsure_commit_counts_once() {
    let house = House::empty(None).await;
    let rows: Vec<UsageRow> = (0..10).map(|n| call(n, now())).collect();
    let late: Vec<Late> = (1..4).map(|n| (Uuid::from_u128(n), absorbed(5, 2))).collect();
    house.write(&rows[..6], &late[..2]).await.unwrap();
    // All of it once more, with company.
    house.write(&rows, &late).await.unwrap();
    house.write(&rows, &late).await.unwrap();
    let all = house.all().await;
    assert_eq!((all.calls, all.failed, all.timed), (10 + 15, 6, 10));
    assert_eq!((all.input_tokens, all.output_tokens), (1_000 + 90, 100 + 9));
    assert_eq!(all.cost_unknown, 15, "what absorbed calls cost is not known");
    assert_eq!((all.latency_ms, all.first_events, all.first_event_ms), (500, 10, 50));
}

/// A budget of our workspace, which counts.
async fn a_budget(house: &House) -> BudgetId {
    let id = BudgetId(Uuid::from_u128(900));
    let budget = budget::Model {
        id,
        workspace_id: OURS,
        bot_id: None,
        virtual_key_id: None,
        tag: None,
        vendor: None,
        model: None,
        unit: "tokens".into(),
        period: "day".into(),
        most: 1_000,
        hard: true,
        instead: None,
        instead_from: None,
        counted: true,
        created_at_ms: 1,
        version: 1,
    };
    let put = house.db.write(async |tx| {
        budget::Entity::insert(budget.into_active_model()).exec_without_returning(tx).await?;
        Ok::<_, OpError>(())
    });
    put.await.unwrap();
    id
}

#[tokio::test]
async fn what_budgets_counted_is_kept_once_of_rows_and_of_what_counters_absorbed() {
    let house = House::empty(None).await;
    let id = a_budget(&house).await;
    let slot_ms = floor(now(), relay::limits::SLOT_MS);
    let count = |amount| vec![Count { limit: id.0, slot_ms, amount }];
    let rows: Vec<_> = (0..3).map(|n| UsageRow { counts: count(10), ..call(n, now()) }).collect();
    let late = [(Uuid::from_u128(1), Absorbed { counts: count(7), ..absorbed(5, 2) })];
    house.write(&rows[..2], &late).await.unwrap();
    // After an unsure commit, once more.
    house.write(&rows, &late).await.unwrap();
    let counted = super::counted(house.db.read(), id, (slot_ms, slot_ms + 1)).await.unwrap();
    assert_eq!(counted, 37);
}

#[tokio::test]
async fn a_transaction_that_is_taken_back_takes_its_sums_back() {
    let house = House::empty(None).await;
    let granted = policy::check::<act::WriteUsage>(&Subject::SYSTEM).unwrap();
    let broken = house.db.write(async |tx| {
        store::write(tx, &granted, &[call(1, now())], &[], &house.names).await?;
        Err::<(), _>(OpError::Api(api::ApiError::internal()))
    });
    assert!(broken.await.is_err());
    assert_eq!(house.all().await.calls, 0);
    house.write(&[call(1, now())], &[]).await.unwrap();
    assert_eq!(house.all().await.calls, 1);
}

#[tokio::test]
async fn figures_no_call_can_have_stop_nobody() {
    let house = House::empty(None).await;
    for n in 0..4 {
        let mut hostile = call(n, now());
        hostile.tokens =
            Tokens { input: u64::MAX, output: u64::MAX, cache_read: u64::MAX, ..Tokens::default() };
        let mut sum = absorbed(u64::MAX, 3);
        sum.tokens.input = u64::MAX;
        house.write(&[hostile], &[(Uuid::from_u128(n + 1), sum)]).await.unwrap();
    }
    let mut theirs = call(9, now());
    theirs.workspace = THEIRS;
    house.write(&[theirs], &[]).await.unwrap();
    let sums =
        totals::sums(house.db.read(), &may(THEIRS), &Only::default(), (0, now() + DAY_MS)).await.unwrap();
    assert_eq!((sums.calls, sums.input_tokens), (1, 100));
}

#[tokio::test]
async fn models_that_a_caller_makes_up_share_one_line_beyond_a_thousand() {
    let house = House::empty(None).await;
    let rows: Vec<UsageRow> = (0..1_200)
        .map(|n| UsageRow { model: format!("made-up-{n}"), end: End::VendorError, ..call(n, now()) })
        .collect();
    for group in rows.chunks(500) {
        house.write(group, &[]).await.unwrap();
    }
    let count = house.db.read().query_one_raw(sea_orm::Statement::from_string(
        house.db.backend(),
        "select count(*) from usage_days".to_owned(),
    ));
    let count: i64 = count.await.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!((count, house.all().await.calls), (1_001, 1_200));
}

#[tokio::test]
async fn rows_and_quarters_are_forgotten_and_sums_stay() {
    let house = House::empty(None).await;
    house.write(&calls(200, &mut Dice(5)), &[(Uuid::from_u128(1), absorbed(2, 0))]).await.unwrap();
    let before = house.all().await;
    let cut = ms("2026-11-01T00:00:00Z");
    let mut gone = 0;
    loop {
        match house.forget(Old::Rows, cut).await {
            0 => break,
            some => gone += some,
        }
    }
    assert!(gone > 100, "{gone}");
    let left = by_hand(&house, |row| Some((row.started_at_ms < cut).to_string())).await;
    assert!(!left.contains_key("true") && left["false"].calls > 5, "{left:?}");
    assert_eq!(house.all().await, before, "sums of rows that are gone stay");
    assert_eq!(house.forget(Old::Absorbed, now() + DAY_MS).await, 1);
    let edge = house.sums(&Only::default(), cut + 900_000, now() + DAY_MS).await;
    while house.forget(Old::Quarters, cut).await > 0 {}
    assert_eq!(house.all().await, before, "whole days are sums of their own");
    assert_eq!(
        house.sums(&Only::default(), cut + 900_000, now() + DAY_MS).await,
        edge,
        "later quarters stay"
    );
    let old = cut - 10 * DAY_MS;
    assert_eq!(house.sums(&Only::default(), old, old + 3_600_000).await.calls, 0, "the older are gone");
}

#[tokio::test]
async fn a_database_of_before_gets_the_sums_of_what_it_has() {
    let mut rows = calls(400, &mut Dice(11));
    // Nobody knew of that then.
    rows.iter_mut().for_each(|row| row.held_micro_usd = None);
    let fresh = House::empty(None).await;
    fresh.write(&rows, &[]).await.unwrap();
    let steps = Migrator::migrations();
    let at = steps.iter().position(|step| step.name().ends_with("_usage_sums")).unwrap();
    let house = House::empty(Some(u32::try_from(at).unwrap())).await;
    copy(&fresh, &house).await;
    let late = "insert into usage_absorbed values (x'00000000000000000000000000000064', null, null, 'gpt-4o', \
                1795342020000, 5, 50, 6)";
    house.db.maintenance().execute_unprepared(late).await.unwrap();
    Migrator::up(house.db.maintenance(), None).await.unwrap();
    let mut expected = fresh.all().await;
    expected.add(&UsageSums {
        calls: 5,
        cost_unknown: 5,
        input_tokens: 50,
        output_tokens: 6,
        ..UsageSums::default()
    });
    assert_eq!(house.all().await, expected);
    let quarters = house.sums(&Only::default(), ms("2026-10-01T05:15:00Z"), ms("2026-10-01T23:45:00Z")).await;
    assert_eq!(
        quarters,
        fresh.sums(&Only::default(), ms("2026-10-01T05:15:00Z"), ms("2026-10-01T23:45:00Z")).await
    );
}

/// Rows of the ledger as an earlier Chela had them.
async fn copy(from: &House, to: &House) {
    let path = from._dir.path().join("a.db");
    let columns = "id, workspace_id, bot_id, key_id, request_id, vendor, model, status, input_tokens, output_tokens, \
                   cache_read_tokens, cache_write_tokens, stream, ended, started_at_ms, latency_ms, first_event_ms, \
                   trace_id, attempts, tries, model_answered, cost_micro_usd, estimated";
    let db = to.db.maintenance();
    db.execute_unprepared(&format!("attach '{}' as other", path.display())).await.unwrap();
    let copied = format!("insert into usage_rows ({columns}) select {columns} from other.usage_rows");
    db.execute_unprepared(&copied).await.unwrap();
    db.execute_unprepared("detach other").await.unwrap();
}

/// `cargo nextest run --run-ignored only -E 'test(a_month_of_a_million)' --no-capture`
#[tokio::test]
#[ignore = "a measurement"]
async fn a_month_of_a_million_calls_is_summed_up_at_once() {
    let house = House::empty(None).await;
    let (many, month) = (1_000_000_u64, 30 * DAY_MS);
    let began = std::time::Instant::now();
    for group in 0..many / 500 {
        let rows = (group * 500..(group + 1) * 500).map(|n| UsageRow {
            bot: Some(BotId(Uuid::from_u128(u128::from(n % 50 + 1)))),
            key: Some(KeyId(Uuid::from_u128(u128::from(n % 3 + 1)))),
            model: format!("model-{}", n % 5),
            ..call(n.into(), now() - month + month / i64::try_from(many).unwrap() * i64::try_from(n).unwrap())
        });
        house.write(&rows.collect::<Vec<_>>(), &[]).await.unwrap();
    }
    println!("written in {:?}", began.elapsed());
    let asked = Asked {
        zone: Some("Asia/Kathmandu".to_owned()),
        range: Some(UsageRange::Thirty),
        ..Asked::default()
    };
    let when = When::read(&asked, now()).unwrap();
    let began = std::time::Instant::now();
    let sums = house.sums(&Only::default(), when.from_ms, when.to_ms).await;
    println!("summary of {} calls: {:?}", sums.calls, began.elapsed());
    let began = std::time::Instant::now();
    let pieces = when.pieces(Some(UsageStep::Day), now()).unwrap();
    totals::over(house.db.read(), &may(OURS), &Only::default(), pieces).await.unwrap();
    println!("trend by day: {:?}", began.elapsed());
    for by in [UsageBy::Bot, UsageBy::Model] {
        let began = std::time::Instant::now();
        house.parts(&Only::default(), &when, by).await;
        println!("all shares by {by:?}: {:?}", began.elapsed());
    }
    let began = std::time::Instant::now();
    by_hand(&house, |_| Some(String::new())).await;
    println!("row by row: {:?}", began.elapsed());
}
