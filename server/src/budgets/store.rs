//! Rows of budgets, and what the ledger says was used.

use crate::{
    platform::{db::Cursor, error::OpError},
    usage,
};
use api::{ApiError, Page, ids::*};
use entity::{
    budgets::{budget as row, lookout, notice, runaway},
    workspace,
};
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(row::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// All budgets of the instance, with the time zones of their workspaces.
pub(super) async fn all<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<(row::Model, String)>, OpError> {
    let rows = row::Entity::find().order_by_asc(row::Column::Id).all(db).await?;
    let mut zones = std::collections::HashMap::new();
    if !rows.is_empty() {
        let all = workspace::Entity::find().all(db).await?;
        zones.extend(all.into_iter().map(|w| (w.id, w.time_zone)));
    }
    let zone = |row: &row::Model| zones.get(&row.workspace_id).cloned().unwrap_or_default();
    Ok(rows.into_iter().map(|row| (zone(&row), row)).map(|(zone, row)| (row, zone)).collect())
}

pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBudgets>,
    cursor: &Cursor<BudgetId>,
) -> Result<Page<row::Model>, OpError> {
    let mut query = row::Entity::find().filter(visible(granted.scope())).order_by_asc(row::Column::Id);
    if let Some(after) = cursor.after {
        query = query.filter(row::Column::Id.gt(after));
    }
    Ok(cursor.page(query.limit(cursor.fetch()).all(db).await?, |r| r.id, |r| r))
}

pub(super) async fn find<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    id: BudgetId,
) -> Result<row::Model, OpError> {
    let found = row::Entity::find_by_id(id).filter(visible(granted.scope())).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}

/// Another budget for the same calls, counted in the same way.
pub(super) async fn like<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBudgets>,
    of: &row::Model,
) -> Result<Option<BudgetId>, OpError> {
    use row::Column as C;
    let text = |column: C, value: Option<&str>| match value {
        Some(value) => column.eq(value),
        None => column.is_null(),
    };
    let bot = of.bot_id.map_or_else(|| C::BotId.is_null(), |bot| C::BotId.eq(bot));
    let key = of.virtual_key_id.map_or_else(|| C::VirtualKeyId.is_null(), |key| C::VirtualKeyId.eq(key));
    let amount = if of.most == 0 { C::Most.eq(0) } else { C::Most.gt(0) };
    let whose = Condition::all().add(bot).add(key).add(text(C::Tag, of.tag.as_deref()));
    let model = whose.add(text(C::Vendor, of.vendor.as_deref())).add(text(C::Model, of.model.as_deref()));
    let counted = model.add(C::Unit.eq(&of.unit)).add(C::Period.eq(&of.period)).add(C::Hard.eq(of.hard));
    let found = row::Entity::find().select_only().column(C::Id).filter(visible(granted.scope()));
    let found = found.filter(C::WorkspaceId.eq(of.workspace_id)).filter(C::Id.ne(of.id));
    let found = found.filter(counted).filter(amount).order_by_asc(C::Id).limit(1);
    Ok(found.into_tuple().one(tx).await?)
}

/// How many there are of a virtual key, or of no one.
pub(super) async fn count<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WriteBudgets>,
    of: Option<VirtualKeyId>,
) -> Result<u64, OpError> {
    let of = match of {
        Some(key) => row::Column::VirtualKeyId.eq(key),
        None => row::Column::VirtualKeyId.is_null(),
    };
    Ok(row::Entity::find().filter(visible(granted.scope())).filter(of).count(db).await?)
}

/// Forgets who was told of a budget.
pub(super) async fn forget_notices_of<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteBudgets>,
    id: BudgetId,
) -> Result<(), OpError> {
    notice::Entity::delete_many().filter(notice::Column::BudgetId.eq(id)).exec(tx).await?;
    Ok(())
}

pub(super) async fn insert<C: ConnectionTrait, A: Action>(
    tx: &C,
    _granted: &Granted<A>,
    model: row::Model,
) -> Result<(), OpError> {
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes a row back whole if it is still at the version it was read at.
pub(super) async fn update<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBudgets>,
    mut model: row::Model,
) -> Result<row::Model, OpError> {
    let read = model.version;
    model.version += 1;
    let changed = row::Entity::update_many()
        .set(model.clone().into_active_model().reset_all())
        .filter(visible(granted.scope()))
        .filter(row::Column::Id.eq(model.id))
        .filter(row::Column::Version.eq(read))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 {
        return Ok(model);
    }
    let now = find(tx, granted, model.id).await?;
    Err(ApiError::stale(read, now.version).into())
}

pub(super) async fn delete<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBudgets>,
    id: BudgetId,
) -> Result<(), OpError> {
    find(tx, granted, id).await?;
    notice::Entity::delete_many().filter(notice::Column::BudgetId.eq(id)).exec(tx).await?;
    usage::forget_counts(tx, id).await?;
    row::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// The row behind a limit, if it is still there.
pub(super) async fn of_limit<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBudgets>,
    id: BudgetId,
) -> Result<Option<row::Model>, OpError> {
    Ok(row::Entity::find_by_id(id).one(tx).await?)
}

/// Remembers that people are told of a budget in a window. `false`: they were told before.
pub(super) async fn first_notice<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBudgets>,
    model: notice::Model,
) -> Result<bool, OpError> {
    let mut key =
        OnConflict::columns([notice::Column::BudgetId, notice::Column::WindowStartMs, notice::Column::Level]);
    let told = notice::Entity::insert(model.into_active_model().reset_all())
        .on_conflict(key.do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(told > 0)
}

/// Remembers that people are told of a bot on a day. `false`: they were told before.
pub(super) async fn first_runaway<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBudgets>,
    model: runaway::Model,
) -> Result<bool, OpError> {
    let mut key = OnConflict::columns([runaway::Column::BotId, runaway::Column::Day]);
    let told = runaway::Entity::insert(model.into_active_model().reset_all())
        .on_conflict(key.do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(told > 0)
}

/// Forgets of which bots people were told before a day.
pub(super) async fn forget_runaways<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBudgets>,
    before: i64,
) -> Result<(), OpError> {
    runaway::Entity::delete_many().filter(runaway::Column::Day.lt(before)).exec(tx).await?;
    Ok(())
}

/// Forgets who was told in windows that are long over.
pub(super) async fn forget_notices<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBudgets>,
    before_ms: i64,
) -> Result<(), OpError> {
    notice::Entity::delete_many().filter(notice::Column::WindowStartMs.lt(before_ms)).exec(tx).await?;
    Ok(())
}

/// What workspaces say of bots that spend for nobody.
pub(super) async fn lookouts<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBudgets>,
) -> Result<Vec<lookout::Model>, OpError> {
    Ok(lookout::Entity::find().all(db).await?)
}

pub(super) async fn lookout<C: ConnectionTrait, A: Action>(
    db: &C,
    _granted: &Granted<A>,
    of: WorkspaceId,
) -> Result<Option<lookout::Model>, OpError> {
    Ok(lookout::Entity::find_by_id(of).one(db).await?)
}

pub(super) async fn put_lookout<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteBudgets>,
    model: lookout::Model,
) -> Result<(), OpError> {
    use lookout::Column as C;
    let said =
        [C::LoopCalls, C::LoopSpreadPercent, C::LoopApartS, C::BusyMinutes, C::IdleMinutes, C::IdleMicroUsd];
    lookout::Entity::insert(model.into_active_model().reset_all())
        .on_conflict(OnConflict::column(C::WorkspaceId).update_columns(said).to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Those that keep no counts yet.
pub(super) async fn uncounted<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<row::Model>, OpError> {
    Ok(row::Entity::find().filter(row::Column::Counted.eq(false)).all(db).await?)
}

/// From now on it keeps them.
pub(super) async fn counts_now<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::UseKeys>,
    id: BudgetId,
) -> Result<(), OpError> {
    let one = row::Entity::update_many().col_expr(row::Column::Counted, Expr::value(true));
    one.filter(row::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub(super) async fn time_zone<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
) -> Result<String, OpError> {
    let Some(id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let found = workspace::Entity::find_by_id(id).one(db).await?;
    found.map(|w| w.time_zone).ok_or_else(|| ApiError::not_found().into())
}

pub(super) async fn set_time_zone<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBudgets>,
    zone: &str,
) -> Result<(), OpError> {
    let Some(id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let one = workspace::Entity::update_many()
        .col_expr(workspace::Column::TimeZone, Expr::value(zone))
        .filter(workspace::Column::Id.eq(id));
    one.exec(tx).await?;
    Ok(())
}
