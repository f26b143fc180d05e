//! Telling people of budgets that are nearly or wholly used: once of each in a window.

use super::{Budgets, store};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{
    bots::Reason,
    budgets::BudgetUnit,
    ids::{BudgetId, RequestId},
    money,
    notify::{NotificationKind as Kind, NotifiedBudget},
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
                let told = super::told(tx, granted, vec![row.id]).await?.remove(&row.id);
                let reason = reason(limit, told.as_ref(), kind, &standing);
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
fn reason(limit: &Limit, told: Option<&NotifiedBudget>, kind: Kind, standing: &Standing) -> Reason {
    let unit = match limit.unit {
        Unit::Requests => BudgetUnit::Requests,
        Unit::Tokens => BudgetUnit::Tokens,
        Unit::Money => BudgetUnit::Money,
    };
    let used = in_words(unit, standing.used, limit.most);
    let (code, message) = match kind {
        Kind::BudgetSpent if limit.hard => {
            let then = match &limit.instead {
                Some(other) => format!(
                    "calls to {0} go to {0}/{1} where that fits, others are refused",
                    other.vendor, other.model
                ),
                None => "calls are refused".to_owned(),
            };
            ("budget_spent", format!("{used}: {then} until it begins anew."))
        }
        Kind::BudgetSpent => ("budget_spent", format!("{used}; calls go on.")),
        _ => ("budget_near", format!("{used}.")),
    };
    let message = format!("{}{message}", told.map(whose).unwrap_or_default());
    let hint = Some("Raise it or look at what used it: Budgets, Usage.".to_owned());
    Reason { code: code.to_owned(), message, hint }
}

/// Of several budgets of one workspace, which.
fn whose(budget: &NotifiedBudget) -> String {
    let tag = || Some(format!("Tag {}", budget.tag.as_deref()?));
    match (budget.of.clone().or_else(tag), &budget.model) {
        (Some(whose), Some(model)) => format!("{whose}, {model}: "),
        (Some(whose), None) => format!("{whose}: "),
        (None, Some(model)) => format!("{model}: "),
        (None, None) => String::new(),
    }
}

fn in_words(unit: BudgetUnit, used: u64, most: u64) -> String {
    let (one, several) = match unit {
        BudgetUnit::Requests => ("call", "calls"),
        BudgetUnit::Tokens => ("token", "tokens"),
        BudgetUnit::Money => {
            let usd = |micro: u64| money::amount(i64::try_from(micro).unwrap_or(i64::MAX));
            return format!("{} of {} USD are used", usd(used), usd(most));
        }
    };
    let (unit, are) = if most == 1 { (one, "is") } else { (several, "are") };
    format!("{used} of {most} {unit} {are} used")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_told_to_the_last_digit_and_one_is_one() {
        for (unit, used, most, said) in [
            (BudgetUnit::Money, 1_296, 1_500, "0.001296 of 0.0015 USD are used"),
            (BudgetUnit::Money, 2_500_000, 3_000_000, "2.50 of 3.00 USD are used"),
            (BudgetUnit::Requests, 1, 1, "1 of 1 call is used"),
            (BudgetUnit::Requests, 1, 5, "1 of 5 calls are used"),
            (BudgetUnit::Tokens, 9, 10, "9 of 10 tokens are used"),
        ] {
            assert_eq!(in_words(unit, used, most), said);
        }
    }
}
