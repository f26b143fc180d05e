//! Budgets as the relay meets them. A budget keeps its counter from snapshot to snapshot; one that is new, or of another kind
//! or window than before, begins with what was counted for it with the ledger's calls.

use super::{begin, store, windows};
use crate::platform::{error::OpError, text::named};
use api::{
    budgets::{BudgetPeriod, BudgetUnit},
    ids::{BotId, VirtualKeyId, WorkspaceId},
};
use entity::budgets::budget as row;
use policy::{Granted, act};
use relay::{
    Limit, Snapshot, Unit,
    limits::{Counter, Instead, Windows},
};
use sea_orm::ConnectionTrait;
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Notify;

/// The moment of which is told how budgets stand, ms UTC: the relay's own, which is the wall clock's.
#[derive(Clone, Copy, Debug)]
pub struct Now(pub i64);

/// Budgets by whose calls they are for.
#[derive(Default)]
pub struct Built {
    workspaces: HashMap<WorkspaceId, Vec<Arc<Limit>>>,
    bots: HashMap<BotId, Vec<Arc<Limit>>>,
    keys: HashMap<VirtualKeyId, Vec<Arc<Limit>>>,
    tags: HashMap<WorkspaceId, HashMap<String, Vec<Arc<Limit>>>>,
}

impl Built {
    fn add(&mut self, row: &row::Model, limit: Arc<Limit>) {
        let all = match (row.bot_id, row.virtual_key_id, &row.tag) {
            (Some(bot), ..) => self.bots.entry(bot).or_default(),
            (None, Some(key), _) => self.keys.entry(key).or_default(),
            (None, None, Some(tag)) => {
                self.tags.entry(row.workspace_id).or_default().entry(tag.clone()).or_default()
            }
            (None, None, None) => self.workspaces.entry(row.workspace_id).or_default(),
        };
        all.push(limit);
    }

    /// Those for the calls of a bot or a virtual key with its tags, those of its whole workspace first.
    pub fn of(
        &self,
        workspace: WorkspaceId,
        (bot, key): (Option<BotId>, Option<VirtualKeyId>),
        tags: &[String],
    ) -> Vec<Arc<Limit>> {
        let tagged = self.tags.get(&workspace);
        let tagged = tags.iter().filter_map(|tag| tagged?.get(tag));
        let bots = bot.and_then(|bot| self.bots.get(&bot));
        let keys = key.and_then(|key| self.keys.get(&key));
        let whole = self.workspaces.get(&workspace);
        whole.into_iter().chain(tagged).chain(bots).chain(keys).flatten().cloned().collect()
    }

    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Limit>> {
        let tagged = self.tags.values().flat_map(HashMap::values);
        self.workspaces.values().chain(tagged).chain(self.bots.values()).chain(self.keys.values()).flatten()
    }
}

/// The unit as the relay says it.
pub(super) fn unit(unit: BudgetUnit) -> Unit {
    match unit {
        BudgetUnit::Requests => Unit::Requests,
        BudgetUnit::Tokens => Unit::Tokens,
        BudgetUnit::Money => Unit::Money,
    }
}

/// All budgets of the instance, ready for a snapshot that follows `before`.
///
/// # Errors
/// What the database says.
pub async fn build<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::UseKeys>,
    (before, news): (&Snapshot, &Arc<Notify>),
    now: Now,
) -> Result<Built, OpError> {
    let mut all = Built::default();
    for (row, zone) in store::all(db, granted).await? {
        let kind: BudgetUnit = named(&row.unit)?;
        let period: BudgetPeriod = named(&row.period)?;
        let named_zone = windows::zone(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let windows = windows::windows(period, named_zone);
        let identity = format!("{} {} {zone}", row.unit, row.period);
        let known = before.limit(row.id.0).filter(|known| known.identity == identity);
        let most = u64::try_from(row.most).unwrap_or(0);
        let counter = match known {
            Some(known) => {
                if known.most != most {
                    known.counter.look_again();
                }
                Arc::clone(&known.counter)
            }
            None => Arc::new(counter(db, &row, &windows, news, now).await?),
        };
        let limit = Limit {
            id: row.id.0,
            identity,
            unit: unit(kind),
            most,
            hard: row.hard,
            vendor: row.vendor.clone(),
            model: row.model.clone(),
            instead: instead(&row),
            windows,
            counter,
        };
        all.add(&row, Arc::new(limit));
    }
    Ok(all)
}

/// The cheaper model of a budget.
fn instead(row: &row::Model) -> Option<Instead> {
    let (vendor, model) = row.instead.as_deref()?.split_once('/')?;
    let from_percent = row.instead_from.and_then(|percent| u64::try_from(percent).ok());
    Some(Instead { vendor: vendor.to_owned(), model: model.to_owned(), from_percent })
}

async fn counter<C: ConnectionTrait>(
    db: &C,
    row: &row::Model,
    windows: &Windows,
    news: &Arc<Notify>,
    now: Now,
) -> Result<Counter, OpError> {
    let span = windows(now.0);
    let used = begin::used(db, row, span, now).await?;
    Ok(Counter::new(span, used, Arc::clone(news)))
}
