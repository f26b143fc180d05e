//! A bot's overview: what it is doing now, what to do next, its facts and last chats.

use super::{
    detail::OneBot,
    stages::{Stages, total_ms},
    state, text,
};
use crate::{
    i18n::fill,
    time::{self, Moment},
};
use api::bots::{BotDetail, Desired, Observed};
use leptos::prelude::*;
use ui::{Banner, Card, EmptyState, Glyph, Icon, Tone};

/// What the page leads with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// It can be talked to.
    Ready,
    /// On its way, or failed on it.
    Stages,
    Stopping,
    Stopped,
}

fn lead(bot: &BotDetail) -> Lead {
    if state::is_ready(&bot.summary) {
        Lead::Ready
    } else if bot.summary.desired == Desired::Stopped && bot.summary.observed != Observed::Failed {
        let ended = matches!(bot.summary.observed, Observed::Stopped | Observed::Absent);
        if ended { Lead::Stopped } else { Lead::Stopping }
    } else {
        Lead::Stages
    }
}

/// `/bots/{bot}/overview`
#[component]
pub(crate) fn Overview(one: OneBot) -> impl IntoView {
    let t = text::text();
    let lead = Memo::new(move |_| one.detail.with(lead));
    view! {
        <div class="grid-main">
            <div class="stack">
                <Trouble one/>
                {move || match lead.get() {
                    Lead::Ready => view! { <Ready one/> }.into_any(),
                    Lead::Stages => view! { <Card title=t.stages><Stages one/></Card> }.into_any(),
                    Lead::Stopping => {
                        view! {
                            <Card>
                                <EmptyState glyph=Glyph::LoaderCircle title=t.s_stopping text=t.stopping_text/>
                            </Card>
                        }
                            .into_any()
                    }
                    Lead::Stopped => {
                        view! {
                            <Card>
                                <EmptyState glyph=Glyph::CirclePause title=t.stopped_title text=t.stopped_text/>
                            </Card>
                        }
                            .into_any()
                    }
                }}
            </div>
            <div class="stack">
                <Facts one/>
                <Recent one/>
            </div>
        </div>
    }
}

/// Why it is not well, what Chela does about it, and what a person can do.
#[component]
fn Trouble(one: OneBot) -> impl IntoView {
    let t = text::text();
    let reason = Memo::new(move |_| one.detail.with(|bot| bot.summary.reason.clone()));
    let next = Memo::new(move |_| one.detail.with(|bot| bot.next_try_at_ms));
    let failed = Memo::new(move |_| one.detail.with(|bot| bot.summary.observed == Observed::Failed));
    let restart = Memo::new(move |_| one.detail.with(|bot| bot.restart_needed));
    view! {
        {move || {
            reason
                .get()
                .map(|reason| {
                    let tone = if failed.get() { Tone::Bad } else { Tone::Warn };
                    view! {
                        <Banner tone title=reason.message>
                            {reason.hint.map(|hint| view! { <p>{hint}</p> })}
                            {next.get().map(|ms| view! { <p>{t.next_try} " " <Moment ms=Signal::stored(ms)/></p> })}
                        </Banner>
                    }
                })
        }}
        <Show when=move || restart.get()>
            <Banner tone=Tone::Info title=t.restart_needed/>
        </Show>
    }
}

#[component]
fn Ready(one: OneBot) -> impl IntoView {
    let t = text::text();
    let total = move || {
        let took = one.detail.with(total_ms)?;
        Some(view! { <p class="hint">{fill(t.ready_in, &time::duration(took))}</p> })
    };
    view! {
        <Card class="ready">
            <h2>{t.ready_title}</h2>
            <p>{t.ready_text}</p>
            <p class="acts">
                <a class="btn btn-primary" href=format!("/bots/{}/chat", one.slug())>
                    <Icon glyph=Glyph::MessageSquare/>
                    <span>{t.talk}</span>
                </a>
            </p>
            <details class="fold">
                <summary>{t.stages}</summary>
                <Stages one/>
                {total}
            </details>
        </Card>
    }
}

#[component]
fn Facts(one: OneBot) -> impl IntoView {
    let t = text::text();
    let bot = one.summary();
    let restarts = move || one.detail.with(|bot| bot.restarts.to_string());
    let started = Memo::new(move |_| {
        one.detail.with(|bot| bot.started_at_ms.filter(|_| bot.summary.observed == Observed::Running))
    });
    view! {
        <Card title=t.facts>
            <dl class="facts">
                <dt>{t.col_model}</dt>
                <dd class="mono">{move || bot.with(|bot| bot.model.clone())}</dd>
                <dt>{t.col_runtime}</dt>
                <dd>{move || bot.with(|bot| state::runtime_name(bot.runtime, t))}</dd>
                <dt>{t.step_profile}</dt>
                <dd>{move || bot.with(|bot| state::profile_name(bot.profile, t))}</dd>
                {move || {
                    started
                        .get()
                        .map(|ms| view! { <dt>{t.uptime}</dt><dd><Moment ms=Signal::stored(ms)/></dd> })
                }}
                <dt>{t.restarts}</dt>
                <dd>{restarts}</dd>
                <dt>{t.col_created}</dt>
                <dd><Moment ms=Signal::derive(move || bot.with(|bot| bot.created_at_ms))/></dd>
            </dl>
        </Card>
    }
}

#[component]
fn Recent(one: OneBot) -> impl IntoView {
    let t = text::text();
    view! {
        <Show when=move || one.threads.with(Option::is_some)>
            <Card title=t.recent>
                {move || {
                    let threads = one.threads.get().unwrap_or_default();
                    if threads.is_empty() {
                        return view! { <p class="hint">{t.recent_none}</p> }.into_any();
                    }
                    let slug = one.slug();
                    threads
                        .into_iter()
                        .take(5)
                        .map(|thread| {
                            let href = format!("/bots/{slug}/chat?thread={}", thread.id);
                            view! {
                                <a class="row-link" href=href>
                                    <span>{thread.title}</span>
                                    <Moment ms=Signal::stored(thread.updated_at_ms)/>
                                </a>
                            }
                        })
                        .collect_view()
                        .into_any()
                }}
            </Card>
        </Show>
    }
}
