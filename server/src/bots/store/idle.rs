//! Rows of bots that may be put to sleep.

use crate::platform::error::OpError;
use entity::bots::bot::{self, Column};
use policy::{Granted, act};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

/// Ready, awake, and told to sleep when nobody needs it.
fn may_sleep() -> Condition {
    Condition::all()
        .add(Column::IdleStopMinutes.is_not_null())
        .add(Column::Desired.eq("running"))
        .add(Column::Observed.eq("running"))
        .add(Column::AsleepSinceMs.is_null())
        .add(Column::TrashedAtMs.is_null())
}

/// Those that may sleep.
pub(in crate::bots) async fn candidates<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
) -> Result<Vec<bot::Model>, OpError> {
    Ok(bot::Entity::find().filter(may_sleep()).all(db).await?)
}

/// Puts one to sleep, if nobody has changed it since it was read.
pub(in crate::bots) async fn sleep<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    row: &bot::Model,
    now_ms: i64,
) -> Result<Option<bot::Model>, OpError> {
    let slept = bot::Entity::update_many()
        .col_expr(Column::AsleepSinceMs, Expr::value(now_ms))
        .col_expr(Column::Version, Expr::value(row.version + 1))
        .filter(may_sleep())
        .filter(Column::Id.eq(row.id))
        .filter(Column::Version.eq(row.version))
        .exec(tx)
        .await?;
    if slept.rows_affected == 0 {
        return Ok(None);
    }
    Ok(bot::Entity::find_by_id(row.id).one(tx).await?)
}
