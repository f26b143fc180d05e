//! Reading what a snapshot is made of.

use crate::platform::error::OpError;
use api::{
    ApiError,
    ids::{BotId, WorkspaceId},
};
use entity::{
    bots::{bot, bot_token},
    routing::chain,
    workspace,
};
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel,
    JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

/// What a snapshot needs of a bot.
#[derive(FromQueryResult)]
pub(super) struct BotCaller {
    pub(super) id: BotId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) runtime: String,
    pub(super) tags: String,
    pub(super) relay_hash: Vec<u8>,
}

/// Living bots with the hashes of their tokens, and no more of them: there may be thousands.
pub(super) async fn bots<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<BotCaller>, OpError> {
    use bot::Column;
    let bots = bot::Entity::find().filter(Column::Desired.ne("deleted")).select_only();
    let bots = [Column::Id, Column::WorkspaceId, Column::Runtime, Column::Tags]
        .into_iter()
        .fold(bots, QuerySelect::column);
    let token =
        bot_token::Entity::belongs_to(bot::Entity).from(bot_token::Column::BotId).to(Column::Id).into();
    let bots = bots.column(bot_token::Column::RelayHash).join_rev(JoinType::InnerJoin, token);
    Ok(bots.into_model().all(db).await?)
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

/// Names of the bots whose model is this chain, now or with a change that waits, a few at most.
pub(super) async fn bots_with<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteChains>,
    chain: &str,
) -> Result<Vec<String>, OpError> {
    use bot::Column;
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    // A chain's name has no letter that would have to be escaped in JSON or in a pattern.
    let said = format!("\"model\":\"{}/{chain}\"", api::validate::CHAIN);
    let names = Condition::any().add(Column::Settings.contains(&said)).add(Column::Pending.contains(&said));
    let bots = bot::Entity::find().filter(Column::WorkspaceId.eq(workspace)).filter(names);
    let bots = bots.filter(Column::Desired.ne("deleted")).order_by_asc(Column::Name);
    let name = |bot: bot::Model| match bot.trashed_at_ms {
        Some(_) => format!("{} (in the trash)", bot.name),
        None => bot.name,
    };
    Ok(bots.limit(10).all(tx).await?.into_iter().map(name).collect())
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
