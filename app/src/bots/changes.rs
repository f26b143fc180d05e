//! What was done to a bot and what became of it, newest first.

use super::{detail::OneBot, idle_text, more_text};
use crate::{
    i18n::fill,
    parts::Pager,
    time::{self, Moment},
};
use api::{
    Page,
    bots::{BotEvent, BotEventKind},
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use ui::{Card, Glyph, Icon};

/// How an event of a bot's past reads.
pub(super) fn shown(kind: BotEventKind, t: &'static more_text::Text) -> (Glyph, &'static str) {
    use BotEventKind as K;
    match kind {
        K::Created => (Glyph::Plus, t.k_created),
        K::Changed => (Glyph::Pencil, t.k_changed),
        K::Applied => (Glyph::Check, t.k_applied),
        K::RolledBack => (Glyph::RefreshCw, super::configs_text::text().rolled_back),
        K::Discarded => (Glyph::Eraser, t.k_discarded),
        K::Start => (Glyph::Play, t.k_start),
        K::Stop => (Glyph::Square, t.k_stop),
        K::Restart => (Glyph::RotateCw, t.k_restart),
        K::Trash => (Glyph::Trash2, t.k_trash),
        K::Restore => (Glyph::RefreshCw, t.k_restore),
        K::Ready => (Glyph::CircleCheck, t.k_ready),
        K::Died => (Glyph::CircleX, t.k_died),
        K::Failed => (Glyph::TriangleAlert, t.k_failed),
        K::Ended => (Glyph::CirclePause, t.k_ended),
        K::Upgrade => (Glyph::ArrowUp, t.k_upgrade),
        K::Return => (Glyph::RefreshCw, t.k_return),
        K::Upgraded => (Glyph::CircleCheck, t.k_upgraded),
        K::UpgradeUndone => (Glyph::TriangleAlert, t.k_upgrade_undone),
        K::Slept => (Glyph::CirclePause, idle_text::text().slept),
        K::Woke => (Glyph::Play, idle_text::text().woke),
    }
}

#[component]
pub(super) fn Changes(one: OneBot, page: Page<BotEvent>) -> impl IntoView {
    let t = more_text::text();
    let later = use_query_map().with_untracked(|query| query.get("cursor").is_some());
    let none = page.items.is_empty();
    view! {
        <Card title=t.tab_changes>
            {none.then(|| view! { <p class="hint">{t.past_none}</p> })}
            <ol class="rows">{page.items.into_iter().map(|event| row(event, t)).collect_view()}</ol>
            <Pager base=format!("/bots/{}/changes", one.slug()) later next=page.next/>
        </Card>
    }
}

/// What somebody goes by, or that they are no more.
pub(super) fn who(name: Option<String>, id: String) -> String {
    let has_name = ["usr_", "tok_"].iter().any(|kind| id.starts_with(kind));
    name.unwrap_or_else(|| if has_name { more_text::text().gone_who.to_owned() } else { id })
}

fn row(event: BotEvent, t: &'static more_text::Text) -> impl IntoView {
    let (glyph, word) = shown(event.kind, t);
    let lived = event.lived_ms.map(|ms| fill(t.lived, &time::duration(ms)));
    let id = event.actor.clone();
    let by = event.actor.map(|actor| fill(t.by, &who(event.actor_name, actor)));
    let small = [lived, by].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    view! {
        <li class="row">
            <Icon glyph/>
            <div class="row-what">
                <p class="row-name">{word}</p>
                {event.reason.map(|reason| view! { <p>{reason.message}</p> })}
                {(!small.is_empty()).then(|| view! { <p class="hint" title=id>{small}</p> })}
            </div>
            <Moment ms=Signal::stored(event.at_ms)/>
        </li>
    }
}
