//! How many ceremonies one network may start: whoever starts thousands must not push out those of others.

use super::failures::prefix;
use api::{ApiError, Code};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// Ceremonies a network may start in a minute. People need two or three, an office some dozens.
const PER_MINUTE: u32 = 120;
/// Networks counted at once; those beyond share one count.
const MOST: usize = 4096;
const MINUTE_MS: i64 = 60_000;

/// The counts of the running minute.
#[derive(Default)]
pub(super) struct Quota(Mutex<(i64, HashMap<String, u32>)>);

impl Quota {
    /// Takes one.
    ///
    /// # Errors
    /// `rate_limited` where this network has started too many in this minute.
    pub(super) fn take(&self, addr: IpAddr, now_ms: i64) -> Result<(), ApiError> {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 != minute {
            *counts = (minute, HashMap::new());
        }
        let mut network = prefix(addr);
        if counts.1.len() >= MOST && !counts.1.contains_key(&network) {
            "elsewhere".clone_into(&mut network);
        }
        let count = counts.1.entry(network).or_default();
        *count = count.saturating_add(1);
        if *count <= PER_MINUTE {
            return Ok(());
        }
        let left = u64::try_from((minute + 1) * MINUTE_MS - now_ms).unwrap_or(0);
        let error = ApiError::new(Code::RateLimited, "Too many logins were started from your network.");
        Err(error.with_hint("Wait a minute, then try again.").retry_after(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_that_starts_too_many_waits_and_the_others_do_not() {
        let quota = Quota::default();
        let (loud, same, other) = ([203, 0, 113, 7], [203, 0, 113, 8], [198, 51, 100, 1]);
        for _ in 0..PER_MINUTE {
            assert!(quota.take(loud.into(), 90_000).is_ok());
        }
        let refused = quota.take(same.into(), 90_000).expect_err("too many");
        assert_eq!((refused.code, refused.retry_after_ms), (Code::RateLimited, Some(30_000)));
        assert!(quota.take(other.into(), 90_000).is_ok());
        assert!(quota.take(loud.into(), 120_000).is_ok(), "another minute");
    }

    #[test]
    fn a_flood_of_networks_holds_no_more_than_its_share() {
        let quota = Quota::default();
        for n in 0..20_000_u32 {
            let _counted = quota.take(std::net::Ipv4Addr::from_bits(n << 8).into(), 0);
        }
        assert!(quota.0.lock().expect("whole").1.len() <= MOST + 1);
    }
}
