//! Keys that calls were refused with, as the ledger shows them: people hear of it at once, and not from the next check.

use super::service::Keys;
use crate::usage::Sees;
use api::ids::KeyId;
use relay::{End, UsageRow};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is known of a key that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    /// When it was refused last, ms UTC: a call that began before says nothing of it.
    at_ms: i64,
    /// Whether people know.
    told: bool,
}

/// Keys that were refused and have not worked since.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<HashMap<KeyId, Refusal>>);

impl Refused {
    fn keys(&self) -> MutexGuard<'_, HashMap<KeyId, Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in calls as they ended. Whether there is something to tell, or something is over.
    fn hear(&self, calls: &[UsageRow]) -> bool {
        let mut keys = self.keys();
        let mut news = false;
        for row in calls {
            let ended_ms = row.started_ms.saturating_add_unsigned(row.latency_ms);
            for key in row.tries.iter().filter(|one| one.why == "refused").filter_map(|one| one.key) {
                let known = keys.entry(key).or_insert(Refusal { at_ms: ended_ms, told: false });
                known.at_ms = known.at_ms.max(ended_ms);
                news |= !known.told;
            }
            let worked = row.key.filter(|_| row.end == End::Complete && row.asked > 0);
            if let Some(key) = worked
                && keys.get(&key).is_some_and(|refusal| refusal.at_ms <= row.started_ms)
            {
                keys.remove(&key);
                news = true;
            }
        }
        news
    }

    /// Whether people are to be told.
    pub(super) fn is_news(&self, key: KeyId) -> bool {
        self.keys().get(&key).is_some_and(|refusal| !refusal.told)
    }

    /// Whether they know, and it is not over.
    pub(super) fn is_told(&self, key: KeyId) -> bool {
        self.keys().get(&key).is_some_and(|refusal| refusal.told)
    }

    /// They know, from a call, from a check, or since before a start.
    pub(super) fn told(&self, key: KeyId) {
        self.keys().entry(key).or_insert(Refusal { at_ms: 0, told: true }).told = true;
    }

    /// Its vendor takes it again, or there is another secret in its place.
    pub(super) fn over(&self, key: KeyId) {
        self.keys().remove(&key);
    }
}

impl Sees for Keys {
    fn saw(&self, calls: &[UsageRow]) {
        if self.refused.hear(calls) {
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::WorkspaceId;
    use relay::usage::Try;
    use uuid::Uuid;

    const KEY: KeyId = KeyId(Uuid::from_u128(7));

    /// A call with the key, or one that was refused with it, from one moment to another.
    fn call(works: bool, from_ms: i64, to_ms: i64) -> UsageRow {
        let refused = || {
            let why = "refused";
            Try { key: Some(KEY), link: None, status: Some(402), why, took_ms: 1, charge: None }
        };
        UsageRow {
            key: Some(KEY),
            asked: 1,
            tries: if works { Vec::new() } else { vec![refused()] },
            vendor: "openai",
            model: "m".into(),
            status: if works { 200 } else { 400 },
            counted: true,
            latency_ms: u64::try_from(to_ms - from_ms).unwrap(),
            end: if works { End::Complete } else { End::KeyRefused },
            ..UsageRow::begun(Uuid::nil(), WorkspaceId(Uuid::nil()), Uuid::nil(), from_ms)
        }
    }

    #[test]
    fn a_refusal_is_news_once_and_over_when_a_call_that_began_after_it_works() {
        let refused = Refused::default();
        assert!(!refused.hear(&[call(true, 0, 1)]));
        assert!(refused.hear(&[call(false, 1, 5)]) && refused.is_news(KEY));
        assert!(refused.hear(&[call(false, 2, 6)]), "until somebody was told");
        refused.told(KEY);
        assert!(!refused.hear(&[call(false, 7, 8)]) && refused.is_told(KEY));
        assert!(!refused.hear(&[call(true, 7, 90)]), "it began before");
        assert!(refused.hear(&[call(true, 8, 90)]) && !refused.is_told(KEY));
        assert!(refused.hear(&[call(false, 91, 92), call(true, 93, 94)]));
        assert!(!refused.is_news(KEY), "it works already");
    }
}
