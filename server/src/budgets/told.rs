//! Budgets as other slices tell of them: whose, of which model, how much.

use crate::{
    audit,
    platform::{error::OpError, text::named},
};
use api::{ids::*, notify::NotifiedBudget};
use entity::budgets::budget;
use policy::{Action, Granted};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use std::collections::HashMap;

/// The budgets of some ids that are still there.
///
/// # Errors
/// What the database says.
pub async fn told<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    ids: Vec<BudgetId>,
) -> Result<HashMap<BudgetId, NotifiedBudget>, OpError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let here = granted.workspace().map(|here| budget::Column::WorkspaceId.eq(here));
    let found = budget::Entity::find().filter(Condition::all().add_option(here));
    let found = found.filter(budget::Column::Id.is_in(ids)).all(db).await?;
    let whose = |row: &budget::Model| {
        row.bot_id.map(|bot| bot.to_string()).or_else(|| Some(row.virtual_key_id?.to_string()))
    };
    let ids: Vec<String> = found.iter().filter_map(whose).collect();
    let names = audit::names(db, granted, ids.iter().map(String::as_str)).await?;
    let word = |row: budget::Model| {
        Ok::<_, OpError>(NotifiedBudget {
            id: row.id,
            of: whose(&row).map(|id| names.get(&id).cloned().unwrap_or(id)),
            tag: row.tag,
            model: row.vendor.map(|vendor| format!("{vendor}/{}", row.model.as_deref().unwrap_or("*"))),
            unit: named(&row.unit)?,
            period: named(&row.period)?,
            most: row.most,
        })
    };
    found.into_iter().map(|row| Ok((row.id, word(row)?))).collect()
}
