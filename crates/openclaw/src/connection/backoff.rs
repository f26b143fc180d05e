//! How long to wait before the next try. Pure.

use std::time::Duration;

/// Pause while a gateway starts: refused connections are normal then.
const STARTING: Duration = Duration::from_millis(500);
/// First and longest pause otherwise.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// So many quick tries (one minute) are a start; what is not there by then is broken.
const QUICK_TRIES: u32 = 120;

/// The pauses between tries since the last connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    quick: u32,
    slow: u32,
}

impl Backoff {
    /// The pause after a try that failed; `starting` where the failure is normal for a young gateway.
    pub fn next(&mut self, starting: bool) -> Duration {
        if starting && self.quick < QUICK_TRIES {
            self.quick += 1;
            return STARTING;
        }
        let pause = FIRST.saturating_mul(1 << self.slow.min(5)).min(LONGEST);
        self.slow += 1;
        pause
    }

    /// A connection stood: begin anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starting_gateway_is_asked_twice_a_second_for_a_minute_and_then_ever_less() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..127).map(|_| backoff.next(true).as_millis()).collect();
        assert!(pauses[..120].iter().all(|ms| *ms == 500));
        assert_eq!(pauses[120..], [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn a_refusal_is_retried_slowly_from_the_start() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(false), FIRST);
        assert_eq!(backoff.next(false), FIRST * 2);
        backoff.reset();
        assert_eq!(backoff.next(false), FIRST);
    }
}
