//! The tabs `changes` and `diagnostics` of a bot. They share a chunk.

use super::{
    changes::Changes,
    detail::OneBot,
    diagnostics::{Diagnose, Diagnostics, Fixes},
    more_fns::{bots_configs, bots_events, bots_health, bots_postmortem, bots_postmortems},
    versions::Versions,
};
use crate::parts::{Failure, Unloaded};
use api::{ApiError, Page, bots::*, ids::PostmortemId};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_location, use_params_map, use_query_map},
    lazy_route,
};
use ui::IntoWhole;

/// Health, deaths, and the one that is open.
pub(super) type Found = (BotHealth, Vec<PostmortemSummary>, Option<Postmortem>);

/// What an address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    bot: String,
    changes: bool,
    cursor: Option<String>,
    /// Where the versions of its settings go on.
    versions: Option<String>,
    postmortem: Option<Open>,
}

/// Which death is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    This(PostmortemId),
    /// Whichever is the newest when it is read.
    Last,
}

/// Events, and versions of the settings.
type Past = (Page<BotEvent>, Page<BotConfigVersion>);

async fn events(asked: Asked) -> Option<Result<Past, ApiError>> {
    let Asked { bot, changes: true, cursor, versions, .. } = asked else { return None };
    Some(past(bot, cursor, versions).await)
}

async fn past(bot: String, cursor: Option<String>, versions: Option<String>) -> Result<Past, ApiError> {
    let configs =
        bots_configs(ListBotConfigs { bot: bot.clone(), limit: Some(10), cursor: versions }).await?;
    Ok((bots_events(ListBotEvents { bot, limit: Some(50), cursor }).await?, configs))
}

async fn found(asked: Asked) -> Option<Result<Found, ApiError>> {
    let Asked { bot, changes: false, postmortem, .. } = asked else { return None };
    Some(all(bot, postmortem).await)
}

async fn all(bot: String, open: Option<Open>) -> Result<Found, ApiError> {
    let health = bots_health(ReadBotHealth { bot: bot.clone() }).await?;
    let deaths =
        bots_postmortems(ListPostmortems { bot: bot.clone(), limit: Some(20), cursor: None }).await?;
    let open = match open {
        Some(Open::This(id)) => Some(id),
        Some(Open::Last) => deaths.items.first().map(|death| death.id),
        None => None,
    };
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
    events: Resource<Option<Result<Past, ApiError>>>,
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
                versions: said("versions"),
                postmortem: said("postmortem").and_then(|id| match id.as_str() {
                    "last" => Some(Open::Last),
                    id => id.parse().ok().map(Open::This),
                }),
            }
        });
        MorePage {
            events: Resource::new_blocking(move || asked.get(), events),
            found: Resource::new_blocking(move || asked.get(), found),
        }
    }

    fn view(this: MorePage) -> AnyView {
        OneBot::here().map(|one| view! { <More one this/> }).whole()
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
        <Show when=move || diagnostics.get() fallback=move || view! { <Failure error=fixes.failed/> }>
            <Diagnose fixes/>
        </Show>
        <Transition>
            {move || Suspend::new(async move {
                match (events.await, found.await) {
                    (Some(Ok((page, versions))), _) => {
                        view! { <Changes one page/> <Versions fixes page=versions/> }.whole()
                    }
                    (_, Some(Ok(found))) => view! { <Diagnostics fixes found/> }.whole(),
                    (Some(Err(error)), _) | (_, Some(Err(error))) => view! { <Unloaded error/> }.whole(),
                    (None, None) => ().whole(),
                }
            })}
        </Transition>
        </div>
    }
}
