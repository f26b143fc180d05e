//! What is remembered of one bot's calls, and when they look like a bot that spends for nobody. Pure: times come with the calls.

use api::budgets::{LOOKOUT, Lookout};
use std::collections::VecDeque;

/// From when on a bot looks like one that spends for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Calls that make a loop.
    calls: usize,
    /// Distances and sizes of a loop lie about their mean, by less than so many percent of it.
    spread_percent: i128,
    /// A loop's calls come at least so far apart: tools that are called one after another are work, not a heartbeat.
    apart_ms: i64,
    /// Who writes to a bot keeps it busy for a while.
    busy_ms: i64,
    /// Spending for nobody goes on for longer than this,
    idle_ms: i64,
    /// and costs more.
    idle_micro_usd: i64,
}

impl From<&Lookout> for Rules {
    fn from(said: &Lookout) -> Self {
        Self {
            calls: usize::try_from(said.loop_calls).unwrap_or(0).max(2),
            spread_percent: said.loop_spread_percent.into(),
            apart_ms: said.loop_apart_s.saturating_mul(1_000),
            busy_ms: said.busy_minutes.saturating_mul(MINUTE_MS),
            idle_ms: said.idle_minutes.saturating_mul(MINUTE_MS),
            idle_micro_usd: said.idle_micro_usd,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::from(&LOOKOUT)
    }
}

const MINUTE_MS: i64 = 60_000;
/// What is spent is kept by quarters of an hour, for a day.
const QUARTER_MS: i64 = 15 * 60_000;
const QUARTERS: usize = 96;

/// One call, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) at_ms: i64,
    pub(super) bytes: i64,
    /// 0 where it is not known.
    pub(super) micro_usd: i64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Calls of nearly one size at nearly even distance.
    Loop { calls: usize, apart_ms: i64, bytes: i64 },
    /// So much was spent for nobody, from the first to the last call.
    Idle { micro_usd: i64, for_ms: i64 },
}

/// What was spent in a quarter of an hour.
#[derive(Clone, Copy, Debug)]
struct Quarter {
    start_ms: i64,
    first_ms: i64,
    last_ms: i64,
    micro_usd: i64,
}

/// One bot's calls.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// The last ones, by when they began.
    calls: VecDeque<Call>,
    quarters: VecDeque<Quarter>,
    /// When somebody wrote to it last, as far as that was asked.
    pub(super) written_ms: Option<i64>,
    /// The day on which people were told of it.
    pub(super) told_day: Option<i64>,
}

impl Track {
    /// When it called last.
    pub(super) fn last_ms(&self) -> i64 {
        self.calls.back().map_or(i64::MIN, |call| call.at_ms)
    }

    /// Takes a call in; so many as make a loop are remembered. They come in the order in which they end.
    pub(super) fn see(&mut self, call: Call, rules: &Rules) {
        let place = self.calls.iter().rposition(|known| known.at_ms <= call.at_ms).map_or(0, |at| at + 1);
        self.calls.insert(place, call);
        while self.calls.len() > rules.calls {
            self.calls.pop_front();
        }
        if call.micro_usd > 0 {
            self.spend(call);
        }
    }

    fn spend(&mut self, call: Call) {
        let start_ms = call.at_ms - call.at_ms.rem_euclid(QUARTER_MS);
        match self.quarters.iter_mut().rev().find(|quarter| quarter.start_ms <= start_ms) {
            Some(quarter) if quarter.start_ms == start_ms => {
                quarter.first_ms = quarter.first_ms.min(call.at_ms);
                quarter.last_ms = quarter.last_ms.max(call.at_ms);
                quarter.micro_usd = quarter.micro_usd.saturating_add(call.micro_usd);
            }
            found => {
                // One that began in a quarter long gone is counted nowhere.
                if found.is_none() && !self.quarters.is_empty() {
                    return;
                }
                let (first_ms, last_ms) = (call.at_ms, call.at_ms);
                self.quarters.push_back(Quarter { start_ms, first_ms, last_ms, micro_usd: call.micro_usd });
            }
        }
        let day = i64::try_from(QUARTERS).unwrap_or(0) * QUARTER_MS;
        while self.quarters.front().is_some_and(|oldest| oldest.start_ms <= start_ms - day) {
            self.quarters.pop_front();
        }
    }

    /// What these calls look like, for who was written to last at `written_ms`.
    pub(super) fn finding(&self, rules: &Rules) -> Option<Finding> {
        self.heartbeat(rules).or_else(|| self.idle(rules))
    }

    fn heartbeat(&self, rules: &Rules) -> Option<Finding> {
        // There may be more of them since fewer make one.
        let calls = || self.calls.iter().skip(self.calls.len().saturating_sub(rules.calls));
        let first = calls().next()?;
        let written = self.written_ms.is_some_and(|at| at.saturating_add(rules.busy_ms) > first.at_ms);
        if self.calls.len() < rules.calls || written {
            return None;
        }
        let apart = calls().zip(calls().skip(1)).map(|(a, b)| b.at_ms - a.at_ms);
        let apart_ms = even(apart, rules.spread_percent)?;
        let bytes = even(calls().map(|call| call.bytes), rules.spread_percent)?;
        (apart_ms >= rules.apart_ms).then_some(Finding::Loop { calls: rules.calls, apart_ms, bytes })
    }

    fn idle(&self, rules: &Rules) -> Option<Finding> {
        // The quarter in which somebody wrote is theirs.
        let alone = |quarter: &&Quarter| self.written_ms.is_none_or(|at| quarter.start_ms > at);
        let since = || self.quarters.iter().filter(alone);
        let (first, last) = (since().next()?, since().next_back()?);
        let for_ms = last.last_ms - first.first_ms;
        let micro_usd = since().fold(0_i64, |sum, quarter| sum.saturating_add(quarter.micro_usd));
        (for_ms > rules.idle_ms && micro_usd > rules.idle_micro_usd)
            .then_some(Finding::Idle { micro_usd, for_ms })
    }
}

/// The mean of numbers that lie about it: their standard deviation is less than so many percent of it.
fn even(numbers: impl Iterator<Item = i64> + Clone, percent: i128) -> Option<i64> {
    let count = i128::try_from(numbers.clone().count()).ok().filter(|count| *count > 0)?;
    let mean = numbers.clone().map(i128::from).sum::<i128>() / count;
    let squares = numbers.map(|n| (i128::from(n) - mean).pow(2)).sum::<i128>();
    let spread = squares.saturating_mul(10_000) < (mean * percent).pow(2).saturating_mul(count);
    (mean > 0 && spread).then(|| i64::try_from(mean).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const NOON: i64 = 1_795_176_000_000;

    fn call(at_ms: i64, bytes: i64, micro_usd: i64) -> Call {
        Call { at_ms, bytes, micro_usd }
    }

    /// So many calls, each a distance after the one before.
    fn track(calls: usize, apart: impl Fn(usize) -> i64, bytes: impl Fn(usize) -> i64) -> Track {
        let (mut track, mut at) = (Track::default(), NOON);
        for n in 0..calls {
            track.see(call(at, bytes(n), 0), &Rules::default());
            at += apart(n);
        }
        track
    }

    #[test]
    fn twenty_even_calls_of_one_size_are_a_loop_and_nineteen_are_none() {
        let heartbeat = |calls| track(calls, |_| 30 * MINUTE, |n| 61_000 + 10 * n as i64);
        assert_eq!(heartbeat(19).finding(&Rules::default()), None);
        let found = heartbeat(20).finding(&Rules::default());
        assert_eq!(found, Some(Finding::Loop { calls: 20, apart_ms: 30 * MINUTE, bytes: 61_095 }));
        assert!(heartbeat(500).calls.len() == 20, "and no more is remembered");
    }

    #[test]
    fn a_little_jitter_is_a_loop_still_and_people_are_none() {
        let jitter = |n: usize| 10 * MINUTE + if n.is_multiple_of(2) { 90_000 } else { -90_000 };
        assert!(matches!(
            track(20, jitter, |_| 50_000).finding(&Rules::default()),
            Some(Finding::Loop { .. })
        ));
        let people = |n: usize| if n.is_multiple_of(3) { 40 * MINUTE } else { 2 * MINUTE };
        assert_eq!(track(40, people, |_| 50_000).finding(&Rules::default()), None, "at uneven distance");
        let grows = |n: usize| 5_000 * (n as i64 + 1);
        assert_eq!(track(20, |_| 10 * MINUTE, grows).finding(&Rules::default()), None, "of uneven size");
        assert_eq!(
            track(40, |_| 3_000, |_| 50_000).finding(&Rules::default()),
            None,
            "tools at work come fast"
        );
    }

    #[test]
    fn who_was_written_to_is_busy_and_not_in_a_loop() {
        let mut track = track(20, |_| 10 * MINUTE, |_| 50_000);
        track.written_ms = Some(NOON + 100 * MINUTE);
        assert_eq!(track.finding(&Rules::default()), None);
        track.written_ms = Some(NOON - 9 * MINUTE);
        assert_eq!(track.finding(&Rules::default()), None, "it may be at what it was asked");
        track.written_ms = Some(NOON - 11 * MINUTE);
        assert!(track.finding(&Rules::default()).is_some());
    }

    #[test]
    fn an_hour_of_spending_over_a_dollar_for_nobody_is_idle() {
        let mut track = Track::default();
        let uneven = [0, 7, 9, 31, 44, 59];
        for (n, minute) in uneven.into_iter().enumerate() {
            track.see(call(NOON + minute * MINUTE, 1_000 * (n as i64 + 1), 300_000), &Rules::default());
        }
        assert_eq!(track.finding(&Rules::default()), None, "less than an hour");
        track.see(call(NOON + 61 * MINUTE, 1, 300_000), &Rules::default());
        assert_eq!(
            track.finding(&Rules::default()),
            Some(Finding::Idle { micro_usd: 2_100_000, for_ms: 61 * MINUTE })
        );
        track.written_ms = Some(NOON + 20 * MINUTE);
        assert_eq!(track.finding(&Rules::default()), None, "what came before belongs to who wrote");
        track.see(call(NOON + 95 * MINUTE, 1, 300_000), &Rules::default());
        assert_eq!(
            track.finding(&Rules::default()),
            Some(Finding::Idle { micro_usd: 1_500_000, for_ms: 64 * MINUTE })
        );
    }

    #[test]
    fn little_money_is_no_trouble_and_a_day_is_remembered_at_most() {
        let mut track = Track::default();
        for n in 0..200 {
            track.see(call(NOON + n * QUARTER_MS, n, 10_000), &Rules::default());
        }
        assert_eq!(track.idle(&Rules::default()), None, "96 quarters of a cent");
        assert_eq!(track.quarters.len(), QUARTERS);
        track.see(call(NOON, 1, 5_000_000), &Rules::default());
        assert_eq!(track.idle(&Rules::default()), None, "what is long gone");
    }

    #[test]
    fn calls_that_end_out_of_order_are_put_in_theirs() {
        let mut track = Track::default();
        let mut places: Vec<i64> = (0..20).collect();
        places.swap(3, 4);
        places.swap(10, 12);
        for n in places {
            track.see(call(NOON + n * 10 * MINUTE, 50_000, 0), &Rules::default());
        }
        assert!(matches!(track.finding(&Rules::default()), Some(Finding::Loop { apart_ms: 600_000, .. })));
    }

    #[test]
    fn a_workspace_says_what_a_loop_is_and_what_idle_spending_costs() {
        let of = |said: Lookout| Rules::from(&said);
        let twenty = track(20, |_| 10 * MINUTE, |_| 50_000);
        for (said, found) in [
            (Lookout { loop_calls: 21, ..LOOKOUT }, false),
            (Lookout { loop_calls: 5, ..LOOKOUT }, true),
            (Lookout { loop_apart_s: 600, ..LOOKOUT }, true),
            (Lookout { loop_apart_s: 601, ..LOOKOUT }, false),
        ] {
            assert_eq!(twenty.finding(&of(said)).is_some(), found, "{said:?}");
        }
        let jitter = |n: usize| 10 * MINUTE + if n.is_multiple_of(2) { 90_000 } else { -90_000 };
        let uneven = track(20, jitter, |_| 50_000);
        assert_eq!(uneven.finding(&of(Lookout { loop_spread_percent: 14, ..LOOKOUT })), None);
        assert!(uneven.finding(&of(Lookout { loop_spread_percent: 15, ..LOOKOUT })).is_some());
        let mut written = track(20, |_| 10 * MINUTE, |_| 50_000);
        written.written_ms = Some(NOON - 11 * MINUTE);
        assert_eq!(written.finding(&of(Lookout { busy_minutes: 12, ..LOOKOUT })), None);
        let mut spends = Track::default();
        for minute in [0, 7, 21] {
            spends.see(call(NOON + minute * MINUTE, minute, 100), &Rules::default());
        }
        let little = Lookout { idle_minutes: 20, idle_micro_usd: 299, ..LOOKOUT };
        assert_eq!(spends.finding(&of(little)), Some(Finding::Idle { micro_usd: 300, for_ms: 21 * MINUTE }));
        assert_eq!(spends.finding(&of(Lookout { idle_micro_usd: 300, ..little })), None);
        assert_eq!(spends.finding(&of(Lookout { idle_minutes: 21, ..little })), None);
    }
}
