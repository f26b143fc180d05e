//! Rows of troubles that a device is told of together.

use super::Run;
use crate::platform::error::OpError;
use api::ids::*;
use entity::notify::{held, notification, subscription};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, OnConflict, Query},
};

/// Begins a device's window with a trouble unless one is open that began after `from_ms`. Whether it did.
pub(in crate::notify) async fn begin<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    device: PushId,
    told: Option<NotificationId>,
    (from_ms, now_ms): (i64, i64),
) -> Result<bool, OpError> {
    use subscription::Column;
    // What begins later than now was begun by a clock that has been set back since.
    let open = Condition::all().add(Column::ToldAtMs.gt(from_ms)).add(Column::ToldAtMs.lte(now_ms));
    let begun = subscription::Entity::update_many()
        .col_expr(Column::ToldAtMs, Expr::value(now_ms))
        .col_expr(Column::ToldId, Expr::value(told))
        .filter(Column::Id.eq(device))
        .filter(open.not())
        .exec(tx)
        .await?;
    Ok(begun.rows_affected > 0)
}

/// Whether a trouble is one of those.
pub(in crate::notify) async fn holds<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    device: PushId,
    id: NotificationId,
) -> Result<bool, OpError> {
    Ok(held::Entity::find_by_id((device, id)).one(tx).await?.is_some())
}

/// Makes a trouble one of those.
pub(in crate::notify) async fn hold<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    row: held::Model,
) -> Result<(), OpError> {
    let known = OnConflict::new().do_nothing().to_owned();
    held::Entity::insert(row.into_active_model()).on_conflict(known).exec_without_returning(tx).await?;
    Ok(())
}

/// These are told of by themselves from now on, or need not be told of.
pub(in crate::notify) async fn let_go<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    device: PushId,
    ids: &[NotificationId],
) -> Result<(), OpError> {
    let these = held::Entity::delete_many()
        .filter(held::Column::DeviceId.eq(device))
        .filter(held::Column::NotificationId.is_in(ids.iter().copied()));
    these.exec(tx).await?;
    Ok(())
}

/// More than these are told as these: what people are told is a count.
const MOST: u64 = 5_000;

fn held_for(device: PushId) -> Select<notification::Entity> {
    let ids = Query::select()
        .column(held::Column::NotificationId)
        .from(held::Entity)
        .and_where(held::Column::DeviceId.eq(device))
        .to_owned();
    notification::Entity::find().filter(notification::Column::Id.in_subquery(ids))
}

/// Whether one of them goes on.
pub(in crate::notify) async fn any_open<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    device: PushId,
) -> Result<bool, OpError> {
    let open = held_for(device).filter(notification::Column::ResolvedAtMs.is_null());
    Ok(open.one(db).await?.is_some())
}

/// The troubles a device is told of together.
pub(in crate::notify) async fn of<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    device: PushId,
) -> Result<Vec<notification::Model>, OpError> {
    Ok(held_for(device).limit(MOST).all(db).await?)
}
