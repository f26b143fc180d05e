//! `/budgets`, and in its chunk `/virtual-keys`.

use super::{
    fns::{
        BudgetsChange, BudgetsCreate, BudgetsDelete, BudgetsSetZone, budgets_list, budgets_stops,
        budgets_zone, virtual_keys_list,
    },
    form::{AddForm, ZoneForm},
    keys::Keys,
    row::BudgetRow,
    stops::{StopButtons, Stopped, Switch},
    text,
};
use crate::parts::{Failure, Heading, Pager, Unloaded};
use api::{
    ApiError, Page,
    budgets::{Budget, ListBudgets, ListStops, Stop, Zone},
    virtual_keys::{ListVirtualKeys, VirtualKey},
};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    components::A,
    hooks::{use_location, use_query_map},
    lazy_route,
};
use ui::{EmptyState, Glyph, IntoWhole, Toasts};

/// Where virtual keys are.
pub(super) const KEYS: &str = "/virtual-keys";

/// The page. Budgets are not read on the page of virtual keys.
#[derive(Debug)]
pub struct BudgetsPage {
    cursor: Memo<Option<String>>,
    budgets: Resource<Option<Result<Page<Budget>, ApiError>>>,
    stops: Resource<Option<Result<Page<Stop>, ApiError>>>,
    zone: Resource<Option<Result<Zone, ApiError>>>,
    keys: Resource<Result<Page<VirtualKey>, ApiError>>,
}

#[lazy_route]
impl LazyRoute for BudgetsPage {
    fn data() -> Self {
        let (query, path) = (use_query_map(), use_location().pathname);
        let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
        let here = Memo::new(move |_| path.with(|path| path != KEYS));
        BudgetsPage {
            cursor,
            budgets: Resource::new_blocking(
                move || (here.get(), cursor.get()),
                async |(here, cursor)| {
                    if here { Some(budgets_list(ListBudgets { limit: None, cursor }).await) } else { None }
                },
            ),
            stops: Resource::new_blocking(
                move || here.get(),
                async |here| if here { Some(budgets_stops(ListStops::default()).await) } else { None },
            ),
            zone: Resource::new_blocking(
                move || here.get(),
                async |here| if here { Some(budgets_zone().await) } else { None },
            ),
            // Budgets name them, too.
            keys: Resource::new_blocking(
                move || (here.get(), cursor.get()),
                async |(here, cursor)| {
                    let cursor = cursor.filter(|_| !here);
                    virtual_keys_list(ListVirtualKeys { limit: None, cursor }).await
                },
            ),
        }
    }

    fn view(this: BudgetsPage) -> AnyView {
        let keys = use_location().pathname.with_untracked(|path| path == KEYS);
        let t = text::text();
        let tabs = [
            ("/keys", t.keys),
            (KEYS, t.virtual_keys),
            (crate::routing::page::BASE, t.chains),
            (crate::prices::page::BASE, t.catalogue),
            ("/budgets", t.title),
        ];
        let tabs = tabs.map(|(href, word)| view! { <A href attr:class="tab">{word}</A> });
        let BudgetsPage { cursor, keys: known, .. } = this;
        let below = if keys {
            view! { <Keys keys=known cursor/> }.whole()
        } else {
            view! { <Budgets this/> }.whole()
        };
        view! {
            <nav class="tabs" aria-label=t.tabs>
                {tabs.into_iter().collect_view()}
            </nav>
            {below}
        }
        .whole()
    }
}

/// What can be done to budgets. One set for the page, so that a failure is said once.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    pub(super) create: ServerAction<BudgetsCreate>,
    pub(super) change: ServerAction<BudgetsChange>,
    pub(super) delete: ServerAction<BudgetsDelete>,
    pub(super) zone: ServerAction<BudgetsSetZone>,
}

impl Acts {
    fn new(reload: Callback<()>) -> Self {
        let t = text::text();
        let toasts = use_context::<Toasts>();
        let acts = Self {
            create: ServerAction::new(),
            change: ServerAction::new(),
            delete: ServerAction::new(),
            zone: ServerAction::new(),
        };
        let done = move |ok: bool, word: &'static str| {
            if ok {
                reload.run(());
                if let Some(toasts) = toasts {
                    toasts.say(word);
                }
            }
        };
        let (create, change, delete, zone) =
            (acts.create.value(), acts.change.value(), acts.delete.value(), acts.zone.value());
        Effect::new(move |_: Option<()>| done(create.with(|v| matches!(v, Some(Ok(_)))), t.added));
        Effect::new(move |_: Option<()>| done(change.with(|v| matches!(v, Some(Ok(_)))), t.changed));
        Effect::new(move |_: Option<()>| done(delete.with(|v| matches!(v, Some(Ok(_)))), t.deleted));
        Effect::new(move |_: Option<()>| done(zone.with(|v| matches!(v, Some(Ok(_)))), t.zone_saved));
        acts
    }
}

#[component]
fn Budgets(this: BudgetsPage) -> impl IntoView {
    let BudgetsPage { cursor, budgets, stops, zone, keys } = this;
    let t = text::text();
    let acts = Acts::new(Callback::new(move |()| {
        budgets.refetch();
        zone.refetch();
    }));
    let switch = Switch::new(Callback::new(move |()| stops.refetch()));
    let failed = Signal::derive(move || acts.delete.value().get().and_then(Result::err));
    view! {
        <Heading title=t.title/>
        <p class="lead">{t.lead}</p>
        <div class="grid-main">
            <div class="stack">
                <Transition>
                    {move || Suspend::new(async move {
                        match stops.await {
                            Some(Ok(page)) => view! { <Stopped stops=page.items switch/> }.whole(),
                            Some(Err(error)) => view! { <Unloaded error/> }.whole(),
                            None => ().whole(),
                        }
                    })}
                </Transition>
                <Failure error=failed/>
                <Transition>
                    {move || Suspend::new(async move {
                        match budgets.await {
                            Some(Ok(page)) => {
                                view! { <List page acts later=cursor.get_untracked().is_some()/> }.whole()
                            }
                            Some(Err(error)) => view! { <Unloaded error/> }.whole(),
                            None => ().whole(),
                        }
                    })}
                </Transition>
                <Transition>
                    {move || Suspend::new(async move {
                        match zone.await {
                            Some(Ok(zone)) => view! { <ZoneForm zone acts/> }.whole(),
                            Some(Err(error)) => view! { <Unloaded error/> }.whole(),
                            None => ().whole(),
                        }
                    })}
                </Transition>
            </div>
            <div class="stack">
                <Suspense>
                    {move || Suspend::new(async move {
                        let (keys, error) = match keys.await {
                            Ok(page) => (page.items, None),
                            Err(error) => (Vec::new(), Some(error)),
                        };
                        view! {
                            // A budget of one of them cannot be made here then; of all else it can.
                            {error.map(|error| view! { <Unloaded error/> })}
                            <AddForm keys acts/>
                        }
                    })}
                </Suspense>
                <StopButtons switch/>
            </div>
        </div>
    }
}

#[component]
fn List(page: Page<Budget>, acts: Acts, later: bool) -> impl IntoView {
    let t = text::text();
    let none = page.items.is_empty();
    view! {
        {none.then(|| view! { <EmptyState glyph=Glyph::ChartColumn title=t.none_title text=t.none_text/> })}
        {page.items.into_iter().map(|budget| view! { <BudgetRow budget acts/> }).collect_view()}
        <Pager base="/budgets" later next=page.next/>
    }
}
