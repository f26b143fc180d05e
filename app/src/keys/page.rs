//! `/keys`: the list, and the form that adds one; in its chunk `/routing/chains`, which asks with them.

use super::{
    add::AddForm,
    fns::{KeysChange, KeysDelete, KeysReplace, KeysTest, keys_list, keys_vendors},
    list::KeyRow,
    text,
};
use crate::{
    parts::{Failure, Heading, Pager, Unloaded},
    routing,
};
use api::{
    ApiError, Page,
    keys::{KeySummary, ListKeys, Vendor},
};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    components::A,
    hooks::{use_location, use_query_map},
    lazy_route,
};
use ui::{EmptyState, Glyph, IntoWhole, Toasts};

/// The page. What it reads is none on the page of chains, which reads its own.
#[derive(Debug)]
pub struct KeysPage {
    cursor: Memo<Option<String>>,
    keys: Resource<Option<Result<Page<KeySummary>, ApiError>>>,
    vendors: Resource<Option<Result<Vec<Vendor>, ApiError>>>,
}

#[lazy_route]
impl LazyRoute for KeysPage {
    fn data() -> Self {
        let (query, path) = (use_query_map(), use_location().pathname);
        let cursor = Memo::new(move |_| query.with(|query| query.get("cursor")));
        let here = Memo::new(move |_| path.with(|path| path == "/keys"));
        KeysPage {
            cursor,
            keys: Resource::new_blocking(
                move || (here.get(), cursor.get()),
                async |(here, cursor)| {
                    if here { Some(keys_list(ListKeys { limit: None, cursor }).await) } else { None }
                },
            ),
            vendors: Resource::new_blocking(
                move || here.get(),
                async |here| if here { Some(keys_vendors().await) } else { None },
            ),
        }
    }

    fn view(this: KeysPage) -> AnyView {
        let chains = use_location().pathname.with_untracked(|path| path == routing::page::BASE);
        let t = text::text();
        let tabs = [
            ("/keys", t.keys),
            ("/virtual-keys", t.virtual_keys),
            (routing::page::BASE, t.chains),
            (crate::prices::page::BASE, t.catalogue),
            ("/budgets", t.budgets),
        ];
        let tabs = tabs.map(|(href, word)| view! { <A href attr:class="tab">{word}</A> });
        let below =
            if chains { view! { <routing::page::Chains/> }.whole() } else { view! { <Keys this/> }.whole() };
        view! {
            <nav class="tabs" aria-label=t.tabs>
                {tabs.into_iter().collect_view()}
            </nav>
            {below}
        }
        .whole()
    }
}

#[component]
fn Keys(this: KeysPage) -> impl IntoView {
    let KeysPage { cursor, keys, vendors } = this;
    let t = text::text();
    let reload = Callback::new(move |()| keys.refetch());
    let acts = Acts::new(reload);
    view! {
        <Heading title=t.keys/>
        <p class="lead">{t.lead}</p>
        <div class="grid-main">
            <div class="stack">
                <Failure error=acts.failed()/>
                <Transition>
                    {move || Suspend::new(async move {
                        match keys.await {
                            Some(Ok(page)) => {
                                view! { <List page acts later=cursor.get_untracked().is_some()/> }.whole()
                            }
                            Some(Err(error)) => view! { <Unloaded error/> }.whole(),
                            None => ().whole(),
                        }
                    })}
                </Transition>
            </div>
            <Suspense>
                {move || Suspend::new(async move {
                    match vendors.await {
                        Some(Ok(vendors)) => view! { <AddForm vendors reload/> }.whole(),
                        Some(Err(error)) => view! { <Unloaded error/> }.whole(),
                        None => ().whole(),
                    }
                })}
            </Suspense>
        </div>
    }
}

/// What can be done to a key. One set for the page, so that a plain form's failure is said once.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    pub(super) change: ServerAction<KeysChange>,
    pub(super) test: ServerAction<KeysTest>,
    pub(super) replace: ServerAction<KeysReplace>,
    pub(super) delete: ServerAction<KeysDelete>,
}

impl Acts {
    fn new(reload: Callback<()>) -> Self {
        let t = text::text();
        let toasts = use_context::<Toasts>();
        let acts = Self {
            change: ServerAction::new(),
            test: ServerAction::new(),
            replace: ServerAction::new(),
            delete: ServerAction::new(),
        };
        let done = move |ok: bool, word: &'static str| {
            if ok {
                reload.run(());
                if let Some(toasts) = toasts {
                    toasts.say(word);
                }
            }
        };
        let change = acts.change.value();
        Effect::new(move |_: Option<()>| done(change.with(|v| matches!(v, Some(Ok(_)))), t.changed));
        let (test, replace, delete) = (acts.test.value(), acts.replace.value(), acts.delete.value());
        Effect::new(move |_: Option<()>| done(test.with(|v| matches!(v, Some(Ok(_)))), t.testing_done));
        Effect::new(move |_: Option<()>| done(replace.with(|v| matches!(v, Some(Ok(_)))), t.replaced));
        Effect::new(move |_: Option<()>| done(delete.with(|v| matches!(v, Some(Ok(_)))), t.deleted));
        acts
    }

    /// The failure of the last act.
    fn failed(self) -> Signal<Option<ApiError>> {
        Signal::derive(move || {
            let test = self.test.value().get().and_then(Result::err);
            test.or_else(|| self.delete.value().get().and_then(Result::err))
                .or_else(|| self.replace.value().get().and_then(Result::err))
                .or_else(|| self.change.value().get().and_then(Result::err))
        })
    }
}

#[component]
fn List(page: Page<KeySummary>, acts: Acts, later: bool) -> impl IntoView {
    let t = text::text();
    let none = page.items.is_empty();
    view! {
        {none.then(|| view! { <EmptyState glyph=Glyph::KeyRound title=t.none_title text=t.none_text/> })}
        {page.items.into_iter().map(|key| view! { <KeyRow key acts/> }).collect_view()}
        <Pager base="/keys" later next=page.next/>
    }
}
