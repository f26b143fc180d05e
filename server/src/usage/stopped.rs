//! What stopped calls: budgets as they are now, and stops as somebody made them.

use crate::{
    audit, budgets,
    platform::{error::OpError, text::named},
};
use api::{
    budgets::{BudgetPeriod, BudgetUnit, Stop},
    ids::*,
    money,
    usage::{StoppedBy, UsageRow},
};
use entity::budgets::{budget, stop};
use policy::{Granted, act};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use std::collections::{BTreeMap, HashMap};

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
    let here = granted.workspace().map(|here| budget::Column::WorkspaceId.eq(here));
    let found = budget::Entity::find().filter(Condition::all().add_option(here));
    let found = found.filter(budget::Column::Id.is_in(ids)).all(db).await?;
    let whose = |row: &budget::Model| {
        row.bot_id.map(|bot| bot.to_string()).or_else(|| Some(row.virtual_key_id?.to_string()))
    };
    let ids: Vec<String> = found.iter().filter_map(whose).collect();
    let names = audit::names(db, granted, ids.iter().map(String::as_str)).await?;
    found.into_iter().map(|row| Ok((row.id, word(whose(&row), &names, row)?))).collect()
}

fn word(
    whose: Option<String>,
    names: &BTreeMap<String, String>,
    row: budget::Model,
) -> Result<StoppedBy, OpError> {
    Ok(StoppedBy {
        of: whose.map(|id| names.get(&id).cloned().unwrap_or(id)),
        tag: row.tag,
        model: row.vendor.map(|vendor| format!("{vendor}/{}", row.model.as_deref().unwrap_or("*"))),
        unit: named(&row.unit)?,
        period: named(&row.period)?,
        most: row.most,
    })
}
