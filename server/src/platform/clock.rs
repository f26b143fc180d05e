//! Time as a thing that is handed in, so that tests decide what it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::watch, time::Instant};

/// How soon a clock that was set forward is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
const A_YEAR_MS: u64 = 365 * 24 * 3_600_000;

/// Where the time comes from.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;
    /// Returns once `now_ms() >= at_ms`, or after as long as that was away when asked, where the clock was set back
    /// meanwhile. Cancel-safe.
    async fn wait_until(&self, at_ms: i64);
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    async fn wait_until(&self, at_ms: i64) {
        // Set back, the clock makes nobody wait longer than they meant to; set forward, it ends the wait early.
        let meant = u64::try_from(at_ms.saturating_sub(self.now_ms())).unwrap_or(0);
        let end = Instant::now() + Duration::from_millis(meant.min(A_YEAR_MS));
        while self.now_ms() < at_ms && Instant::now() < end {
            tokio::time::sleep_until(end.min(Instant::now() + LOOK_AGAIN)).await;
        }
    }
}

/// A clock that moves only when told; for tests.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<AtomicI64>,
    moved: watch::Sender<i64>,
}

impl ManualClock {
    /// Stands at `now_ms`.
    pub fn at(now_ms: i64) -> Self {
        Self { now: Arc::new(AtomicI64::new(now_ms)), moved: watch::Sender::new(now_ms) }
    }

    /// Moves by `ms` (backwards too) and wakes who waits.
    pub fn advance(&self, ms: i64) {
        let now = self.now.fetch_add(ms, Ordering::SeqCst) + ms;
        self.moved.send_replace(now);
    }
}

#[async_trait::async_trait]
impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    async fn wait_until(&self, at_ms: i64) {
        let mut moved = self.moved.subscribe();
        // The sender lives in self: waiting cannot fail.
        let _ = moved.wait_for(|now| *now >= at_ms).await;
    }
}
