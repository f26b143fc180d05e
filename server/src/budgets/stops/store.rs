//! Rows of stops.

use crate::platform::{db::Cursor, error::OpError};
use api::{ApiError, Page, ids::*};
use entity::{bots::bot, budgets::stop as row};
use policy::{Action, Granted, RowScope, act};
use relay::Stops;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(row::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// All that is stopped, as the relay meets it.
///
/// # Errors
/// What the database says.
pub async fn all<C: ConnectionTrait>(db: &C, _granted: &Granted<act::UseKeys>) -> Result<Stops, OpError> {
    let mut stops = Stops::default();
    for row in row::Entity::find().all(db).await? {
        match (row.bot_id, row.vendor) {
            (Some(bot), _) => stops.bot(row.workspace_id, bot),
            (None, Some(vendor)) => stops.vendor(row.workspace_id, vendor),
            (None, None) => stops.all(row.workspace_id),
        }
    }
    Ok(stops)
}

/// A page, the last first; of a bot, what stops its calls.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBudgets>,
    of: Option<BotId>,
    cursor: &Cursor<StopId>,
) -> Result<Page<row::Model>, OpError> {
    // The stop of a bot that is gone stops nothing.
    let bots = Query::select().column(bot::Column::Id).from(bot::Entity).to_owned();
    let there = Condition::any().add(row::Column::BotId.is_null()).add(row::Column::BotId.in_subquery(bots));
    let mut query = row::Entity::find().filter(visible(granted.scope())).filter(there);
    query = query.order_by_desc(row::Column::Id);
    if let Some(bot) = of {
        let its = Condition::any().add(row::Column::BotId.is_null()).add(row::Column::BotId.eq(bot));
        query = query.filter(its);
    }
    if let Some(after) = cursor.after {
        query = query.filter(row::Column::Id.lt(after));
    }
    Ok(cursor.page(query.limit(cursor.fetch()).all(db).await?, |r| r.id, |r| r))
}

/// Stops what a row says, unless it is stopped already; the row that holds, and whether it is this one.
pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::StopCalls>,
    model: row::Model,
) -> Result<(row::Model, bool), OpError> {
    let (workspace, target) = (model.workspace_id, model.target.clone());
    let mut key = OnConflict::columns([row::Column::WorkspaceId, row::Column::Target]);
    let new = row::Entity::insert(model.clone().into_active_model().reset_all())
        .on_conflict(key.do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    if new > 0 {
        return Ok((model, true));
    }
    let found = row::Entity::find().filter(visible(granted.scope()));
    let found = found.filter(row::Column::WorkspaceId.eq(workspace)).filter(row::Column::Target.eq(target));
    Ok((found.one(tx).await?.ok_or_else(ApiError::not_found)?, false))
}

pub(super) async fn find<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    id: StopId,
) -> Result<row::Model, OpError> {
    let found = row::Entity::find_by_id(id).filter(visible(granted.scope())).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}

pub(super) async fn delete<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::StopCalls>,
    id: StopId,
) -> Result<(), OpError> {
    row::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
