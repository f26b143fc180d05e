//! Rows of the versions of bots' settings. They are only ever added.

use crate::platform::{db::Cursor, error::OpError};
use api::ids::{BotConfigId, BotId};
use entity::bots::bot_config::{self, Column};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

/// Adds a version of a bot's settings.
pub(in crate::bots) async fn add<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteBots>,
    config: bot_config::Model,
) -> Result<(), OpError> {
    bot_config::Entity::insert(config.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// A version of a bot's settings. The bot is one that was found for the caller.
pub(in crate::bots) async fn find<C: ConnectionTrait, A: policy::Action>(
    db: &C,
    _granted: &Granted<A>,
    bot: BotId,
    id: BotConfigId,
) -> Result<Option<bot_config::Model>, OpError> {
    Ok(bot_config::Entity::find_by_id(id).filter(Column::BotId.eq(bot)).one(db).await?)
}

/// Versions of a bot's settings, newest first, with one more than the page has: the one before its last.
pub(in crate::bots) async fn rows<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    cursor: &Cursor<BotConfigId>,
) -> Result<Vec<bot_config::Model>, OpError> {
    let mut query = bot_config::Entity::find()
        .filter(Column::BotId.eq(bot))
        .order_by_desc(Column::Id)
        .limit(cursor.fetch());
    if let Some(before) = cursor.after {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(query.all(db).await?)
}
