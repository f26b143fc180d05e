//! What a budget begins with: what the ledger says of the calls before there was one. From then on the ledger counts for it.

use super::{Budgets, limits::Now, store};
use crate::{
    platform::{ctx::OpCtx, error::OpError, text::named},
    usage::{self, Only},
};
use api::{
    budgets::{BudgetPeriod, BudgetUnit},
    ids::RequestId,
    usage::UsageSums,
};
use entity::{budgets::budget as row, usage::usage_row};
use policy::act;
use relay::limits::{SLOT_MS, Span};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Func},
};

const MINUTE_MS: i64 = 60_000;

impl Budgets {
    /// Budgets of versions that kept no counts begin to. Before calls run.
    ///
    /// # Errors
    /// What the database says.
    pub async fn begin_counts(&self) -> Result<(), OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::UseKeys>(&ctx.subject)?;
        let rows = store::uncounted(self.platform.db.read(), &granted).await?;
        for row in rows {
            let now = self.routing.now();
            let before = before(self.platform.db.read(), &row, now).await?;
            self.platform
                .db
                .write(async |tx| {
                    let Some(slots) = begins_with(tx, &row, now, before).await? else {
                        // No call runs yet. If one did, the next start begins it.
                        return Ok(());
                    };
                    usage::begin_counts(tx, (row.workspace_id, row.id), &slots).await?;
                    store::counts_now(tx, &granted, row.id).await
                })
                .await?;
        }
        Ok(())
    }
}

/// What rows say of the time up to a moment, read before the transaction that makes a budget: a month of them takes a while, in
/// which nothing else could be written.
#[derive(Debug)]
pub(super) struct Before {
    until_ms: i64,
    /// How many calls began before it, as the sums say.
    calls: i64,
    slots: Vec<(i64, u64)>,
}

/// Reads that; nothing where the sums tell, or where it is of a minute.
///
/// # Errors
/// What the database says.
pub(super) async fn before<C: ConnectionTrait>(
    db: &C,
    row: &row::Model,
    Now(now_ms): Now,
) -> Result<Option<Before>, OpError> {
    let period: BudgetPeriod = named(&row.period)?;
    if row.model.is_none() || period == BudgetPeriod::Minute {
        return Ok(None);
    }
    // A call that began before it and ends now is rare: most are over within a quarter of an hour.
    let until_ms = now_ms - now_ms.rem_euclid(SLOT_MS) - SLOT_MS;
    let from_ms = usage::begins(period == BudgetPeriod::Month, now_ms);
    // First: whatever is written while rows are read is not among these.
    let calls = calls(db, row, (from_ms, until_ms), now_ms).await?;
    let slots = slots_of_rows(db, row, (from_ms, Some(until_ms)), SLOT_MS).await?;
    Ok(Some(Before { until_ms, calls, slots }))
}

async fn calls<C: ConnectionTrait>(
    db: &C,
    row: &row::Model,
    span: (i64, i64),
    now_ms: i64,
) -> Result<i64, OpError> {
    let only = Only { vendor: row.vendor.clone(), ..Only::default() };
    Ok(usage::spent(db, row.workspace_id, &only, span, now_ms).await?.calls)
}

/// What a budget begins with, by slot, of which this was read before. Nothing where calls of that time have been written since.
///
/// # Errors
/// What the database says.
pub(super) async fn begins_with<C: ConnectionTrait>(
    tx: &C,
    row: &row::Model,
    now: Now,
    before: Option<Before>,
) -> Result<Option<Vec<(i64, u64)>>, OpError> {
    let Some(before) = before else { return Ok(Some(slots(tx, row, now).await?)) };
    let from_ms = usage::begins(named::<BudgetPeriod>(&row.period)? == BudgetPeriod::Month, now.0);
    if calls(tx, row, (from_ms, before.until_ms), now.0).await? != before.calls {
        return Ok(None);
    }
    let mut slots = slots_of_rows(tx, row, (before.until_ms, None), SLOT_MS).await?;
    slots.extend(before.slots);
    Ok(Some(slots))
}

/// What a budget holds in a window.
///
/// # Errors
/// What the database says.
pub(super) async fn used<C: ConnectionTrait>(
    db: &C,
    row: &row::Model,
    span: Span,
    now: Now,
) -> Result<u64, OpError> {
    if row.counted {
        return usage::counted(db, row.id, span).await;
    }
    // What it begins with could not be put down at the start, with a full disk, say.
    let slots = slots(db, row, now).await?;
    let within = slots.into_iter().filter(|(slot_ms, _)| (span.0..span.1).contains(slot_ms));
    Ok(within.map(|(_, used)| used).fold(0, u64::saturating_add))
}

/// What calls used by slot, as far back as a window of any zone may reach: from the sums, or row by row where they do not tell
/// it apart.
async fn slots<C: ConnectionTrait>(
    db: &C,
    row: &row::Model,
    Now(now_ms): Now,
) -> Result<Vec<(i64, u64)>, OpError> {
    let (unit, period): (BudgetUnit, BudgetPeriod) = (named(&row.unit)?, named(&row.period)?);
    let months = period == BudgetPeriod::Month;
    // Sums are of whole quarters of an hour, and of the models that answered.
    if period == BudgetPeriod::Minute {
        let minute = now_ms - now_ms.rem_euclid(MINUTE_MS);
        return slots_of_rows(db, row, (minute, None), MINUTE_MS).await;
    }
    if row.model.is_some() {
        return slots_of_rows(db, row, (usage::begins(months, now_ms), None), SLOT_MS).await;
    }
    let only = Only {
        bot: row.bot_id.map(|id| id.0),
        virtual_key: row.virtual_key_id.map(|id| id.0),
        vendor: row.vendor.clone(),
        tag: row.tag.clone(),
        ..Only::default()
    };
    let pieces = usage::pieces(db, row.workspace_id, &only, months, now_ms).await?;
    Ok(pieces.into_iter().map(|(slot_ms, sums)| (slot_ms, amount(unit, &sums))).collect())
}

fn amount(unit: BudgetUnit, sums: &UsageSums) -> u64 {
    let used = match unit {
        BudgetUnit::Requests => sums.calls.saturating_sub(sums.refused),
        BudgetUnit::Tokens => [sums.output_tokens, sums.cache_read_tokens, sums.cache_write_tokens]
            .into_iter()
            .fold(sums.input_tokens, i64::saturating_add),
        // What is not known is not free: what was held back for it stays used.
        BudgetUnit::Money => sums.cost_micro_usd.saturating_add(sums.held_micro_usd),
    };
    u64::try_from(used).unwrap_or(0)
}

async fn slots_of_rows<C: ConnectionTrait>(
    db: &C,
    of: &row::Model,
    (from_ms, until_ms): (i64, Option<i64>),
    slot: i64,
) -> Result<Vec<(i64, u64)>, OpError> {
    use usage_row::Column as C;
    let unit: BudgetUnit = named(&of.unit)?;
    let mut query = usage_row::Entity::find()
        .filter(C::WorkspaceId.eq(of.workspace_id))
        .filter(C::StartedAtMs.gte(from_ms));
    if let Some(until_ms) = until_ms {
        query = query.filter(C::StartedAtMs.lt(until_ms));
    }
    // What was refused may have been charged for an attempt before that.
    if unit == BudgetUnit::Requests {
        query = query.filter(C::Ended.ne("refused"));
    }
    if let Some(bot) = of.bot_id {
        query = query.filter(C::BotId.eq(bot));
    }
    if let Some(key) = of.virtual_key_id {
        query = query.filter(C::VirtualKeyId.eq(key));
    }
    if let Some(tag) = &of.tag {
        query = query.filter(usage::carries(tag));
    }
    if let Some(vendor) = &of.vendor {
        query = query.filter(C::Vendor.eq(vendor));
    }
    if let Some(model) = &of.model {
        query = query.filter(C::Model.eq(model));
    }
    let tokens = Expr::col(C::InputTokens)
        .add(Expr::col(C::OutputTokens))
        .add(Expr::col(C::CacheReadTokens))
        .add(Expr::col(C::CacheWriteTokens));
    let sum = match unit {
        BudgetUnit::Requests => Expr::col(C::Id).count(),
        BudgetUnit::Tokens => tokens.sum(),
        BudgetUnit::Money => {
            Func::coalesce([Expr::col(C::CostMicroUsd), Expr::col(C::HeldMicroUsd), Expr::value(0)]).sum()
        }
    };
    let sum = Expr::expr(sum).cast_as("bigint");
    // Both columns are put down in the text: PostgreSQL takes one that has a value of its own for another one.
    let at = || Expr::cust(format!("started_at_ms / {slot} * {slot}"));
    let found = query.select_only().expr_as(at(), "slot").expr_as(sum, "used").group_by(at());
    let found = found.into_tuple::<(i64, Option<i64>)>().all(db).await?;
    Ok(found.into_iter().map(|(at, used)| (at, u64::try_from(used.unwrap_or(0)).unwrap_or(0))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::tests::{House, OURS, call, now};
    use api::ids::BudgetId;
    use uuid::Uuid;

    const MINUTE: i64 = MINUTE_MS;

    fn budget() -> row::Model {
        row::Model {
            id: BudgetId(Uuid::from_u128(5)),
            workspace_id: OURS,
            bot_id: None,
            virtual_key_id: None,
            tag: None,
            vendor: Some("openai".to_owned()),
            model: Some("gpt-4o".to_owned()),
            unit: "requests".to_owned(),
            period: "month".to_owned(),
            most: 9,
            hard: true,
            instead: None,
            instead_from: None,
            counted: true,
            created_at_ms: 1,
            version: 1,
        }
    }

    #[tokio::test]
    async fn calls_that_are_written_after_a_month_was_read_are_counted_or_it_is_read_anew() {
        let (house, row, at) = (House::empty(None).await, budget(), Now(now()));
        let read = async || before(house.db.read(), &row, at).await.unwrap().expect("of a model");
        let used = async |before| {
            let slots = house.db.write(async |tx| begins_with(tx, &row, at, Some(before)).await);
            slots.await.unwrap().map(|slots| slots.into_iter().map(|(_, used)| used).sum::<u64>())
        };
        house.write(&[call(1, now() - 26 * 60 * MINUTE), call(2, now() - 2 * MINUTE)], &[]).await.unwrap();
        let (early, of_late) = (read().await, read().await);
        house.write(&[call(3, now() - MINUTE)], &[]).await.unwrap();
        assert_eq!(used(early).await, Some(3), "what began lately is read last");
        house.write(&[call(4, now() - 3 * 60 * MINUTE)], &[]).await.unwrap();
        assert_eq!(used(of_late).await, None, "a long call has ended meanwhile");
        assert_eq!(used(read().await).await, Some(4));
        let whole = slots(house.db.read(), &row, at).await.unwrap();
        assert_eq!(whole.into_iter().map(|(_, used)| used).sum::<u64>(), 4);
    }
}
