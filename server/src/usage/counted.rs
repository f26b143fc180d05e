//! What budgets counted, by quarter of an hour, kept in the transaction of the calls: the tags of those who called, and what
//! was kept for a link that gave no answer, stand in no other sum.

use super::{
    Only,
    rollup::MOST,
    spans::{DAY_MS, QUARTER_MS, Spans, floor},
    sql::Sql,
    store,
};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{
    ids::{BudgetId, RequestId, WorkspaceId},
    usage::UsageSums,
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use policy::{Granted, act};
use relay::limits::{Count, Span};
use sea_orm::ConnectionTrait;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Slots of one statement.
const AT_ONCE: usize = 500;

/// Adds what calls were counted with; of a budget that was deleted meanwhile, nothing.
pub(super) async fn add<'a, C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteUsage>,
    counts: impl Iterator<Item = &'a Count>,
) -> Result<(), OpError> {
    let mut slots = BTreeMap::<(Uuid, i64), u64>::new();
    for count in counts.filter(|count| count.amount > 0) {
        let slot = slots.entry((count.limit, count.slot_ms)).or_default();
        *slot = slot.saturating_add(count.amount);
    }
    for ((budget, slot_ms), amount) in slots {
        let mut sql = Sql::new(
            "insert into usage_counts (budget_id, workspace_id, start_ms, used) select id, workspace_id, ",
        );
        sql.list([slot_ms.into(), kept(amount).into()]);
        sql.text(" from budgets where id = ");
        sql.value(budget);
        sql.text(&format!(
            " on conflict (budget_id, start_ms) do update set used = case \
             when usage_counts.used > {MOST} - excluded.used then {MOST} else usage_counts.used + excluded.used end"
        ));
        sql.run(tx).await?;
    }
    Ok(())
}

fn kept(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(MOST).min(MOST)
}

/// What a budget counted in a window.
///
/// # Errors
/// What the database says.
pub async fn counted<C: ConnectionTrait>(
    db: &C,
    budget: BudgetId,
    (from_ms, to_ms): Span,
) -> Result<u64, OpError> {
    let mut sql = Sql::new(
        "select cast(coalesce(sum(used), 0) as bigint) as used from usage_counts where budget_id = ",
    );
    sql.value(budget.0);
    sql.and("start_ms >=", from_ms);
    sql.and("start_ms <", to_ms);
    let used = sql.all(db).await?.first().map_or(Ok(0), |row| row.try_get::<i64>("", "used"))?;
    Ok(u64::try_from(used).unwrap_or(0))
}

/// Lets a budget begin with what calls used before there was one, by slot.
///
/// # Errors
/// What the database says.
pub async fn begin_counts<C: ConnectionTrait>(
    tx: &C,
    (workspace, budget): (WorkspaceId, BudgetId),
    slots: &[(i64, u64)],
) -> Result<(), OpError> {
    forget_counts(tx, budget).await?;
    for some in slots.chunks(AT_ONCE) {
        let mut sql = Sql::new("insert into usage_counts (budget_id, workspace_id, start_ms, used) values ");
        for (n, (slot_ms, used)) in some.iter().enumerate() {
            sql.text(if n == 0 { "(" } else { ", (" });
            sql.list([budget.0.into(), workspace.0.into(), (*slot_ms).into(), kept(*used).into()]);
            sql.text(")");
        }
        sql.run(tx).await?;
    }
    Ok(())
}

/// Forgets what a budget counted.
///
/// # Errors
/// What the database says.
pub async fn forget_counts<C: ConnectionTrait>(tx: &C, budget: BudgetId) -> Result<(), OpError> {
    let mut sql = Sql::new("delete from usage_counts where budget_id = ");
    sql.value(budget.0);
    sql.run(tx).await?;
    Ok(())
}

/// From when on calls may lie in a day (or month) of some zone that runs at a moment.
#[must_use]
pub fn begins(months: bool, now_ms: i64) -> i64 {
    let today = floor(now_ms, DAY_MS);
    if !months {
        // A day of 25 hours that ends a moment after.
        return today - 2 * DAY_MS;
    }
    // Where it is still yesterday it may be last month.
    month(now_ms - DAY_MS).unwrap_or(today - 32 * DAY_MS) - DAY_MS
}

/// The beginning of the UTC month.
fn month(at_ms: i64) -> Option<i64> {
    let date = Timestamp::from_millisecond(at_ms).ok()?.to_zoned(TimeZone::UTC).date();
    Some(date.first_of_month().to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// Whether a month of some zone may begin or end within a UTC day.
fn is_edge(day_ms: i64) -> bool {
    let date = |at_ms| Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(TimeZone::UTC).date());
    date(day_ms)
        .is_none_or(|date| date.day() == 1 || date.checked_add(1.day()).map_or(true, |next| next.day() == 1))
}

/// What a workspace's calls summed up to since [`begins`]: by quarter of an hour where a day or month of some zone may begin or
/// end, else by UTC day.
///
/// # Errors
/// What the database says.
pub async fn pieces<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
    only: &Only,
    months: bool,
    now_ms: i64,
) -> Result<Vec<(i64, UsageSums)>, OpError> {
    let ctx = OpCtx::system(RequestId(Uuid::nil()), now_ms, Some(workspace));
    let granted = policy::check::<act::ReadUsage>(&ctx.subject)?;
    let spans = Spans::between(&cuts(months, now_ms));
    let found = store::grouped(db, &granted, only, &spans, "start_ms", "").await?;
    found.iter().map(|row| Ok((row.try_get("", "part")?, super::rollup::sums(row)?))).collect()
}

fn cuts(months: bool, now_ms: i64) -> Vec<i64> {
    let today = floor(now_ms, DAY_MS);
    let mut cuts = Vec::new();
    let mut day = begins(months, now_ms);
    while day <= today {
        cuts.push(day);
        if is_edge(day) || day >= today - 2 * DAY_MS {
            // A day that is cut is read by quarters.
            cuts.push(day + QUARTER_MS);
        }
        day += DAY_MS;
    }
    cuts.push(today + DAY_MS);
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn days_are_read_by_quarters_where_a_day_or_month_of_some_zone_may_begin() {
        let spans = |months, now: &str| Spans::between(&cuts(months, ms(now)));
        let day = |text: &str| ms(&format!("2026-{text}T00:00:00Z"));
        let month = spans(true, "2026-11-23T08:00:00Z");
        assert_eq!(month.quarters, [(day("10-31"), day("11-02")), (day("11-21"), day("11-24"))]);
        assert_eq!(month.days, [(day("11-02"), day("11-21"))]);
        // In New York it is November.
        assert_eq!(spans(true, "2026-12-01T02:00:00Z").quarters[0].0, day("10-31"));
        let days = spans(false, "2026-11-23T08:00:00Z");
        assert_eq!((days.quarters, days.days), (vec![(day("11-21"), day("11-24"))], vec![]));
    }
}
