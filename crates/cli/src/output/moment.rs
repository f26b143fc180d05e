//! Moments and ages for people.

use super::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds UTC.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// How long ago: `5s`, `12m`, `3h`, `4d`.
pub(crate) fn age(at_ms: Option<i64>, now_ms: i64) -> Cell {
    let Some(at_ms) = at_ms else { return Cell::from("-") };
    let seconds = (now_ms.saturating_sub(at_ms) / 1000).max(0);
    Cell::from(match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    })
}

/// `2026-11-20T09:00:00Z`.
pub(crate) fn moment(at_ms: Option<i64>) -> Cell {
    let Some(at_ms) = at_ms else { return Cell::from("-") };
    let (days, second) = ((at_ms / 1000).div_euclid(86_400), (at_ms / 1000).rem_euclid(86_400));
    // The civil calendar from a count of days (Howard Hinnant): eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next_year;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Cell::from(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_moments_read_as_everybody_writes_them() {
        for (ms, said) in
            [(0, "0s"), (119_999, "119s"), (120_000, "2m"), (7_200_000, "2h"), (172_800_000, "2d")]
        {
            assert_eq!(age(Some(1_000), 1_000 + ms).text, said);
        }
        assert_eq!((age(None, 0).text, age(Some(5_000), 0).text), ("-".to_owned(), "0s".to_owned()));
        assert_eq!(moment(Some(1_795_165_261_999)).text, "2026-11-20T09:01:01Z");
    }
}
