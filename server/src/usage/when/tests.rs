use super::*;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn asked(zone: &str, from: &str, to: &str) -> Asked {
    Asked { zone: Some(zone.into()), from: Some(from.into()), to: Some(to.into()), ..Asked::default() }
}

fn now() -> i64 {
    ms("2026-11-22T09:07:00Z")
}

fn hours(when: &When, by: UsageStep) -> Vec<i64> {
    when.pieces(Some(by), now()).unwrap().iter().map(|(from, to, _)| (to - from) / 900_000).collect()
}

#[test]
fn a_day_on_which_clocks_are_set_has_23_or_25_hours() {
    for (zone, day, quarters) in [
        ("Europe/Berlin", "2026-03-29", 23 * 4),
        ("Europe/Berlin", "2026-10-25", 25 * 4),
        ("America/St_Johns", "2026-03-08", 23 * 4),
        ("America/St_Johns", "2026-11-01", 25 * 4),
        ("Australia/Lord_Howe", "2026-04-05", 98),
        ("Asia/Kathmandu", "2026-10-25", 24 * 4),
    ] {
        let when = When::read(&asked(zone, day, day), now()).unwrap();
        assert_eq!(hours(&when, UsageStep::Day), [quarters], "{zone} {day}");
        let by_hour = hours(&when, UsageStep::Hour);
        assert_eq!(by_hour.iter().sum::<i64>(), quarters, "{zone} {day}: {by_hour:?}");
        assert!(by_hour.len() as i64 >= quarters / 4, "{zone} {day}: {by_hour:?}");
    }
}

#[test]
fn days_and_months_are_those_of_the_zone() {
    let when = When::read(&asked("Asia/Kathmandu", "2026-10-31", "2026-11-02"), now()).unwrap();
    assert_eq!(when.from_ms, ms("2026-10-30T18:15:00Z"));
    assert_eq!(when.to_ms, ms("2026-11-02T18:15:00Z"));
    let labels =
        |by| when.pieces(Some(by), now()).unwrap().into_iter().map(|piece| piece.2).collect::<Vec<_>>();
    assert_eq!(labels(UsageStep::Day), ["2026-10-31", "2026-11-01", "2026-11-02"]);
    assert_eq!(labels(UsageStep::Month), ["2026-10", "2026-11"]);
    assert_eq!(labels(UsageStep::Hour)[0], "2026-10-31 00:00");
    assert_eq!(labels(UsageStep::Hour).len(), 72);
}

#[test]
fn a_time_compares_with_the_same_hours_before() {
    let of = |range| {
        let asked = Asked { range: Some(range), zone: Some("Europe/Berlin".into()), ..Asked::default() };
        let when = When::read(&asked, now()).unwrap();
        [when.from_ms, when.to_ms, when.before.0, when.before.1]
    };
    let all = |texts: [&str; 4]| texts.map(ms);
    assert_eq!(
        of(UsageRange::Today),
        all(["2026-11-21T23:00:00Z", "2026-11-22T09:15:00Z", "2026-11-20T23:00:00Z", "2026-11-21T09:15:00Z"])
    );
    // A month ago clocks were an hour ahead.
    assert_eq!(
        of(UsageRange::Month),
        all(["2026-10-31T23:00:00Z", "2026-11-22T09:15:00Z", "2026-09-30T22:00:00Z", "2026-10-22T08:15:00Z"])
    );
    assert_eq!(
        of(UsageRange::Day),
        all(["2026-11-21T09:00:00Z", "2026-11-22T09:15:00Z", "2026-11-20T08:45:00Z", "2026-11-21T09:00:00Z"])
    );
    assert_eq!(of(UsageRange::Week)[0], ms("2026-11-15T23:00:00Z"));
    assert_eq!(of(UsageRange::Thirty)[0], ms("2026-10-23T22:00:00Z"), "before clocks were set");
}

#[test]
fn moments_are_read_as_people_write_them() {
    let at = |from: &str| {
        When::read(&asked("America/New_York", from, "2026-11-20"), now()).map(|when| when.from_ms)
    };
    assert_eq!(at("2026-11-18"), Ok(ms("2026-11-18T05:00:00Z")));
    assert_eq!(at("2026-11-18T10:30"), Ok(ms("2026-11-18T15:30:00Z")));
    assert_eq!(at("2026-11-18T10:30:00Z"), Ok(ms("2026-11-18T10:30:00Z")));
    assert_eq!(at("1795000000000"), Ok(1_794_999_600_000), "cut at a quarter");
    for wrong in ["yesterday", "2026-13-01", "7", "9999-01-01", "-1", "2026-11-22", "2025-01-01"] {
        assert!(at(wrong).is_err(), "{wrong}");
    }
    let zoned = |zone: &str| When::read(&asked(zone, "2026-11-18", "2026-11-18"), now());
    assert!(zoned("Mars/Olympus").is_err());
    assert!(zoned("Asia/Calcutta").is_ok(), "an old name");
    let both = Asked { range: Some(UsageRange::Week), ..asked("UTC", "2026-11-18", "") };
    assert!(When::read(&both, now()).is_err());
    let long = When::read(&asked("UTC", "2025-11-01", "2026-11-20"), now()).unwrap();
    assert!(long.pieces(Some(UsageStep::Hour), now()).is_err(), "too many pieces");
    assert_eq!(long.pieces(None, now()).unwrap().len(), 13);
}
