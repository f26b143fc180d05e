//! Reading what a snapshot is made of.

use crate::platform::error::OpError;
use entity::{
    bots::{bot, bot_token},
    workspace,
};
use policy::{Granted, act};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

/// Tokens of living bots, each with its bot.
pub(super) async fn tokens<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<(bot_token::Model, bot::Model)>, OpError> {
    let bots = bot::Entity::find().filter(bot::Column::Desired.ne("deleted")).all(db).await?;
    let mut by_id: std::collections::HashMap<_, _> = bots.into_iter().map(|b| (b.id, b)).collect();
    let tokens = bot_token::Entity::find().all(db).await?;
    Ok(tokens.into_iter().filter_map(|token| by_id.remove(&token.bot_id).map(|bot| (token, bot))).collect())
}

/// Slugs of all workspaces, for private upstreams bound to one.
pub(super) async fn workspaces<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<workspace::Model>, OpError> {
    Ok(workspace::Entity::find().all(db).await?)
}
