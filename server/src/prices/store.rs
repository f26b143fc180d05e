//! Rows of a workspace's own prices, and of what it says of models.

use crate::platform::error::OpError;
use api::{ApiError, ids::PriceId, prices::ModelPrice};
use entity::prices::{model_facts, model_price as row};
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};

fn visible(scope: RowScope, workspace: impl ColumnTrait) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(workspace.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// All of them; `service::MOST` bounds how many there are.
pub(super) async fn all<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
) -> Result<Vec<row::Model>, OpError> {
    Ok(row::Entity::find().filter(visible(granted.scope(), row::Column::WorkspaceId)).all(db).await?)
}

pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WritePrices>,
    model: row::Model,
) -> Result<(), OpError> {
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Other figures, and where they are from; what they are for stays.
pub(super) async fn replace<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WritePrices>,
    model: row::Model,
) -> Result<(), OpError> {
    let columns = [
        (row::Column::InputPrice, Expr::value(model.input_price)),
        (row::Column::OutputPrice, Expr::value(model.output_price)),
        (row::Column::CacheReadPrice, Expr::value(model.cache_read_price)),
        (row::Column::CacheWritePrice, Expr::value(model.cache_write_price)),
        (row::Column::ThinkingPrice, Expr::value(model.thinking_price)),
        (row::Column::Source, Expr::value(model.source)),
    ];
    let of = row::Entity::update_many().filter(visible(granted.scope(), row::Column::WorkspaceId));
    let change = of.filter(row::Column::Id.eq(model.id));
    columns
        .into_iter()
        .fold(change, |change, (column, value)| change.col_expr(column, value))
        .exec(tx)
        .await?;
    Ok(())
}

/// All that is said of models; `models::MOST` bounds how many there are.
pub(super) async fn facts<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
) -> Result<Vec<model_facts::Model>, OpError> {
    let mine = visible(granted.scope(), model_facts::Column::WorkspaceId);
    Ok(model_facts::Entity::find().filter(mine).all(db).await?)
}

/// Says something of a model, in place of what was said.
pub(super) async fn say<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WritePrices>,
    said: model_facts::Model,
) -> Result<(), OpError> {
    use model_facts::Column;
    let again = OnConflict::columns([Column::WorkspaceId, Column::Vendor, Column::Model])
        .update_column(Column::Facts)
        .to_owned();
    let row = said.into_active_model().reset_all();
    model_facts::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Says nothing of a model any more.
pub(super) async fn unsay<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WritePrices>,
    (vendor, model): (&str, &str),
) -> Result<(), OpError> {
    let gone = model_facts::Entity::delete_many()
        .filter(visible(granted.scope(), model_facts::Column::WorkspaceId))
        .filter(model_facts::Column::Vendor.eq(vendor))
        .filter(model_facts::Column::Model.eq(model));
    gone.exec(tx).await?;
    Ok(())
}

pub(super) async fn delete<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WritePrices>,
    id: PriceId,
) -> Result<(), OpError> {
    let gone = row::Entity::delete_many()
        .filter(visible(granted.scope(), row::Column::WorkspaceId))
        .filter(row::Column::Id.eq(id));
    match gone.exec(tx).await?.rows_affected {
        0 => Err(ApiError::not_found().into()),
        _ => Ok(()),
    }
}

pub(super) fn word(row: row::Model) -> ModelPrice {
    ModelPrice {
        id: Some(row.id),
        vendor: row.vendor,
        model: row.model,
        up_to_input: row.up_to_input,
        input_price: Some(row.input_price),
        output_price: Some(row.output_price),
        cache_read_price: row.cache_read_price,
        cache_write_price: row.cache_write_price,
        thinking_price: row.thinking_price,
        since_ms: row.since_ms,
        source: row.source,
    }
}
