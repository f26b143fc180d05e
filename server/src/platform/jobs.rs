//! Durable jobs: rows written in the transaction they serve, run at least once, with backoff.
//!
//! A job kind is registered once with its handler. Handlers are idempotent: a crash between the work and
//! the tick that it is done runs it again. One that takes longer than its kind may, or panics, has failed.

use super::{clock::Clock, db::Db, error::OpError, ids::IdGen};
use api::ids::JobId;
use entity::job;
use futures::{FutureExt, future::BoxFuture};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, Order, Query},
};
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How a handler ended.
#[derive(Debug)]
pub enum JobEnd {
    Done,
    /// Again at this time; does not count as a failure (waiting for something).
    Again {
        at_ms: i64,
    },
    /// Somebody ended it before it was done.
    Cancelled,
}

/// A kind of job.
#[derive(Clone, Copy, Debug)]
pub struct JobKind {
    pub name: &'static str,
    /// A run that takes longer has failed. By the machine's own time: a clock that leaps ends nothing.
    pub deadline: Duration,
    /// Whether a run may be broken off in its middle, by somebody who asks.
    pub breaks_off: bool,
}

type Handler = Arc<dyn Fn(String) -> BoxFuture<'static, Result<JobEnd, OpError>> + Send + Sync>;

/// The job table and its runner.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGen>,
    wake: Arc<Notify>,
    handlers: Arc<Mutex<HashMap<&'static str, (JobKind, Handler)>>>,
    /// Jobs that run in this process now: however long they take, nobody takes them over.
    running: Arc<Mutex<HashMap<JobId, Run>>>,
    /// Told of every change to what people may look at.
    changed: Arc<Notify>,
}

/// What to put into the table.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub kind: &'static str,
    /// JSON or an id; the handler knows.
    pub payload: String,
    /// While one with this key is queued, a second is not added; the earlier of both times counts.
    pub unique_key: Option<String>,
    pub run_at_ms: i64,
}

/// A run that can be ended from outside.
#[derive(Clone, Default)]
struct Run {
    cancel: CancellationToken,
    /// Its end is written down.
    ended: CancellationToken,
}

/// Jobs running at once.
const AT_ONCE: usize = 8;
/// A claimed job whose runner vanished may be taken over after this long.
const LEASE_MS: i64 = 10 * 60_000;
/// Failures before a job is dead.
const MAX_ATTEMPTS: i64 = 12;

/// How soon a claim that failed is tried again.
const CLAIM_AGAIN_MS: i64 = 1_000;

/// The longest any job waits. One that is due later than this was given its time by a clock that has been set back
/// since, and is due now.
pub const LONGEST_WAIT_MS: i64 = 300_000;

/// A run this long is worth remembering.
const LONG_MS: i64 = 60_000;
/// Ended jobs that are kept.
const KEPT: u64 = 1_000;
/// How long those are kept that nobody has to answer.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// Whether an ended job is worth a row. Most are not: a bot is looked at thousands of times a day.
fn is_worth_keeping(state: &str, attempts: i64, ran_ms: i64) -> bool {
    state != "done" || attempts > 1 || ran_ms >= LONG_MS
}

/// What is kept of an error: no names, for administrators of the instance see no tenant's data.
fn words_of(error: &OpError) -> String {
    match error {
        OpError::Api(api) => format!("answered {}", super::text::name_of(&api.code)),
        other => other.to_string(),
    }
}

/// Wait before attempt `n` (from 1): 1 s, 2 s, 4 s … 5 min.
pub fn backoff_ms(attempt: i64) -> i64 {
    let doublings = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    1_000_i64.saturating_mul(2_i64.saturating_pow(doublings)).min(LONGEST_WAIT_MS)
}

/// Queued, and no job with its key runs: a second would only hold a slot and wait for the first.
fn free_to_run() -> Condition {
    let busy = Query::select()
        .column(job::Column::UniqueKey)
        .from(job::Entity)
        .and_where(job::Column::State.eq("running"))
        .and_where(job::Column::UniqueKey.is_not_null())
        .to_owned();
    let key_is_free = Condition::any()
        .add(job::Column::UniqueKey.is_null())
        .add(job::Column::UniqueKey.not_in_subquery(busy));
    Condition::all().add(job::Column::State.eq("queued")).add(key_is_free)
}

/// Forgets ended jobs: done and cancelled ones after a week, and all but the newest.
async fn forget_old<C: ConnectionTrait>(tx: &C, now_ms: i64) -> Result<(), OpError> {
    let newest = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(job::Column::FinishedAtMs.is_not_null())
        .order_by(job::Column::FinishedAtMs, Order::Desc)
        .limit(KEPT)
        .to_owned();
    let answered = Condition::all()
        .add(job::Column::State.is_in(["done", "cancelled"]))
        .add(job::Column::FinishedAtMs.lt(now_ms - KEPT_MS));
    let too_many = Condition::all()
        .add(job::Column::FinishedAtMs.is_not_null())
        .add(job::Column::Id.not_in_subquery(newest));
    let old = Condition::any().add(answered).add(too_many);
    job::Entity::delete_many().filter(old).exec(tx).await?;
    Ok(())
}

/// A job that runs, until dropped.
struct Running(Jobs, JobId);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

impl Jobs {
    /// No handlers yet.
    pub fn new(db: Db, clock: Arc<dyn Clock>, ids: Arc<dyn IdGen>) -> Self {
        Self {
            db,
            clock,
            ids,
            wake: Arc::new(Notify::new()),
            handlers: Arc::default(),
            running: Arc::default(),
            changed: Arc::new(Notify::new()),
        }
    }

    /// Registers what runs jobs of `kind`.
    pub fn on<F, Fut>(&self, kind: JobKind, run: F)
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<JobEnd, OpError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |payload| Box::pin(run(payload)));
        self.handlers().insert(kind.name, (kind, handler));
    }

    /// What is known of a kind.
    pub fn kind(&self, name: &str) -> Option<JobKind> {
        self.handlers().get(name).map(|(kind, _)| *kind)
    }

    /// Every kind there is, by name.
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.handlers().keys().copied().collect();
        kinds.sort_unstable();
        kinds
    }

    /// Breaks off a run and waits until its end is written down. False where it does not run here.
    pub async fn break_off(&self, id: JobId) -> bool {
        let run = self.running().get(&id).cloned();
        let Some(run) = run else { return false };
        run.cancel.cancel();
        run.ended.cancelled().await;
        true
    }

    /// Returns when something changed that people may look at. For one listener.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn handlers(&self) -> MutexGuard<'_, HashMap<&'static str, (JobKind, Handler)>> {
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job inside `tx`. Call [`Jobs::wake`] once the transaction is committed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add<C: ConnectionTrait>(&self, tx: &C, job: NewJob) -> Result<(), OpError> {
        if let Some(key) = &job.unique_key {
            // One that waits for later (a pause after a failure) comes forward.
            job::Entity::update_many()
                .col_expr(job::Column::RunAtMs, Expr::value(job.run_at_ms))
                .filter(job::Column::UniqueKey.eq(key.as_str()))
                .filter(job::Column::State.eq("queued"))
                .filter(job::Column::RunAtMs.gt(job.run_at_ms))
                .exec(tx)
                .await?;
        }
        let row = job::ActiveModel {
            id: Set(JobId(self.ids.uuid())),
            kind: Set(job.kind.to_owned()),
            payload: Set(job.payload),
            unique_key: Set(job.unique_key),
            state: Set("queued".to_owned()),
            run_at_ms: Set(job.run_at_ms),
            attempts: Set(0),
            max_attempts: Set(MAX_ATTEMPTS),
            locked_until_ms: Set(None),
            last_error: Set(None),
            created_at_ms: Set(self.clock.now_ms()),
            finished_at_ms: Set(None),
            started_at_ms: Set(None),
            ran_ms: Set(None),
        };
        let insert = job::Entity::insert(row).on_conflict(OnConflict::new().do_nothing().to_owned());
        insert.exec_without_returning(tx).await?;
        Ok(())
    }

    /// Tells the runner that a job was committed.
    pub fn wake(&self) {
        self.wake.notify_one();
        self.changed.notify_one();
    }

    /// What waits under keys that begin so is due now.
    ///
    /// # Errors
    /// What the database says.
    pub async fn hasten(&self, keys: &str) -> Result<(), OpError> {
        let now = self.clock.now_ms();
        let waiting = Condition::all()
            .add(job::Column::UniqueKey.starts_with(keys))
            .add(job::Column::State.eq("queued"))
            .add(job::Column::RunAtMs.gt(now));
        // Mostly nothing does: that must not take the write lock.
        if job::Entity::find().filter(waiting.clone()).one(self.db.read()).await?.is_none() {
            return Ok(());
        }
        self.db
            .write(async |tx| {
                let due = Expr::value(now);
                let hasten = job::Entity::update_many().col_expr(job::Column::RunAtMs, due);
                hasten.filter(waiting).exec(tx).await?;
                Ok(())
            })
            .await?;
        self.wake();
        Ok(())
    }

    /// Jobs not yet done, for tests and health.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&self) -> Result<u64, OpError> {
        use sea_orm::PaginatorTrait;
        let open = job::Entity::find().filter(job::Column::State.is_in(["queued", "running"]));
        Ok(open.count(self.db.read()).await?)
    }

    /// Runs jobs until `stop`.
    pub async fn run(self, tasks: TaskTracker, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let claimed = match self.claim().await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(error = %error, "cannot claim a job");
                    drop(slot);
                    // It may be due all the while: without a pause this would spin until writing works again.
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.db.wrote() => {}
                        () = self.clock.wait_until(self.clock.now_ms() + CLAIM_AGAIN_MS) => {}
                    }
                    continue;
                }
            };
            let Some((row, run)) = claimed else {
                drop(slot);
                let next = self.next_due_ms().await;
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.wake.notified() => {}
                    () = self.clock.wait_until(next) => {}
                }
                continue;
            };
            self.changed.notify_one();
            let (jobs, running) = (self.clone(), Running(self.clone(), row.id));
            tasks.spawn(async move {
                jobs.run_one(row, run.cancel).await;
                drop(running);
                drop(slot);
                jobs.wake();
            });
            if stop.is_cancelled() {
                return;
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<JobId, Run>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It does not run here any more.
    fn leave(&self, id: JobId) {
        if let Some(run) = self.running().remove(&id) {
            run.ended.cancel();
        }
    }

    /// Takes the oldest due job.
    async fn claim(&self) -> Result<Option<(job::Model, Run)>, OpError> {
        let now = self.clock.now_ms();
        let mine: Vec<JobId> = self.running().keys().copied().collect();
        // Past, or so far ahead that the clock must have been set back since.
        let come = |at: job::Column, most_ms: i64| {
            Condition::any().add(at.lte(now)).add(at.gt(now.saturating_add(most_ms)))
        };
        // Of a Chela that is gone, or one whose end could not be noted: nobody else works on this database.
        let vanished =
            Condition::all().add(job::Column::State.eq("running")).add(job::Column::Id.is_not_in(mine));
        let ready = free_to_run().add(come(job::Column::RunAtMs, LONGEST_WAIT_MS));
        let due = Condition::any().add(ready).add(vanished);
        // Most looks find nothing: they must not take the write lock.
        let find = job::Entity::find().filter(due).order_by_asc(job::Column::RunAtMs).limit(1);
        if find.clone().one(self.db.read()).await?.is_none() {
            return Ok(None);
        }
        let (mut taken, run) = (None, Run::default());
        let claimed = self
            .db
            .write(async |tx| {
                let Some(row) = find.one(tx).await? else { return Ok(None) };
                // Before its row says so: nobody takes it over however the clock leaps, and it can be broken off.
                self.running().insert(row.id, run.clone());
                taken = Some(row.id);
                job::Entity::update_many()
                    .col_expr(job::Column::State, Expr::value("running"))
                    .col_expr(job::Column::LockedUntilMs, Expr::value(now + LEASE_MS))
                    .col_expr(job::Column::StartedAtMs, Expr::value(now))
                    .filter(job::Column::Id.eq(row.id))
                    .exec(tx)
                    .await?;
                Ok(Some((row, run)))
            })
            .await;
        if let (Err(_), Some(id)) = (&claimed, taken) {
            self.leave(id);
        }
        claimed
    }

    async fn next_due_ms(&self) -> i64 {
        let soon = self.clock.now_ms() + 30_000;
        let next = job::Entity::find()
            .filter(free_to_run())
            .order_by_asc(job::Column::RunAtMs)
            .limit(1)
            .one(self.db.read())
            .await;
        match next {
            Ok(Some(row)) => row.run_at_ms.min(soon),
            Ok(None) | Err(_) => soon,
        }
    }

    async fn run_one(&self, row: job::Model, cancel: CancellationToken) {
        let handler = self.handlers().get(row.kind.as_str()).cloned();
        let began = Instant::now();
        let end = match handler {
            Some((kind, run)) => {
                let work = async { run(row.payload.clone()).await };
                let work = tokio::time::timeout(kind.deadline, AssertUnwindSafe(work).catch_unwind());
                tokio::select! {
                    biased;
                    ended = work => match ended {
                        Ok(Ok(end)) => end,
                        // The panic itself is already in the log, by the hook.
                        Ok(Err(_panic)) => Err(OpError::internal("its work broke off", row.kind.clone())),
                        Err(late) => Err(OpError::internal("it took longer than jobs of its kind may", late)),
                    },
                    () = cancel.cancelled() => Ok(JobEnd::Cancelled),
                }
            }
            None => Err(OpError::internal("no handler for this kind of job", row.kind.clone())),
        };
        let ran_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        if let Err(error) = self.finish(&row, end, ran_ms).await {
            // It no longer counts as running, so the next claim takes it again: handlers are idempotent.
            tracing::warn!(job.id = %row.id, error = %error, "cannot note the end of a job");
        }
    }

    async fn finish(
        &self,
        row: &job::Model,
        end: Result<JobEnd, OpError>,
        ran_ms: i64,
    ) -> Result<(), OpError> {
        let now = self.clock.now_ms();
        let attempts = row.attempts + 1;
        let (state, run_at, attempts, error) = match end {
            Ok(JobEnd::Done) => ("done", row.run_at_ms, attempts, row.last_error.clone()),
            Ok(JobEnd::Cancelled) => ("cancelled", row.run_at_ms, attempts, row.last_error.clone()),
            Ok(JobEnd::Again { at_ms }) => ("queued", at_ms.min(now + LONGEST_WAIT_MS), row.attempts, None),
            Err(error) if attempts >= row.max_attempts => {
                tracing::error!(job.kind = row.kind, error = %error, "job failed for good");
                ("dead", row.run_at_ms, attempts, Some(words_of(&error)))
            }
            Err(error) => {
                tracing::warn!(job.kind = row.kind, error = %error, attempts, "job failed, will be tried again");
                ("queued", now + backoff_ms(attempts), attempts, Some(words_of(&error)))
            }
        };
        let finished = (state != "queued").then_some(now);
        self.db
            .write(async |tx| {
                // A twin queued meanwhile holds the key: this one is then done.
                let twin = match (&row.unique_key, state) {
                    (Some(key), "queued") => {
                        let twin = job::Entity::find()
                            .filter(job::Column::UniqueKey.eq(key.as_str()))
                            .filter(job::Column::State.eq("queued"))
                            .filter(job::Column::Id.ne(row.id))
                            .one(tx);
                        twin.await?.is_some()
                    }
                    _ => false,
                };
                if twin || !is_worth_keeping(state, attempts, ran_ms) {
                    job::Entity::delete_by_id(row.id).exec(tx).await?;
                    return Ok(());
                }
                job::Entity::update_many()
                    .col_expr(job::Column::State, Expr::value(state))
                    .col_expr(job::Column::RunAtMs, Expr::value(run_at))
                    .col_expr(job::Column::Attempts, Expr::value(attempts))
                    .col_expr(job::Column::LastError, Expr::value(error))
                    .col_expr(job::Column::LockedUntilMs, Expr::value(None::<i64>))
                    .col_expr(job::Column::FinishedAtMs, Expr::value(finished))
                    .col_expr(job::Column::RanMs, Expr::value(ran_ms))
                    .filter(job::Column::Id.eq(row.id))
                    .exec(tx)
                    .await?;
                if finished.is_some() { forget_old(tx, now).await } else { Ok(()) }
            })
            .await
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
