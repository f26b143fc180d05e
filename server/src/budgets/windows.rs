//! Windows of time: a minute, or a day or month of a time zone. Days of 23 and 25 hours are what they are.

use api::budgets::BudgetPeriod;
use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};
use relay::limits::{Span, Windows};
use std::sync::Arc;

const MINUTE_MS: i64 = 60_000;

/// A time zone by its IANA name.
pub fn zone(name: &str) -> Option<TimeZone> {
    // Names of zones only: jiff takes offsets as well.
    let is_name = name == "UTC" || name.contains('/');
    TimeZone::get(name).ok().filter(|_| is_name && name.len() <= 64)
}

/// The windows of a period.
pub fn windows(period: BudgetPeriod, zone: TimeZone) -> Windows {
    Arc::new(move |at_ms| window(period, &zone, at_ms))
}

/// The window in which a moment lies.
pub fn window(period: BudgetPeriod, zone: &TimeZone, at_ms: i64) -> Span {
    let minute = at_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
    let whole = match period {
        BudgetPeriod::Minute => None,
        BudgetPeriod::Day => days(zone, at_ms),
        BudgetPeriod::Month => months(zone, at_ms),
    };
    // A moment outside of all calendars has its minute.
    whole.unwrap_or((minute, minute.saturating_add(MINUTE_MS)))
}

fn days(zone: &TimeZone, at_ms: i64) -> Option<Span> {
    let today = local(zone, at_ms)?.date();
    Some((start(zone, today)?, start(zone, today.tomorrow().ok()?)?))
}

fn months(zone: &TimeZone, at_ms: i64) -> Option<Span> {
    let first = local(zone, at_ms)?.date().first_of_month();
    Some((start(zone, first)?, start(zone, first.checked_add(1.month()).ok()?)?))
}

fn local(zone: &TimeZone, at_ms: i64) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone.clone()))
}

/// The first moment of a day, which is not midnight everywhere.
fn start(zone: &TimeZone, day: Date) -> Option<i64> {
    Some(day.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay::limits::SLOT_MS;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn of(period: BudgetPeriod, name: &str, at: &str) -> (i64, i64) {
        window(period, &zone(name).unwrap(), ms(at))
    }

    #[test]
    fn a_day_is_the_zones_own_and_has_as_many_hours_as_it_has() {
        for (name, at, from, hours) in [
            ("UTC", "2026-11-22T10:00:00Z", "2026-11-22T00:00:00Z", 24),
            ("Europe/Berlin", "2026-11-22T23:30:00Z", "2026-11-22T23:00:00Z", 24),
            ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23),
            ("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", 25),
            ("Asia/Kathmandu", "2026-11-22T18:14:59Z", "2026-11-21T18:15:00Z", 24),
            // Clocks there go forward at midnight: the day begins at one.
            ("America/Santiago", "2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z", 23),
        ] {
            let want = ms(from);
            assert_eq!(of(BudgetPeriod::Day, name, at), (want, want + hours * 3_600_000), "{name} {at}");
        }
    }

    #[test]
    fn months_and_minutes_begin_where_they_do() {
        let month = of(BudgetPeriod::Month, "Asia/Shanghai", "2026-02-28T16:00:00Z");
        assert_eq!(month, (ms("2026-02-28T16:00:00Z"), ms("2026-03-31T16:00:00Z")));
        let minute = of(BudgetPeriod::Minute, "UTC", "2026-02-28T16:00:59.999Z");
        assert_eq!(minute, (ms("2026-02-28T16:00:00Z"), ms("2026-02-28T16:01:00Z")));
    }

    #[test]
    fn days_and_months_of_all_zones_begin_at_quarters_of_an_hour() {
        for name in [
            "Australia/Lord_Howe",
            "Pacific/Chatham",
            "Asia/Kathmandu",
            "America/St_Johns",
            "America/Santiago",
        ] {
            for day in 0..730 {
                let at = ms("2026-01-01T11:11:11Z") + day * 24 * 3_600_000;
                for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
                    let (from, to) = window(period, &zone(name).unwrap(), at);
                    assert_eq!((from % SLOT_MS, to % SLOT_MS), (0, 0), "{name} {at}");
                }
            }
        }
    }

    #[test]
    fn only_names_of_zones_are_zones() {
        for bad in ["", "Berlin", "+02:00", "Europe/Nowhere", "utc+1", "../etc/passwd"] {
            assert!(zone(bad).is_none(), "{bad}");
        }
    }
}
