//! One trouble in the list: how it stands, what it was, and what can be done at once.

use super::{
    fns::{NotifyMute, NotifyRead},
    text,
};
use crate::{
    bots::fns::BotsRestart,
    budgets::{fns::BudgetsStop, stops::Answers},
    i18n::fill,
    time::{Age, Moment},
};
use api::notify::{Notification, NotificationKind};
use leptos::prelude::*;
use ui::{Button, Glyph, Icon, IntoWhole, Kind, StatePill, Tone};

/// What can be done to one. One set for the page, so that a failure is said once.
#[derive(Clone, Copy)]
pub(crate) struct Acts {
    pub(crate) restart: ServerAction<BotsRestart>,
    pub(crate) mute: ServerAction<NotifyMute>,
    pub(crate) read: ServerAction<NotifyRead>,
    pub(crate) stop: ServerAction<BudgetsStop>,
}

/// One notification.
#[component]
pub(super) fn Item(
    it: Notification,
    acts: Acts,
    /// Whether the reader may restart bots.
    owner: bool,
) -> impl IntoView {
    let t = text::text();
    let goes_on = it.resolved_at_ms.is_none();
    let (tone, glyph, word) = match goes_on {
        true if matches!(it.kind, NotificationKind::BudgetNear | NotificationKind::KeyExpiring) => {
            (Tone::Warn, Glyph::CircleAlert, t.open)
        }
        true => (Tone::Bad, Glyph::CircleAlert, t.open),
        false => (Tone::Ok, Glyph::CircleCheck, t.over),
    };
    let happened = text::kind(it.kind, t);
    let (muted, unread) = (it.muted_until_ms, it.unread);
    // A restart brings no budget back.
    let slug = it.bot.as_ref().filter(|_| !it.kind.is_of_spending()).map(|bot| bot.slug.clone());
    let spends = it.bot.as_ref().filter(|_| it.kind.is_runaway() && goes_on && owner);
    let spends = spends.map(|bot| bot.slug.clone());
    let about = match (&it.bot, it.runtime) {
        (Some(bot), _) => view! { <a href=it.kind.page_of(&bot.slug)>{bot.name.clone()}</a> }.whole(),
        (None, Some(runtime)) => fill(t.runtime, crate::bots::state::runtime_word(runtime)).whole(),
        (None, None) if it.kind.is_of_budget() => view! { <a href="/budgets">{t.budgets}</a> }.whole(),
        (None, None) if it.kind.is_of_key() => view! { <a href="/keys">{t.keys}</a> }.whole(),
        (None, None) => ().whole(),
    };
    let count = (it.count > 1).then(|| format!("{} · ", fill(t.times, &it.count.to_string())));
    view! {
        <li class="row note" class:note-new=unread>
            <StatePill tone glyph word>
                <Age since_ms=Signal::stored(it.resolved_at_ms.unwrap_or(it.first_at_ms))/>
            </StatePill>
            <div class="row-what">
                <p class="row-name">
                    {unread.then(|| view! { <span class="sr-only">{t.unread} ": "</span> })} {about} ": " {happened}
                </p>
                {it.reason.map(|reason| view! { <p class="hint">{reason.message}</p> })}
                <p class="hint">
                    {count} {t.since} " " <Moment ms=Signal::stored(it.first_at_ms)/> " · " {t.last} " "
                    <Moment ms=Signal::stored(it.last_at_ms)/>
                    {muted
                        .map(|until| view! { " · " {t.muted_until} " " <Moment ms=Signal::stored(until)/> })}
                </p>
            </div>
            <div class="row-acts">
                {spends.map(|bot| view! { <Answers bot stop=acts.stop/> })}
                {slug.map(|slug| view! { <OfBot slug muted=muted.is_some() goes_on acts owner/> })}
                {unread
                    .then(|| {
                        view! {
                            <ActionForm action=acts.read>
                                <input type="hidden" name="cmd[notification]" value=it.id.to_string()/>
                                <Button kind=Kind::Quiet glyph=Glyph::Check>{t.read}</Button>
                            </ActionForm>
                        }
                    })}
            </div>
        </li>
    }
}

/// The answers that a bot's trouble has.
#[component]
fn OfBot(slug: String, muted: bool, goes_on: bool, acts: Acts, owner: bool) -> impl IntoView {
    let t = text::text();
    let logs = format!("/bots/{slug}/logs");
    view! {
        {(owner && goes_on)
            .then(|| {
                let bot = slug.clone();
                view! {
                    <ActionForm action=acts.restart>
                        <input type="hidden" name="cmd[bot]" value=bot/>
                        <Button kind=Kind::Primary glyph=Glyph::RotateCw busy=acts.restart.pending()>{t.restart}</Button>
                    </ActionForm>
                }
            })}
        <a class="btn" href=logs>
            {t.logs}
        </a>
        <ActionForm action=acts.mute>
            <input type="hidden" name="cmd[bot]" value=slug/>
            {muted.then(|| view! { <input type="hidden" name="cmd[minutes]" value="0"/> })}
            <button type="submit" class="btn btn-quiet">
                <Icon glyph=Glyph::BellOff/>
                <span>{if muted { t.unmute } else { t.mute }}</span>
            </button>
        </ActionForm>
    }
}
