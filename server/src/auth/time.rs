//! The time as far as access is concerned: it never runs backwards by a little.
//!
//! A clock set back an hour must not revive what has ended; a clock that was years ahead must not lock
//! everybody out once it is right again.

use std::sync::atomic::{AtomicI64, Ordering};

/// Set back by less than this, the clock is held at its highest mark; by more, it was wrong before.
pub(super) const HELD_MS: i64 = 2 * 60 * 60 * 1000;

/// The highest time seen.
#[derive(Debug, Default)]
pub(super) struct HighWater(AtomicI64);

impl HighWater {
    /// Takes in a mark from the database.
    pub(super) fn raise(&self, mark_ms: i64) {
        self.0.fetch_max(mark_ms, Ordering::SeqCst);
    }

    /// The time to decide by, given what the clock says.
    pub(super) fn pass(&self, clock_ms: i64) -> i64 {
        let high = self.0.fetch_max(clock_ms, Ordering::SeqCst).max(clock_ms);
        if high - clock_ms <= HELD_MS {
            return high;
        }
        // Far ahead of the clock: that mark came from a clock that was wrong.
        let _ = self.0.compare_exchange(high, clock_ms, Ordering::SeqCst, Ordering::SeqCst);
        clock_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1000;

    #[test]
    fn an_hour_back_is_held_and_an_hour_ahead_is_taken() {
        let mark = HighWater::default();
        assert_eq!(mark.pass(100 * HOUR), 100 * HOUR);
        assert_eq!(mark.pass(99 * HOUR), 100 * HOUR);
        assert_eq!(mark.pass(101 * HOUR), 101 * HOUR);
    }

    #[test]
    fn a_clock_that_was_years_ahead_is_forgotten() {
        let mark = HighWater::default();
        mark.pass(90_000 * HOUR);
        assert_eq!(mark.pass(100 * HOUR), 100 * HOUR);
        assert_eq!(mark.pass(99 * HOUR), 100 * HOUR);
    }
}
