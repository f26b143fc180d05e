//! What a bot uses of its machine: processor, memory, disk, with a line where something was done to it.

mod chart;
mod text;

use super::fns::bots_metrics;
use crate::{parts::Unloaded, time};
use api::{
    ApiError,
    bots::{BotMetrics, ReadMetrics},
};
use chart::{Chart, Scale};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_params_map, use_query_map},
    lazy_route,
};
use std::time::Duration;
use ui::{EmptyState, Glyph, IntoWhole};

/// How often the page asks again; Chela looks as often.
const AGAIN: Duration = Duration::from_secs(30);
/// Hours that can be looked at.
const SPANS: [i64; 4] = [1, 6, 24, 168];
/// Rows of the table, at most.
const ROWS: usize = 48;

/// `/bots/{bot}/metrics`
#[derive(Debug)]
pub struct MetricsPage {
    bot: Memo<String>,
    hours: Memo<i64>,
    figures: Resource<Result<BotMetrics, ApiError>>,
}

#[lazy_route]
impl LazyRoute for MetricsPage {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let bot = Memo::new(move |_| params.with(|params| params.get("bot")).unwrap_or_default());
        let hours = Memo::new(move |_| {
            let said = query.with(|query| query.get("hours")).and_then(|hours| hours.parse().ok());
            said.filter(|hours| SPANS.contains(hours)).unwrap_or(1)
        });
        let figures = Resource::new_blocking(
            move || (bot.get(), hours.get()),
            |(bot, hours)| async move {
                let from_ms = Some(time::here_ms() - hours * 3_600_000);
                bots_metrics(ReadMetrics { bot, from_ms, to_ms: None }).await
            },
        );
        MetricsPage { bot, hours, figures }
    }

    fn view(this: MetricsPage) -> AnyView {
        let MetricsPage { bot, hours, figures } = this;
        Effect::new(move |_: Option<()>| {
            if let Ok(handle) = set_interval_with_handle(move || figures.refetch(), AGAIN) {
                on_cleanup(move || handle.clear());
            }
        });
        let t = text::text();
        let span = move |(value, word): (i64, &'static str)| {
            let href = move || format!("/bots/{}/metrics?hours={value}", bot.get());
            let here = move || (hours.get() == value).then_some("page");
            view! { <li><a class="chip" href=href aria-current=here>{word}</a></li> }
        };
        let words = [t.hour, t.six_hours, t.day, t.week];
        view! {
            <section class="stack">
                <nav aria-label=t.span>
                    <ul class="chips">{SPANS.into_iter().zip(words).map(span).collect_view()}</ul>
                </nav>
                <Transition>
                    {move || Suspend::new(async move {
                        match figures.await {
                            Ok(figures) => view! { <Charts figures/> }.whole(),
                            Err(error) => view! { <Unloaded error/> }.whole(),
                        }
                    })}
                </Transition>
            </section>
        }
        .whole()
    }
}

#[component]
fn Charts(figures: BotMetrics) -> impl IntoView {
    let t = text::text();
    if figures.points.is_empty() {
        return view! { <EmptyState glyph=Glyph::Monitor title=t.none_title text=t.none_text/> }.whole();
    }
    let scale = Scale::new(&figures);
    let points = &figures.points;
    let cpu = points.iter().map(|p| (p.at_ms, Some(p.cpu_milli))).collect();
    let memory = points.iter().map(|p| (p.at_ms, Some(p.memory_bytes))).collect();
    let disk = points.iter().map(|p| (p.at_ms, p.disk_bytes)).collect();
    // Steps differ with the time that is looked at: told per second they compare.
    let (step_ms, second) = (figures.step_ms.unsigned_abs().max(1), 1_000);
    let rate = move |bytes: Option<u64>| bytes.map(|bytes| bytes.saturating_mul(second) / step_ms);
    let sent = points.iter().map(|p| (p.at_ms, rate(p.sent_bytes))).collect();
    let received = points.iter().map(|p| (p.at_ms, rate(p.received_bytes))).collect();
    let step = figures.points.len().div_ceil(ROWS).max(1);
    let rows = figures.points.iter().rev().step_by(step).map(|p| {
        let [disk, sent, received] = [
            (p.disk_bytes, chart::bytes as fn(u64) -> String),
            (rate(p.sent_bytes), chart::rate),
            (rate(p.received_bytes), chart::rate),
        ]
        .map(|(known, shown)| known.map_or_else(|| "–".to_owned(), shown));
        view! {
            <tr>
                <th scope="row">{time::utc(p.at_ms)}</th>
                <td>{chart::cores(p.cpu_milli)}</td>
                <td>{chart::bytes(p.memory_bytes)}</td>
                <td>{disk}</td>
                <td>{p.processes.to_string()}</td>
                <td>{sent}</td>
                <td>{received}</td>
            </tr>
        }
    });
    view! {
        <Chart title=t.cpu line=cpu scale=scale.clone() shown=chart::cores limit=None/>
        <Chart title=t.memory line=memory scale=scale.clone() shown=chart::bytes limit=figures.memory_limit_bytes/>
        <Chart title=t.disk line=disk scale=scale.clone() shown=chart::bytes limit=None/>
        <Chart title=t.sent line=sent scale=scale.clone() shown=chart::rate limit=None/>
        <Chart title=t.received line=received scale shown=chart::rate limit=None/>
        <p class="hint">{t.traffic}</p>
        <details class="card">
            <summary>{t.table}</summary>
            <table class="diff figures">
                <thead>
                    <tr>
                        {[t.at, t.cpu, t.memory, t.disk, t.processes, t.sent, t.received]
                            .map(|word| view! { <th scope="col">{word}</th> })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </details>
    }
    .whole()
}
