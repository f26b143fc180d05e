//! When a price begins, as people write it.

use super::catalogue::day_ms;
use jiff::Timestamp;

/// The earliest beginning: 2020-01-01.
pub(super) const EARLIEST_MS: i64 = 1_577_836_800_000;
/// How far ahead a price may begin: two years.
pub(super) const AHEAD_MS: i64 = 2 * 366 * DAY_MS;
const DAY_MS: i64 = 86_400_000;

/// A day in UTC or a moment.
pub(super) fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(day) = day_ms(text) {
        // What is no day of its month is no day.
        return (write(day) == text).then_some(day);
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The same back: a day where it begins with one.
pub(super) fn write(ms: i64) -> String {
    let whole = Timestamp::from_millisecond(ms).map(|at| format!("{at:.3}")).unwrap_or_default();
    match whole.split_once('T') {
        Some((day, _)) if ms.rem_euclid(DAY_MS) == 0 => day.to_owned(),
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in ["2026-11-22", "2026-11-22T08:30:00.007Z", "2020-02-29"] {
            assert_eq!(read(text).map(write).as_deref(), Some(text));
        }
        assert_eq!(read("2026-11-22T08:30:00+02:00"), read(" 2026-11-22T06:30:00Z "));
        for bad in ["", "now", "2026-02-30", "2026-1-1", "22.11.2026", "2026-11-22T08:30"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read("2020-01-01"), Some(EARLIEST_MS));
    }
}
