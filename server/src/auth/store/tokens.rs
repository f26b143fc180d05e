//! API tokens of a workspace.

use super::{System, Tokens};
use crate::platform::{db::Cursor, error::OpError};
use api::ids::TokenId;
use entity::auth::token;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

pub(in crate::auth) async fn find_by_hash<C: ConnectionTrait>(
    db: &C,
    _: &System,
    hash: &[u8],
) -> Result<Option<token::Model>, OpError> {
    let query = token::Entity::find().filter(token::Column::TokenHash.eq(hash));
    Ok(query.filter(token::Column::RevokedAtMs.is_null()).one(db).await?)
}

pub(in crate::auth) async fn find<C: ConnectionTrait>(
    db: &C,
    _: &System,
    id: TokenId,
) -> Result<Option<token::Model>, OpError> {
    Ok(token::Entity::find_by_id(id).one(db).await?)
}

pub(in crate::auth) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    row: token::Model,
) -> Result<(), OpError> {
    token::Entity::insert(token::ActiveModel::from(row)).exec_without_returning(tx).await?;
    Ok(())
}

pub(in crate::auth) async fn used<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: TokenId,
    now_ms: i64,
) -> Result<(), OpError> {
    token::Entity::update_many()
        .col_expr(token::Column::LastUsedAtMs, Expr::value(now_ms))
        .filter(token::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

fn ours(granted: &Tokens) -> Condition {
    let live = Condition::all().add(token::Column::RevokedAtMs.is_null());
    match granted.workspace() {
        Some(workspace) => live.add(token::Column::WorkspaceId.eq(workspace)),
        None => live,
    }
}

/// A page of live tokens, newest first.
pub(in crate::auth) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Tokens,
    cursor: &Cursor<TokenId>,
) -> Result<Vec<token::Model>, OpError> {
    let mut query = token::Entity::find().filter(ours(granted)).order_by_desc(token::Column::Id);
    if let Some(after) = cursor.after {
        query = query.filter(token::Column::Id.lt(after));
    }
    Ok(query.limit(cursor.fetch()).all(db).await?)
}

/// Ends a token; false when it is not ours or not there.
pub(in crate::auth) async fn revoke<C: ConnectionTrait>(
    tx: &C,
    granted: &Tokens,
    id: TokenId,
    now_ms: i64,
) -> Result<bool, OpError> {
    let done = token::Entity::update_many()
        .col_expr(token::Column::RevokedAtMs, Expr::value(now_ms))
        .filter(ours(granted).add(token::Column::Id.eq(id)))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}
