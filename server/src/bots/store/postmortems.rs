//! Rows of what bots left when they died.

use crate::platform::{db::Cursor, error::OpError};
use api::{
    ApiError, Page,
    bots::MOST_POSTMORTEMS,
    ids::{BotId, PostmortemId},
};
use entity::bots::bot_postmortem::{self, Column};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

/// Adds one, in the transaction of the death, and forgets what is too many.
pub(in crate::bots) async fn add<C: ConnectionTrait>(
    tx: &C,
    row: bot_postmortem::Model,
) -> Result<(), OpError> {
    let bot = row.bot_id;
    bot_postmortem::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    let old: Vec<PostmortemId> = bot_postmortem::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::BotId.eq(bot))
        .order_by_desc(Column::Id)
        .offset(MOST_POSTMORTEMS)
        .limit(100)
        .into_tuple()
        .all(tx)
        .await?;
    if !old.is_empty() {
        bot_postmortem::Entity::delete_many().filter(Column::Id.is_in(old)).exec(tx).await?;
    }
    Ok(())
}

/// Summaries of a bot's deaths, newest first. The bot is one that was found for the caller.
pub(in crate::bots) async fn page<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    cursor: &Cursor<PostmortemId>,
) -> Result<Page<(PostmortemId, String)>, OpError> {
    let mut query = bot_postmortem::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Summary])
        .filter(Column::BotId.eq(bot))
        .order_by_desc(Column::Id)
        .limit(cursor.fetch());
    if let Some(before) = cursor.after {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(cursor.page(query.into_tuple().all(db).await?, |(id, _): &(PostmortemId, String)| *id, |row| row))
}

/// One of a bot's deaths.
pub(in crate::bots) async fn find<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    id: PostmortemId,
) -> Result<bot_postmortem::Model, OpError> {
    let found = bot_postmortem::Entity::find_by_id(id).filter(Column::BotId.eq(bot)).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}
