//! Passkeys: found by credential when nobody is known yet, and by their person afterwards.

use super::{Own, System};
use crate::platform::error::OpError;
use api::ids::{PasskeyId, UserId};
use entity::auth::passkey;
use policy::RowScope;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

pub(in crate::auth) async fn find_by_credential<C: ConnectionTrait>(
    db: &C,
    _: &System,
    credential_id: &[u8],
) -> Result<Option<passkey::Model>, OpError> {
    Ok(passkey::Entity::find().filter(passkey::Column::CredentialId.eq(credential_id)).one(db).await?)
}

pub(in crate::auth) async fn of_user<C: ConnectionTrait>(
    db: &C,
    _: &System,
    user: UserId,
) -> Result<Vec<passkey::Model>, OpError> {
    let query = passkey::Entity::find().filter(passkey::Column::UserId.eq(user));
    Ok(query.order_by_asc(passkey::Column::Id).all(db).await?)
}

pub(in crate::auth) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    row: passkey::Model,
) -> Result<(), OpError> {
    passkey::Entity::insert(passkey::ActiveModel::from(row)).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes a use: when, and what the authenticator said of itself (counter, backup).
pub(in crate::auth) async fn touch<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: PasskeyId,
    passkey: String,
    now_ms: i64,
) -> Result<(), OpError> {
    passkey::Entity::update_many()
        .col_expr(passkey::Column::Passkey, Expr::value(passkey))
        .col_expr(passkey::Column::LastUsedAtMs, Expr::value(now_ms))
        .filter(passkey::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

fn mine(own: &Own) -> Condition {
    match own.scope() {
        RowScope::Own(user) => Condition::all().add(passkey::Column::UserId.eq(user)),
        // Nobody else has passkeys.
        RowScope::All | RowScope::Workspace(_) => Condition::all().add(Expr::value(false)),
    }
}

pub(in crate::auth) async fn list<C: ConnectionTrait>(
    db: &C,
    own: &Own,
) -> Result<Vec<passkey::Model>, OpError> {
    Ok(passkey::Entity::find().filter(mine(own)).order_by_asc(passkey::Column::Id).all(db).await?)
}

/// False when it is not mine or not there.
pub(in crate::auth) async fn rename<C: ConnectionTrait>(
    tx: &C,
    own: &Own,
    id: PasskeyId,
    name: &str,
) -> Result<bool, OpError> {
    let done = passkey::Entity::update_many()
        .col_expr(passkey::Column::Name, Expr::value(name))
        .filter(mine(own).add(passkey::Column::Id.eq(id)))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// False when it is not mine or not there.
pub(in crate::auth) async fn delete<C: ConnectionTrait>(
    tx: &C,
    own: &Own,
    id: PasskeyId,
) -> Result<bool, OpError> {
    let done =
        passkey::Entity::delete_many().filter(mine(own).add(passkey::Column::Id.eq(id))).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

pub(in crate::auth) async fn count<C: ConnectionTrait>(db: &C, own: &Own) -> Result<u64, OpError> {
    Ok(passkey::Entity::find().filter(mine(own)).count(db).await?)
}
