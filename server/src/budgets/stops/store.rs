//! Rows of stops.

use crate::platform::{db::Cursor, error::OpError};
use api::{ApiError, Page, ids::*};
use entity::{bots::bot, budgets::stop as row};
use policy::{Action, Granted, RowScope, act};
use relay::Stops;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, OnConflict, Query},
};

/// How long a stop is told of once it is lifted: as long as rows of calls are kept.
const KEPT_MS: i64 = 90 * 86_400_000;

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(row::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// Those that nobody lifted.
fn standing() -> Select<row::Entity> {
    row::Entity::find().filter(row::Column::LiftedAtMs.is_null())
}

/// All that is stopped, as the relay meets it.
///
/// # Errors
/// What the database says.
pub async fn all<C: ConnectionTrait>(db: &C, _granted: &Granted<act::UseKeys>) -> Result<Stops, OpError> {
    let mut stops = Stops::default();
    for row in standing().all(db).await? {
        match (row.bot_id, row.vendor) {
            (Some(bot), _) => stops.bot(row.workspace_id, bot, row.id.0),
            (None, Some(vendor)) => stops.vendor(row.workspace_id, vendor, row.id.0),
            (None, None) => stops.all(row.workspace_id, row.id.0),
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
    let mut query = standing().filter(visible(granted.scope())).filter(there);
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
        .on_conflict(key.target_and_where(row::Column::LiftedAtMs.is_null()).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    if new > 0 {
        return Ok((model, true));
    }
    let found = standing().filter(visible(granted.scope()));
    let found = found.filter(row::Column::WorkspaceId.eq(workspace)).filter(row::Column::Target.eq(target));
    Ok((found.one(tx).await?.ok_or_else(ApiError::not_found)?, false))
}

pub(super) async fn find<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    id: StopId,
) -> Result<row::Model, OpError> {
    let found = standing().filter(row::Column::Id.eq(id)).filter(visible(granted.scope())).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}

/// Lifts a stop. Its row stays as long as calls that it refused may be asked for; those of others go that are older.
pub(super) async fn lift<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::StopCalls>,
    row: &row::Model,
    now_ms: i64,
) -> Result<(), OpError> {
    let lifted = row::Entity::update_many().col_expr(row::Column::LiftedAtMs, Expr::value(now_ms));
    lifted.filter(row::Column::Id.eq(row.id)).exec(tx).await?;
    let old = row::Entity::delete_many().filter(row::Column::WorkspaceId.eq(row.workspace_id));
    old.filter(row::Column::LiftedAtMs.lt(now_ms - KEPT_MS)).exec(tx).await?;
    Ok(())
}
