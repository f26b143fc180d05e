//! Limits on what callers use: requests, tokens, money; per minute, day or month.
//!
//! A call takes what it may use at most before it is sent (a reservation), and gives back what it did not use when it ends.
//! What is taken never exceeds a hard limit, however many calls come at once. No lock: a window is a pair of atomics, and a
//! new window is a new pair; who began in the old one settles there.

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;
use uuid::Uuid;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Calls.
    Requests,
    /// Tokens of every kind.
    Tokens,
    /// Micro-USD.
    Money,
}

/// From when to when, ms UTC; the end is not in it.
pub type Span = (i64, i64);
/// The window in which a moment lies: a minute, or a day or month of the workspace's time zone.
pub type Windows = Arc<dyn Fn(i64) -> Span + Send + Sync>;

/// Windows of a day or a month begin at a multiple of this, in every zone; shorter ones anywhere.
pub const SLOT_MS: i64 = 15 * 60_000;

/// What a call was counted with in one limit. What a window holds is the sum of those whose slots lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The limit.
    pub limit: Uuid,
    /// The quarter of an hour it counts for, ms UTC: in the window in which it was taken, of whatever length.
    pub slot_ms: i64,
    /// How much, in the limit's unit.
    pub amount: u64,
}

/// How much of a limit is used up when people are told.
const WARN_PERCENT: u64 = 80;

/// What was used in the running window. Outlives snapshots.
pub struct Counter {
    window: ArcSwap<Window>,
    /// Told when it is nearly or wholly used, or a call finds no room.
    news: Arc<Notify>,
}

struct Window {
    span: Span,
    /// Used and reserved.
    taken: AtomicU64,
    used: AtomicU64,
    refused: AtomicBool,
    warned: AtomicBool,
    spent: AtomicBool,
}

impl Window {
    fn new(span: Span, used: u64) -> Self {
        let refused = AtomicBool::default();
        let (warned, spent) = (AtomicBool::default(), AtomicBool::default());
        Self { span, taken: used.into(), used: used.into(), refused, warned, spent }
    }
}

impl Counter {
    /// A counter that knows what was used already in a window. `news` is told when a limit is nearly or wholly used.
    #[must_use]
    pub fn new(span: Span, used: u64, news: Arc<Notify>) -> Self {
        Self { window: ArcSwap::from_pointee(Window::new(span, used)), news }
    }

    /// There is more or less of it now: whether it is nearly or wholly used is found anew.
    pub fn look_again(&self) {
        let window = self.window.load();
        for flag in [&window.refused, &window.warned, &window.spent] {
            flag.store(false, Ordering::Relaxed);
        }
    }

    /// The window of a moment: the running one, unless its time is over.
    fn at(&self, now_ms: i64, windows: &Windows) -> Arc<Window> {
        let window = self.window.load();
        if now_ms < window.span.1 {
            return Arc::clone(&window);
        }
        let next = Arc::new(Window::new(windows(now_ms), 0));
        let before = self.window.compare_and_swap(&window, Arc::clone(&next));
        // Another call began the window a moment ago.
        if Arc::ptr_eq(&before, &window) { next } else { Arc::clone(&before) }
    }
}

/// A cheaper model of a vendor, to which calls go when a limit is nearly or wholly used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// Whose calls it takes; no call goes to another vendor.
    pub vendor: String,
    /// As its vendor names it.
    pub model: String,
    /// From how many percent used on; where nothing is said, when a call finds no room.
    pub from_percent: Option<u64>,
}

/// A limit as calls meet it.
pub struct Limit {
    /// Its id in the store.
    pub id: Uuid,
    /// Limits of one id and identity share their counter.
    pub identity: String,
    /// What is counted.
    pub unit: Unit,
    /// How much of it a window has. 0: nothing passes, somebody stopped it.
    pub most: u64,
    /// Whether calls are refused; otherwise people are told only.
    pub hard: bool,
    /// The only vendor it is for.
    pub vendor: Option<String>,
    /// The only model of that vendor it is for.
    pub model: Option<String>,
    /// What is asked instead of a model that it has no room for.
    pub instead: Option<Instead>,
    /// Its windows.
    pub windows: Windows,
    /// What was used.
    pub counter: Arc<Counter>,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("id", &self.id)
            .field("unit", &self.unit)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The running window.
    pub span: Span,
    /// Used by calls that ended.
    pub used: u64,
    /// Reserved by calls that run.
    pub reserved: u64,
    /// Nearly used up.
    pub warned: bool,
    /// Used up, or a call found no room.
    pub spent: bool,
}

impl Standing {
    /// Of a limit that no call met yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { span: (0, 0), used: 0, reserved: 0, warned: false, spent: false }
    }
}

impl Limit {
    fn is_for(&self, vendor: &str, model: &str) -> bool {
        self.vendor.as_deref().is_none_or(|only| only == vendor)
            && self.model.as_deref().is_none_or(|only| only == model)
    }

    /// Another model for a call; nothing is cheaper than what somebody stopped.
    fn other_than(&self, vendor: &str, model: &str) -> Option<&Instead> {
        let other = |instead: &&Instead| instead.vendor != vendor || instead.model != model;
        self.instead.as_ref().filter(other).filter(|_| self.most > 0 && self.is_for(vendor, model))
    }

    /// Whether so much is used that calls go to the other model already.
    fn is_by_now(&self, instead: &Instead, now_ms: i64) -> bool {
        let Some(from) = instead.from_percent else { return false };
        let used = self.counter.at(now_ms, &self.windows).used.load(Ordering::Relaxed);
        u128::from(used) * 100 >= u128::from(self.most) * u128::from(from)
    }

    /// The cheaper model for a call, if there is one of its vendor.
    #[must_use]
    pub fn instead_of(&self, vendor: &str, model: &str) -> Option<&Instead> {
        self.other_than(vendor, model).filter(|instead| instead.vendor == vendor)
    }

    /// The same, if so much is used that calls go to it already.
    #[must_use]
    pub fn instead_by_now(&self, vendor: &str, model: &str, now_ms: i64) -> Option<&Instead> {
        self.instead_of(vendor, model).filter(|instead| self.is_by_now(instead, now_ms))
    }

    /// The cheaper model in the place of a chain's link, whoever's it is; `by_now`: if so much is used that calls go to it already
    /// at that moment.
    #[must_use]
    pub fn instead_of_link(&self, vendor: &str, model: &str, by_now: Option<i64>) -> Option<&Instead> {
        let instead = self.other_than(vendor, model)?;
        by_now.is_none_or(|now_ms| self.is_by_now(instead, now_ms)).then_some(instead)
    }

    /// How it stands at a moment.
    #[must_use]
    pub fn standing(&self, now_ms: i64) -> Standing {
        let window = self.counter.at(now_ms, &self.windows);
        let used = window.used.load(Ordering::Relaxed);
        Standing {
            span: window.span,
            used,
            reserved: window.taken.load(Ordering::Relaxed).saturating_sub(used),
            warned: window.warned.load(Ordering::Relaxed) || near(used, self.most),
            spent: window.spent.load(Ordering::Relaxed)
                || window.refused.load(Ordering::Relaxed)
                || used >= self.most,
        }
    }

    fn take(&self, amount: u64, now_ms: i64) -> Result<Taken, Refused> {
        let window = self.counter.at(now_ms, &self.windows);
        let fits = |taken: u64| {
            let sum = taken.saturating_add(amount);
            // What somebody stopped is stopped, whatever else is said.
            (self.most > 0 && (!self.hard || sum <= self.most)).then_some(sum)
        };
        match window.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_before) => Ok(Taken { window, amount, at_ms: now_ms }),
            Err(_taken) => {
                // What no window has room for says nothing of this one.
                let never = amount > self.most;
                if !never && !window.refused.swap(true, Ordering::Relaxed) {
                    self.counter.news.notify_one();
                }
                let used = window.used.load(Ordering::Relaxed);
                let resets_ms = window.span.1;
                // What runs may give back what it does not use.
                let soon = used.saturating_add(amount) <= self.most;
                Err(Refused {
                    limit: self.id,
                    unit: self.unit,
                    most: self.most,
                    used,
                    resets_ms,
                    soon,
                    never,
                })
            }
        }
    }

    fn settle(&self, taken: &Taken, used: u64) {
        let window = &taken.window;
        if used >= taken.amount {
            window.taken.fetch_add(used - taken.amount, Ordering::Relaxed);
        } else {
            window.taken.fetch_sub(taken.amount - used, Ordering::Relaxed);
        }
        let now = window.used.fetch_add(used, Ordering::Relaxed).saturating_add(used);
        let first = |flag: &AtomicBool, is: bool| is && !flag.swap(true, Ordering::Relaxed);
        let warned = first(&window.warned, near(now, self.most));
        if first(&window.spent, now >= self.most) || warned {
            self.counter.news.notify_one();
        }
    }
}

fn near(used: u64, most: u64) -> bool {
    u128::from(used) * 100 >= u128::from(most) * u128::from(WARN_PERCENT)
}

struct Taken {
    window: Arc<Window>,
    amount: u64,
    /// When.
    at_ms: i64,
}

impl Taken {
    fn count(&self, limit: Uuid, amount: u64) -> Count {
        let (from, to) = self.window.span;
        // A clock may have been set back meanwhile.
        let at_ms = self.at_ms.clamp(from, to - 1);
        Count { limit, slot_ms: (at_ms - at_ms.rem_euclid(SLOT_MS)).max(from), amount }
    }
}

/// No room in a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub limit: Uuid,
    /// What it counts.
    pub unit: Unit,
    /// How much a window has; 0: it was stopped.
    pub most: u64,
    /// How much is used.
    pub used: u64,
    /// When the next window begins, ms UTC.
    pub resets_ms: i64,
    /// Whether what runs just now may make room before that.
    pub soon: bool,
    /// Whether the call may use more than a whole window has.
    pub never: bool,
}

/// What a call may use at most, or did use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Calls: 1, or 0 for one that ended before anybody was asked.
    pub requests: u64,
    /// Tokens of every kind.
    pub tokens: u64,
    /// Micro-USD.
    pub money: u64,
}

impl Need {
    fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Tokens => self.tokens,
            Unit::Money => self.money,
        }
    }
}

/// What one call has reserved. Dropping it unsettled gives all back.
#[derive(Default)]
pub struct Reserved(Vec<(Arc<Limit>, Taken)>);

impl Reserved {
    /// Reserves in every limit that is for the call, or in none.
    ///
    /// # Errors
    /// The first limit without room.
    pub fn take(
        limits: &[Arc<Limit>],
        (vendor, model): (&str, &str),
        need: Need,
        now_ms: i64,
    ) -> Result<Self, Refused> {
        let mut all = Self::default();
        for limit in limits.iter().filter(|limit| limit.is_for(vendor, model)) {
            // What was taken before goes back when `all` goes.
            let taken = limit.take(need.of(limit.unit), now_ms)?;
            all.0.push((Arc::clone(limit), taken));
        }
        Ok(all)
    }

    /// The first of them by which somebody stopped such calls.
    #[must_use]
    pub fn stop(limits: &[Arc<Limit>], (vendor, model): (&str, &str), now_ms: i64) -> Option<Refused> {
        let mut stops = limits.iter().filter(|limit| limit.most == 0 && limit.is_for(vendor, model));
        stops.find_map(|limit| limit.take(0, now_ms).err())
    }

    /// Whether there is a hard limit of money among them.
    #[must_use]
    pub fn ends_spending(limits: &[Arc<Limit>], (vendor, model): (&str, &str)) -> bool {
        limits.iter().any(|limit| limit.hard && limit.unit == Unit::Money && limit.is_for(vendor, model))
    }

    /// The call ended: what it used stays, the rest goes back. Says what was counted, in the room that the reservation had.
    pub fn settle(mut self, used: Need) -> Vec<Count> {
        let settle = |(limit, taken): (Arc<Limit>, Taken)| {
            let used = used.of(limit.unit);
            limit.settle(&taken, used);
            taken.count(limit.id, used)
        };
        std::mem::take(&mut self.0).into_iter().map(settle).collect()
    }

    /// What is counted should nobody see the call's end, if it used so much.
    pub fn counts(&self, used: Need) -> impl Iterator<Item = Count> {
        self.0.iter().map(move |(limit, taken)| taken.count(limit.id, used.of(limit.unit)))
    }

    /// It will not use more than this: what is above it goes back at once.
    pub fn lower(&mut self, most: Need) {
        for (limit, taken) in &mut self.0 {
            let most = most.of(limit.unit).min(taken.amount);
            taken.window.taken.fetch_sub(taken.amount - most, Ordering::Relaxed);
            taken.amount = most;
        }
    }

    /// What it used until now stays, and as much as before is reserved once more, but for the request, which is the same one.
    /// What was counted goes to `counts`.
    ///
    /// # Errors
    /// The first limit without room; then nothing is reserved.
    pub fn renew(&mut self, used: Need, now_ms: i64, counts: &mut Vec<Count>) -> Result<(), Refused> {
        let again = |limit: &Limit, amount| if limit.unit == Unit::Requests { 0 } else { amount };
        let before: Vec<_> =
            self.0.iter().map(|(limit, taken)| (Arc::clone(limit), again(limit, taken.amount))).collect();
        counts.extend(std::mem::take(self).settle(used));
        let mut all = Self::default();
        for (limit, amount) in before {
            let taken = limit.take(amount, now_ms)?;
            all.0.push((limit, taken));
        }
        *self = all;
        Ok(())
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tightest limit of requests: how many a window has, how many are left, when it ends (ms UTC).
    #[must_use]
    pub fn rate(&self) -> Option<(u64, u64, i64)> {
        let requests = self.0.iter().filter(|(limit, _)| limit.hard && limit.unit == Unit::Requests);
        let left = |(limit, taken): &(Arc<Limit>, Taken)| {
            let left = limit.most.saturating_sub(taken.window.taken.load(Ordering::Relaxed));
            (limit.most, left, taken.window.span.1)
        };
        requests.map(left).min_by_key(|(_, left, _)| *left)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for (_, taken) in self.0.drain(..) {
            taken.window.taken.fetch_sub(taken.amount, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
