//! Sums over time as bars, drawn on the server as well; the same figures stand below as a table.

use super::{asked::Asked, tables::cost, text, usd};
use crate::i18n::fill;
use api::usage::{UsageLine, UsagePoint};
use leptos::prelude::*;
use ui::IntoWhole;

/// The drawing's own units.
const WIDE: i64 = 1000;
const HIGH: i64 = 120;

/// Rectangles of the bars: place, breadth, height.
fn bars(values: &[i64]) -> Vec<(i64, i64, i64)> {
    let many = i64::try_from(values.len()).unwrap_or(1).max(1);
    let most = i128::from(values.iter().copied().max().unwrap_or(0).max(1));
    let bar = |(n, value): (i64, &i64)| {
        let (from, to) = (n * WIDE / many, (n + 1) * WIDE / many);
        let gap = if many > 120 { 0 } else { (to - from) / 6 };
        let high = i64::try_from(i128::from(*value) * i128::from(HIGH) / most).unwrap_or(0);
        // The smallest is seen, too.
        (from, to - from - gap, if *value > 0 { high.max(1) } else { 0 })
    };
    (0..).zip(values).map(bar).collect()
}

/// What is drawn: costs, or calls where no cost is known.
fn drawn(points: &[UsagePoint]) -> (bool, Vec<i64>) {
    let money = points.iter().any(|point| point.sums.cost_micro_usd > 0);
    let value = |point: &UsagePoint| if money { point.sums.cost_micro_usd } else { point.sums.calls };
    (money, points.iter().map(value).collect())
}

pub(super) fn chart(asked: &Asked, trend: &UsageLine) -> AnyView {
    let t = text::text();
    let (money, values) = drawn(&trend.points);
    let most = values.iter().copied().max().unwrap_or(0);
    let shown = |n: i64| if money { usd(n) } else { n.to_string() };
    let words = fill(t.most, &shown(most));
    let title = if money { t.cost } else { t.calls };
    let bars = bars(&values).into_iter().zip(&trend.points).map(|((x, wide, high), point)| {
        let words = format!("{}: {}, {}", point.label, cost(&point.sums), fill(t.n_calls, &point.sums.calls.to_string()));
        view! {
            <rect class="chart-bar" x=x.to_string() y=(HIGH - high).to_string() width=wide.to_string() height=high.to_string()>
                <title>{words}</title>
            </rect>
        }
    });
    let axis =
        [trend.points.first(), trend.points.last()].map(|point| point.map(|point| point.label.clone()));
    let rows = trend.points.iter().rev().filter(|point| point.sums.calls > 0).map(|point| {
        // Days can be looked at on their own.
        let day = (point.label.len() == 10).then(|| point.label.clone());
        let label = match day {
            Some(day) => {
                let href = asked.with(&[("from", &day), ("to", &day), ("range", "")]);
                view! { <a href=href>{day}</a> }.whole()
            }
            None => point.label.clone().whole(),
        };
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td>{cost(&point.sums)}</td>
                <td>{point.sums.calls.to_string()}</td>
                <td>{point.sums.failed.to_string()}</td>
            </tr>
        }
    });
    view! {
        <figure class="card chart">
            <figcaption>
                <b>{title}</b>
                <span class="hint">{words.clone()}</span>
            </figcaption>
            <p class="chart-scale" aria-hidden="true">
                <span>{shown(most)}</span>
                <span>"0"</span>
            </p>
            <svg viewBox=format!("0 0 {WIDE} {HIGH}") preserveAspectRatio="none" role="img" aria-label=format!("{title}: {words}")>
                {bars.collect_view()}
            </svg>
            <p class="chart-axis" aria-hidden="true">{axis.map(|at| view! { <span>{at}</span> }).collect_view()}</p>
        </figure>
        <details class="card">
            <summary>{t.as_table}</summary>
            <table class="diff figures">
                <thead>
                    <tr>
                        {[t.time, t.cost, t.calls, t.failed].map(|word| view! { <th scope="col">{word}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </details>
    }
    .whole()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn bars_fill_the_width_and_the_greatest_fills_the_height() {
        assert_eq!(bars(&[0, 1, 1000, 500]), [(0, 209, 0), (250, 209, 1), (500, 209, 120), (750, 209, 60)]);
        assert_eq!(bars(&[i64::MAX]), [(0, 834, 120)]);
        assert!(bars(&[]).is_empty());
    }
}
