//! Rows of what bots use.

use crate::platform::error::OpError;
use api::ids::{BotId, WorkspaceId};
use entity::bots::{
    bot,
    bot_metric::{self, Column},
};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use std::collections::{HashMap, HashSet};

/// Ids of one question.
const AT_ONCE: usize = 500;

/// Segments of a bot that begin within a time, oldest first. The bot is one that was found for the caller.
pub(in crate::bots) async fn within<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<bot_metric::Model>, OpError> {
    let query = bot_metric::Entity::find()
        .filter(Column::BotId.eq(bot))
        .filter(Column::FromMs.between(from_ms, to_ms))
        .order_by_asc(Column::FromMs);
    Ok(query.all(db).await?)
}

/// Whose the bots are that still have a row.
pub(in crate::bots) async fn workspaces<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    bots: &HashSet<BotId>,
) -> Result<HashMap<BotId, WorkspaceId>, OpError> {
    let all: Vec<BotId> = bots.iter().copied().collect();
    let mut of = HashMap::new();
    for some in all.chunks(AT_ONCE) {
        let query = bot::Entity::find()
            .select_only()
            .columns([bot::Column::Id, bot::Column::WorkspaceId])
            .filter(bot::Column::Id.is_in(some.iter().copied()));
        of.extend(query.into_tuple::<(BotId, WorkspaceId)>().all(tx).await?);
    }
    Ok(of)
}

/// Writes a segment, in the place of what was written of it before.
pub(in crate::bots) async fn keep<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    bot_id: BotId,
    workspace_id: WorkspaceId,
    from_ms: i64,
    samples: &[u8],
) -> Result<(), OpError> {
    let row = bot_metric::Model { bot_id, from_ms, workspace_id, samples: samples.to_vec() };
    let again =
        OnConflict::columns([Column::BotId, Column::FromMs]).update_column(Column::Samples).to_owned();
    bot_metric::Entity::insert(row.into_active_model()).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets what is older.
pub(in crate::bots) async fn forget_before<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    at_ms: i64,
) -> Result<(), OpError> {
    bot_metric::Entity::delete_many().filter(Column::FromMs.lt(at_ms)).exec(tx).await?;
    Ok(())
}
