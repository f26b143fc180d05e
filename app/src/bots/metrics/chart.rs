//! One line over time, as SVG: drawn on the server as well, without a script.

use super::text;
use crate::{
    bots::{changes, more_text},
    i18n::fill,
    time,
};
use api::bots::{BotEventKind, BotMetrics};
use leptos::prelude::*;

/// The drawing's own units.
const WIDE: i64 = 1000;
const HIGH: i64 = 120;

/// The time axis, shared by all charts, and what was done along it.
#[derive(Clone)]
pub(super) struct Scale {
    from_ms: i64,
    span_ms: i64,
    step_ms: i64,
    /// Where, whether it was a failure, and what.
    marks: Vec<(i64, bool, String)>,
}

impl Scale {
    pub(super) fn new(figures: &BotMetrics) -> Self {
        let t = more_text::text();
        let (from_ms, span_ms) = (figures.from_ms, (figures.to_ms - figures.from_ms).max(1));
        let mark = |event: &api::bots::BotEvent| {
            let why = event.reason.as_ref().map(|reason| format!(": {}", reason.message)).unwrap_or_default();
            let words = format!("{} {}{why}", time::utc(event.at_ms), changes::shown(event.kind, t).1);
            let bad =
                matches!(event.kind, BotEventKind::Died | BotEventKind::Failed | BotEventKind::UpgradeUndone);
            ((event.at_ms - from_ms) * WIDE / span_ms, bad, words)
        };
        Self { from_ms, span_ms, step_ms: figures.step_ms, marks: figures.marks.iter().map(mark).collect() }
    }

    fn x(&self, at_ms: i64) -> i64 {
        (at_ms - self.from_ms) * WIDE / self.span_ms
    }
}

/// Thousandths of a core, as cores.
pub(super) fn cores(milli: u64) -> String {
    format!("{}.{:02}", milli / 1000, milli % 1000 / 10)
}

/// Bytes, in the unit that leaves few digits.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, (bytes % (1 << 30)) * 10 / (1 << 30)),
    }
}

/// Bytes of one second.
pub(super) fn rate(per_second: u64) -> String {
    format!("{}/s", bytes(per_second))
}

/// The path of a line: lifted where more than two steps lie between.
fn path(line: Vec<(i64, Option<u64>)>, scale: &Scale, top: u64) -> String {
    let (mut path, mut last) = (String::new(), None::<i64>);
    for (at_ms, value) in line.into_iter().filter_map(|(at, value)| Some((at, value?))) {
        let near = last.is_some_and(|last| at_ms - last <= 2 * scale.step_ms);
        let high = i64::try_from(value.min(top) * HIGH.unsigned_abs() / top.max(1)).unwrap_or(HIGH);
        let step = if near { 'L' } else { 'M' };
        path.push_str(&format!("{step}{} {}", scale.x(at_ms), HIGH - high));
        if !near {
            // A point of its own is seen too.
            path.push_str("h1");
        }
        last = Some(at_ms);
    }
    path
}

/// A chart with its figures in words.
#[component]
pub(super) fn Chart(
    title: &'static str,
    line: Vec<(i64, Option<u64>)>,
    scale: Scale,
    shown: fn(u64) -> String,
    limit: Option<u64>,
) -> impl IntoView {
    let t = text::text();
    let most = line.iter().filter_map(|(_, value)| *value).max().unwrap_or(0);
    let last = line.iter().rev().find_map(|(_, value)| *value);
    let top = limit.unwrap_or(0).max(most + most / 8).max(1);
    let mut words =
        vec![fill(t.now, &last.map_or_else(|| "–".to_owned(), shown)), fill(t.most, &shown(most))];
    words.extend(limit.map(|limit| fill(t.limit, &shown(limit))));
    let words = words.join(" · ");
    let limit = limit.map(|limit| {
        let y = HIGH - i64::try_from(limit * HIGH.unsigned_abs() / top).unwrap_or(HIGH);
        view! { <line class="chart-limit" x1="0" x2=WIDE.to_string() y1=y.to_string() y2=y.to_string()></line> }
    });
    let axis = [scale.from_ms, scale.from_ms + scale.span_ms].map(time::utc);
    let d = path(line, &scale, top);
    let marks = scale.marks.into_iter().map(|(x, bad, words)| {
        let class = if bad { "chart-mark chart-bad" } else { "chart-mark" };
        let x = x.to_string();
        view! {
            <line class=class x1=x.clone() x2=x y1="0" y2=HIGH.to_string()>
                <title>{words}</title>
            </line>
        }
    });
    view! {
        <figure class="card chart">
            <figcaption>
                <b>{title}</b>
                <span class="hint">{words.clone()}</span>
            </figcaption>
            <p class="chart-scale" aria-hidden="true">
                <span>{shown(top)}</span>
                <span>"0"</span>
            </p>
            <svg viewBox=format!("0 0 {WIDE} {HIGH}") preserveAspectRatio="none" role="img" aria-label=format!("{title}: {words}")>
                {limit}
                {marks.collect_view()}
                <path class="chart-line" d=d></path>
            </svg>
            <p class="chart-axis" aria-hidden="true">
                {axis.map(|at| view! { <span>{at}</span> }).collect_view()}
            </p>
        </figure>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lifts_the_pen() {
        let scale = Scale { from_ms: 0, span_ms: 1000, step_ms: 10, marks: Vec::new() };
        let line = vec![(0, Some(0)), (10, Some(50)), (500, Some(100)), (510, None)];
        assert_eq!(path(line, &scale, 100), "M0 120h1L10 60M500 0h1");
    }

    #[test]
    fn figures_have_few_digits() {
        assert_eq!((cores(1234), cores(50)), ("1.23".to_owned(), "0.05".to_owned()));
        let shown = [512 << 10, 700 << 20, (2 << 30) + (1 << 29)].map(bytes);
        assert_eq!((rate(0), rate(2048)), ("0 B/s".to_owned(), "2 KiB/s".to_owned()));
        assert_eq!(shown, ["512 KiB", "700 MiB", "2.5 GiB"].map(str::to_owned));
    }
}
