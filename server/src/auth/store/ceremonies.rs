//! Ceremonies under way.

use super::System;
use crate::platform::error::OpError;
use api::ids::CeremonyId;
use entity::auth::ceremony;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

pub(in crate::auth) async fn count<C: ConnectionTrait>(db: &C, _: &System) -> Result<u64, OpError> {
    Ok(ceremony::Entity::find().count(db).await?)
}

pub(in crate::auth) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    row: ceremony::Model,
) -> Result<(), OpError> {
    ceremony::Entity::insert(ceremony::ActiveModel::from(row)).exec_without_returning(tx).await?;
    Ok(())
}

pub(in crate::auth) async fn find<C: ConnectionTrait>(
    db: &C,
    _: &System,
    id: CeremonyId,
) -> Result<Option<ceremony::Model>, OpError> {
    Ok(ceremony::Entity::find_by_id(id).one(db).await?)
}

/// Uses it up; false when it was used before.
pub(in crate::auth) async fn consume<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: CeremonyId,
    now_ms: i64,
) -> Result<bool, OpError> {
    let done = ceremony::Entity::update_many()
        .col_expr(ceremony::Column::UsedAtMs, Expr::value(now_ms))
        .filter(ceremony::Column::Id.eq(id))
        .filter(ceremony::Column::UsedAtMs.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Removes what has expired.
pub(in crate::auth) async fn sweep<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    now_ms: i64,
) -> Result<u64, OpError> {
    let done =
        ceremony::Entity::delete_many().filter(ceremony::Column::ExpiresAtMs.lte(now_ms)).exec(tx).await?;
    Ok(done.rows_affected)
}

/// Leaves the newest `most`.
pub(in crate::auth) async fn trim<C: ConnectionTrait>(tx: &C, _: &System, most: u64) -> Result<(), OpError> {
    let newest = ceremony::Entity::find().order_by_desc(ceremony::Column::Id).offset(most).limit(1);
    if let Some(row) = newest.one(tx).await? {
        ceremony::Entity::delete_many().filter(ceremony::Column::Id.lte(row.id)).exec(tx).await?;
    }
    Ok(())
}
