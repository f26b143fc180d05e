//! Reading the engine's timestamps, e.g. `2026-11-20T11:08:00.123456789Z`.

use crate::LogLine;

const MOST_LINE: usize = 16 << 10;

/// Milliseconds since 1970 of an RFC 3339 time in UTC; the engine's "never" (year 1) is none.
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = clock.split(':').map(str::parse::<i64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Days since 1970 in the Gregorian calendar; years begin in March, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// A log line with the timestamp the engine put before it.
pub(super) fn split_line(line: &str) -> LogLine {
    let line = line.trim_end_matches(['\r', '\n']);
    let (stamp, text) = line.split_once(' ').unwrap_or((line, ""));
    let (at_ms, text) = parse_ms(stamp).map_or((0, line), |at_ms| (at_ms, text));
    let end = (0..=MOST_LINE.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    LogLine { at_ms, text: text.get(..end).unwrap_or_default().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_engine_are_read() {
        assert_eq!(parse_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_ms("2024-02-29T12:30:15.5Z"), Some(1_709_209_815_500));
        assert_eq!(parse_ms("2026-11-20T11:08:00.123456789Z"), Some(1_795_172_880_123));
        for bad in ["", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-20 11:08:00", "x"] {
            assert_eq!(parse_ms(bad), None, "{bad}");
        }
        let line = split_line("2026-11-20T11:08:00.123456789Z hello there\n");
        assert_eq!((line.at_ms, line.text.as_str()), (1_795_172_880_123, "hello there"));
    }
}
