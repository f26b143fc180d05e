//! `/admin/jobs`: what waits, runs, was given up, and what can be done about it. Read anew when the live line tells.

use super::{
    fns::{JobsCancel, JobsDiscard, JobsRetry, jobs_list},
    text,
};
use crate::{
    bots,
    i18n::fill,
    live::{Fit, News, live},
    parts::{Failure, Pager, Unloaded},
    time::{self, Age, Moment},
};
use api::{
    jobs::{Job, JobCounts, JobPage, JobState, ListJobs},
    live::Topic,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::de::IgnoredAny;
use ui::{Button, Card, EmptyState, Glyph, IntoWhole, Kind, StatePill};

/// Where it is.
pub(crate) const BASE: &str = "/admin/jobs";
/// Rows of a page.
const ROWS: u32 = 50;

/// What can be done to one. One set for the page, so that a failure is said once.
#[derive(Clone, Copy)]
struct Acts {
    retry: ServerAction<JobsRetry>,
    cancel: ServerAction<JobsCancel>,
    discard: ServerAction<JobsDiscard>,
}

/// The state an address asks for.
fn state_of(word: &str) -> Option<JobState> {
    match word {
        "queued" => Some(JobState::Queued),
        "running" => Some(JobState::Running),
        "done" => Some(JobState::Done),
        "dead" => Some(JobState::Dead),
        "cancelled" => Some(JobState::Cancelled),
        _ => None,
    }
}

/// The page.
#[component]
pub(crate) fn Jobs() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("state").as_deref().and_then(state_of), query.get("cursor")))
    });
    let page = Resource::new_blocking(
        move || asked.get(),
        |(state, cursor)| jobs_list(ListJobs { state, kind: None, limit: Some(ROWS), cursor }),
    );
    let t = text::text();
    let acts = Acts { retry: ServerAction::new(), cancel: ServerAction::new(), discard: ServerAction::new() };
    Effect::new(move |_: Option<()>| {
        let Some(live) = live() else { return };
        live.follow(Topic::Jobs, move |news: News<IgnoredAny, IgnoredAny>| {
            if matches!(news, News::Event(_)) {
                page.refetch();
            }
            Fit::Yes
        });
    });
    // Also where the line is down.
    let ended =
        move || acts.retry.version().get() + acts.cancel.version().get() + acts.discard.version().get();
    Effect::new(move |before: Option<usize>| {
        let now = ended();
        if before.is_some_and(|before| before != now) {
            page.refetch();
        }
        now
    });
    let failed = Signal::derive(move || {
        let retry = acts.retry.value().get().and_then(Result::err);
        let cancel = acts.cancel.value().get().and_then(Result::err);
        retry.or(cancel).or_else(|| acts.discard.value().get().and_then(Result::err))
    });
    view! {
        <Title text=t.title/>
        <section class="stack">
            <p class="lead">{t.lead}</p>
            <Failure error=failed/>
            <Transition>
                {move || Suspend::new(async move {
                    let (state, cursor) = asked.get_untracked();
                    match page.await {
                        Ok(page) => view! { <List page acts state later=cursor.is_some()/> }.whole(),
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
        </section>
    }
}

#[component]
fn Chips(counts: JobCounts, here: Option<JobState>) -> impl IntoView {
    let t = text::text();
    let JobCounts { queued, running, done, dead, cancelled } = counts;
    let chips = [
        ("", t.all, queued + running + done + dead + cancelled),
        ("dead", t.dead, dead),
        ("running", t.running, running),
        ("queued", t.queued, queued),
        ("cancelled", t.cancelled, cancelled),
        ("done", t.done, done),
    ];
    let chip = move |(state, word, count): (&'static str, &'static str, i64)| {
        let href = if state.is_empty() { BASE.to_owned() } else { format!("{BASE}?state={state}") };
        view! {
            <li>
                <a class="chip" href=href aria-current=(state_of(state) == here).then_some("page")>
                    {word}
                    " "
                    <b>{count.to_string()}</b>
                </a>
            </li>
        }
    };
    view! {
        <nav aria-label=t.states>
            <ul class="chips">{chips.map(chip).collect_view()}</ul>
        </nav>
    }
}

#[component]
fn List(page: JobPage, acts: Acts, state: Option<JobState>, later: bool) -> impl IntoView {
    let t = text::text();
    let JobPage { items, next, counts, .. } = page;
    let base = match state.map(|state| serde_json::to_value(state).unwrap_or_default()) {
        Some(word) => format!("{BASE}?state={}", word.as_str().unwrap_or_default()),
        None => BASE.to_owned(),
    };
    let list = if items.is_empty() {
        view! { <EmptyState glyph=Glyph::CircleCheck title=t.none_title text=t.none_text/> }.whole()
    } else {
        let rows = items.into_iter().map(|job| view! { <Row job acts/> }).collect_view();
        view! { <Card><ul class="rows">{rows}</ul></Card> }.whole()
    };
    view! {
        <Chips counts here=state/>
        {list}
        <Pager base later next/>
    }
}

#[component]
fn Row(job: Job, acts: Acts) -> impl IntoView {
    let t = text::text();
    let (tone, glyph, word) = text::state(job.state, t);
    let stage = job.stage.map(|stage| bots::state::stage_name(stage, bots::text::text()));
    let goes_on = matches!(job.state, JobState::Queued | JobState::Running);
    let what = text::kind(&job.kind, t).to_owned();
    let about = match (job.bot, job.about) {
        (Some(bot), _) => {
            view! { ": " <a href=format!("/bots/{}/overview", bot.slug)>{bot.name}</a> }.whole()
        }
        (None, Some(id)) => view! { " " <span class="hint mono">{id}</span> }.whole(),
        (None, None) => ().whole(),
    };
    // Nothing was tried yet where it waits for its bot.
    let tries = (job.attempts > 0)
        .then(|| format!("{} {} {} · ", fill(t.tries, &job.attempts.to_string()), t.of, job.max_attempts));
    let waits = job.waits_for.map(|wait| format!("{} · ", text::wait(wait, t)));
    let again = if job.state == JobState::Queued { t.run_now } else { t.retry };
    let (can_retry, ended) =
        (matches!(job.state, JobState::Queued | JobState::Dead | JobState::Cancelled), !goes_on);
    let id = job.id;
    let hidden = move || view! { <input type="hidden" name="cmd[job]" value=id.to_string()/> };
    view! {
        <li class="row">
            <StatePill tone glyph word turning=job.state == JobState::Running>
                <Age since_ms=Signal::stored(job.created_at_ms)/>
            </StatePill>
            <div class="row-what">
                <p class="row-name">{what} {about}</p>
                <p class="hint">
                    {stage.map(|stage| format!("{stage} · "))} {waits} {tries} {t.added} " " <Moment ms=Signal::stored(job.created_at_ms)/>
                    {job.finished_at_ms.map(|ms| view! { " · " {t.ended} " " <Moment ms=Signal::stored(ms)/> })}
                    {job.next_at_ms.map(|ms| view! { " · " {t.next} " " <Moment ms=Signal::stored(ms)/> })}
                    {job.ran_ms.map(|ms| format!(" · {} {}", t.took, time::duration(ms)))}
                </p>
                {job.last_error.map(|why| view! { <p class="hint">{why}</p> })}
            </div>
            <div class="row-acts">
                {can_retry
                    .then(|| {
                        view! { <ActionForm action=acts.retry>{hidden()} <Button>{again}</Button></ActionForm> }
                    })}
                {job
                    .can_cancel
                    .then(|| {
                        view! { <ActionForm action=acts.cancel>{hidden()} <Button>{t.cancel}</Button></ActionForm> }
                    })}
                {ended
                    .then(|| {
                        view! {
                            <ActionForm action=acts.discard>
                                {hidden()} <Button kind=Kind::Quiet>{t.discard}</Button>
                            </ActionForm>
                        }
                    })}
            </div>
        </li>
    }
}
