//! Sessions, found by the hash of their token or by their person.

use super::{Own, System};
use crate::platform::error::OpError;
use api::ids::SessionId;
use entity::auth::session;
use policy::RowScope;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

pub(in crate::auth) async fn find_by_hash<C: ConnectionTrait>(
    db: &C,
    _: &System,
    hash: &[u8],
) -> Result<Option<session::Model>, OpError> {
    Ok(session::Entity::find().filter(session::Column::TokenHash.eq(hash)).one(db).await?)
}

/// Adds a session; one that is there already stays as it is.
pub(in crate::auth) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    row: session::Model,
) -> Result<(), OpError> {
    session::Entity::insert(session::ActiveModel::from(row))
        .on_conflict(OnConflict::column(session::Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Notes that it was used; never backwards, never on an ended one.
pub(in crate::auth) async fn seen<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: SessionId,
    now_ms: i64,
) -> Result<(), OpError> {
    session::Entity::update_many()
        .col_expr(session::Column::SeenAtMs, Expr::value(now_ms))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::RevokedAtMs.is_null())
        .filter(session::Column::SeenAtMs.lt(now_ms))
        .exec(tx)
        .await?;
    Ok(())
}

/// Ends one session, whoever's it is.
pub(in crate::auth) async fn end<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    id: SessionId,
    now_ms: i64,
) -> Result<(), OpError> {
    end_where(tx, Condition::all().add(session::Column::Id.eq(id)), now_ms).await?;
    Ok(())
}

async fn end_where<C: ConnectionTrait>(tx: &C, which: Condition, now_ms: i64) -> Result<u64, OpError> {
    let done = session::Entity::update_many()
        .col_expr(session::Column::RevokedAtMs, Expr::value(now_ms))
        .filter(which)
        .filter(session::Column::RevokedAtMs.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

/// Removes what has ended, by itself or by hand: it can then never come back.
pub(in crate::auth) async fn sweep<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    now_ms: i64,
    idle_since_ms: i64,
) -> Result<u64, OpError> {
    let done = session::Entity::delete_many().filter(over(now_ms, idle_since_ms)).exec(tx).await?;
    Ok(done.rows_affected)
}

/// Whether a sweep would find anything.
pub(in crate::auth) async fn any_over<C: ConnectionTrait>(
    db: &C,
    _: &System,
    now_ms: i64,
    idle_since_ms: i64,
) -> Result<bool, OpError> {
    let query = session::Entity::find().filter(over(now_ms, idle_since_ms)).limit(1);
    Ok(query.one(db).await?.is_some())
}

fn over(now_ms: i64, idle_since_ms: i64) -> Condition {
    Condition::any()
        .add(session::Column::RevokedAtMs.is_not_null())
        .add(session::Column::ExpiresAtMs.lte(now_ms))
        .add(session::Column::SeenAtMs.lte(idle_since_ms))
}

/// The latest moment any session was used: time never was before that.
pub(in crate::auth) async fn latest_seen<C: ConnectionTrait>(db: &C, _: &System) -> Result<i64, OpError> {
    let latest = session::Entity::find().order_by_desc(session::Column::SeenAtMs).limit(1).one(db).await?;
    Ok(latest.map_or(0, |row| row.seen_at_ms))
}

fn mine(own: &Own) -> Condition {
    match own.scope() {
        RowScope::Own(user) => Condition::all().add(session::Column::UserId.eq(user)),
        // Nobody else has sessions.
        RowScope::All | RowScope::Workspace(_) => Condition::all().add(Expr::value(false)),
    }
}

/// Open sessions, newest first.
pub(in crate::auth) async fn list<C: ConnectionTrait>(
    db: &C,
    own: &Own,
) -> Result<Vec<session::Model>, OpError> {
    let query = session::Entity::find().filter(mine(own)).filter(session::Column::RevokedAtMs.is_null());
    Ok(query.order_by_desc(session::Column::Id).limit(200).all(db).await?)
}

/// False when it is not mine, not there or ended before.
pub(in crate::auth) async fn end_mine<C: ConnectionTrait>(
    tx: &C,
    own: &Own,
    id: SessionId,
    now_ms: i64,
) -> Result<bool, OpError> {
    Ok(end_where(tx, mine(own).add(session::Column::Id.eq(id)), now_ms).await? == 1)
}
