//! What needs a person: bots that are not well, keys that fail, things an operator must know.

use super::text;
use crate::{
    bots::{
        detail::BotState,
        fns::{BotsRestart, BotsStart},
        state,
    },
    budgets::{fns::BudgetsStop, stops::Answers},
    frame::Person,
    notify,
    parts::Failure,
    settings::instance::Notices,
};
use api::{
    auth::Role,
    bots::{BotSummary, Desired},
    keys::{KeyStatus, KeySummary},
    notify::Notification,
    settings::Banner as Notice,
};
use leptos::prelude::*;
use ui::{Button, Card, Glyph, Icon, IntoWhole};

/// The list; one calm sentence when it is empty, nothing at all before there is a bot.
#[component]
pub(super) fn Attention(
    bots: RwSignal<Vec<BotSummary>>,
    keys: Vec<KeySummary>,
    notices: Vec<Notice>,
    /// Bots that spend for nobody.
    news: Vec<Notification>,
    /// There is no bot yet.
    none: Memo<bool>,
) -> impl IntoView {
    let t = text::text();
    let failing: Vec<KeySummary> = keys.into_iter().filter(|key| key.status == KeyStatus::Failing).collect();
    let unwell = Memo::new(move |_| {
        bots.with(|all| all.iter().filter(|bot| state::needs_attention(bot)).cloned().collect::<Vec<_>>())
    });
    let keys_well = failing.is_empty() && news.is_empty();
    let all_well = Memo::new(move |_| keys_well && unwell.with(Vec::is_empty));
    // One set for the list, so that a failure is said once and outlives the row it belongs to.
    let acts = Acts { start: ServerAction::new(), restart: ServerAction::new(), stop: ServerAction::new() };
    let failed = Signal::derive(move || {
        let start = acts.start.value().get().and_then(Result::err);
        let stop = acts.stop.value().get().and_then(Result::err);
        start.or(stop).or_else(|| acts.restart.value().get().and_then(Result::err))
    });
    view! {
        <Notices notices/>
        <div class:hidden=move || all_well.get() && none.get()>
            <Card title=t.attention>
                <Failure error=failed/>
                <p class="well" class:hidden=move || !all_well.get()>
                    <Icon glyph=Glyph::CircleCheck/>
                    {t.all_well}
                </p>
                <ul class="rows" class:hidden=move || all_well.get()>
                    {news.into_iter().map(|it| view! { <SpendingLine it acts/> }).collect_view()}
                    {failing.into_iter().map(|key| view! { <KeyLine key/> }).collect_view()}
                    {move || unwell.get().into_iter().map(|bot| view! { <BotLine bot acts/> }).collect_view()}
                </ul>
            </Card>
        </div>
    }
}

/// What a bot that needs somebody is answered with.
#[derive(Clone, Copy)]
struct Acts {
    start: ServerAction<BotsStart>,
    restart: ServerAction<BotsRestart>,
    stop: ServerAction<BudgetsStop>,
}

#[component]
fn BotLine(bot: BotSummary, acts: Acts) -> impl IntoView {
    let t = text::text();
    let logs = format!("/bots/{}/logs", bot.slug);
    let owner = use_context::<Person>().is_some_and(|Person(me)| me.role == Role::Owner);
    let (slug, wanted) = (bot.slug.clone(), bot.desired == Desired::Running);
    let href = format!("/bots/{}/overview", bot.slug);
    let reason = bot.reason.clone();
    view! {
        <li class="row">
            <div class="row-what">
                <p class="row-name">{bot.name.clone()}</p>
                {reason.map(|reason| view! { <p class="hint">{reason.message}</p> })}
            </div>
            <BotState bot=Signal::stored(bot)/>
            <div class="row-acts">
                {owner.then(|| view! { <Answer slug wanted acts/> })}
                <a class="btn" href=logs>
                    {t.logs}
                </a>
                <a class="btn btn-quiet" href=href>
                    {t.look}
                </a>
            </div>
        </li>
    }
}

/// Brings it up anew, or up at all.
#[component]
fn Answer(slug: String, wanted: bool, acts: Acts) -> impl IntoView {
    let t = text::text();
    if wanted {
        view! {
            <ActionForm action=acts.restart>
                <input type="hidden" name="cmd[bot]" value=slug/>
                <Button glyph=Glyph::RotateCw busy=acts.restart.pending()>{t.restart}</Button>
            </ActionForm>
        }
        .whole()
    } else {
        view! {
            <ActionForm action=acts.start>
                <input type="hidden" name="cmd[bot]" value=slug/>
                <Button glyph=Glyph::Play busy=acts.start.pending()>{t.start}</Button>
            </ActionForm>
        }
        .whole()
    }
}

#[component]
fn SpendingLine(it: Notification, acts: Acts) -> impl IntoView {
    let t = text::text();
    let owner = use_context::<Person>().is_some_and(|Person(me)| me.role == Role::Owner);
    let happened = notify::text::kind(it.kind, notify::text::text());
    let whose = it.bot.as_ref().map(|bot| bot.id);
    let stopped = move || match acts.stop.value().get() {
        Some(Ok(stop)) => whose.is_some() && stop.bot == whose,
        _ => false,
    };
    it.bot.clone().map(|bot| {
        let (href, slug) = (it.kind.page_of(&bot.slug), bot.slug);
        view! {
            <li class="row" class:hidden=stopped>
                <div class="row-what">
                    <p class="row-name">{bot.name} ": " {happened}</p>
                    {it.reason.clone().map(|reason| view! { <p class="hint">{reason.message}</p> })}
                </div>
                <div class="row-acts">
                    {owner.then(|| view! { <Answers bot=slug stop=acts.stop/> })}
                    <a class="btn btn-quiet" href=href>
                        {t.look}
                    </a>
                </div>
            </li>
        }
    })
}

#[component]
fn KeyLine(key: KeySummary) -> impl IntoView {
    let t = text::text();
    view! {
        <li class="row">
            <div class="row-what">
                <p class="row-name">{key.label} " " {t.key_failing}</p>
                {key.status_message.map(|message| view! { <p class="hint">{message}</p> })}
            </div>
            <a class="btn" href="/keys">
                {t.look}
            </a>
        </li>
    }
}
