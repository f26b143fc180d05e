//! Use cases of jobs.

use super::{about::about, store};
use crate::{
    audit,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        text::named,
        verbs::{Rest, Verbs},
    },
};
use api::{
    ApiError, Code, Verb,
    bots::Stage,
    ids::{BotId, JobId},
    jobs::*,
    verb::Done,
};
use entity::{bots::bot, job};
use policy::{Granted, act};
use std::{collections::HashMap, sync::Arc};

/// How often a job is looked at that is to be cancelled.
const CANCEL_LOOKS: usize = 5;

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, platform: &Arc<Platform>) {
    let rest = Rest::get("/api/jobs").says("Jobs of the instance, the newest first, and how many there are.");
    verbs.on::<ListJobs, act::ReadJobs, _, _, _>(rest, platform, list);
    let rest = Rest::get("/api/jobs/{job}").says("One job.");
    verbs.on::<GetJob, act::ReadJobs, _, _, _>(rest, platform, get);
    let rest =
        Rest::post("/api/jobs/{job}/retry").says("Runs it now: a dead letter anew, one that waits at once.");
    verbs.on::<RetryJob, act::ManageJobs, _, _, _>(rest, platform, retry);
    let rest = Rest::post("/api/jobs/{job}/cancel").says("Ends it for good.");
    verbs.on::<CancelJob, act::ManageJobs, _, _, _>(rest, platform, cancel);
    let rest = Rest::delete("/api/jobs/{job}").says("Forgets one that has ended.");
    verbs.on::<DiscardJob, act::ManageJobs, _, _, _>(rest, platform, discard);
}

async fn list(
    p: Arc<Platform>,
    ctx: OpCtx,
    granted: Granted<act::ReadJobs>,
    q: ListJobs,
) -> Result<JobPage, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let kind = q.kind.filter(|kind| !kind.is_empty());
    let narrow = store::Narrow { state: q.state.map(store::word), kind };
    let db = p.db.read();
    let page = cursor.page(store::page(db, &granted, narrow, &cursor).await?, |row| row.id, |row| row);
    let kinds = p.jobs.kinds().into_iter().map(str::to_owned).collect();
    let counts = store::counts(db, &granted).await?;
    Ok(JobPage { items: shown(&p, &ctx, page.items).await?, next: page.next, counts, kinds })
}

async fn get(p: Arc<Platform>, ctx: OpCtx, _: Granted<act::ReadJobs>, q: GetJob) -> Result<Job, OpError> {
    one(&p, &ctx, q.job).await
}

async fn retry(
    p: Arc<Platform>,
    ctx: OpCtx,
    granted: Granted<act::ManageJobs>,
    q: RetryJob,
) -> Result<Job, OpError> {
    p.db.write(async |tx| {
        let row = store::find(tx, q.job).await?;
        match named::<JobState>(&row.state)? {
            JobState::Queued | JobState::Dead | JobState::Cancelled => {}
            JobState::Running => return Err(conflict("This job runs already.", None)),
            JobState::Done => return Err(conflict("This job is done.", None)),
        }
        if store::twin(tx, &row).await? {
            let hint = "That one does it; this one can be discarded.";
            return Err(conflict("The same work is queued already.", Some(hint)));
        }
        store::queue(tx, &granted, &row, ctx.now_ms).await?;
        record(&p, tx, &ctx, RetryJob::NAME, q.job).await
    })
    .await?;
    // Shown before it is woken: what is quickly done leaves no row.
    let queued = one(&p, &ctx, q.job).await;
    p.jobs.wake();
    queued
}

async fn cancel(
    p: Arc<Platform>,
    ctx: OpCtx,
    granted: Granted<act::ManageJobs>,
    q: CancelJob,
) -> Result<Job, OpError> {
    // Between a look and the next one it may begin to run, or fail and wait.
    for _ in 0..CANCEL_LOOKS {
        let over = p.db.write(async |tx| {
            let row = store::find(tx, q.job).await?;
            match named::<JobState>(&row.state)? {
                JobState::Queued => store::cancel(tx, &granted, q.job, ctx.now_ms).await?,
                JobState::Cancelled => {}
                JobState::Running if can_cancel(&p, &row) => return Ok(false),
                JobState::Running => {
                    let hint =
                        "It ends by itself, at its deadline at the latest. To stop work on a bot, stop the bot.";
                    return Err(conflict("A job of this kind cannot be broken off while it runs.", Some(hint)));
                }
                JobState::Done | JobState::Dead => {
                    return Err(conflict("This job has ended.", Some("It can be discarded.")));
                }
            }
            record(&p, tx, &ctx, CancelJob::NAME, q.job).await?;
            Ok(true)
        });
        if over.await? {
            p.jobs.wake();
            return one(&p, &ctx, q.job).await;
        }
        p.jobs.break_off(q.job).await;
    }
    Err(conflict("This job does not end.", Some("Try again in a moment.")))
}

async fn discard(
    p: Arc<Platform>,
    ctx: OpCtx,
    granted: Granted<act::ManageJobs>,
    q: DiscardJob,
) -> Result<Done, OpError> {
    p.db.write(async |tx| {
        let row = store::find(tx, q.job).await?;
        if matches!(named::<JobState>(&row.state)?, JobState::Queued | JobState::Running) {
            return Err(conflict("This job has not ended.", Some("Cancel it first.")));
        }
        store::discard(tx, &granted, q.job).await?;
        record(&p, tx, &ctx, DiscardJob::NAME, q.job).await
    })
    .await?;
    p.jobs.wake();
    Ok(Done {})
}

fn conflict(message: &str, hint: Option<&str>) -> OpError {
    let error = ApiError::new(Code::Conflict, message);
    match hint {
        Some(hint) => error.with_hint(hint).into(),
        None => error.into(),
    }
}

async fn record(
    p: &Platform,
    tx: &sea_orm::DatabaseTransaction,
    ctx: &OpCtx,
    act: &str,
    job: JobId,
) -> Result<(), OpError> {
    audit::record(tx, p.ids.as_ref(), ctx, act, Some(job.to_string())).await
}

async fn one(p: &Platform, ctx: &OpCtx, id: JobId) -> Result<Job, OpError> {
    let rows = vec![store::find(p.db.read(), id).await?];
    shown(p, ctx, rows).await?.pop().ok_or_else(|| ApiError::not_found().into())
}

/// Rows as people read them; bots by name only where the reader may see them.
async fn shown(p: &Platform, ctx: &OpCtx, rows: Vec<job::Model>) -> Result<Vec<Job>, OpError> {
    let ids: Vec<BotId> = rows.iter().filter_map(|row| about(&row.payload).1).collect();
    let bots = match policy::check::<act::ReadBots>(&ctx.subject) {
        Ok(granted) => store::bots(p.db.read(), &granted, ids.clone()).await?,
        Err(_no_member) => HashMap::new(),
    };
    let granted = policy::check::<act::ReadJobs>(&ctx.subject)?;
    let standings = store::standings(p.db.read(), &granted, ids).await?;
    let wait = |row: &job::Model| waits_for(row, standings.get(&about(&row.payload).1?)?);
    rows.into_iter().map(|row| Ok(Job { waits_for: wait(&row), ..job_of(p, row, &bots)? })).collect()
}

/// What a job waits for, as its bot stands.
fn waits_for(row: &job::Model, bot: &bot::Model) -> Option<JobWait> {
    let turn = row.kind == "bots.reconcile";
    match bot.observed.as_str() {
        // What it failed with itself says more.
        _ if row.state != "queued" || row.last_error.is_some() => None,
        "unknown" => Some(JobWait::Runtime),
        "failed" if turn => Some(JobWait::Pause),
        _ if turn => (bot.stage.as_deref() == Some("gateway")).then_some(JobWait::Gateway),
        "running" => None,
        _ => (row.kind == "chat.forget_session").then_some(JobWait::Bot),
    }
}

fn can_cancel(p: &Platform, row: &job::Model) -> bool {
    match row.state.as_str() {
        "queued" => true,
        // What no handler is known for does nothing.
        "running" => p.jobs.kind(&row.kind).is_none_or(|kind| kind.breaks_off),
        _ => false,
    }
}

fn job_of(p: &Platform, row: job::Model, bots: &HashMap<BotId, bot::Model>) -> Result<Job, OpError> {
    let can_cancel = can_cancel(p, &row);
    let (about, bot) = about(&row.payload);
    let bot = bot.and_then(|bot| bots.get(&bot));
    let state = named(&row.state)?;
    let goes_on = matches!(state, JobState::Queued | JobState::Running);
    let stage =
        bot.filter(|_| goes_on).and_then(|bot| bot.stage.as_deref()).map(named::<Stage>).transpose()?;
    let deadline = p.jobs.kind(&row.kind).map(|kind| kind.deadline.as_millis());
    Ok(Job {
        id: row.id,
        about,
        bot: bot.map(|bot| JobBot { slug: bot.slug.clone(), name: bot.name.clone() }),
        stage,
        state,
        waits_for: None,
        attempts: row.attempts,
        max_attempts: row.max_attempts,
        last_error: row.last_error,
        next_at_ms: (state == JobState::Queued).then_some(row.run_at_ms),
        created_at_ms: row.created_at_ms,
        started_at_ms: row.started_at_ms,
        ran_ms: row.ran_ms,
        finished_at_ms: row.finished_at_ms,
        deadline_ms: deadline.and_then(|ms| i64::try_from(ms).ok()),
        can_cancel,
        kind: row.kind,
    })
}
