//! Time as the connection sees it: a monotonic reading and a timer, injected so that tests decide
//! when a minute has passed. Not a calendar: nothing here knows what day it is.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

/// A monotonic clock with a timer.
pub trait Clock: Send + Sync + 'static {
    /// Time since some fixed moment of this clock's own choosing.
    fn now(&self) -> Duration;
    /// Completes once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
