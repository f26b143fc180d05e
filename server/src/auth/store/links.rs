//! One-time links. Whether one is still good is decided in the use cases; here it is found and used up.

use super::System;
use crate::platform::error::OpError;
use api::ids::{LinkId, UserId};
use entity::auth::link;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

pub(in crate::auth) async fn find_by_hash<C: ConnectionTrait>(
    db: &C,
    _: &System,
    hash: &[u8],
) -> Result<Option<link::Model>, OpError> {
    Ok(link::Entity::find().filter(link::Column::TokenHash.eq(hash)).one(db).await?)
}

pub(in crate::auth) async fn find<C: ConnectionTrait>(
    db: &C,
    _: &System,
    id: LinkId,
) -> Result<Option<link::Model>, OpError> {
    Ok(link::Entity::find_by_id(id).one(db).await?)
}

/// Adds a link; unused ones of the same kind for the same person are replaced by it.
pub(in crate::auth) async fn insert<C: ConnectionTrait>(
    tx: &C,
    proof: &System,
    row: link::Model,
) -> Result<(), OpError> {
    replace(tx, proof, &row.kind, row.user_id, row.user_name.as_deref(), row.created_at_ms).await?;
    link::Entity::insert(link::ActiveModel::from(row)).exec_without_returning(tx).await?;
    Ok(())
}

/// Marks unused links of a kind, for a person or a name, as replaced.
pub(in crate::auth) async fn replace<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    kind: &str,
    user: Option<UserId>,
    user_name: Option<&str>,
    now_ms: i64,
) -> Result<(), OpError> {
    let mut query = link::Entity::update_many()
        .col_expr(link::Column::SupersededAtMs, Expr::value(now_ms))
        .filter(link::Column::Kind.eq(kind))
        .filter(link::Column::UsedAtMs.is_null())
        .filter(link::Column::SupersededAtMs.is_null());
    if let Some(user) = user {
        query = query.filter(link::Column::UserId.eq(user));
    } else if let Some(name) = user_name {
        query = query.filter(link::Column::UserName.eq(name));
    }
    query.exec(tx).await?;
    Ok(())
}

/// Counts one more try; false when `most` are used up.
pub(in crate::auth) async fn count_try<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: LinkId,
    most: i64,
) -> Result<bool, OpError> {
    let done = link::Entity::update_many()
        .col_expr(link::Column::Tries, Expr::col(link::Column::Tries).add(1))
        .filter(link::Column::Id.eq(id))
        .filter(link::Column::Tries.lt(most))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Uses it up; false when somebody was faster or a newer one took its place.
pub(in crate::auth) async fn consume<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: LinkId,
    now_ms: i64,
) -> Result<bool, OpError> {
    let done = link::Entity::update_many()
        .col_expr(link::Column::UsedAtMs, Expr::value(now_ms))
        .filter(link::Column::Id.eq(id))
        .filter(link::Column::UsedAtMs.is_null())
        .filter(link::Column::SupersededAtMs.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Removes links that ended before `before_ms`; until then their refusal can say why.
pub(in crate::auth) async fn sweep<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    before_ms: i64,
) -> Result<u64, OpError> {
    let done = link::Entity::delete_many().filter(link::Column::ExpiresAtMs.lt(before_ms)).exec(tx).await?;
    Ok(done.rows_affected)
}

/// When the newest link was made.
pub(in crate::auth) async fn latest<C: ConnectionTrait>(db: &C, _: &System) -> Result<i64, OpError> {
    let latest = link::Entity::find().order_by_desc(link::Column::CreatedAtMs).limit(1).one(db).await?;
    Ok(latest.map_or(0, |row| row.created_at_ms))
}
