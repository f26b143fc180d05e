//! The recent events of a topic, for readers that come back: as many as fit, without a gap.

use super::hub::Sent;
use std::collections::VecDeque;

/// Bytes kept of one topic.
pub(super) const KEPT: usize = 256 * 1024;
/// Bytes that a kept event costs besides its text.
const EACH: usize = 64;

/// The last events of a topic, each numbered one more than the one before.
pub(super) struct Past {
    /// Number of the event before the first one kept.
    since: u64,
    events: VecDeque<Sent>,
    bytes: usize,
}

impl Past {
    /// Nothing yet, and nothing known of what was before.
    pub(super) const fn since(seq: u64) -> Self {
        Self { since: seq, events: VecDeque::new(), bytes: 0 }
    }

    /// Keeps one more; the oldest go where it does not fit.
    pub(super) fn push(&mut self, event: Sent) {
        self.bytes += weight(&event);
        self.events.push_back(event);
        while self.bytes > KEPT
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= weight(&oldest);
            self.since += 1;
        }
    }

    /// Everything after that number, if it is all here.
    pub(super) fn after(&self, seq: u64) -> Option<Vec<Sent>> {
        let known = usize::try_from(seq.checked_sub(self.since)?).ok()?;
        (known <= self.events.len()).then(|| self.events.iter().skip(known).cloned().collect())
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.since += u64::try_from(self.events.len()).unwrap_or(0);
        self.events = VecDeque::new();
        self.bytes = 0;
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn weight(event: &Sent) -> usize {
    event.as_str().len() + EACH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_no_gap_and_stays_small() {
        let mut past = Past::since(10);
        assert_eq!(past.after(9), None, "nobody knows what was there");
        assert_eq!(past.after(10), Some(Vec::new()));
        assert_eq!(past.after(11), None, "nobody has said that yet");
        for n in 11..=1_000 {
            past.push(format!("{n:>1000}").into());
            assert!(past.bytes() <= KEPT, "{}", past.bytes());
        }
        assert_eq!(past.after(10), None);
        assert_eq!(past.after(1_000), Some(Vec::new()));
        let last: Vec<String> =
            past.after(997).expect("kept").iter().map(|event| event.as_str().trim().to_owned()).collect();
        assert_eq!(last, ["998", "999", "1000"]);
        past.push("x".repeat(KEPT).into());
        assert_eq!((past.after(1_000), past.after(1_001)), (None, Some(Vec::new())), "too big to be kept");
        past.push("small".into());
        past.clear();
        assert_eq!((past.after(1_001), past.after(1_002), past.bytes()), (None, Some(Vec::new()), 0));
    }
}
