//! Reading what a snapshot is made of.

use crate::platform::error::OpError;
use api::ApiError;
use entity::{
    bots::{bot, bot_token},
    routing::chain,
    workspace,
};
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

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

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(chain::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// Own chains that may be seen, by name.
pub(super) async fn chains<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
) -> Result<Vec<chain::Model>, OpError> {
    let found = chain::Entity::find().filter(visible(granted.scope()));
    Ok(found.order_by_asc(chain::Column::Name).all(db).await?)
}

/// A workspace's own chain of this name.
pub(super) async fn chain<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    name: &str,
) -> Result<Option<chain::Model>, OpError> {
    let found = chain::Entity::find().filter(visible(granted.scope()));
    Ok(found.filter(chain::Column::Name.eq(name)).one(db).await?)
}

pub(super) async fn count_chains<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WriteChains>,
) -> Result<u64, OpError> {
    Ok(chain::Entity::find().filter(visible(granted.scope())).count(db).await?)
}

/// Writes a chain, in the place of one of its name.
pub(super) async fn set_chain<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteChains>,
    model: chain::Model,
) -> Result<(), OpError> {
    use chain::Column::{ChangedAtMs, Links, Name, TimeoutS, Tries, Triggers, WorkspaceId};
    let replace = OnConflict::columns([WorkspaceId, Name])
        .update_columns([Links, Triggers, TimeoutS, Tries, ChangedAtMs])
        .to_owned();
    let row = model.into_active_model().reset_all();
    chain::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn delete_chain<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteChains>,
    name: &str,
) -> Result<(), OpError> {
    let gone = chain::Entity::delete_many().filter(visible(granted.scope()));
    match gone.filter(chain::Column::Name.eq(name)).exec(tx).await?.rows_affected {
        0 => Err(ApiError::not_found().into()),
        _ => Ok(()),
    }
}
