//! Which sums a time is made of: whole UTC days from one table, the rest from quarters of an hour.
//!
//! The clocks of all zones go by quarters, so that the days of any zone are sums of them.

/// A quarter of an hour.
pub(super) const QUARTER_MS: i64 = 15 * 60_000;
/// A UTC day.
pub(super) const DAY_MS: i64 = 24 * 3_600_000;
/// How long quarters are kept.
pub(super) const QUARTERS_KEPT_MS: i64 = 400 * DAY_MS;

/// The beginning of the `step` that a moment lies in.
pub(super) const fn floor(ms: i64, step: i64) -> i64 {
    ms - ms.rem_euclid(step)
}

/// The same moment, or the beginning of the next `step`.
pub(super) const fn ceil(ms: i64, step: i64) -> i64 {
    floor(ms.saturating_add(step - 1), step)
}

/// Where sums can be cut: at quarters, and at UTC midnights where quarters are forgotten.
pub(super) struct Grid {
    quarters_from_ms: i64,
}

impl Grid {
    pub(super) const fn at(now_ms: i64) -> Self {
        Self { quarters_from_ms: forgotten_before(now_ms) + DAY_MS }
    }

    /// The cut at or before a moment; of long ago, the nearest.
    pub(super) const fn before(&self, ms: i64) -> i64 {
        if ms < self.quarters_from_ms { floor(ms + DAY_MS / 2, DAY_MS) } else { floor(ms, QUARTER_MS) }
    }

    /// The cut at or after a moment; of long ago, the nearest.
    pub(super) const fn after(&self, ms: i64) -> i64 {
        if ms < self.quarters_from_ms { floor(ms + DAY_MS / 2, DAY_MS) } else { ceil(ms, QUARTER_MS) }
    }
}

/// Quarters that began before it are deleted.
pub(super) const fn forgotten_before(now_ms: i64) -> i64 {
    floor(now_ms - QUARTERS_KEPT_MS, DAY_MS)
}

/// Times to read from each table; each includes its beginning and not its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spans {
    pub(super) days: Vec<(i64, i64)>,
    pub(super) quarters: Vec<(i64, i64)>,
}

impl Spans {
    /// What lies between neighbouring cuts, so that no piece that is read crosses a cut.
    pub(super) fn between(cuts: &[i64]) -> Self {
        let mut spans = Self::default();
        for pair in cuts.windows(2) {
            let &[from, to] = pair else { continue };
            let (first, last) = (ceil(from, DAY_MS), floor(to, DAY_MS));
            if first < last {
                join(&mut spans.quarters, from, first);
                join(&mut spans.days, first, last);
                join(&mut spans.quarters, last, to);
            } else {
                join(&mut spans.quarters, from, to);
            }
        }
        spans
    }
}

fn join(spans: &mut Vec<(i64, i64)>, from: i64, to: i64) {
    match spans.last_mut() {
        _ if from >= to => {}
        Some(last) if last.1 == from => last.1 = to,
        _ => spans.push((from, to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_are_read_as_days_and_the_rest_as_quarters() {
        let hour = 3_600_000;
        assert_eq!(Spans::between(&[0, 3 * DAY_MS]), Spans { days: vec![(0, 3 * DAY_MS)], quarters: vec![] });
        let odd = Spans::between(&[hour, 3 * DAY_MS + hour]);
        let edges = vec![(hour, DAY_MS), (3 * DAY_MS, 3 * DAY_MS + hour)];
        assert_eq!(odd, Spans { days: vec![(DAY_MS, 3 * DAY_MS)], quarters: edges });
        let days: Vec<i64> = (0..4).map(|n| hour + n * DAY_MS).collect();
        let apart = Spans { days: vec![], quarters: vec![(hour, 3 * DAY_MS + hour)] };
        assert_eq!(Spans::between(&days), apart, "no UTC day lies within a day of another zone");
        assert_eq!(Spans::between(&[hour, hour]), Spans::default());
    }

    #[test]
    fn what_is_so_old_that_quarters_are_gone_is_cut_at_midnight() {
        let now = 1_000 * DAY_MS + 5;
        let grid = Grid::at(now);
        let old = 599 * DAY_MS + 7 * 3_600_000;
        assert_eq!((grid.before(old), grid.after(old)), (599 * DAY_MS, 599 * DAY_MS));
        let kept = 602 * DAY_MS + QUARTER_MS + 1;
        assert_eq!(
            (grid.before(kept), grid.after(kept)),
            (602 * DAY_MS + QUARTER_MS, 602 * DAY_MS + 2 * QUARTER_MS)
        );
        assert!(forgotten_before(now) < grid.quarters_from_ms, "nothing is read that may be gone");
    }
}
