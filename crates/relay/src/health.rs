//! What the relay has found out about a key while it worked with it: whether it is asked now, and if not, why and until
//! when. Outlives a snapshot, so that a change somewhere does not send calls back to what just failed.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
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
/// Models of a key whose failures are counted; of more, those that are not left alone are forgotten.
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
    /// A limit of its own is used up.
    Full,
}

impl Rest {
    /// The name in answers and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow_down",
            Self::Refused => "refused",
            Self::Failing => "failing",
            Self::Full => "over_limit",
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

/// What was heard when something went wrong with a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The vendor's status, if it gave one.
    pub status: Option<u16>,
    /// Its words, or ours where it said nothing; at most 400 bytes, never the key.
    pub words: Option<String>,
}

/// Why a key rests, as people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestNow {
    /// With this model alone, where one is named.
    pub model: Option<String>,
    /// Why and until when.
    pub resting: Resting,
    /// When it went wrong last, ms UTC.
    pub since_ms: i64,
    /// How often in a row.
    pub streak: u32,
    /// What was heard then.
    pub heard: Heard,
}

#[derive(Clone, Debug)]
struct Pause {
    resting: Resting,
    heard: Heard,
    /// How often in a row.
    streak: u32,
    since_ms: i64,
    /// Until when a call looks whether it is over: the others do not.
    looks_until_ms: i64,
}

#[derive(Clone, Debug, Default)]
struct Breaker {
    heard: Heard,
    failures: u32,
    since_ms: i64,
    /// Closed while 0.
    open_until_ms: i64,
    looks_until_ms: i64,
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
    state: Mutex<State>,
}

/// A call that may ask. Where it is the one that looks whether a rest is over, the next one may look when this is dropped.
#[derive(Debug)]
pub struct Look<'a> {
    claims: Option<(&'a KeyHealth, &'a str)>,
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let Some((health, model)) = self.claims else { return };
        let mut state = health.state();
        if let Some(pause) = &mut state.pause {
            pause.looks_until_ms = 0;
        }
        if let Some(breaker) = state.breakers.get_mut(model) {
            breaker.looks_until_ms = 0;
        }
    }
}

impl KeyHealth {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, state: &State) {
        let wrong = usize::from(state.pause.is_some()) + state.breakers.len();
        self.wrong.store(wrong, Ordering::Release);
    }

    /// Whether a call may ask with it now. When a rest is over, one call looks first, and only one; but what a vendor said
    /// to wait is over when it is over.
    ///
    /// # Errors
    /// Why not, and until when.
    pub fn may_ask<'a>(&'a self, model: &'a str, now_ms: i64) -> Result<Look<'a>, Resting> {
        if self.wrong.load(Ordering::Acquire) == 0 {
            return Ok(Look { claims: None });
        }
        let mut state = self.state();
        let mut claims = None;
        if let Some(pause) = &mut state.pause {
            may_look(pause.resting, &mut pause.looks_until_ms, now_ms)?;
            claims = Some((self, model));
        }
        if let Some(breaker) = state.breakers.get_mut(model).filter(|breaker| breaker.open_until_ms > 0) {
            let resting = Resting { why: Rest::Failing, until_ms: breaker.open_until_ms, told: false };
            may_look(resting, &mut breaker.looks_until_ms, now_ms)?;
            claims = Some((self, model));
        }
        Ok(Look { claims })
    }

    /// It answered a call that began then; what was found out later stays.
    pub fn worked(&self, model: &str, began_ms: i64) {
        if self.wrong.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut state = self.state();
        if state.pause.as_ref().is_some_and(|pause| pause.since_ms <= began_ms) {
            state.pause = None;
        }
        if state.breakers.get(model).is_some_and(|breaker| breaker.since_ms <= began_ms) {
            state.breakers.remove(model);
        }
        self.count(&state);
    }

    /// Its vendor takes it, as somebody found out who asked nothing of a model: a refusal is over, and of a model that failed
    /// the next call makes sure, alone. That it is valid does not make it faster: who was asked to slow down still is.
    pub fn accepted(&self, now_ms: i64) {
        let mut state = self.state();
        if state.pause.as_ref().is_some_and(|pause| pause.resting.why == Rest::Refused) {
            state.pause = None;
        }
        for breaker in state.breakers.values_mut() {
            breaker.open_until_ms = breaker.open_until_ms.min(now_ms);
        }
        self.count(&state);
    }

    /// Its vendor refused it.
    pub fn refused(&self, now_ms: i64, heard: Heard) {
        self.pauses(Rest::Refused, now_ms, None, heard);
    }

    /// Its vendor asked to slow down, for so long where it said.
    pub fn slow_down(&self, now_ms: i64, for_ms: Option<i64>, heard: Heard) {
        self.pauses(Rest::Slow, now_ms, for_ms, heard);
    }

    fn pauses(&self, why: Rest, now_ms: i64, for_ms: Option<i64>, heard: Heard) {
        let mut state = self.state();
        let first = if why == Rest::Slow { SLOW_MS } else { REFUSED_MS };
        let same = state.pause.clone().filter(|pause| pause.resting.why == why);
        let holds = state.pause.clone().filter(|pause| now_ms < pause.resting.until_ms);
        let told = for_ms.map(|wait| now_ms + wait.clamp(0, LONGEST_MS));
        let pause = match (holds, same) {
            // Several calls at once find out one thing: it is one step, and the longest time that was named.
            (Some(known), Some(_)) => {
                let until_ms = told.map_or(known.resting.until_ms, |told| told.max(known.resting.until_ms));
                let resting = Resting { until_ms, told: known.resting.told || told.is_some(), why };
                Pause { resting, since_ms: now_ms, looks_until_ms: 0, heard, ..known }
            }
            // Refused is the stronger word.
            (Some(known), None) if known.resting.why == Rest::Refused => known,
            (_, same) => {
                let streak = same.as_ref().map_or(0, |pause| pause.streak);
                let grown = now_ms + first.saturating_mul(1 << streak.min(10)).min(LONGEST_MS);
                let resting = Resting { why, until_ms: told.unwrap_or(grown), told: told.is_some() };
                let streak = streak.saturating_add(1);
                Pause { resting, streak, since_ms: now_ms, looks_until_ms: 0, heard }
            }
        };
        state.pause = Some(pause);
        self.count(&state);
    }

    /// It failed with this model: an error of the vendor's own, or none came at all. Calls that name no model are of many
    /// kinds, and one kind says nothing of another.
    pub fn failed(&self, model: &str, now_ms: i64, heard: Heard) {
        if model.is_empty() {
            return;
        }
        let mut state = self.state();
        if state.breakers.len() >= MOST_MODELS && !state.breakers.contains_key(model) {
            let closed = state.breakers.iter().find(|(_, breaker)| breaker.open_until_ms <= now_ms);
            let Some(closed) = closed.map(|(model, _)| model.clone()) else { return };
            state.breakers.remove(&closed);
        }
        let breaker = state.breakers.entry(model.to_owned()).or_default();
        // Those that were under way when it opened tell nothing new.
        if now_ms >= breaker.open_until_ms {
            breaker.failures = breaker.failures.saturating_add(1);
            if let Some(more) = breaker.failures.checked_sub(TRIPS) {
                breaker.open_until_ms = now_ms + (OPEN_MS << more.min(8)).min(LONGEST_OPEN_MS);
            }
        }
        (breaker.since_ms, breaker.looks_until_ms, breaker.heard) = (now_ms, 0, heard);
        self.count(&state);
    }

    /// Why it rests just now, for people: the pause of the key, and the models with which it fails.
    #[must_use]
    pub fn resting(&self, now_ms: i64) -> Vec<RestNow> {
        let state = self.state();
        let pause = state.pause.as_ref().map(|pause| RestNow {
            model: None,
            resting: pause.resting,
            since_ms: pause.since_ms,
            streak: pause.streak,
            heard: pause.heard.clone(),
        });
        let open = state.breakers.iter().map(|(model, breaker)| RestNow {
            model: Some(model.clone()),
            resting: Resting { why: Rest::Failing, until_ms: breaker.open_until_ms, told: false },
            since_ms: breaker.since_ms,
            streak: breaker.failures,
            heard: breaker.heard.clone(),
        });
        pause.into_iter().chain(open).filter(|rest| rest.resting.until_ms > now_ms).collect()
    }

    /// Why a call with this model would leave it alone now. Asks on nobody's behalf.
    #[must_use]
    pub fn left_alone(&self, model: &str, now_ms: i64) -> Option<Resting> {
        if self.wrong.load(Ordering::Acquire) == 0 {
            return None;
        }
        let of = |rest: &RestNow| rest.model.as_deref().is_none_or(|named| named == model);
        self.resting(now_ms).into_iter().filter(of).map(|rest| rest.resting).max_by_key(|rest| rest.until_ms)
    }
}

/// Whether a rest is over for this call; where somebody must look first, it is the one.
fn may_look(resting: Resting, looks_until_ms: &mut i64, now_ms: i64) -> Result<(), Resting> {
    if now_ms < resting.until_ms {
        return Err(resting);
    }
    if resting.told {
        return Ok(());
    }
    if now_ms < *looks_until_ms {
        return Err(Resting { until_ms: *looks_until_ms, ..resting });
    }
    *looks_until_ms = now_ms + LOOK_MS;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    #[test]
    fn a_key_rests_as_long_as_its_vendor_says_and_no_longer() {
        let key = KeyHealth::default();
        key.slow_down(NOW, Some(2_000), Heard::default());
        let resting = key.may_ask("m", NOW + 1_999).unwrap_err();
        assert_eq!((resting.why, resting.until_ms, resting.told), (Rest::Slow, NOW + 2_000, true));
        let (_one, _other) = (key.may_ask("m", NOW + 2_000).unwrap(), key.may_ask("m", NOW + 2_000).unwrap());
        key.worked("m", NOW - 1);
        assert!(key.may_ask("m", NOW).is_err(), "an answer to an older call says nothing of it");
        key.worked("m", NOW + 2_000);
        assert!(key.may_ask("m", NOW).is_ok() && key.resting(NOW).is_empty());
    }

    #[test]
    fn the_next_call_alone_looks_whether_a_key_that_is_taken_works_again() {
        let key = KeyHealth::default();
        key.refused(NOW, Heard::default());
        key.accepted(NOW);
        assert!(key.resting(NOW).is_empty() && key.may_ask("m", NOW).is_ok());
        for _ in 0..TRIPS {
            key.failed("m", NOW, Heard::default());
        }
        assert!(key.may_ask("m", NOW + 1).is_err());
        key.accepted(NOW + 1);
        let look = key.may_ask("m", NOW + 1).expect("the next call looks");
        assert!(key.may_ask("m", NOW + 1).is_err(), "and nobody else meanwhile");
        key.failed("m", NOW + 1, Heard::default());
        drop(look);
        assert!(key.may_ask("m", NOW + 2).is_err(), "it failed again");
    }

    #[test]
    fn after_a_rest_nobody_named_one_call_looks_and_the_next_when_it_is_done() {
        let key = KeyHealth::default();
        key.slow_down(NOW, None, Heard::default());
        let over = NOW + SLOW_MS;
        let looks = key.may_ask("m", over).unwrap();
        assert!(key.may_ask("m", over + 1).is_err(), "another one waits for the first");
        drop(looks);
        let _looks = key.may_ask("m", over + 1).unwrap();
        assert!(key.may_ask("m", over + 1 + LOOK_MS).is_ok(), "but not for ever");
    }

    #[test]
    fn a_refused_key_rests_longer_each_time_until_it_is_accepted() {
        let key = KeyHealth::default();
        for _ in 0..10 {
            key.refused(NOW, Heard::default());
        }
        assert_eq!(key.may_ask("m", NOW).unwrap_err().until_ms, NOW + REFUSED_MS, "ten at once are one");
        key.slow_down(NOW, Some(1), Heard::default());
        assert_eq!(key.may_ask("m", NOW).unwrap_err().why, Rest::Refused);
        let mut now = NOW;
        for n in 1..12 {
            now = key.may_ask("m", now).unwrap_err().until_ms;
            key.refused(now, Heard::default());
            let rests_ms = key.may_ask("m", now).unwrap_err().until_ms - now;
            assert_eq!(rests_ms, (REFUSED_MS << n).min(LONGEST_MS));
        }
        key.accepted(now);
        assert!(key.may_ask("m", now).is_ok());
        key.slow_down(now, None, Heard::default());
        key.accepted(now);
        assert!(key.may_ask("m", now).is_err(), "that it is valid does not make it faster");
    }

    #[test]
    fn a_breaker_opens_after_five_failures_of_one_model_alone() {
        let key = KeyHealth::default();
        for _ in 1..TRIPS {
            key.failed("a", NOW, Heard::default());
        }
        assert!(key.may_ask("a", NOW).is_ok());
        for _ in 0..20 {
            key.failed("a", NOW, Heard::default());
        }
        let resting = key.may_ask("a", NOW).unwrap_err();
        assert_eq!((resting.why, resting.until_ms), (Rest::Failing, NOW + OPEN_MS), "a burst is no streak");
        assert!(key.may_ask("b", NOW).is_ok());
        assert!(key.may_ask("a", NOW + OPEN_MS).is_ok(), "one looks");
        key.failed("a", NOW + OPEN_MS, Heard::default());
        assert_eq!(key.may_ask("a", NOW + OPEN_MS).unwrap_err().until_ms, NOW + 3 * OPEN_MS, "longer");
        key.worked("a", NOW + OPEN_MS);
        key.failed("a", NOW, Heard::default());
        assert!(key.may_ask("a", NOW).is_ok(), "it counts anew");
    }

    #[test]
    fn failures_of_any_number_of_models_take_little_room_and_shut_nobody_else_out() {
        let key = KeyHealth::default();
        for n in 0..10 * MOST_MODELS {
            key.failed(&n.to_string(), NOW, Heard::default());
            key.failed("", NOW, Heard::default());
        }
        assert!(key.state().breakers.len() <= MOST_MODELS);
        assert!(key.may_ask("", NOW).is_ok() && key.may_ask("never", NOW).is_ok());
        for _ in 0..TRIPS {
            key.failed("late", NOW, Heard::default());
        }
        assert!(key.may_ask("late", NOW).is_err(), "a new one finds a place");
    }
}
