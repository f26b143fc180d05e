//! What needs a person: bots that are not well, keys that fail, things an operator must know.

use super::text;
use crate::{
    bots::{detail::BotState, state},
    settings::instance::Notices,
};
use api::{
    bots::BotSummary,
    keys::{KeyStatus, KeySummary},
    settings::Banner as Notice,
};
use leptos::prelude::*;
use ui::{Card, Glyph, Icon};

/// The list; one calm sentence when it is empty, nothing at all before there is a bot.
#[component]
pub(super) fn Attention(
    bots: RwSignal<Vec<BotSummary>>,
    keys: Vec<KeySummary>,
    notices: Vec<Notice>,
    /// There is no bot yet.
    none: Memo<bool>,
) -> impl IntoView {
    let t = text::text();
    let failing: Vec<KeySummary> = keys.into_iter().filter(|key| key.status == KeyStatus::Failing).collect();
    let unwell = Memo::new(move |_| {
        bots.with(|all| all.iter().filter(|bot| state::needs_attention(bot)).cloned().collect::<Vec<_>>())
    });
    let keys_well = failing.is_empty();
    let all_well = Memo::new(move |_| keys_well && unwell.with(Vec::is_empty));
    view! {
        <Notices notices/>
        <div class:hidden=move || all_well.get() && none.get()>
            <Card title=t.attention>
                <p class="well" class:hidden=move || !all_well.get()>
                    <Icon glyph=Glyph::CircleCheck/>
                    {t.all_well}
                </p>
                <ul class="rows" class:hidden=move || all_well.get()>
                    {failing.into_iter().map(|key| view! { <KeyLine key/> }).collect_view()}
                    {move || unwell.get().into_iter().map(|bot| view! { <BotLine bot/> }).collect_view()}
                </ul>
            </Card>
        </div>
    }
}

#[component]
fn BotLine(bot: BotSummary) -> impl IntoView {
    let t = text::text();
    let href = format!("/bots/{}/overview", bot.slug);
    let reason = bot.reason.clone();
    view! {
        <li class="row">
            <div class="row-what">
                <p class="row-name">{bot.name.clone()}</p>
                {reason.map(|reason| view! { <p class="hint">{reason.message}</p> })}
            </div>
            <BotState bot=Signal::stored(bot)/>
            <a class="btn" href=href>
                {t.look}
            </a>
        </li>
    }
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
