//! Rows of a workspace's own prices.

use crate::platform::error::OpError;
use api::{ApiError, ids::PriceId, prices::ModelPrice};
use entity::prices::model_price as row;
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    sea_query::Expr,
};

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(row::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// All of them; `service::MOST` bounds how many there are.
pub(super) async fn all<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
) -> Result<Vec<row::Model>, OpError> {
    Ok(row::Entity::find().filter(visible(granted.scope())).all(db).await?)
}

pub(super) async fn count<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WritePrices>,
) -> Result<u64, OpError> {
    Ok(row::Entity::find().filter(visible(granted.scope())).count(db).await?)
}

pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WritePrices>,
    model: row::Model,
) -> Result<(), OpError> {
    use sea_orm::ActiveModelTrait;
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn delete<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WritePrices>,
    id: PriceId,
) -> Result<(), OpError> {
    let gone = row::Entity::delete_many().filter(visible(granted.scope())).filter(row::Column::Id.eq(id));
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
        up_to_input: None,
        input_price: Some(row.input_price),
        output_price: Some(row.output_price),
        cache_read_price: row.cache_read_price,
        cache_write_price: row.cache_write_price,
        since_ms: row.since_ms,
        source: None,
    }
}
