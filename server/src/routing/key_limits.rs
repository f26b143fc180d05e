//! Limits of provider keys as the relay meets them: calls a minute, and the money of a month. A limit keeps its counter from
//! snapshot to snapshot; a new one begins with what the ledger says.

use crate::{
    budgets::{windows_of, zone},
    keys::OpenKey,
    platform::error::OpError,
    usage::{self, Only},
};
use api::budgets::BudgetPeriod;
use relay::{
    Limit, Snapshot, Unit,
    limits::{Counter, Standing},
};
use sea_orm::ConnectionTrait;
use std::sync::Arc;
use tokio::sync::Notify;

/// The limits of a key, ready for a snapshot that follows `before`.
///
/// # Errors
/// What the database says.
pub(super) async fn limits<C: ConnectionTrait>(
    db: &C,
    key: &OpenKey,
    time_zone: &str,
    (before, news): (&Snapshot, &Arc<Notify>),
    now_ms: i64,
) -> Result<Vec<Arc<Limit>>, OpError> {
    let wanted = [
        (Unit::Requests, BudgetPeriod::Minute, key.requests_per_minute),
        (Unit::Money, BudgetPeriod::Month, key.month_micro_usd),
    ];
    let mut limits = Vec::new();
    for (unit, period, most) in wanted {
        let Some(most) = most.and_then(|most| u64::try_from(most).ok()).filter(|most| *most > 0) else {
            continue;
        };
        let identity = format!("{unit:?} {time_zone}");
        let windows = windows_of(period, zone(time_zone).unwrap_or(jiff::tz::TimeZone::UTC));
        let known =
            before.key(key.id).and_then(|key| key.limits.iter().find(|known| known.identity == identity));
        let counter = match known {
            Some(known) => {
                if known.most != most {
                    known.counter.look_again();
                }
                Arc::clone(&known.counter)
            }
            None => {
                let span = windows(now_ms);
                let used = match unit {
                    Unit::Money => {
                        let only = Only { key: Some(key.id.0), ..Only::default() };
                        let sums = usage::spent(db, key.workspace, &only, span, now_ms).await?;
                        sums.cost_micro_usd.saturating_add(sums.held_micro_usd)
                    }
                    Unit::Requests | Unit::Tokens => 0,
                };
                Arc::new(Counter::new(span, u64::try_from(used).unwrap_or(0), Arc::clone(news)))
            }
        };
        let (id, vendor, model) = (key.id.0, None, None);
        limits.push(Arc::new(Limit {
            id,
            identity,
            unit,
            most,
            hard: true,
            vendor,
            model,
            instead: None,
            windows,
            counter,
        }));
    }
    Ok(limits)
}

/// How a limit that is used up stands, in words.
pub(super) fn in_words(limit: &Limit, standing: &Standing) -> String {
    let money = |amount: u64| format!("{}.{:02} USD", amount / 1_000_000, amount % 1_000_000 / 10_000);
    match limit.unit {
        Unit::Money => format!("{} of {} a month", money(standing.used), money(limit.most)),
        Unit::Requests | Unit::Tokens => format!("{} of {} a minute", standing.used, limit.most),
    }
}
