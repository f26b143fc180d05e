//! Whether a bot lives and works, what fails, what it left when it died, and what to press.

use super::{
    configs_text,
    deaths::{Deaths, Opened},
    detail::OneBot,
    fns::{BotsApply, BotsRestart, BotsStart},
    idle_text,
    more::Found,
    more_fns::{BotsDiagnose, BotsRollback, BotsSetLimits},
    more_text::{self, Text},
    versions::way_back,
};
use crate::{
    i18n::fill,
    parts::{Failure, failure_of},
    time::{self, Moment},
};
use api::{ApiError, bots::*};
use leptos::prelude::*;
use ui::{Banner, Button, Card, Glyph, IntoWhole, Kind, StatePill, Tone};

/// What the buttons of this page do.
#[derive(Clone, Copy)]
pub(super) struct Fixes {
    pub(super) one: OneBot,
    start: ServerAction<BotsStart>,
    restart: ServerAction<BotsRestart>,
    apply: ServerAction<BotsApply>,
    diagnose: ServerAction<BotsDiagnose>,
    limits: ServerAction<BotsSetLimits>,
    pub(super) rollback: ServerAction<BotsRollback>,
    /// Whether each of them is under way, in the order above. Made once: what belongs to a part that is read anew is
    /// gone with it.
    busy: [Signal<bool>; 6],
    pub(super) failed: Signal<Option<ApiError>>,
}

impl Fixes {
    /// Stands above what is read anew, so that an answer outlives it.
    pub(super) fn new(one: OneBot) -> Self {
        let (start, restart) = (ServerAction::<BotsStart>::new(), ServerAction::<BotsRestart>::new());
        let (apply, diagnose) = (ServerAction::<BotsApply>::new(), ServerAction::<BotsDiagnose>::new());
        let (limits, rollback) = (ServerAction::<BotsSetLimits>::new(), ServerAction::<BotsRollback>::new());
        let values = [start.value(), restart.value(), apply.value(), limits.value(), rollback.value()];
        for value in values {
            Effect::new(move |_: Option<()>| {
                if let Some(Ok(bot)) = value.get() {
                    one.detail.set(bot);
                }
            });
        }
        let failed = Signal::derive(move || values.into_iter().find_map(|value| value.get()?.err()));
        let busy = [
            start.pending().into(),
            restart.pending().into(),
            apply.pending().into(),
            diagnose.pending().into(),
            limits.pending().into(),
            rollback.pending().into(),
        ];
        Self { one, start, restart, apply, diagnose, limits, rollback, busy, failed }
    }

    /// Whether a way back is under way.
    pub(super) const fn busy_rollback(self) -> Signal<bool> {
        let [.., rollback] = self.busy;
        rollback
    }

    /// The buttons of what may help after a death.
    pub(super) fn answers(self, Answers { raise_memory_mb, rollback }: Answers) -> AnyView {
        let t = configs_text::text();
        let [.., limits, _] = self.busy;
        let raise = raise_memory_mb.map(|mb| {
            view! {
                <ActionForm action=self.limits>
                    <input type="hidden" name="cmd[bot]" value=self.one.slug()/>
                    <input type="hidden" name="cmd[memory_mb]" value=mb.to_string()/>
                    <Button kind=Kind::Primary glyph=Glyph::Plus busy=limits>{fill(t.raise, &mb.to_string())}</Button>
                </ActionForm>
            }
        });
        let back = rollback.map(|to| way_back(self, t.roll_back_well, to));
        view! { {raise} {back} }.whole()
    }

    /// What a diagnosis advises.
    fn advised(self, one: Recommendation) -> AnyView {
        match one.act {
            FixAct::RaiseMemory | FixAct::RollBack => {
                self.answers(Answers { raise_memory_mb: one.memory_mb, rollback: one.rollback })
            }
            act => self.show(act),
        }
    }

    /// The button or link for one thing to do.
    pub(super) fn show(self, act: FixAct) -> AnyView {
        let t = more_text::text();
        let slug = self.one.slug();
        let [start, restart, apply, diagnose, ..] = self.busy;
        let field = view! { <input type="hidden" name="cmd[bot]" value=slug.clone()/> };
        match act {
            FixAct::Start | FixAct::Wake => {
                let word = if act == FixAct::Wake { idle_text::text().wake } else { t.f_start };
                view! {
                    <ActionForm action=self.start>{field}<Button glyph=Glyph::Play busy=start>{word}</Button></ActionForm>
                }
                .whole()
            }
            FixAct::Restart => view! {
                <ActionForm action=self.restart>{field}<Button glyph=Glyph::RotateCw busy=restart>{t.f_restart}</Button></ActionForm>
            }
            .whole(),
            FixAct::Apply => view! {
                <ActionForm action=self.apply>{field}<Button glyph=Glyph::Check busy=apply>{t.f_apply}</Button></ActionForm>
            }
            .whole(),
            FixAct::TestKey => view! {
                <ActionForm action=self.diagnose>{field}<Button glyph=Glyph::RefreshCw busy=diagnose>{t.f_test_key}</Button></ActionForm>
                <a class="btn" href="/keys">{t.f_add_key}</a>
            }
            .whole(),
            FixAct::AddKey => link("/keys".to_owned(), t.f_add_key),
            FixAct::Configure => link(format!("/bots/{slug}/config"), t.f_configure),
            FixAct::ReadLogs => link(format!("/bots/{slug}/logs"), t.f_logs),
            // They say more than a word.
            FixAct::RaiseMemory | FixAct::RollBack => ().whole(),
        }
    }
}

fn link(href: String, word: &'static str) -> AnyView {
    view! { <a class="btn" href=href>{word}</a> }.whole()
}

#[component]
pub(super) fn Diagnostics(fixes: Fixes, found: Found) -> impl IntoView {
    let (t, one) = (more_text::text(), fixes.one);
    let (health, deaths, open) = found;
    view! {
        <div class="grid-main">
            <div class="stack">
                {open.map(|open| view! { <Opened fixes open/> })}
                <Deaths slug=one.slug() deaths/>
            </div>
            <div class="stack">
                <TwoFacts health=health.clone()/>
                <Card title=t.uptime>
                    {health.months.is_empty().then(|| view! { <p class="hint">{t.uptime_none}</p> })}
                    <dl class="facts">
                        {health.months.into_iter().map(|month| view! { <dt>{month.month.clone()}</dt><dd>{uptime(&month, t)}</dd> }).collect_view()}
                    </dl>
                </Card>
                <History history=health.history/>
            </div>
        </div>
    }
}

/// The share of the time it was wanted; 100 % is said of nothing less.
fn uptime(month: &MonthUptime, t: &'static Text) -> String {
    let hundredths = month.up_ms.saturating_mul(10_000).checked_div(month.wanted_ms);
    let share = hundredths.map_or_else(|| "–".to_owned(), |n| format!("{}.{:02} %", n / 100, n % 100));
    let deaths = fill(t.deaths, &month.deaths.to_string());
    format!("{share} · {} · {deaths}", time::duration(month.wanted_ms))
}

/// A fact as a pill. What is not so because the bot is down as wanted is no failure.
pub(super) fn pill(fact: Fact, rest: Option<AtRest>) -> impl IntoView {
    let t = more_text::text();
    let (tone, glyph, word) = match (fact, rest) {
        (Fact::Yes, _) => (Tone::Ok, Glyph::CircleCheck, t.yes),
        (Fact::No, Some(AtRest::Stopped)) => (Tone::Idle, Glyph::CirclePause, t.stopped_as_wanted),
        (Fact::No, Some(AtRest::Asleep)) => (Tone::Idle, Glyph::CirclePause, idle_text::text().asleep),
        (Fact::No, None) => (Tone::Bad, Glyph::CircleX, t.no),
        (Fact::Unknown, _) => (Tone::Idle, Glyph::CircleHelp, t.unknown),
    };
    view! { <StatePill tone=Signal::stored(tone) glyph=Signal::stored(glyph) word=Signal::stored(word)/> }
}

#[component]
fn TwoFacts(health: BotHealth) -> impl IntoView {
    let t = more_text::text();
    let BotHealth { process, works, reason, at_rest, .. } = health;
    let row = |word: &'static str, ms: Option<i64>| {
        ms.map(|ms| view! { <dt>{word}</dt><dd><Moment ms=Signal::stored(ms)/></dd> })
    };
    let exit = process.last_exit.map(|exit| {
        let why = exit.reason.map(|reason| view! { <span class="hint">{reason.message}</span> });
        view! { <dt>{t.last_exit}</dt><dd><Moment ms=Signal::stored(exit.at_ms)/>{why}</dd> }
    });
    let probe = works.probe.map(|probe| {
        let error = probe.error.map(|error| view! { <span class="hint">{error}</span> });
        let took = format!(" · {}", time::duration(probe.latency_ms));
        view! { <dt>{t.asked}</dt><dd><Moment ms=Signal::stored(probe.at_ms)/>{took}{error}</dd> }
    });
    view! {
        {reason.map(|reason| view! { <Banner tone=Tone::Warn title=reason.message>{reason.hint.map(|hint| view! { <p>{hint}</p> })}</Banner> })}
        <Card title=t.lives>
            <dl class="facts">
                <dt>{t.lives}</dt>
                <dd>{pill(process.lives, at_rest)}</dd>
                {row(t.since, process.since_ms)}
                <dt>{t.restarts}</dt>
                <dd>{process.restarts.to_string()}</dd>
                {exit}
                {row(t.next_try, process.next_try_at_ms)}
            </dl>
        </Card>
        <Card title=t.works>
            <dl class="facts">
                <dt>{t.works}</dt>
                <dd>{pill(works.works, at_rest)}</dd>
                <dt>{t.gateway}</dt>
                <dd>{pill(works.gateway, at_rest)}</dd>
                <dt>{t.model}</dt>
                <dd>{pill(works.model, None)}</dd>
                {probe}
                {row(t.last_answer, works.last_answer_at_ms)}
            </dl>
        </Card>
    }
}

#[component]
fn History(history: Vec<HealthChange>) -> impl IntoView {
    let t = more_text::text();
    let word = |health| match health {
        Health::Healthy => t.h_healthy,
        Health::Degraded => t.h_degraded,
        Health::Unhealthy => t.h_unhealthy,
        Health::Unknown => t.h_unknown,
    };
    view! {
        <Card title=t.history>
            {history.is_empty().then(|| view! { <p class="hint">{t.history_none}</p> })}
            <ol class="rows">
                {told_apart(history)
                    .into_iter()
                    .take(20)
                    .map(|change| {
                        let why = change.reason.map(|reason| view! { <p class="hint">{reason.message}</p> });
                        view! {
                            <li class="row">
                                <div class="row-what"><p class="row-name">{word(change.health)}</p>{why}</div>
                                <Moment ms=Signal::stored(change.at_ms)/>
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </Card>
    }
}

/// Steps of one change of state look the same to people: the oldest of them says since when.
fn told_apart(history: Vec<HealthChange>) -> Vec<HealthChange> {
    let mut told: Vec<HealthChange> = Vec::new();
    for change in history {
        match told.last_mut().filter(|later| later.health == change.health && later.reason == change.reason) {
            Some(later) => *later = change,
            None => told.push(change),
        }
    }
    told
}

/// Outside of what is read anew: its answer stays.
#[component]
pub(super) fn Diagnose(fixes: Fixes) -> impl IntoView {
    let t = more_text::text();
    let value = fixes.diagnose.value();
    let [_, _, _, pending, ..] = fixes.busy;
    let slug = fixes.one.slug();
    view! {
        <Failure error=fixes.failed/>
        <Card title=t.diagnose>
            <p>{t.diagnose_text}</p>
            <ActionForm action=fixes.diagnose>
                <input type="hidden" name="cmd[bot]" value=slug/>
                <Button kind=Kind::Primary glyph=Glyph::Wrench busy=pending>{t.run}</Button>
            </ActionForm>
            <Failure error=failure_of(move || value.get())/>
            {move || value.get().and_then(Result::ok).map(|found| view! { <Found fixes found/> })}
        </Card>
    }
}

#[component]
fn Found(fixes: Fixes, found: Diagnosis) -> impl IntoView {
    let t = more_text::text();
    let (tone, title) = match found.overall {
        Overall::Healthy => (Tone::Ok, t.o_healthy),
        Overall::Warning => (Tone::Warn, t.o_warning),
        Overall::Error => (Tone::Bad, t.o_error),
    };
    let advice = found.recommendations.into_iter().map(|one| {
        view! { <div class="row"><p class="row-what">{one.text.clone()}</p>{fixes.advised(one)}</div> }
    });
    view! {
        <Banner tone title/>
        <ul class="rows">{found.checks.into_iter().map(|check| checked(check, t)).collect_view()}</ul>
        <div class="rows">{advice.collect_view()}</div>
    }
}

fn checked(check: CheckResult, t: &'static Text) -> impl IntoView {
    let name = match check.check {
        CheckKind::ProviderKey => t.c_provider_key,
        CheckKind::ModelAccess => t.c_model_access,
        CheckKind::ChannelTokens => t.c_channel_tokens,
        CheckKind::Container => t.c_container,
        CheckKind::Network => t.c_network,
        CheckKind::Gateway => t.c_gateway,
    };
    let (tone, glyph, word) = match check.verdict {
        Verdict::Pass => (Tone::Ok, Glyph::CircleCheck, t.v_pass),
        Verdict::Warning => (Tone::Warn, Glyph::TriangleAlert, t.v_warning),
        Verdict::Fail => (Tone::Bad, Glyph::CircleX, t.v_fail),
    };
    view! {
        <li class="row">
            <div class="row-what">
                <p class="row-name">{name}</p>
                <p class="hint">{check.message}</p>
            </div>
            <span class="hint">{time::duration(check.latency_ms)}</span>
            <StatePill tone=Signal::stored(tone) glyph=Signal::stored(glyph) word=Signal::stored(word)/>
        </li>
    }
}
