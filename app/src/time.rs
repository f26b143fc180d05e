//! Moments and durations. The server writes UTC; the browser replaces it by how long ago, in its language.

use crate::i18n::{Locale, locale};
use leptos::prelude::*;

/// The browser's clock, ticking once a second; absent on the server and until the page has hydrated.
#[derive(Clone, Copy)]
pub struct Now(RwSignal<Option<i64>>);

/// Starts the clock below here.
pub fn provide_clock() {
    let now = Now(RwSignal::new(None));
    provide_context(now);
    #[cfg(feature = "hydrate")]
    crate::hydration::after(move || {
        let tick = move || now.0.set(Some(browser_now()));
        tick();
        _ = set_interval_with_handle(tick, std::time::Duration::from_secs(1));
    });
}

#[cfg(feature = "hydrate")]
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are far below 2^53")]
fn browser_now() -> i64 {
    js_sys::Date::now() as i64
}

/// The time, if it is known here; reading it in a view keeps the view up to date.
pub fn now() -> Option<i64> {
    use_context::<Now>().and_then(|now| now.0.get())
}

/// Year, month and day of a day number counted from 1970-01-01 (proleptic Gregorian).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// `2026-11-20T11:37:20Z`, for `datetime`.
pub fn iso(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (h, m, s) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

/// `2026-11-20 11:37 UTC`, for people.
pub fn utc(ms: i64) -> String {
    let iso = iso(ms);
    let (day, time) = iso.split_once('T').unwrap_or((&iso, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time))
}

/// `11:37:20`, UTC.
pub fn clock(ms: i64) -> String {
    iso(ms).get(11..19).unwrap_or_default().to_owned()
}

/// What the clock says where this runs.
pub fn here_ms() -> i64 {
    #[cfg(feature = "hydrate")]
    return browser_now();
    #[cfg(not(feature = "hydrate"))]
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}

/// How long something took: `420 ms`, `2.4 s`, `1 min 12 s`, `3 h 5 min`.
pub fn duration(ms: i64) -> String {
    let seconds = ms / 1_000;
    match ms {
        i64::MIN..1_000 => format!("{} ms", ms.max(0)),
        1_000..60_000 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A coarse length of time in words, for ages.
fn coarse(ms: i64, locale: Locale) -> String {
    let seconds = ms.max(0) / 1_000;
    let (n, en, zh) = match seconds {
        i64::MIN..60 => (seconds, "s", "秒"),
        60..3_600 => (seconds / 60, "min", "分钟"),
        3_600..86_400 => (seconds / 3_600, "h", "小时"),
        _ => (seconds / 86_400, "d", "天"),
    };
    match locale {
        Locale::En => format!("{n} {en}"),
        Locale::Zh => format!("{n} {zh}"),
    }
}

/// A moment as it reads at `now`: past ones "… ago", coming ones "in …".
fn relative(ms: i64, now: i64, locale: Locale) -> String {
    let gone = now - ms;
    match (locale, gone) {
        (Locale::En, -5_000..5_000) => "just now".to_owned(),
        (Locale::Zh, -5_000..5_000) => "刚刚".to_owned(),
        (Locale::En, 0..) => format!("{} ago", coarse(gone, locale)),
        (Locale::Zh, 0..) => format!("{}前", coarse(gone, locale)),
        (Locale::En, _) => format!("in {}", coarse(-gone, locale)),
        (Locale::Zh, _) => format!("{}后", coarse(-gone, locale)),
    }
}

/// A moment: relative once the browser's clock runs, exact on hover.
#[component]
pub fn Moment(#[prop(into)] ms: Signal<i64>) -> impl IntoView {
    let locale = locale();
    let text = Memo::new(move |_| {
        let ms = ms.get();
        now().map_or_else(|| utc(ms), |now| relative(ms, now, locale))
    });
    view! {
        <time datetime=move || iso(ms.get()) title=move || utc(ms.get())>
            {move || text.get()}
        </time>
    }
}

/// How long a state has held; nothing until the browser's clock runs.
#[component]
pub fn Age(#[prop(into)] since_ms: Signal<i64>) -> impl IntoView {
    let locale = locale();
    let text = Memo::new(move |_| {
        let since = since_ms.get();
        now().map(|now| format!("· {}", coarse(now - since, locale))).unwrap_or_default()
    });
    view! { <time datetime=move || iso(since_ms.get()) title=move || utc(since_ms.get())>{move || text.get()}</time> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(1_795_174_640_999), "2026-11-20T11:37:20Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_795_174_640_999), "2026-11-20 11:37 UTC");
    }

    #[test]
    fn a_moment_reads_from_where_we_stand() {
        assert_eq!(relative(0, 180_000, Locale::En), "3 min ago");
        assert_eq!(relative(60_000, 0, Locale::Zh), "1 分钟后");
        assert_eq!(relative(0, 4_000, Locale::En), "just now");
    }

    #[test]
    fn a_duration_has_the_unit_that_fits() {
        assert_eq!(duration(420), "420 ms");
        assert_eq!(duration(2_490), "2.4 s");
        assert_eq!(duration(72_000), "1 min 12 s");
        assert_eq!(duration(11_100_000), "3 h 5 min");
    }
}
