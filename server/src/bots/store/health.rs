//! Rows of how bots' health changed.

use crate::platform::error::OpError;
use api::ids::{BotId, HealthChangeId};
use entity::bots::bot_health::{self, Column};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Query},
};

/// Changes in one answer.
const MOST: u64 = 100;
/// Changes that are kept of one bot.
const KEPT: u64 = 1_000;

/// Adds a change, in the transaction of what made it.
pub(in crate::bots) async fn add<C: ConnectionTrait>(
    tx: &C,
    change: bot_health::Model,
) -> Result<(), OpError> {
    let bot = change.bot_id;
    bot_health::Entity::insert(change.into_active_model()).exec_without_returning(tx).await?;
    // A bot that drops its gateway all the time must not fill the database.
    let oldest = bot_health::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::BotId.eq(bot))
        .order_by_desc(Column::Id)
        .offset(KEPT)
        .limit(1);
    if let Some(oldest) = oldest.into_tuple::<HealthChangeId>().one(tx).await? {
        let old =
            bot_health::Entity::delete_many().filter(Column::BotId.eq(bot)).filter(Column::Id.lte(oldest));
        old.exec(tx).await?;
    }
    Ok(())
}

/// How a bot stood last.
pub(in crate::bots) async fn last<C: ConnectionTrait>(
    tx: &C,
    bot: BotId,
) -> Result<Option<bot_health::Model>, OpError> {
    let all = bot_health::Entity::find().filter(Column::BotId.eq(bot)).order_by_desc(Column::Id);
    Ok(all.one(tx).await?)
}

/// The newest changes of a bot that was found for the caller.
pub(in crate::bots) async fn newest<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
) -> Result<Vec<bot_health::Model>, OpError> {
    let all = bot_health::Entity::find().filter(Column::BotId.eq(bot)).order_by_desc(Column::Id);
    Ok(all.limit(MOST).all(db).await?)
}

/// Forgets what is older, but how each bot stood last.
pub(in crate::bots) async fn forget_before<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    at_ms: i64,
) -> Result<(), OpError> {
    let newer = Alias::new("newer");
    let later = Query::select()
        .expr(Expr::value(1))
        .from_as(bot_health::Entity, newer.clone())
        .and_where(Expr::col((newer.clone(), Column::BotId)).equals((bot_health::Entity, Column::BotId)))
        .and_where(Expr::col((newer, Column::Id)).gt(Expr::col((bot_health::Entity, Column::Id))))
        .to_owned();
    let old = bot_health::Entity::delete_many().filter(Column::AtMs.lt(at_ms)).filter(Expr::exists(later));
    old.exec(tx).await?;
    Ok(())
}
