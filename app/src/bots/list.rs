//! All bots: which are not well? The first page is live; further pages are as they were when opened.

use super::{detail::BotState, fns::bots_list, state, text};
use crate::{
    live::{Fit, News, live},
    parts::{Heading, Pager, Unloaded},
    time::Moment,
};
use api::{
    ApiError, Page,
    bots::{BotSummary, ListBots},
    live::{LiveEvent, Snapshot, Topic},
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, hooks::use_query_map, lazy_route};
use ui::{EmptyState, Glyph, Icon};

/// `/bots`
#[derive(Debug)]
pub struct BotsPage {
    cursor: Memo<Option<String>>,
    page: Resource<Result<Page<BotSummary>, ApiError>>,
}

#[lazy_route]
impl LazyRoute for BotsPage {
    fn data() -> Self {
        let query = use_query_map();
        let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
        let page = Resource::new_blocking(
            move || cursor.get(),
            |cursor| bots_list(ListBots { cursor, ..ListBots::default() }),
        );
        BotsPage { cursor, page }
    }

    fn view(this: BotsPage) -> AnyView {
        let t = text::text();
        let BotsPage { cursor, page } = this;
        view! {
            <Heading title=t.bots>
                <a class="btn btn-primary" href="/bots/new">
                    <Icon glyph=Glyph::Plus/>
                    <span>{t.new_bot}</span>
                </a>
            </Heading>
            <Transition>
                {move || Suspend::new(async move {
                    match page.await {
                        Ok(page) => view! { <List page later=cursor.get_untracked().is_some()/> }.into_any(),
                        Err(error) => view! { <Unloaded error/> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

/// Keeps a list of bots true: newest first, as the server lists them.
pub(crate) fn follow_bots(bots: RwSignal<Vec<BotSummary>>) {
    Effect::new(move |_: Option<()>| {
        let Some(live) = live() else { return };
        live.follow(Topic::Bots, move |news| {
            hear(bots, news);
            Fit::Yes
        });
    });
}

fn hear(bots: RwSignal<Vec<BotSummary>>, news: News) {
    match news {
        News::Snapshot(Snapshot::Bots { bots: all }) => bots.set(all),
        News::Event(LiveEvent::BotChanged { bot }) => {
            bots.update(|all| match all.iter_mut().find(|other| other.id == bot.id) {
                Some(place) => *place = bot,
                None => all.insert(0, bot),
            })
        }
        News::Event(LiveEvent::BotDeleted { bot }) => bots.update(|all| all.retain(|other| other.id != bot)),
        News::Snapshot(_) | News::Event(_) | News::Refused(_) => {}
    }
}

#[component]
fn List(page: Page<BotSummary>, later: bool) -> impl IntoView {
    let t = text::text();
    let whole = !later && page.next.is_none();
    let bots = RwSignal::new(page.items);
    if whole {
        follow_bots(bots);
    }
    let empty = Memo::new(move |_| bots.with(Vec::is_empty));
    view! {
        <Show when=move || empty.get()>
            <EmptyState glyph=Glyph::Bot title=t.none_title text=t.none_text>
                <a class="btn btn-primary" href="/bots/new">
                    {t.create_first}
                </a>
            </EmptyState>
        </Show>
        <div class="table-wrap" class:hidden=move || empty.get()>
            <table class="table">
                <caption class="sr-only">{t.bots}</caption>
                <thead>
                    <tr>
                        <th scope="col">{t.col_name}</th>
                        <th scope="col">{t.col_state}</th>
                        <th scope="col">{t.col_model}</th>
                        <th scope="col">{t.col_runtime}</th>
                        <th scope="col">{t.col_created}</th>
                        <th scope="col"><span class="sr-only">{t.open_chat}</span></th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || bots.get() key=|bot| bot.id let:bot>
                        <Row first=bot bots/>
                    </For>
                </tbody>
            </table>
        </div>
        <Pager base="/bots" later next=page.next/>
    }
}

#[component]
fn Row(first: BotSummary, bots: RwSignal<Vec<BotSummary>>) -> impl IntoView {
    let t = text::text();
    let id = first.id;
    let slug = first.slug.clone();
    // The row stays; what it says follows the list.
    let bot = Memo::new(move |last: Option<&BotSummary>| {
        let now = bots.with(|all| all.iter().find(|bot| bot.id == id).cloned());
        now.or_else(|| last.cloned()).unwrap_or_else(|| first.clone())
    });
    let chat = format!("/bots/{slug}/chat");
    view! {
        <tr>
            <th scope="row">
                <a class="row-name" href=format!("/bots/{slug}/overview")>
                    {move || bot.with(|bot| bot.name.clone())}
                </a>
            </th>
            <td>
                <BotState bot=bot/>
                {move || bot.with(|bot| bot.reason.clone()).map(|reason| view! { <p class="hint">{reason.message}</p> })}
            </td>
            <td class="mono">{move || bot.with(|bot| bot.model.clone())}</td>
            <td class="wide">{move || bot.with(|bot| state::runtime_name(bot.runtime, t))}</td>
            <td class="wide"><Moment ms=Signal::derive(move || bot.with(|bot| bot.created_at_ms))/></td>
            <td class="acts-cell">
                <a class="btn btn-quiet" class:hidden=move || bot.with(|bot| !state::is_ready(bot)) href=chat>
                    <Icon glyph=Glyph::MessageSquare/>
                    <span>{t.open_chat}</span>
                </a>
            </td>
        </tr>
    }
}
