//! Rows of the bots slice. Every function takes the proof that somebody may.

pub(super) mod configs;
pub(super) mod health;
pub(super) mod idle;
pub(super) mod many;
pub(super) mod metrics;
pub(super) mod past;
pub(super) mod postmortems;
pub(super) mod upgrade;

use super::runtimes::Word;
use crate::platform::{
    error::OpError,
    text::{from_json, name_of},
};
use api::{
    ApiError,
    bots::{Desired, RuntimeKind},
    ids::*,
};
use entity::bots::{bot, bot_config, bot_token};
use entity::{setting, workspace};
use policy::{Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{CaseStatement, Expr},
};
use std::collections::HashSet;

/// The rows a scope opens.
fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(bot::Column::WorkspaceId.eq(id)),
        // Bots belong to workspaces, never to one person.
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// The bot of an id or slug; `not_found` where it is foreign, in the trash, deleted or none.
pub(super) async fn find<C: ConnectionTrait, A: policy::Action>(
    db: &C,
    granted: &Granted<A>,
    bot: &str,
) -> Result<bot::Model, OpError> {
    let wanted = match bot.parse::<BotId>() {
        Ok(id) => bot::Column::Id.eq(id),
        Err(_no_id) => bot::Column::Slug.eq(bot),
    };
    let row = bot::Entity::find()
        .filter(visible(granted.scope()))
        .filter(wanted)
        .filter(bot::Column::Desired.ne("deleted"))
        .filter(bot::Column::TrashedAtMs.is_null())
        .one(db)
        .await?;
    row.ok_or_else(|| ApiError::not_found().into())
}

/// The bot of an id, deleted ones too: for the reconciler.
pub(super) async fn load<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
) -> Result<Option<bot::Model>, OpError> {
    Ok(bot::Entity::find_by_id(id).one(db).await?)
}

/// All bots, a page at a time.
pub(super) async fn rows_after<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
    after: Option<BotId>,
) -> Result<Vec<bot::Model>, OpError> {
    let mut query = bot::Entity::find().order_by_asc(bot::Column::Id).limit(500);
    if let Some(after) = after {
        query = query.filter(bot::Column::Id.gt(after));
    }
    Ok(query.all(db).await?)
}

/// Every bot there is, deleted ones too.
pub(super) async fn ids<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
) -> Result<HashSet<BotId>, OpError> {
    let ids = bot::Entity::find().select_only().column(bot::Column::Id).into_tuple();
    Ok(ids.all(db).await?.into_iter().collect())
}

/// How many bots a workspace has, and how many it may have.
pub(super) async fn cap<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WriteBots>,
    workspace: WorkspaceId,
) -> Result<(u64, Option<i64>), OpError> {
    let count = bot::Entity::find()
        .filter(visible(granted.scope()))
        .filter(bot::Column::WorkspaceId.eq(workspace))
        .filter(bot::Column::Desired.ne("deleted"))
        .filter(bot::Column::TrashedAtMs.is_null())
        .count(db)
        .await?;
    let cap = workspace::Entity::find_by_id(workspace).one(db).await?.and_then(|row| row.max_bots);
    Ok((count, cap))
}

/// Names (folded) and slugs in use, also by bots on their way out.
pub(super) async fn taken<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
    slug_start: &str,
) -> Result<Vec<String>, OpError> {
    let slugs = bot::Entity::find()
        .select_only()
        .column(bot::Column::Slug)
        .filter(bot::Column::WorkspaceId.eq(workspace))
        .filter(bot::Column::Slug.starts_with(slug_start))
        .into_tuple();
    Ok(slugs.all(db).await?)
}

/// Whether another living bot of the workspace has this name, whatever its letters' case.
pub(super) async fn name_taken<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
    name: &str,
    except: Option<BotId>,
) -> Result<bool, OpError> {
    let names: Vec<(BotId, String)> = bot::Entity::find()
        .select_only()
        .columns([bot::Column::Id, bot::Column::Name])
        .filter(bot::Column::WorkspaceId.eq(workspace))
        .filter(bot::Column::Desired.ne("deleted"))
        .filter(bot::Column::TrashedAtMs.is_null())
        .into_tuple()
        .all(db)
        .await?;
    let folded = name.to_lowercase();
    Ok(names.iter().any(|(id, other)| Some(*id) != except && other.to_lowercase() == folded))
}

/// Whether any bot is meant to run there.
pub(super) async fn uses<C: ConnectionTrait>(db: &C, kind: RuntimeKind) -> Result<bool, OpError> {
    let there = bot::Entity::find().filter(bot::Column::Runtime.eq(name_of(&kind))).limit(1);
    Ok(there.one(db).await?.is_some())
}

/// Uids that process bots and their rehearsals hold.
pub(super) async fn uids<C: ConnectionTrait>(db: &C) -> Result<Vec<i64>, OpError> {
    let held = Condition::any().add(bot::Column::Uid.is_not_null()).add(bot::Column::TrialUid.is_not_null());
    let rows =
        bot::Entity::find().select_only().columns([bot::Column::Uid, bot::Column::TrialUid]).filter(held);
    let rows: Vec<(Option<i64>, Option<i64>)> = rows.into_tuple().all(db).await?;
    Ok(rows.into_iter().flat_map(|(own, trial)| [own, trial]).flatten().collect())
}

/// Adds a bot and its first configuration.
pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteBots>,
    row: bot::Model,
    config: bot_config::Model,
) -> Result<(), OpError> {
    bot::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    bot_config::Entity::insert(config.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes a changed row whole, if it is still at `version`; the stored version grows by one.
///
/// # Errors
/// `stale` where somebody was faster.
pub(super) async fn update<C: ConnectionTrait, A: policy::Action>(
    tx: &C,
    granted: &Granted<A>,
    mut row: bot::Model,
) -> Result<bot::Model, OpError> {
    let read = row.version;
    if !granted.covers(row.workspace_id) {
        return Err(ApiError::not_found().into());
    }
    row.version += 1;
    let changed = bot::Entity::update_many()
        .set(row.clone().into_active_model().reset_all())
        .filter(bot::Column::Id.eq(row.id))
        .filter(bot::Column::Version.eq(read))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 {
        return Ok(row);
    }
    match bot::Entity::find_by_id(row.id).one(tx).await? {
        Some(now) => Err(ApiError::stale(read, now.version).into()),
        None => Err(ApiError::not_found().into()),
    }
}

/// Makes `token` the only token of its bot: those of older generations die here.
pub(super) async fn put_token<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::RunBots>,
    token: bot_token::Model,
) -> Result<(), OpError> {
    drop_tokens(tx, granted, token.bot_id).await?;
    bot_token::Entity::insert(token.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Ends every token of a bot.
pub(super) async fn drop_tokens<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    bot: BotId,
) -> Result<bool, OpError> {
    let gone = bot_token::Entity::delete_many().filter(bot_token::Column::BotId.eq(bot)).exec(tx).await?;
    Ok(gone.rows_affected > 0)
}

/// Removes a bot's rows; threads, messages, configurations and tokens go with it.
pub(super) async fn purge<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
) -> Result<(), OpError> {
    bot::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Writes what the reconciler saw, and nothing that people want or configure; returns the row as it then is.
pub(super) async fn note<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    row: &bot::Model,
) -> Result<Option<bot::Model>, OpError> {
    use bot::Column as C_;
    // A restart asked for meanwhile has raised the generation: it only ever grows.
    let generation = CaseStatement::new()
        .case(C_::Generation.gt(row.generation), Expr::col(C_::Generation))
        .finally(Expr::value(row.generation));
    bot::Entity::update_many()
        .col_expr(C_::Observed, Expr::value(row.observed.as_str()))
        .col_expr(C_::Stage, Expr::value(row.stage.clone()))
        .col_expr(C_::Health, Expr::value(row.health.as_str()))
        .col_expr(C_::Reason, Expr::value(row.reason.clone()))
        .col_expr(C_::Stages, Expr::value(row.stages.as_str()))
        .col_expr(C_::SinceMs, Expr::value(row.since_ms))
        .col_expr(C_::Restarts, Expr::value(row.restarts))
        .col_expr(C_::Failures, Expr::value(row.failures))
        .col_expr(C_::NextTryAtMs, Expr::value(row.next_try_at_ms))
        .col_expr(C_::RunningConfigId, Expr::value(row.running_config_id))
        .col_expr(C_::StartedAtMs, Expr::value(row.started_at_ms))
        .col_expr(C_::ReadyAtMs, Expr::value(row.ready_at_ms))
        .col_expr(C_::WellConfigId, Expr::value(row.well_config_id))
        .col_expr(C_::GatewayPort, Expr::value(row.gateway_port))
        .col_expr(C_::Generation, generation.into())
        .filter(C_::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(bot::Entity::find_by_id(row.id).one(tx).await?)
}

/// Wants a bot stopped or deleted, whatever was wanted; what is deleted stays so.
pub(super) async fn halt<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
    wanted: Desired,
) -> Result<(), OpError> {
    bot::Entity::update_many()
        .col_expr(bot::Column::Desired, Expr::value(name_of(&wanted)))
        .col_expr(bot::Column::Failures, Expr::value(0_i64))
        .col_expr(bot::Column::NextTryAtMs, Expr::value(Option::<i64>::None))
        .filter(bot::Column::Id.eq(id))
        .filter(bot::Column::Desired.ne("deleted"))
        .exec(tx)
        .await?;
    Ok(())
}

/// The setting that holds the owner's word.
const WORD: &str = "bots.unisolated";

/// The word that accepts bots which nothing keeps apart, if it was given.
pub(super) async fn word<C: ConnectionTrait>(db: &C) -> Result<Option<Word>, OpError> {
    let row = setting::Entity::find_by_id(WORD.to_owned()).one(db).await?;
    row.map(|row| from_json(&row.value)).transpose()
}

/// Keeps that word.
pub(super) async fn put_word<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteBots>,
    value: String,
    now_ms: i64,
) -> Result<(), OpError> {
    let row =
        setting::ActiveModel { key: Set(WORD.to_owned()), value: Set(value), updated_at_ms: Set(now_ms) };
    setting::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets that word.
pub(super) async fn drop_word<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteBots>,
) -> Result<(), OpError> {
    setting::Entity::delete_by_id(WORD.to_owned()).exec(tx).await?;
    Ok(())
}

/// Whether another workspace has bots of this kind.
pub(super) async fn strangers_have<C: ConnectionTrait>(
    tx: &C,
    workspace: WorkspaceId,
    kind: RuntimeKind,
) -> Result<bool, OpError> {
    let found = bot::Entity::find()
        .filter(bot::Column::WorkspaceId.ne(workspace))
        .filter(bot::Column::Runtime.eq(name_of(&kind)));
    Ok(found.count(tx).await? > 0)
}

/// Names of the bots of a kind that are wanted running.
pub(super) async fn wanted_running<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBots>,
    kind: RuntimeKind,
) -> Result<Vec<String>, OpError> {
    let names = bot::Entity::find()
        .select_only()
        .column(bot::Column::Name)
        .filter(visible(granted.scope()))
        .filter(bot::Column::Runtime.eq(name_of(&kind)))
        .filter(bot::Column::Desired.eq("running"))
        .into_tuple();
    Ok(names.all(tx).await?)
}
