//! The clock: tokens, links and one-time ceremonies live by it.

use super::{DEADLINE, Finding, Patient};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds by which clocks may differ.
const NEAR: i64 = 30;
/// Seconds beyond which logins fail.
const FAR: i64 = 240;
/// 2026-01-01: no Chela is older.
const BEFORE_ALL: i64 = 1_767_225_600;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
    if now < BEFORE_ALL {
        return vec![wrong("this machine's clock stands before 2026")];
    }
    if patient.running.is_none() {
        return vec![Finding::ok(
            "clock",
            "stands in a sensible year; compared with nothing, as no server runs",
        )];
    }
    // A proxy in front has a clock of its own.
    let seen = cli::probe(patient.config.public_url.origin(), "/healthz", &[], DEADLINE).await;
    let date = seen.ok().and_then(|seen| seen.date).and_then(|date| seconds(&date));
    vec![match date {
        None => Finding::ok("clock", "stands in a sensible year; the public address tells no time"),
        Some(date) => apart(date - now),
    }]
}

fn apart(by: i64) -> Finding {
    let found = format!("the public address and this machine are {} s apart", by.abs());
    match by.abs() {
        0..=NEAR => Finding::ok("clock", found),
        by if by <= FAR => Finding::warn(
            "clock",
            found,
            "One of the two clocks is not set by the network; logins fail when it gets worse.",
            "Turn on time synchronisation (timedatectl set-ntp true) here and on the proxy.",
        ),
        _ => wrong(&found),
    }
}

fn wrong(found: &str) -> Finding {
    Finding::fail(
        "clock",
        found,
        "Links and logins run out at once or never, and times in the audit log are wrong.",
        "Turn on time synchronisation: timedatectl set-ntp true.",
    )
}

/// Seconds of `Sun, 06 Nov 1994 08:49:37 GMT`.
fn seconds(date: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    #[test]
    fn clocks_far_apart_are_found() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(seconds("yesterday"), None);
        assert_eq!([0, -31, 241].map(|by| apart(by).level), [Level::Ok, Level::Warn, Level::Fail]);
    }
}
