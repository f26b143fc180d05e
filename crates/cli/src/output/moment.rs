//! Moments and ages for people.

use super::Cell;
use std::time::{SystemTime, UNIX_EPOCH};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

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

/// A moment for a list.
pub(crate) fn moment(at_ms: Option<i64>) -> Cell {
    Cell::from(at_ms.map_or_else(|| "-".to_owned(), rfc3339))
}

/// `2026-11-20T09:00:00Z`, from milliseconds UTC; a moment beyond the year 9999 stays a number.
#[must_use]
pub fn rfc3339(at_ms: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| at_ms.to_string())
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
        for (at_ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_165_261_999, "2026-11-20T09:01:01Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!((rfc3339(at_ms).as_str(), moment(Some(at_ms)).text.as_str()), (text, text));
        }
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }
}
