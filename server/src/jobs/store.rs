//! Rows of jobs, for those who look after them. Running them is the platform's.

use crate::platform::{db::Cursor, error::OpError};
use api::{
    ApiError,
    ids::{BotId, JobId},
    jobs::{JobCounts, JobState},
};
use entity::{bots::bot, job};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use std::collections::HashMap;

/// Which jobs.
pub(super) struct Narrow {
    pub(super) state: Option<&'static str>,
    pub(super) kind: Option<String>,
}

/// The word a state is stored under.
pub(super) const fn word(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Dead => "dead",
        JobState::Cancelled => "cancelled",
    }
}

pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    _: &Granted<act::ReadJobs>,
    narrow: Narrow,
    cursor: &Cursor<JobId>,
) -> Result<Vec<job::Model>, OpError> {
    let mut query = job::Entity::find().order_by_desc(job::Column::Id).limit(cursor.fetch());
    if let Some(state) = narrow.state {
        query = query.filter(job::Column::State.eq(state));
    }
    if let Some(kind) = narrow.kind {
        query = query.filter(job::Column::Kind.eq(kind));
    }
    if let Some(after) = cursor.after {
        query = query.filter(job::Column::Id.lt(after));
    }
    Ok(query.all(db).await?)
}

pub(super) async fn counts<C: ConnectionTrait>(
    db: &C,
    _: &Granted<act::ReadJobs>,
) -> Result<JobCounts, OpError> {
    let query = job::Entity::find().select_only().column(job::Column::State);
    let query = query.column_as(job::Column::Id.count(), "how_many").group_by(job::Column::State);
    let rows: Vec<(String, i64)> = query.into_tuple().all(db).await?;
    let of = |state| rows.iter().find(|(name, _)| name == word(state)).map_or(0, |(_, many)| *many);
    Ok(JobCounts {
        queued: of(JobState::Queued),
        running: of(JobState::Running),
        done: of(JobState::Done),
        dead: of(JobState::Dead),
        cancelled: of(JobState::Cancelled),
    })
}

/// One job.
pub(super) async fn find<C: ConnectionTrait>(db: &C, id: JobId) -> Result<job::Model, OpError> {
    let row = job::Entity::find_by_id(id).one(db).await?;
    row.ok_or_else(|| ApiError::not_found().into())
}

/// The bots of these ids that the caller may see.
pub(super) async fn bots<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBots>,
    ids: Vec<BotId>,
) -> Result<HashMap<BotId, bot::Model>, OpError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = bot::Entity::find().filter(bot::Column::Id.is_in(ids));
    if let Some(workspace) = granted.workspace() {
        query = query.filter(bot::Column::WorkspaceId.eq(workspace));
    }
    let seen = query.filter(bot::Column::Desired.ne("deleted")).all(db).await?;
    Ok(seen.into_iter().map(|row| (row.id, row)).collect())
}

/// How the bots of these ids stand, whoever's they are: nothing of it but what a job waits for is shown.
pub(super) async fn standings<C: ConnectionTrait>(
    db: &C,
    _: &Granted<act::ReadJobs>,
    ids: Vec<BotId>,
) -> Result<HashMap<BotId, bot::Model>, OpError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = bot::Entity::find().filter(bot::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Whether the same work is queued already.
pub(super) async fn twin<C: ConnectionTrait>(tx: &C, row: &job::Model) -> Result<bool, OpError> {
    let Some(key) = &row.unique_key else { return Ok(false) };
    let twin = job::Entity::find()
        .filter(job::Column::UniqueKey.eq(key.as_str()))
        .filter(job::Column::State.eq("queued"))
        .filter(job::Column::Id.ne(row.id));
    Ok(twin.one(tx).await?.is_some())
}

/// Queues it for now, as if it had never failed.
pub(super) async fn queue<C: ConnectionTrait>(
    tx: &C,
    _: &Granted<act::ManageJobs>,
    row: &job::Model,
    now_ms: i64,
) -> Result<(), OpError> {
    let attempts = if row.state == "queued" { row.attempts } else { 0 };
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value("queued"))
        .col_expr(job::Column::RunAtMs, Expr::value(now_ms))
        .col_expr(job::Column::Attempts, Expr::value(attempts))
        .col_expr(job::Column::FinishedAtMs, Expr::value(None::<i64>))
        .filter(job::Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn cancel<C: ConnectionTrait>(
    tx: &C,
    _: &Granted<act::ManageJobs>,
    id: JobId,
    now_ms: i64,
) -> Result<(), OpError> {
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value("cancelled"))
        .col_expr(job::Column::FinishedAtMs, Expr::value(now_ms))
        .filter(job::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

pub(super) async fn discard<C: ConnectionTrait>(
    tx: &C,
    _: &Granted<act::ManageJobs>,
    id: JobId,
) -> Result<(), OpError> {
    job::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}
