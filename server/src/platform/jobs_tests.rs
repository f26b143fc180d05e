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
    jobs.on("slow", move |payload| {
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
    let ran = tokio::time::timeout(std::time::Duration::from_secs(30), b.ran.recv()).await;
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
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while all().await > 0 {
            b.jobs.db.wrote().await;
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
        b.jobs.finish(&row, Ok(JobEnd::Again { at_ms: run_at_ms })).await.expect("noted");
        assert_eq!(b.jobs.open().await.expect("a count"), 1);
    }
    b.stop.cancel();
}
