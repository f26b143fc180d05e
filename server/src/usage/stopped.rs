//! What stopped calls: budgets as they are now, and stops as somebody made them.

use crate::{budgets, platform::error::OpError};
use api::{
    budgets::{BudgetPeriod, BudgetUnit, Stop},
    ids::*,
    money,
    notify::NotifiedBudget,
    usage::{StoppedBy, UsageRow},
};
use entity::budgets::stop;
use policy::{Granted, act};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use std::collections::HashMap;

/// What stopped some calls, as far as it is still known.
#[derive(Default)]
pub(super) struct Stoppers {
    budgets: HashMap<BudgetId, StoppedBy>,
    stops: HashMap<StopId, Stop>,
}

impl Stoppers {
    /// What stopped these calls.
    pub(super) async fn of<C: ConnectionTrait>(
        db: &C,
        granted: &Granted<act::ReadUsage>,
        calls: &[UsageRow],
    ) -> Result<Self, OpError> {
        let mut all = Self::default();
        let budgets: Vec<BudgetId> = calls.iter().filter_map(|call| call.budget).collect();
        if !budgets.is_empty() {
            all.budgets = budgets_of(db, granted, budgets).await?;
        }
        let stops: Vec<StopId> = calls.iter().filter_map(|call| call.stop).collect();
        if !stops.is_empty() {
            let here = granted.workspace().map(|here| stop::Column::WorkspaceId.eq(here));
            let found = stop::Entity::find().filter(Condition::all().add_option(here));
            let found = found.filter(stop::Column::Id.is_in(stops)).all(db).await?;
            let found = budgets::stop_words(db, granted, found).await?;
            all.stops = found.into_iter().map(|stop| (stop.id, stop)).collect();
        }
        Ok(all)
    }

    /// The budget that stopped a call; nothing where none did, or it is deleted.
    pub(super) fn budget(&self, call: &UsageRow) -> Option<&StoppedBy> {
        self.budgets.get(&call.budget?)
    }

    /// The stop that refused or ended a call; nothing where none did, or nobody remembers.
    pub(super) fn stop(&self, call: &UsageRow) -> Option<&Stop> {
        self.stops.get(&call.stop?)
    }

    /// The same for a file: in a few words, and its id.
    pub(super) fn in_words(&self, call: &UsageRow) -> (String, String) {
        match (call.stop, call.budget) {
            (Some(id), _) => {
                let words = self.stop(call).map_or_else(|| "stop".to_owned(), of_stop);
                (words, id.to_string())
            }
            (None, Some(id)) => {
                let words = self.budget(call).map_or_else(|| "deleted budget".to_owned(), of_budget);
                (words, id.to_string())
            }
            (None, None) => <(String, String)>::default(),
        }
    }
}

fn of_stop(stop: &Stop) -> String {
    let bot = || Some(stop.bot_name.clone().unwrap_or(stop.bot?.to_string()));
    match (bot(), &stop.vendor) {
        (Some(bot), _) => format!("stop of the bot {bot}"),
        (None, Some(vendor)) => format!("stop of the vendor {vendor}"),
        (None, None) => "stop of everything".to_owned(),
    }
}

fn of_budget(by: &StoppedBy) -> String {
    let tag = || Some(format!("tag {}", by.tag.as_deref()?));
    let whose = by.of.clone().or_else(tag).unwrap_or_else(|| "workspace".to_owned());
    let model = by.model.as_deref().map(|model| format!(", {model}")).unwrap_or_default();
    let much = match by.unit {
        BudgetUnit::Money => format!("{} USD", money::amount(by.most)),
        BudgetUnit::Tokens => format!("{} tokens", by.most),
        BudgetUnit::Requests => format!("{} requests", by.most),
    };
    let period = match by.period {
        BudgetPeriod::Minute => "minute",
        BudgetPeriod::Day => "day",
        BudgetPeriod::Month => "month",
    };
    format!("budget of {whose}{model}: {much} a {period}")
}

async fn budgets_of<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    ids: Vec<BudgetId>,
) -> Result<HashMap<BudgetId, StoppedBy>, OpError> {
    let word = |it: NotifiedBudget| {
        let NotifiedBudget { id, of, tag, model, unit, period, most } = it;
        (id, StoppedBy { of, tag, model, unit, period, most })
    };
    Ok(budgets::told(db, granted, ids).await?.into_values().map(word).collect())
}
