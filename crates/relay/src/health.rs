//! What the relay has found out about a key while it worked with it: whether it is asked now, and if not, why and until
//! when. Outlives a snapshot, so that a change somewhere does not send calls back to what just failed.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

/// After a refusal the key is tried again so much later, doubling up to [`LONGEST_MS`].
const REFUSED_MS: i64 = 60_000;
/// A vendor that asks to slow down and does not say for how long.
const SLOW_MS: i64 = 10_000;
/// How long a breaker stays open first, doubling up to [`LONGEST_OPEN_MS`].
const OPEN_MS: i64 = 5_000;
const LONGEST_OPEN_MS: i64 = 60_000;
const LONGEST_MS: i64 = 3_600_000;
/// Failures in a row that open a breaker.
const TRIPS: u32 = 5;
/// How long the one call may take that looks whether a key works again, before another one looks.
const LOOK_MS: i64 = 30_000;
/// Models of a key whose failures are counted apart; more share one count.
const MOST_MODELS: usize = 64;

/// Why a key is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rest {
    /// Its vendor asked to slow down.
    Slow,
    /// Its vendor refuses it, or the account behind it.
    Refused,
    /// It failed several times in a row with this model.
    Failing,
}

impl Rest {
    /// The name in answers and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow_down",
            Self::Refused => "refused",
            Self::Failing => "failing",
        }
    }
}

/// That a key is not asked, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Why.
    pub why: Rest,
    /// Until when, ms UTC.
    pub until_ms: i64,
    /// Whether its vendor named the time.
    pub told: bool,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    resting: Resting,
    /// How often in a row.
    streak: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Breaker {
    failures: u32,
    /// Closed while 0.
    open_until_ms: i64,
}

#[derive(Debug, Default)]
struct State {
    pause: Option<Pause>,
    breakers: HashMap<String, Breaker>,
}

/// How a key does. Reading one that does well takes no lock.
#[derive(Debug, Default)]
pub struct KeyHealth {
    /// How many things are wrong: pauses and counted failures.
    wrong: AtomicUsize,
    /// Until when a call looks whether the key works again: the others do not.
    looks_until_ms: AtomicI64,
    state: Mutex<State>,
}

impl KeyHealth {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, state: &State) {
        let wrong = usize::from(state.pause.is_some()) + state.breakers.len();
        self.wrong.store(wrong, Ordering::Release);
    }

    /// Whether a call may ask with it now. When a rest is over, one call looks first, and only one.
    ///
    /// # Errors
    /// Why not, and until when.
    pub fn may_ask(&self, model: &str, now_ms: i64) -> Result<(), Resting> {
        if self.wrong.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        let state = self.state();
        let open = state.breakers.get(model).filter(|breaker| breaker.open_until_ms > 0);
        let found = state.pause.map(|pause| pause.resting).or_else(|| {
            let until_ms = open?.open_until_ms;
            Some(Resting { why: Rest::Failing, until_ms, told: false })
        });
        let Some(resting) = found else { return Ok(()) };
        if now_ms < resting.until_ms {
            return Err(resting);
        }
        let looks = self.looks_until_ms.load(Ordering::Acquire);
        if now_ms < looks {
            return Err(Resting { until_ms: looks, ..resting });
        }
        self.looks_until_ms.store(now_ms + LOOK_MS, Ordering::Release);
        Ok(())
    }

    /// It answered.
    pub fn worked(&self, model: &str) {
        if self.wrong.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut state = self.state();
        state.pause = None;
        state.breakers.remove(model);
        self.looks_until_ms.store(0, Ordering::Release);
        self.count(&state);
    }

    /// Its vendor takes it again, as somebody found out who asked nothing of a model.
    pub fn accepted(&self) {
        let mut state = self.state();
        if state.pause.is_some_and(|pause| pause.resting.why == Rest::Refused) {
            state.pause = None;
            self.count(&state);
        }
    }

    /// Its vendor refused it.
    pub fn refused(&self, now_ms: i64) {
        self.pauses(Rest::Refused, now_ms, None);
    }

    /// Its vendor asked to slow down, for so long where it said.
    pub fn slow_down(&self, now_ms: i64, for_ms: Option<i64>) {
        self.pauses(Rest::Slow, now_ms, for_ms);
    }

    fn pauses(&self, why: Rest, now_ms: i64, for_ms: Option<i64>) {
        let mut state = self.state();
        let streak = state.pause.filter(|pause| pause.resting.why == why).map_or(0, |pause| pause.streak);
        let first = if why == Rest::Slow { SLOW_MS } else { REFUSED_MS };
        let grown = first.saturating_mul(1 << streak.min(10));
        let until_ms = now_ms + for_ms.unwrap_or(grown).clamp(0, LONGEST_MS);
        let resting = Resting { why, until_ms, told: for_ms.is_some() };
        state.pause = Some(Pause { resting, streak: streak.saturating_add(1) });
        self.looks_until_ms.store(0, Ordering::Release);
        self.count(&state);
    }

    /// It failed with this model: an error of the vendor's own, or none came at all.
    pub fn failed(&self, model: &str, now_ms: i64) {
        let mut state = self.state();
        let named = state.breakers.contains_key(model) || state.breakers.len() < MOST_MODELS;
        let breaker = state.breakers.entry(if named { model } else { "" }.to_owned()).or_default();
        breaker.failures = breaker.failures.saturating_add(1);
        if let Some(more) = breaker.failures.checked_sub(TRIPS) {
            breaker.open_until_ms = now_ms + (OPEN_MS << more.min(8)).min(LONGEST_OPEN_MS);
        }
        self.looks_until_ms.store(0, Ordering::Release);
        self.count(&state);
    }

    /// Why it rests just now, for people: the pause of the key, and the models with which it fails.
    #[must_use]
    pub fn resting(&self, now_ms: i64) -> Vec<(Option<String>, Resting)> {
        let state = self.state();
        let pause = state.pause.map(|pause| (None, pause.resting));
        let open = state.breakers.iter().filter(|(_, breaker)| breaker.open_until_ms > now_ms);
        let open = open.map(|(model, breaker)| {
            let (why, until_ms) = (Rest::Failing, breaker.open_until_ms);
            (Some(model.clone()), Resting { why, until_ms, told: false })
        });
        pause.into_iter().filter(|(_, rest)| rest.until_ms > now_ms).chain(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    #[test]
    fn a_key_rests_as_long_as_its_vendor_says_and_then_one_call_looks() {
        let key = KeyHealth::default();
        key.slow_down(NOW, Some(2_000));
        let resting = key.may_ask("m", NOW + 1_999).unwrap_err();
        assert_eq!((resting.why, resting.until_ms, resting.told), (Rest::Slow, NOW + 2_000, true));
        assert!(key.may_ask("m", NOW + 2_000).is_ok());
        assert!(key.may_ask("m", NOW + 2_001).is_err(), "another one waits for the first");
        assert!(key.may_ask("m", NOW + 2_000 + LOOK_MS).is_ok(), "but not for ever");
        key.worked("m");
        assert!(key.may_ask("m", NOW).is_ok() && key.resting(NOW).is_empty());
    }

    #[test]
    fn a_refused_key_rests_longer_each_time_until_it_is_accepted() {
        let key = KeyHealth::default();
        key.refused(NOW);
        key.refused(NOW);
        assert_eq!(key.may_ask("m", NOW).unwrap_err().until_ms, NOW + 2 * REFUSED_MS);
        for _ in 0..40 {
            key.refused(NOW);
        }
        assert_eq!(key.may_ask("m", NOW).unwrap_err().until_ms, NOW + LONGEST_MS);
        key.accepted();
        assert!(key.may_ask("m", NOW).is_ok());
        key.slow_down(NOW, None);
        key.accepted();
        assert!(key.may_ask("m", NOW).is_err(), "that it is valid does not make it faster");
    }

    #[test]
    fn a_breaker_opens_after_five_failures_of_one_model_alone() {
        let key = KeyHealth::default();
        for _ in 1..TRIPS {
            key.failed("a", NOW);
        }
        assert!(key.may_ask("a", NOW).is_ok());
        key.failed("a", NOW);
        let resting = key.may_ask("a", NOW).unwrap_err();
        assert_eq!((resting.why, resting.until_ms), (Rest::Failing, NOW + OPEN_MS));
        assert!(key.may_ask("b", NOW).is_ok());
        assert!(key.may_ask("a", NOW + OPEN_MS).is_ok(), "one looks");
        key.failed("a", NOW + OPEN_MS);
        assert_eq!(key.may_ask("a", NOW + OPEN_MS).unwrap_err().until_ms, NOW + 3 * OPEN_MS, "longer");
        key.worked("a");
        key.failed("a", NOW);
        assert!(key.may_ask("a", NOW).is_ok(), "it counts anew");
    }

    #[test]
    fn failures_of_any_number_of_models_take_little_room() {
        let key = KeyHealth::default();
        for n in 0..10 * MOST_MODELS {
            key.failed(&n.to_string(), NOW);
        }
        assert!(key.state().breakers.len() <= MOST_MODELS + 1);
    }
}
