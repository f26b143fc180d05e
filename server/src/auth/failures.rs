//! Failed logins, counted per address prefix and minute: one audit row each, however many tries.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Prefixes counted at once; whoever comes after shares one row.
const MOST: usize = 512;
const MINUTE_MS: i64 = 60_000;

/// One row to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) row: Uuid,
    pub(super) at_ms: i64,
    pub(super) prefix: String,
    pub(super) tries: u64,
    /// Why, and how often.
    pub(super) reasons: BTreeMap<&'static str, u64>,
}

struct Bucket {
    minute: i64,
    count: Count,
    written: u64,
}

/// The running counts.
#[derive(Default)]
pub(super) struct Failures(Mutex<BTreeMap<String, Bucket>>);

/// The network a home or office has: /24 or /56.
pub(super) fn prefix(addr: IpAddr) -> String {
    match addr.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00)
        }
    }
}

impl Failures {
    /// Counts one. What it returns is to be written now: the first of its minute (the rest waits until the
    /// minute is over).
    pub(super) fn note(&self, addr: IpAddr, reason: &'static str, now_ms: i64, row: Uuid) -> Option<Count> {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut prefix = prefix(addr);
        if buckets.len() >= MOST && !buckets.contains_key(&prefix) {
            "elsewhere".clone_into(&mut prefix);
        }
        if let Some(bucket) = buckets.get_mut(&prefix)
            && bucket.minute >= minute
        {
            bucket.count.tries += 1;
            *bucket.count.reasons.entry(reason).or_default() += 1;
            return None;
        }
        let count =
            Count { row, at_ms: now_ms, prefix: prefix.clone(), tries: 1, reasons: [(reason, 1)].into() };
        // A closed minute with more tries than were written is kept under a name of its own until it is.
        if let Some(over) = buckets.insert(prefix, Bucket { minute, count: count.clone(), written: 1 })
            && over.count.tries > over.written
        {
            buckets.insert(format!("{} {}", over.count.prefix, over.minute), over);
        }
        Some(count)
    }

    /// Counts of minutes that are over, to be written again; they are forgotten here.
    pub(super) fn over(&self, now_ms: i64) -> Vec<Count> {
        let minute = now_ms.div_euclid(MINUTE_MS);
        self.take(|bucket| bucket.minute < minute)
    }

    /// Everything not yet written, for the end.
    pub(super) fn all(&self) -> Vec<Count> {
        self.take(|_| true)
    }

    fn take(&self, which: impl Fn(&Bucket) -> bool) -> Vec<Count> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        buckets.retain(|_, bucket| {
            let done = which(bucket);
            if done && bucket.count.tries > bucket.written {
                taken.push(bucket.count.clone());
            }
            !done
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_tries_from_one_network_are_one_row_a_minute() {
        let failures = Failures::default();
        let row = |n| Uuid::from_u128(n);
        assert!(failures.note([203, 0, 113, 1].into(), "unknown", 5, row(1)).is_some());
        for n in 0..999u32 {
            let last = u8::try_from(n % 250).unwrap();
            assert_eq!(failures.note([203, 0, 113, last].into(), "unknown", 6, row(2)), None);
        }
        assert!(failures.over(59_999).is_empty());
        let over = failures.over(60_000);
        assert_eq!(over.iter().map(|c| (c.row, c.tries)).collect::<Vec<_>>(), [(row(1), 1000)]);
        assert!(failures.all().is_empty());
    }

    #[test]
    fn the_next_minute_is_another_row_and_the_one_before_is_not_lost() {
        let failures = Failures::default();
        let addr: IpAddr = [203, 0, 113, 1].into();
        failures.note(addr, "unknown", 0, Uuid::from_u128(1));
        failures.note(addr, "unknown", 1, Uuid::from_u128(9));
        assert!(failures.note(addr, "unknown", 60_000, Uuid::from_u128(2)).is_some());
        assert_eq!(failures.over(60_001).first().map(|c| (c.row, c.tries)), Some((Uuid::from_u128(1), 2)));
    }

    #[test]
    fn an_address_is_counted_by_its_network() {
        assert_eq!(prefix([203, 0, 113, 9].into()), "203.0.113.0/24");
        assert_eq!(prefix("2001:db8:1:2345::1".parse().unwrap()), "2001:db8:1:2300::/56");
        assert_eq!(prefix("::ffff:10.1.2.3".parse().unwrap()), "10.1.2.0/24");
    }
}
