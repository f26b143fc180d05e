//! What stopped a call: the budget's row as it is now.

use crate::{
    audit,
    platform::{error::OpError, text::named},
};
use api::{
    ids::BudgetId,
    usage::{StoppedBy, UsageRow},
};
use entity::budgets::budget as row;
use policy::{Granted, act};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// The budget that stopped a call; nothing where none did, or it is deleted.
pub(super) async fn by<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    call: &UsageRow,
) -> Result<Option<StoppedBy>, OpError> {
    let Some(id) = call.budget else { return Ok(None) };
    let Some(budget) = find(db, granted, id).await? else { return Ok(None) };
    let bot = budget.bot_id.map(|bot| bot.to_string());
    let whose = bot.or_else(|| Some(budget.virtual_key_id?.to_string()));
    let names = audit::names(db, granted, whose.as_deref()).await?;
    let model = budget.vendor.map(|vendor| match budget.model {
        Some(model) => format!("{vendor}/{model}"),
        None => format!("{vendor}/*"),
    });
    Ok(Some(StoppedBy {
        of: whose.map(|id| names.get(&id).cloned().unwrap_or(id)),
        tag: budget.tag,
        model,
        unit: named(&budget.unit)?,
        period: named(&budget.period)?,
        most: budget.most,
    }))
}

async fn find<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    id: BudgetId,
) -> Result<Option<row::Model>, OpError> {
    let found = row::Entity::find_by_id(id);
    let found = match granted.workspace() {
        Some(workspace) => found.filter(row::Column::WorkspaceId.eq(workspace)),
        None => found,
    };
    Ok(found.one(db).await?)
}
