//! What a bot left when it died: the list, and the one that is open.

use super::{diagnostics::Fixes, logs::LineView, more_text, versions::differences};
use crate::{
    i18n::fill,
    time::{self, Moment},
};
use api::bots::{FixAct, Postmortem, PostmortemSummary};
use leptos::prelude::*;
use std::sync::Arc;
use ui::{Card, Glyph, Icon, IntoWhole};

/// What helps after a death of this name.
fn helps(code: &str) -> &'static [FixAct] {
    match code {
        "config_refused" => &[FixAct::Configure, FixAct::Start],
        "crash_loop" | "exited" => &[FixAct::ReadLogs, FixAct::Configure, FixAct::Restart],
        "out_of_memory" => &[FixAct::ReadLogs, FixAct::Restart],
        _ => &[FixAct::Restart],
    }
}

#[component]
pub(super) fn Deaths(slug: String, deaths: Vec<PostmortemSummary>) -> impl IntoView {
    let t = more_text::text();
    let row = move |death: PostmortemSummary| {
        let href = format!("/bots/{slug}/diagnostics?postmortem={}", death.id);
        view! {
            <li class="row">
                <div class="row-what">
                    <p class="row-name">{death.reason.message}</p>
                    <p class="hint"><Moment ms=Signal::stored(death.at_ms)/></p>
                </div>
                <a class="btn" href=href>{t.open}</a>
            </li>
        }
    };
    view! {
        <Card title=t.postmortems>
            {deaths.is_empty().then(|| view! { <p class="hint">{t.postmortems_none}</p> })}
            <ol class="rows">{deaths.into_iter().map(row).collect_view()}</ol>
        </Card>
    }
}

#[component]
pub(super) fn Opened(fixes: Fixes, open: Postmortem) -> impl IntoView {
    let slug = fixes.one.slug();
    let t = more_text::text();
    let Postmortem { summary, memory_limit_bytes, changes, lines, cut, answers: mend, .. } = open;
    let file = format!("{slug}-{}.json", summary.id);
    let href = format!("/api/bots/{slug}/postmortems/{}", summary.id);
    let answers = helps(&summary.reason.code).iter().map(|act| fixes.show(*act)).collect_view();
    let code = summary.exit_code.map(|code| view! { <dt>{t.exit_code}</dt><dd>{code.to_string()}</dd> });
    let changed = if changes.is_empty() {
        view! { <dd>{t.changed_none}</dd> }.whole()
    } else {
        view! { <dd>{differences(changes)}</dd> }.whole()
    };
    view! {
        <Card>
            <div class="card-head">
                <h2 class="card-title">{summary.reason.message}</h2>
                <a class="btn btn-quiet" href=href download=file rel="external">
                    <Icon glyph=Glyph::Download/>
                    <span>{t.download}</span>
                </a>
            </div>
            {summary.reason.hint.map(|hint| view! { <p>{hint}</p> })}
            {fixes.answers(mend)}
            <div class="row-acts">{answers}</div>
            <dl class="facts">
                <dt>{t.died_at}</dt>
                <dd>
                    <Moment ms=Signal::stored(summary.at_ms)/> " · " {fill(t.lived, &time::duration(summary.lived_ms))}
                </dd>
                {code}
                <dt>{t.memory}</dt>
                <dd>{format!("{} MiB", memory_limit_bytes >> 20)}</dd>
                <dt>{t.changed_since}</dt>
                {changed}
            </dl>
            <details class="fold" open>
                <summary>{t.last_words}</summary>
                {cut.then(|| view! { <p class="hint">{t.cut}</p> })}
                <ol class="log-lines">
                    {lines.into_iter().map(|line| view! { <LineView line=Arc::new(line)/> }).collect_view()}
                </ol>
            </details>
        </Card>
    }
}
