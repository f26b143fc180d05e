//! `/alerts`, and in its chunk `/admin/jobs`: what happened, and what each of it can be answered with. Follows what happens elsewhere: another tab that
//! reads, a bot that dies.

use super::{
    fns::notify_list,
    item::{Acts, Item},
    text,
};
use crate::{
    frame::Person,
    jobs,
    live::{Fit, News, live},
    parts::{Failure, Heading, Pager, Unloaded},
};
use api::{
    ApiError, Page,
    auth::Role,
    live::Topic,
    notify::{ListNotifications, Notification},
};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_location, use_query_map},
    lazy_route,
};
use serde::de::IgnoredAny;
use ui::{Button, Card, EmptyState, Glyph, Icon, IntoWhole, Toasts};

/// The page.
#[derive(Debug)]
pub struct AlertsPage {
    cursor: Memo<Option<String>>,
    /// None on the page of jobs, which reads its own.
    page: Resource<Option<Result<Page<Notification>, ApiError>>>,
}

#[lazy_route]
impl LazyRoute for AlertsPage {
    fn data() -> Self {
        let (query, path) = (use_query_map(), use_location().pathname);
        let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
        let page = Resource::new_blocking(
            move || (path.with(|path| path == "/alerts"), cursor.get()),
            async |(here, cursor)| {
                let ask = ListNotifications { cursor, ..ListNotifications::default() };
                if here { Some(notify_list(ask).await) } else { None }
            },
        );
        AlertsPage { cursor, page }
    }

    fn view(this: AlertsPage) -> AnyView {
        if use_location().pathname.with_untracked(|path| path == jobs::page::BASE) {
            return view! { <jobs::page::Jobs/> }.whole();
        }
        let AlertsPage { cursor, page } = this;
        let t = text::text();
        let acts = Acts {
            restart: ServerAction::new(),
            mute: ServerAction::new(),
            read: ServerAction::new(),
            stop: ServerAction::new(),
        };
        // The bell asks for a new snapshot whenever something changed for this person: then the list is read anew, too.
        Effect::new(move |_: Option<()>| {
            let Some(live) = live() else { return };
            live.follow(Topic::Notifications, move |news: News<IgnoredAny, IgnoredAny>| {
                if matches!(news, News::Snapshot(_)) {
                    page.refetch();
                }
                Fit::Yes
            });
        });
        let toasts = use_context::<Toasts>();
        // Also where the line is down.
        Effect::new(move |_: Option<()>| {
            let read = matches!(acts.read.value().get(), Some(Ok(_)));
            let muted = matches!(acts.mute.value().get(), Some(Ok(_)));
            let stopped = matches!(acts.stop.value().get(), Some(Ok(_)));
            if read || muted || stopped {
                page.refetch();
            }
            if let Some(toasts) = toasts.filter(|_| stopped) {
                toasts.say(t.spending_stopped);
            }
        });
        let failed = Signal::derive(move || {
            let restart = acts.restart.value().get().and_then(Result::err);
            let mute = acts.mute.value().get().and_then(Result::err);
            let stop = acts.stop.value().get().and_then(Result::err);
            restart.or(mute).or(stop).or_else(|| acts.read.value().get().and_then(Result::err))
        });
        view! {
            <Heading title=t.title>
                <a class="btn btn-quiet" href="/settings/notifications">
                    <Icon glyph=Glyph::Settings/>
                    <span>{t.choose}</span>
                </a>
            </Heading>
            <p class="lead">{t.lead}</p>
            <Failure error=failed/>
            <Transition>
                {move || Suspend::new(async move {
                    match page.await {
                        Some(Ok(page)) => {
                            view! { <List page acts later=cursor.get_untracked().is_some()/> }.whole()
                        }
                        Some(Err(error)) => view! { <Unloaded error/> }.whole(),
                        None => ().whole(),
                    }
                })}
            </Transition>
        }
        .whole()
    }
}

#[component]
fn List(page: Page<Notification>, acts: Acts, later: bool) -> impl IntoView {
    let t = text::text();
    let owner = use_context::<Person>().is_some_and(|Person(me)| me.role == Role::Owner);
    let Page { items, next } = page;
    if items.is_empty() {
        return view! { <EmptyState glyph=Glyph::Bell title=t.none_title text=t.none_text/> }.whole();
    }
    // What came since this was drawn stays unread.
    let until = items.first().map_or(0, |newest| newest.last_at_ms);
    let any = items.iter().any(|it| it.unread) || next.is_some();
    view! {
        <Card>
            {any
                .then(|| {
                    view! {
                        <ActionForm action=acts.read>
                            <input type="hidden" name="cmd[until_ms]" value=until.to_string()/>
                            <Button glyph=Glyph::Check busy=acts.read.pending()>{t.read_all}</Button>
                        </ActionForm>
                    }
                })}
            <ul class="rows">{items.into_iter().map(|it| view! { <Item it acts owner/> }).collect_view()}</ul>
        </Card>
        <Pager base="/alerts" later next/>
    }
    .whole()
}
