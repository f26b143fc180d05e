//! Telling people of budgets that are nearly or wholly used: once of each in a window.

use super::{Budgets, store};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{
    bots::Reason,
    budgets::BudgetUnit,
    ids::{BudgetId, RequestId},
    notify::NotificationKind as Kind,
};
use entity::budgets::notice;
use policy::{Granted, act};
use relay::{Limit, Unit, limits::Standing};
use std::{sync::Arc, time::Duration};

/// Looked at again, whether or not a call said that there is news: a window may have ended.
const RESYNC: Duration = Duration::from_secs(30);
const MINUTE_MS: i64 = 60_000;
/// Longer than any window.
const KEPT_MS: i64 = 40 * 24 * 3_600_000;

impl Budgets {
    /// Starts telling; ends with Chela.
    pub fn spawn(self: &Arc<Self>) {
        let budgets = Arc::clone(self);
        self.platform.tasks.spawn(async move {
            let news = budgets.routing.budget_news();
            loop {
                tokio::select! {
                    () = budgets.platform.shutdown.cancelled() => return,
                    () = news.notified() => {}
                    () = budgets.runaway.suspects.notified() => {}
                    () = tokio::time::sleep(RESYNC) => {}
                }
                if let Err(error) = budgets.tell_of_runaways().await {
                    tracing::error!(error = %error, "people could not be told of a bot that spends for nobody; it is tried again");
                }
                if let Err(error) = budgets.tell().await {
                    tracing::error!(error = %error, "people could not be told of budgets; it is tried again");
                }
            }
        });
    }

    /// Tells what nobody was told yet, and ends what is over.
    async fn tell(&self) -> Result<(), OpError> {
        let now_ms = self.platform.clock.now_ms();
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now_ms, None);
        let granted = policy::check::<act::RunBudgets>(&ctx.subject)?;
        let mut going_on = Vec::new();
        for limit in self.routing.limits() {
            let standing = self.routing.standing(BudgetId(limit.id)).0.unwrap_or_else(Standing::unknown);
            // Who stopped the calls needs not be told.
            let kind = match standing {
                _ if limit.most == 0 => continue,
                // A rate is met again and again: who calls too often hears of it himself.
                Standing { span: (from, to), .. } if to - from <= MINUTE_MS => continue,
                Standing { spent: true, .. } => Kind::BudgetSpent,
                Standing { warned: true, .. } => Kind::BudgetNear,
                _ => continue,
            };
            going_on.push(about(limit.id));
            if let Err(error) = self.tell_of(&granted, &limit, kind, standing).await {
                tracing::error!(budget.id = %BudgetId(limit.id), error = %error, "people could not be told of a budget; it is tried again");
            }
        }
        self.notify.end_budgets(&going_on).await?;
        self.end_runaways(&granted).await?;
        self.platform.db.write(async |tx| store::forget_notices(tx, &granted, now_ms - KEPT_MS).await).await
    }

    async fn tell_of(
        &self,
        granted: &Granted<act::RunBudgets>,
        limit: &Limit,
        kind: Kind,
        standing: Standing,
    ) -> Result<(), OpError> {
        let level = if kind == Kind::BudgetSpent { "spent" } else { "near" };
        let told = self
            .platform
            .db
            .write(async |tx| {
                let Some(row) = store::of_limit(tx, granted, BudgetId(limit.id)).await? else {
                    return Ok(None);
                };
                let model = notice::Model {
                    budget_id: row.id,
                    workspace_id: row.workspace_id,
                    window_start_ms: standing.span.0,
                    level: level.to_owned(),
                };
                if !store::first_notice(tx, granted, model).await? {
                    return Ok(None);
                }
                let reason = reason(limit, row.tag.as_deref(), kind, &standing);
                let whose = (row.workspace_id, row.bot_id);
                self.notify.budget(tx, whose, about(limit.id), kind, &reason).await?;
                Ok::<_, OpError>(Some(row.workspace_id))
            })
            .await?;
        if let Some(workspace) = told {
            metrics::counter!("chela_budget_notices_total", "level" => level).increment(1);
            self.notify.tell_of(workspace);
        }
        Ok(())
    }
}

fn about(limit: uuid::Uuid) -> String {
    BudgetId(limit).to_string()
}

/// What happened, with figures.
fn reason(limit: &Limit, tag: Option<&str>, kind: Kind, standing: &Standing) -> Reason {
    let unit = match limit.unit {
        Unit::Requests => BudgetUnit::Requests,
        Unit::Tokens => BudgetUnit::Tokens,
        Unit::Money => BudgetUnit::Money,
    };
    let (used, most) = (in_words(unit, standing.used), in_words(unit, limit.most));
    let (code, message) = match kind {
        Kind::BudgetSpent if limit.hard => {
            let then = match &limit.instead {
                Some(other) => format!(
                    "calls to {0} go to {0}/{1} where that fits, others are refused",
                    other.vendor, other.model
                ),
                None => "calls are refused".to_owned(),
            };
            ("budget_spent", format!("{used} of {most} are used: {then} until it begins anew."))
        }
        Kind::BudgetSpent => ("budget_spent", format!("{used} of {most} are used; calls go on.")),
        _ => ("budget_near", format!("{used} of {most} are used.")),
    };
    // Of several budgets of one workspace, which.
    let message = match tag {
        Some(tag) => format!("Tag {tag}: {message}"),
        None => message,
    };
    let hint = Some("Raise it or look at what used it: Budgets, Usage.".to_owned());
    Reason { code: code.to_owned(), message, hint }
}

fn in_words(unit: BudgetUnit, amount: u64) -> String {
    match unit {
        BudgetUnit::Requests => format!("{amount} calls"),
        BudgetUnit::Tokens => format!("{amount} tokens"),
        BudgetUnit::Money => format!("{}.{:02} USD", amount / 1_000_000, amount % 1_000_000 / 10_000),
    }
}
