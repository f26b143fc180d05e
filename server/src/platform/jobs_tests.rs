use super::*;
use crate::platform::{clock::ManualClock, ids::RandomIds};
use migration::{Migrator, MigratorTrait};
use tokio::sync::mpsc;

struct Bench {
    jobs: Jobs,
    ran: mpsc::UnboundedReceiver<String>,
    go: Arc<Semaphore>,
    stop: CancellationToken,
    clock: ManualClock,
    _dir: tempfile::TempDir,
}

const fn kind(name: &'static str, deadline: Duration) -> JobKind {
    JobKind { name, deadline, breaks_off: true }
}

/// A runner whose handler says that it began and waits for `go`.
async fn bench() -> Bench {
    let dir = tempfile::tempdir().expect("a directory");
    let db = Db::sqlite(&dir.path().join("chela.db")).await.expect("a database");
    Migrator::up(db.maintenance(), None).await.expect("tables");
    let clock = ManualClock::at(1_000);
    let jobs = Jobs::new(db, Arc::new(clock.clone()), Arc::new(RandomIds));
    let (tell, ran) = mpsc::unbounded_channel();
    let go = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&go);
    jobs.on(kind("slow", Duration::from_secs(3_600)), move |payload| {
        let (tell, gate) = (tell.clone(), Arc::clone(&gate));
        async move {
            let _ = tell.send(payload);
            if let Ok(permit) = gate.acquire().await {
                permit.forget();
            }
            Ok(JobEnd::Done)
        }
    });
    let stop = CancellationToken::new();
    tokio::spawn(jobs.clone().run(TaskTracker::new(), stop.clone()));
    Bench { jobs, ran, go, stop, clock, _dir: dir }
}

impl Bench {
    async fn add(&self, payload: &str, key: &str) {
        let job = NewJob {
            kind: "slow",
            payload: payload.to_owned(),
            unique_key: Some(key.to_owned()),
            run_at_ms: 0,
        };
        self.jobs.db.write(async |tx| self.jobs.add(tx, job).await).await.expect("added");
        self.jobs.wake();
    }
}

#[tokio::test]
async fn after_the_clock_was_set_back_no_job_waits_longer_than_it_would_have() {
    let mut b = bench().await;
    b.clock.advance(7_200_000);
    let run_at_ms = b.clock.now_ms() + 60_000;
    let job = NewJob { kind: "slow", payload: "late".to_owned(), unique_key: None, run_at_ms };
    b.jobs.db.write(async |tx| b.jobs.add(tx, job).await).await.expect("added");
    b.add("now", "now").await;
    assert_eq!(b.ran.recv().await.as_deref(), Some("now"), "its minute is not over");
    b.clock.advance(-3_600_000);
    b.jobs.wake();
    let ran = tokio::time::timeout(Duration::from_secs(30), b.ran.recv()).await;
    assert_eq!(ran.expect("in time").as_deref(), Some("late"));
    b.stop.cancel();
}

#[tokio::test]
async fn a_job_whose_key_runs_waits_without_a_slot_and_leaves_no_row_when_done() {
    let mut b = bench().await;
    b.add("a1", "a").await;
    assert_eq!(b.ran.recv().await.as_deref(), Some("a1"));
    // More of the same than there are slots, then another: it is not held up.
    for _ in 0..2 * AT_ONCE {
        b.add("a2", "a").await;
    }
    b.add("b", "b").await;
    assert_eq!(b.ran.recv().await.as_deref(), Some("b"));
    assert_eq!(b.jobs.open().await.expect("a count"), 3);
    // However long it takes, nobody takes it over.
    b.clock.advance(2 * LEASE_MS);
    b.add("c", "c").await;
    assert_eq!(b.ran.recv().await.as_deref(), Some("c"));
    b.go.add_permits(3);
    assert_eq!(b.ran.recv().await.as_deref(), Some("a2"), "once, when the first is done");
    b.go.add_permits(1);
    let all = async || job::Entity::find().all(b.jobs.db.read()).await.expect("rows").len();
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            // From before the look: the last write may come right after it.
            let wrote = b.jobs.db.wrote();
            if all().await == 0 {
                break;
            }
            wrote.await;
        }
    })
    .await
    .expect("no row is left");
    b.stop.cancel();
}

#[tokio::test]
async fn a_job_whose_end_is_noted_twice_is_not_taken_for_its_own_twin() {
    let b = bench().await;
    let run_at_ms = b.clock.now_ms() + 60_000;
    let job = NewJob { kind: "slow", payload: String::new(), unique_key: Some("key".to_owned()), run_at_ms };
    b.jobs.db.write(async |tx| b.jobs.add(tx, job).await).await.expect("added");
    let row = job::Entity::find().one(b.jobs.db.read()).await.expect("readable").expect("a row");
    for _ in 0..2 {
        b.jobs.finish(&row, Ok(JobEnd::Again { at_ms: run_at_ms }), 0).await.expect("noted");
        assert_eq!(b.jobs.open().await.expect("a count"), 1);
    }
    b.stop.cancel();
}

impl Bench {
    /// The only job, once it is so.
    async fn row_that(&self, is: impl Fn(&job::Model) -> bool) -> job::Model {
        let find = async || loop {
            let row = job::Entity::find().one(self.jobs.db.read()).await.expect("readable");
            if let Some(row) = row.filter(&is) {
                return row;
            }
            // A write may have come between the look and here.
            let _ = tokio::time::timeout(Duration::from_millis(20), self.jobs.db.wrote()).await;
        };
        tokio::time::timeout(Duration::from_secs(30), find()).await.expect("in time")
    }

    async fn add_of(&self, kind: &'static str) {
        let job = NewJob { kind, payload: String::new(), unique_key: None, run_at_ms: 0 };
        self.jobs.db.write(async |tx| self.jobs.add(tx, job).await).await.expect("added");
        self.jobs.wake();
    }
}

#[tokio::test]
async fn a_job_that_hangs_fails_at_its_deadline_and_is_dead_after_its_last_try() {
    let b = bench().await;
    b.jobs.on(kind("hangs", Duration::from_millis(20)), |_| std::future::pending());
    b.add_of("hangs").await;
    let failed = b.row_that(|row| row.attempts == 1).await;
    assert_eq!(failed.state, "queued", "it is tried again");
    assert!(failed.last_error.is_some_and(|why| why.contains("longer")), "and says why");
    assert_eq!(failed.run_at_ms, b.clock.now_ms() + backoff_ms(1));
    assert!(failed.ran_ms.is_some_and(|ms| ms >= 20) && failed.finished_at_ms.is_none());
    let last = Expr::value(MAX_ATTEMPTS - 1);
    let left = job::Entity::update_many().col_expr(job::Column::Attempts, last);
    b.jobs.db.write(async |tx| Ok(left.exec(tx).await?)).await.expect("written");
    b.clock.advance(backoff_ms(1));
    let dead = b.row_that(|row| row.state == "dead").await;
    assert_eq!((dead.attempts, dead.finished_at_ms), (MAX_ATTEMPTS, Some(b.clock.now_ms())));
    b.stop.cancel();
}

#[tokio::test]
async fn a_job_that_panics_has_failed_and_is_not_begun_again_at_once() {
    let b = bench().await;
    let panics = |_| async { if true { panic!("a test") } else { Ok(JobEnd::Done) } };
    b.jobs.on(kind("panics", Duration::from_secs(60)), panics);
    b.add_of("panics").await;
    let failed = b.row_that(|row| row.attempts == 1).await;
    assert_eq!((failed.state.as_str(), failed.run_at_ms), ("queued", b.clock.now_ms() + backoff_ms(1)));
    b.stop.cancel();
}

#[tokio::test]
async fn a_run_that_is_broken_off_ends_as_cancelled_and_leaves_its_slot() {
    let mut b = bench().await;
    b.add("a", "a").await;
    assert_eq!(b.ran.recv().await.as_deref(), Some("a"));
    let row = b.row_that(|row| row.state == "running").await;
    assert_eq!(row.started_at_ms, Some(b.clock.now_ms()));
    assert!(b.jobs.break_off(row.id).await);
    let row = b.row_that(|_| true).await;
    assert_eq!((row.state.as_str(), row.finished_at_ms), ("cancelled", Some(b.clock.now_ms())));
    assert!(!b.jobs.break_off(row.id).await, "it does not run any more");
    b.add("b", "a").await;
    assert_eq!(b.ran.recv().await.as_deref(), Some("b"), "its key is free");
    b.stop.cancel();
}

#[tokio::test]
async fn an_error_that_is_kept_tells_no_name_of_a_tenant() {
    let b = bench().await;
    let refuse = |_| async { Err(api::ApiError::new(api::Code::Conflict, "Zebra is taken.").into()) };
    b.jobs.on(kind("refused", Duration::from_secs(60)), refuse);
    b.add_of("refused").await;
    let failed = b.row_that(|row| row.attempts == 1).await;
    assert_eq!(failed.last_error.as_deref(), Some("answered conflict"));
    b.stop.cancel();
}

#[test]
fn of_what_is_done_only_what_failed_before_or_took_long_is_kept() {
    assert!(!is_worth_keeping("done", 1, LONG_MS - 1));
    assert!(is_worth_keeping("done", 2, 0) && is_worth_keeping("done", 1, LONG_MS));
    assert!(is_worth_keeping("dead", 1, 0) && is_worth_keeping("cancelled", 1, 0));
}

#[tokio::test]
async fn ended_jobs_are_forgotten_after_a_week_dead_ones_when_there_are_too_many() {
    let b = bench().await;
    let now = 100 * KEPT_MS;
    let ended = |state: &str, at: i64| job::ActiveModel {
        id: Set(JobId(b.jobs.ids.uuid())),
        kind: Set("k".to_owned()),
        payload: Set(String::new()),
        unique_key: Set(None),
        state: Set(state.to_owned()),
        run_at_ms: Set(at),
        attempts: Set(1),
        max_attempts: Set(1),
        locked_until_ms: Set(None),
        last_error: Set(None),
        created_at_ms: Set(at),
        finished_at_ms: Set(Some(at)),
        started_at_ms: Set(None),
        ran_ms: Set(None),
    };
    let rows = [
        ended("done", now - KEPT_MS - 1),
        ended("cancelled", now - KEPT_MS - 1),
        ended("dead", now - KEPT_MS - 1),
        ended("done", now - 1),
    ];
    let left = async || {
        let rows = job::Entity::find().order_by_asc(job::Column::FinishedAtMs).all(b.jobs.db.read());
        let rows = rows.await.expect("rows");
        rows.into_iter().map(|row| (row.state, row.finished_at_ms)).collect::<Vec<_>>()
    };
    let old = ("dead".to_owned(), Some(now - KEPT_MS - 1));
    let write = async |rows: Vec<job::ActiveModel>| {
        let written = b.jobs.db.write(async |tx| {
            job::Entity::insert_many(rows).exec_without_returning(tx).await?;
            forget_old(tx, now).await
        });
        written.await.expect("written");
    };
    write(rows.to_vec()).await;
    assert_eq!(left().await, [old.clone(), ("done".to_owned(), Some(now - 1))]);
    write((0..i64::try_from(KEPT).expect("few") - 1).map(|n| ended("dead", now + n)).collect()).await;
    let kept = left().await;
    assert_eq!(kept.len(), usize::try_from(KEPT).expect("few"));
    assert!(!kept.contains(&old), "the oldest gave way");
    b.stop.cancel();
}
