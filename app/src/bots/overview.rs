//! A bot's overview: what it is doing now, what to do next, its last chats and words, its facts.

use super::{
    configs_text,
    detail::OneBot,
    diagnostics::pill,
    idle_text,
    limits::limits_in_words,
    logs::LineView,
    more_text,
    stages::{Stages, total_ms},
    state, text,
};
use crate::{
    i18n::fill,
    time::{self, Moment},
};
use api::bots::{BotDetail, Desired, Observed, at_rest, two_facts};
use leptos::prelude::*;
use std::sync::Arc;
use ui::{Banner, Card, EmptyState, Glyph, Icon, IntoWhole, Tone};

/// What the page leads with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// It can be talked to.
    Ready,
    /// A message wakes it.
    Asleep,
    /// On its way, or failed on it.
    Stages,
    Stopping,
    Stopped,
}

fn lead(bot: &BotDetail) -> Lead {
    if state::is_ready(&bot.summary) {
        Lead::Ready
    } else if bot.summary.asleep_since_ms.is_some() && bot.summary.observed == Observed::Stopped {
        Lead::Asleep
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
                    Lead::Ready => view! { <Ready one/> }.whole(),
                    Lead::Asleep => {
                        let (w, href) = (idle_text::text(), format!("/bots/{}/chat", one.slug()));
                        view! {
                            <Card>
                                <EmptyState glyph=Glyph::CirclePause title=w.asleep_title text=w.asleep_text>
                                    <a class="btn btn-primary" href=href>
                                        <Icon glyph=Glyph::MessageSquare/>
                                        <span>{t.talk}</span>
                                    </a>
                                </EmptyState>
                            </Card>
                        }
                            .whole()
                    }
                    Lead::Stages => view! { <Card title=t.stages><Stages one/></Card> }.whole(),
                    Lead::Stopping => {
                        view! {
                            <Card>
                                <EmptyState glyph=Glyph::LoaderCircle title=t.s_stopping text=t.stopping_text/>
                            </Card>
                        }
                            .whole()
                    }
                    Lead::Stopped => {
                        view! {
                            <Card>
                                <EmptyState glyph=Glyph::CirclePause title=t.stopped_title text=t.stopped_text/>
                            </Card>
                        }
                            .whole()
                    }
                }}
                <Recent one/>
                <Latest one/>
            </div>
            <div class="stack">
                <Facts one/>
            </div>
        </div>
    }
}

/// Why it is not well, what Chela does about it, and what a person can do.
#[component]
fn Trouble(one: OneBot) -> impl IntoView {
    let t = text::text();
    // The page leads with its sleep.
    let reason = Memo::new(move |_| {
        one.detail.with(|bot| bot.summary.reason.clone().filter(|_| bot.summary.asleep_since_ms.is_none()))
    });
    let next = Memo::new(move |_| one.detail.with(|bot| bot.next_try_at_ms));
    let tone = Memo::new(move |_| {
        one.detail.with(|bot| match bot.summary.observed {
            Observed::Failed => Tone::Bad,
            _ if bot.summary.asleep_since_ms.is_some() => Tone::Info,
            _ => Tone::Warn,
        })
    });
    let restart = Memo::new(move |_| one.detail.with(|bot| bot.restart_needed));
    view! {
        {move || {
            reason
                .get()
                .map(|reason| {
                    let tone = tone.get();
                    view! {
                        <Banner tone title=reason.message>
                            {reason.hint.map(|hint| view! { <p>{hint}</p> })}
                            {(tone == Tone::Bad)
                                .then(|| {
                                    let href = format!("/bots/{}/diagnostics?postmortem=last", one.slug());
                                    view! { <p><a href=href>{configs_text::text().why}</a></p> }
                                })}
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
            <div class="ready-lead">
                <div>
                    <h2>{t.ready_title}</h2>
                    <p>{t.ready_text}</p>
                </div>
                <a class="btn btn-primary" href=format!("/bots/{}/chat", one.slug())>
                    <Icon glyph=Glyph::MessageSquare/>
                    <span>{t.talk}</span>
                </a>
            </div>
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
    let (t, w) = (text::text(), more_text::text());
    let bot = one.summary();
    let restarts = move || one.detail.with(|bot| bot.restarts.to_string());
    // The same moment that the header counts from.
    let running =
        Memo::new(move |_| bot.with(|bot| Some(bot.since_ms).filter(|_| bot.observed == Observed::Running)));
    let prompt = Memo::new(move |_| one.detail.with(|bot| bot.settings.prompt.trim().to_owned()));
    view! {
        <Card title=t.facts>
            <dl class="facts">
                {move || {
                    let (lives, works) = bot.with(|bot| two_facts(bot.desired, bot.observed, bot.health));
                    let rest = bot.with(at_rest);
                    view! {
                        <dt>{w.lives}</dt>
                        <dd>{pill(lives, rest)}</dd>
                        <dt>{w.works}</dt>
                        <dd>{pill(works, rest)} " " <a class="link-quiet" href=format!("/bots/{}/diagnostics", one.slug())>{w.more}</a></dd>
                    }
                }}
                <dt>{t.col_model}</dt>
                <dd class="mono">{move || bot.with(|bot| bot.model.clone())}</dd>
                <dt>{t.col_runtime}</dt>
                <dd>{move || bot.with(|bot| state::runtime_name(bot.runtime, t))}</dd>
                <dt>"OpenClaw"</dt>
                <dd class="mono">
                    {move || bot.with(|bot| bot.openclaw.clone())} " "
                    {move || {
                        let offered = one.detail.with(|bot| !bot.openclaw_offers.is_empty());
                        let href = format!("/bots/{}/config#openclaw", one.slug());
                        offered.then(|| view! { <a class="link-quiet" href=href>{w.upgrade_to}</a> })
                    }}
                </dd>
                <dt>{t.step_profile}</dt>
                <dd>{move || bot.with(|bot| state::profile_name(bot.profile, t))}</dd>
                <dt>{configs_text::text().resources}</dt>
                <dd>{move || one.detail.with(|bot| limits_in_words(bot.settings.limits))}</dd>
                {move || {
                    running
                        .get()
                        .map(|ms| view! { <dt>{t.uptime}</dt><dd><Moment ms=Signal::stored(ms)/></dd> })
                }}
                <dt>{t.restarts}</dt>
                <dd>{restarts}</dd>
                <dt>{t.col_created}</dt>
                <dd><Moment ms=Signal::derive(move || bot.with(|bot| bot.created_at_ms))/></dd>
            </dl>
            <div class="fact-long">
                <p class="field-label">{t.prompt_fact}</p>
                <p class="as-typed">
                    {move || Some(prompt.get()).filter(|said| !said.is_empty()).unwrap_or_else(|| t.summary_prompt_default.to_owned())}
                </p>
            </div>
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
                        return view! { <p class="hint">{t.recent_none}</p> }.whole();
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
                        .whole()
                }}
            </Card>
        </Show>
    }
}

/// The last of what it wrote, read anew whenever its state changes.
#[component]
fn Latest(one: OneBot) -> impl IntoView {
    let t = text::text();
    let href = format!("/bots/{}/logs", one.slug());
    let state = Memo::new(move |_| one.detail.with(|bot| (bot.summary.observed, bot.summary.since_ms)));
    Effect::new(move |before: Option<_>| {
        let now = state.get();
        if before.is_some_and(|before| before != now) {
            one.latest.refetch();
        }
        now
    });
    view! {
        <Card class="latest">
            <div class="card-head">
                <h2 class="card-title">{t.latest}</h2>
                <a class="link-quiet" href=href>
                    {t.all_logs}
                </a>
            </div>
            <Transition>
                {move || Suspend::new(async move {
                    match one.latest.await {
                        Some(Ok(page)) if page.lines.is_empty() => {
                            view! { <p class="hint">{t.latest_none}</p> }.whole()
                        }
                        Some(Ok(page)) => {
                            let lines = page.lines.into_iter().map(|line| view! { <LineView line=Arc::new(line)/> });
                            view! { <ol class="log-lines">{lines.collect_view()}</ol> }.whole()
                        }
                        Some(Err(error)) => view! { <p class="hint">{error.message}</p> }.whole(),
                        None => ().whole(),
                    }
                })}
            </Transition>
        </Card>
    }
}
