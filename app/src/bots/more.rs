//! The tabs `changes` and `diagnostics` of a bot. They share a chunk.

use super::{
    changes::Changes,
    detail::OneBot,
    diagnostics::{Diagnose, Diagnostics, Fixes},
    more_fns::{bots_events, bots_health, bots_postmortem, bots_postmortems},
};
use crate::parts::Unloaded;
use api::{ApiError, Page, bots::*, ids::PostmortemId};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_location, use_params_map, use_query_map},
    lazy_route,
};

/// Health, deaths, and the one that is open.
pub(super) type Found = (BotHealth, Vec<PostmortemSummary>, Option<Postmortem>);

/// What an address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    bot: String,
    changes: bool,
    cursor: Option<String>,
    postmortem: Option<PostmortemId>,
}

async fn events(asked: Asked) -> Option<Result<Page<BotEvent>, ApiError>> {
    let Asked { bot, changes: true, cursor, .. } = asked else { return None };
    Some(bots_events(ListBotEvents { bot, limit: Some(50), cursor }).await)
}

async fn found(asked: Asked) -> Option<Result<Found, ApiError>> {
    let Asked { bot, changes: false, postmortem, .. } = asked else { return None };
    Some(all(bot, postmortem).await)
}

async fn all(bot: String, open: Option<PostmortemId>) -> Result<Found, ApiError> {
    let health = bots_health(ReadBotHealth { bot: bot.clone() }).await?;
    let deaths =
        bots_postmortems(ListPostmortems { bot: bot.clone(), limit: Some(20), cursor: None }).await?;
    let open = match open {
        // One that was forgotten meanwhile is simply not open.
        Some(postmortem) => bots_postmortem(ReadPostmortem { bot, postmortem }).await.ok(),
        None => None,
    };
    Ok((health, deaths.items, open))
}

/// `/bots/{bot}/changes` and `/bots/{bot}/diagnostics`
#[derive(Debug)]
pub struct MorePage {
    events: Resource<Option<Result<Page<BotEvent>, ApiError>>>,
    found: Resource<Option<Result<Found, ApiError>>>,
}

#[lazy_route]
impl LazyRoute for MorePage {
    fn data() -> Self {
        let (params, query, path) = (use_params_map(), use_query_map(), use_location().pathname);
        let asked = Memo::new(move |_| {
            let said = |name: &str| query.with(|query| query.get(name));
            Asked {
                bot: params.with(|params| params.get("bot")).unwrap_or_default(),
                changes: path.with(|path| path.ends_with("/changes")),
                cursor: said("cursor"),
                postmortem: said("postmortem").and_then(|id| id.parse().ok()),
            }
        });
        MorePage {
            events: Resource::new_blocking(move || asked.get(), events),
            found: Resource::new_blocking(move || asked.get(), found),
        }
    }

    fn view(this: MorePage) -> AnyView {
        OneBot::here().map(|one| view! { <More one this/> }).into_any()
    }
}

#[component]
fn More(one: OneBot, this: MorePage) -> impl IntoView {
    let MorePage { events, found } = this;
    let fixes = Fixes::new(one);
    // What the live line says of the bot is news here, too.
    let state = Memo::new(move |_| {
        one.detail.with(|bot| (bot.summary.version, bot.summary.observed, bot.summary.health, bot.restarts))
    });
    Effect::new(move |before: Option<_>| {
        let now = state.get();
        if before.is_some_and(|before| before != now) {
            events.refetch();
            found.refetch();
        }
        now
    });
    let path = use_location().pathname;
    let diagnostics = Memo::new(move |_| path.with(|path| path.ends_with("/diagnostics")));
    view! {
        <div class="stack">
        <Show when=move || diagnostics.get()>
            <Diagnose fixes/>
        </Show>
        <Transition>
            {move || Suspend::new(async move {
                match (events.await, found.await) {
                    (Some(Ok(page)), _) => view! { <Changes one page/> }.into_any(),
                    (_, Some(Ok(found))) => view! { <Diagnostics fixes found/> }.into_any(),
                    (Some(Err(error)), _) | (_, Some(Err(error))) => view! { <Unloaded error/> }.into_any(),
                    (None, None) => ().into_any(),
                }
            })}
        </Transition>
        </div>
    }
}
