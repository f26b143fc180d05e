//! Rows of bots' pasts.

use crate::platform::{db::Cursor, error::OpError};
use api::{
    Page,
    ids::{BotEventId, BotId},
};
use entity::bots::{
    bot,
    bot_event::{self, Column},
};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

/// Adds an event, in the transaction of what it tells.
pub(in crate::bots) async fn add<C: ConnectionTrait>(tx: &C, event: bot_event::Model) -> Result<(), OpError> {
    bot_event::Entity::insert(event.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// A page of a bot's past, newest first. The bot is one that was found for the caller.
pub(in crate::bots) async fn page<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: &bot::Model,
    cursor: &Cursor<BotEventId>,
) -> Result<Page<bot_event::Model>, OpError> {
    let mut query = bot_event::Entity::find()
        .filter(Column::BotId.eq(bot.id))
        .order_by_desc(Column::Id)
        .limit(cursor.fetch());
    if let Some(before) = cursor.after {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(cursor.page(query.all(db).await?, |row| row.id, |row| row))
}

/// Times and kinds of all events before `to_ms`, oldest first: what uptime is made of.
pub(in crate::bots) async fn course<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    to_ms: i64,
) -> Result<Vec<(i64, String)>, OpError> {
    let query = bot_event::Entity::find()
        .select_only()
        .columns([Column::AtMs, Column::Kind])
        .filter(Column::BotId.eq(bot))
        .filter(Column::AtMs.lt(to_ms))
        .order_by_asc(Column::Id);
    Ok(query.into_tuple().all(db).await?)
}

/// Forgets what is older.
pub(in crate::bots) async fn forget_before<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    at_ms: i64,
) -> Result<(), OpError> {
    bot_event::Entity::delete_many().filter(Column::AtMs.lt(at_ms)).exec(tx).await?;
    Ok(())
}
