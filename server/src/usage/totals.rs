//! What calls sum up to: of a time, over time, and by who or what made them. Every figure comes from the same sums.

use super::{
    Usage,
    rollup::{self, Only},
    spans::Spans,
    store, tag,
    when::{self, When},
    whose,
};
use crate::{
    audit,
    platform::{ctx::OpCtx, db::Cursor, error::OpError},
};
use api::{Page, ids::*, usage::*};
use policy::{Granted, act};
use sea_orm::{ConnectionTrait, QueryResult};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

type May = Granted<act::ReadUsage>;

/// Sums of a workspace's calls that began in a time (whole quarters of an hour, rounded outwards).
///
/// # Errors
/// What the database says.
pub async fn spent<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
    only: &Only,
    (from_ms, to_ms): (i64, i64),
    now_ms: i64,
) -> Result<UsageSums, OpError> {
    let ctx = OpCtx::system(RequestId(Uuid::nil()), now_ms, Some(workspace));
    let granted = policy::check::<act::ReadUsage>(&ctx.subject)?;
    let grid = super::spans::Grid::at(now_ms);
    sums(db, &granted, only, (grid.before(from_ms), grid.after(to_ms))).await
}

/// Sums of a time.
pub(super) async fn sums<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    only: &Only,
    (from, to): (i64, i64),
) -> Result<UsageSums, OpError> {
    store::sums(db, granted, only, &Spans::between(&[from, to])).await
}

/// Sums of pieces of a time that lie without gaps.
pub(super) async fn over<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    only: &Only,
    pieces: Vec<when::Piece>,
) -> Result<Vec<UsagePoint>, OpError> {
    let cuts: Vec<i64> =
        pieces.iter().map(|(from, _, _)| *from).chain(pieces.last().map(|last| last.1)).collect();
    let spans = Spans::between(&cuts);
    let found = store::grouped(db, granted, only, &spans, "start_ms", "").await?;
    let point =
        |(start_ms, end_ms, label)| UsagePoint { start_ms, end_ms, label, sums: UsageSums::default() };
    let mut points: Vec<UsagePoint> = pieces.into_iter().map(point).collect();
    for row in &found {
        let at: i64 = row.try_get("", "part")?;
        let place = cuts.partition_point(|cut| *cut <= at);
        if let Some(point) = place.checked_sub(1).and_then(|place| points.get_mut(place)) {
            point.sums.add(&rollup::sums(row)?);
        }
    }
    Ok(points)
}

pub(super) async fn today(
    u: Arc<Usage>,
    ctx: OpCtx,
    granted: May,
    _q: UsageToday,
) -> Result<UsageTotals, OpError> {
    let when = When::read(&Asked::default(), ctx.now_ms)?;
    let sums = sums(u.platform.db.read(), &granted, &Only::default(), (when.from_ms, when.to_ms)).await?;
    Ok(UsageTotals {
        calls: sums.calls,
        failed: sums.failed,
        input_tokens: sums
            .input_tokens
            .saturating_add(sums.cache_read_tokens)
            .saturating_add(sums.cache_write_tokens),
        output_tokens: sums.output_tokens,
        cost_micro_usd: sums.cost_micro_usd,
        cost_unknown: sums.cost_unknown,
    })
}

pub(super) async fn summary(
    u: Arc<Usage>,
    ctx: OpCtx,
    granted: May,
    q: SummarizeUsage,
) -> Result<UsageReport, OpError> {
    let asked = Asked::from(q);
    let when = When::read(&asked, ctx.now_ms)?;
    let only = whose::only(u.platform.db.read(), &granted, &asked, ctx.now_ms).await?;
    let (db, (before_from_ms, before_to_ms)) = (u.platform.db.read(), when.before);
    Ok(UsageReport {
        from_ms: when.from_ms,
        to_ms: when.to_ms,
        zone: when.zone_name,
        sums: sums(db, &granted, &only, (when.from_ms, when.to_ms)).await?,
        before_from_ms,
        before_to_ms,
        before: sums(db, &granted, &only, when.before).await?,
    })
}

pub(super) async fn trend(
    u: Arc<Usage>,
    ctx: OpCtx,
    granted: May,
    q: TrendUsage,
) -> Result<UsageLine, OpError> {
    let by = q.by;
    let asked = Asked::from(q);
    let when = When::read(&asked, ctx.now_ms)?;
    let only = whose::only(u.platform.db.read(), &granted, &asked, ctx.now_ms).await?;
    let pieces = when.pieces(by, ctx.now_ms)?;
    Ok(UsageLine {
        from_ms: when.from_ms,
        to_ms: when.to_ms,
        by: by.unwrap_or_else(|| when::step(&when)),
        points: over(u.platform.db.read(), &granted, &only, pieces).await?,
        zone: when.zone_name,
    })
}

pub(super) async fn breakdown(
    u: Arc<Usage>,
    ctx: OpCtx,
    granted: May,
    q: BreakDownUsage,
) -> Result<Page<UsageShare>, OpError> {
    // The cursor is a place in an order that changes with every call: shares have no other.
    let cursor = Cursor::<usize>::parse(q.limit, q.cursor.as_deref())?;
    let (by, sort) = (q.by, q.sort);
    let asked = Asked::from(q);
    let when = When::read(&asked, ctx.now_ms)?;
    let only = whose::only(u.platform.db.read(), &granted, &asked, ctx.now_ms).await?;
    let page = (cursor.after.map_or(0, |last| last.saturating_add(1)), cursor.fetch());
    let db = u.platform.db.read();
    let shares = shares(db, &granted, &only, &when, (by, sort), page, ctx.now_ms).await?;
    let shares = named(db, &granted, shares).await?;
    Ok(cursor.page(shares.into_iter().zip(page.0..).collect(), |(_, place)| *place, |(share, _)| share))
}

/// Shares, the greatest first: so many after so many.
pub(super) async fn shares<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    only: &Only,
    when: &When,
    (by, sort): (UsageBy, UsageSort),
    (skip, take): (usize, u64),
    now_ms: i64,
) -> Result<Vec<UsageShare>, OpError> {
    if by == UsageBy::Day {
        let mut points = over(db, granted, only, when.pieces(Some(UsageStep::Day), now_ms)?).await?;
        points.retain(|point| point.sums.calls > 0);
        points.sort_by_key(|point| std::cmp::Reverse((weight(sort, &point.sums), point.start_ms)));
        let share =
            |point: UsagePoint| UsageShare { value: point.label, name: None, vendor: None, sums: point.sums };
        let take = usize::try_from(take).unwrap_or(usize::MAX);
        return Ok(points.into_iter().skip(skip).take(take).map(share).collect());
    }
    let spans = Spans::between(&[when.from_ms, when.to_ms]);
    if by == UsageBy::Tag {
        return tagged(db, granted, only, &spans, sort, (skip, take)).await;
    }
    let first = match sort {
        UsageSort::Cost => "cost_micro_usd desc, calls desc",
        UsageSort::Calls => "calls desc, cost_micro_usd desc",
    };
    let order = format!("order by {first}, part limit {take} offset {skip}");
    let found = store::grouped(db, granted, only, &spans, column(by), &order).await?;
    found.iter().map(|row| share(by, row)).collect()
}

/// Shares by the tags of those who called. There are few callers, as sums go: they are put together here.
async fn tagged<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    only: &Only,
    spans: &Spans,
    sort: UsageSort,
    (skip, take): (usize, u64),
) -> Result<Vec<UsageShare>, OpError> {
    let Some(workspace) = granted.workspace() else { return Ok(Vec::new()) };
    let callers = store::grouped(db, granted, only, spans, "bot_id, virtual_key_id", "").await?;
    let callers = callers.iter().map(|row| {
        let (bot, key): (Uuid, Uuid) = (row.try_get("", "bot_id")?, row.try_get("", "part")?);
        Ok((if bot.is_nil() { key } else { bot }, rollup::sums(row)?))
    });
    let callers = callers.collect::<Result<Vec<_>, OpError>>()?;
    let tags = tag::of_callers(db, workspace).await?;
    let mut shares: Vec<(String, UsageSums)> = tag::by_tag(callers, &tags).into_iter().collect();
    // One that is asked for stands alone: its callers' other tags are not what was asked.
    shares.retain(|(tag, _)| only.tag.as_ref().is_none_or(|asked| asked == tag));
    shares.sort_by_key(|(_, sums)| std::cmp::Reverse(weight(sort, sums)));
    let share = |(value, sums)| UsageShare { value, name: None, vendor: None, sums };
    let take = usize::try_from(take).unwrap_or(usize::MAX);
    Ok(shares.into_iter().skip(skip).take(take).map(share).collect())
}

fn weight(sort: UsageSort, sums: &UsageSums) -> (i64, i64) {
    match sort {
        UsageSort::Cost => (sums.cost_micro_usd, sums.calls),
        UsageSort::Calls => (sums.calls, sums.cost_micro_usd),
    }
}

const fn column(by: UsageBy) -> &'static str {
    match by {
        UsageBy::Bot => "bot_id",
        UsageBy::Key => "key_id",
        UsageBy::VirtualKey => "virtual_key_id",
        // No vendor's id has a slash.
        UsageBy::Model => "vendor || '/' || model",
        UsageBy::Vendor => "vendor",
        UsageBy::Status => "outcome",
        UsageBy::Day | UsageBy::Tag => "start_ms",
    }
}

fn share(by: UsageBy, row: &QueryResult) -> Result<UsageShare, OpError> {
    let id = || row.try_get::<Uuid>("", "part");
    let some = |id: Uuid, text: String| if id.is_nil() { "none".to_owned() } else { text };
    let mut share = UsageShare { value: String::new(), name: None, vendor: None, sums: rollup::sums(row)? };
    match by {
        UsageBy::Bot => share.value = some(id()?, BotId(id()?).to_string()),
        UsageBy::Key => share.value = some(id()?, KeyId(id()?).to_string()),
        UsageBy::VirtualKey => share.value = some(id()?, VirtualKeyId(id()?).to_string()),
        UsageBy::Model => {
            let whole: String = row.try_get("", "part")?;
            let (vendor, model) = whole.split_once('/').unwrap_or(("", &whole));
            share.vendor = Some(vendor.to_owned());
            model.clone_into(&mut share.value);
        }
        UsageBy::Vendor | UsageBy::Status | UsageBy::Day | UsageBy::Tag => {
            share.value = row.try_get("", "part")?
        }
    }
    Ok(share)
}

async fn named<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    mut shares: Vec<UsageShare>,
) -> Result<Vec<UsageShare>, OpError> {
    let ids = shares.iter().map(|share| share.value.as_str());
    let names: BTreeMap<String, String> = audit::names(db, granted, ids).await?;
    for share in &mut shares {
        share.name = names.get(&share.value).cloned();
    }
    Ok(shares)
}
