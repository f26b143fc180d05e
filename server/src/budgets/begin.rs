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
            self.platform
                .db
                .write(async |tx| {
                    begin(tx, &row, self.routing.now()).await?;
                    store::counts_now(tx, &granted, row.id).await
                })
                .await?;
        }
        Ok(())
    }
}

/// Puts down what a budget begins with.
///
/// # Errors
/// What the database says.
pub(super) async fn begin<C: ConnectionTrait>(tx: &C, row: &row::Model, now: Now) -> Result<(), OpError> {
    let slots = slots(tx, row, now).await?;
    usage::begin_counts(tx, (row.workspace_id, row.id), &slots).await
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
        return slots_of_rows(db, row, unit, (minute, MINUTE_MS)).await;
    }
    if row.model.is_some() {
        return slots_of_rows(db, row, unit, (usage::begins(months, now_ms), SLOT_MS)).await;
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
    unit: BudgetUnit,
    (from_ms, slot): (i64, i64),
) -> Result<Vec<(i64, u64)>, OpError> {
    use usage_row::Column as C;
    let mut query = usage_row::Entity::find()
        .filter(C::WorkspaceId.eq(of.workspace_id))
        .filter(C::StartedAtMs.gte(from_ms));
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
