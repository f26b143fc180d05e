//! `/routing/models`: models with what they can do and cost, one to edit, and a file to import.

use super::{
    edit::edit,
    fns::{ModelsSet, PricesDelete, PricesSet, models_list},
    import::Import,
    table, text,
};
use crate::{
    keys::fns::keys_vendors,
    parts::{Failure, Heading, Unloaded},
};
use api::{
    ApiError, Page,
    keys::Vendor,
    prices::{ListModels, ModelEntry},
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, components::A, hooks::use_query_map, lazy_route};
use ui::{Glyph, Icon, IntoWhole, Toasts};

/// Where it is.
pub(crate) const BASE: &str = "/routing/models";
/// Models on a page.
const MANY: u32 = 50;

/// What an address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) q: String,
    pub(super) vendor: String,
    pub(super) kind: String,
    pub(super) own: bool,
    pub(super) cursor: Option<String>,
}

impl Asked {
    fn words(&self) -> ListModels {
        let kind = text::KINDS.iter().find(|(_, name)| *name == self.kind).map(|(kind, _)| *kind);
        let word = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        ListModels {
            vendor: word(&self.vendor),
            q: word(&self.q),
            kind,
            own: self.own.then_some(true),
            limit: Some(MANY),
            cursor: self.cursor.clone(),
        }
    }

    /// Whether anything narrows the list.
    pub(super) fn narrows(&self) -> bool {
        !self.q.is_empty() || !self.vendor.is_empty() || !self.kind.is_empty() || self.own
    }
}

/// A model to edit, as it is known; a new one has no name.
pub(super) type Edited = Option<(String, Option<ModelEntry>)>;

/// The page.
#[derive(Debug)]
pub struct ModelsPage {
    asked: Memo<Asked>,
    models: Resource<Result<Page<ModelEntry>, ApiError>>,
    vendors: Resource<Result<Vec<Vendor>, ApiError>>,
    edited: Resource<Result<Edited, ApiError>>,
}

/// The model that is edited.
async fn find(edit: Option<String>) -> Result<Edited, ApiError> {
    let Some(name) = edit else { return Ok(None) };
    let Some((vendor, model)) = name.split_once('/') else { return Ok(Some((name, None))) };
    let (vendor, model) = (vendor.to_owned(), model.to_owned());
    let cmd = ListModels {
        vendor: Some(vendor),
        q: Some(model.clone()),
        limit: Some(api::page::MAX_LIMIT),
        ..ListModels::default()
    };
    let known = models_list(cmd).await?.items.into_iter().find(|known| known.model == model);
    Ok(Some((name, known)))
}

#[lazy_route]
impl LazyRoute for ModelsPage {
    fn data() -> Self {
        let query = use_query_map();
        let asked = Memo::new(move |_| {
            let get = |name: &str| query.with(|query| query.get(name)).unwrap_or_default();
            Asked {
                q: get("q"),
                vendor: get("vendor"),
                kind: get("kind"),
                own: get("own") == "true",
                cursor: query.with(|query| query.get("cursor")),
            }
        });
        let edit = Memo::new(move |_| query.with(|query| query.get("edit")));
        ModelsPage {
            asked,
            models: Resource::new_blocking(move || asked.get(), |asked| models_list(asked.words())),
            vendors: Resource::new_blocking(|| (), |()| keys_vendors()),
            edited: Resource::new_blocking(move || edit.get(), find),
        }
    }

    fn view(this: ModelsPage) -> AnyView {
        let t = text::text();
        let tabs = [
            ("/keys", t.keys),
            ("/virtual-keys", t.virtual_keys),
            (crate::routing::page::BASE, t.chains),
            (BASE, t.title),
            ("/budgets", t.budgets),
        ];
        let tabs = tabs.map(|(href, word)| view! { <A href attr:class="tab">{word}</A> });
        view! {
            <nav class="tabs" aria-label=t.tabs>
                {tabs.into_iter().collect_view()}
            </nav>
            <Models this/>
        }
        .whole()
    }
}

/// What can be done to a model. One set for the page, so that a failure is said once.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    pub(super) set: ServerAction<PricesSet>,
    pub(super) say: ServerAction<ModelsSet>,
    pub(super) delete: ServerAction<PricesDelete>,
}

impl Acts {
    fn new(reload: Callback<&'static str>) -> Self {
        let t = text::text();
        let acts = Self { set: ServerAction::new(), say: ServerAction::new(), delete: ServerAction::new() };
        let done = move |ok: bool, word: &'static str| {
            if ok {
                reload.run(word);
            }
        };
        let (set, say, delete) = (acts.set.value(), acts.say.value(), acts.delete.value());
        Effect::new(move |_: Option<()>| done(set.with(|v| matches!(v, Some(Ok(_)))), t.price_saved));
        Effect::new(move |_: Option<()>| done(say.with(|v| matches!(v, Some(Ok(_)))), t.facts_saved));
        Effect::new(move |_: Option<()>| done(delete.with(|v| matches!(v, Some(Ok(_)))), t.deleted));
        acts
    }
}

#[component]
fn Models(this: ModelsPage) -> impl IntoView {
    let ModelsPage { asked, models, vendors, edited } = this;
    let t = text::text();
    let toasts = use_context::<Toasts>();
    let reload = Callback::new(move |word: &'static str| {
        models.refetch();
        edited.refetch();
        if let Some(toasts) = toasts {
            toasts.say(word);
        }
    });
    let acts = Acts::new(reload);
    let failed = Signal::derive(move || acts.delete.value().get().and_then(Result::err));
    view! {
        <Heading title=t.title>
            <a class="btn btn-primary" href=format!("{BASE}?edit=new")>
                <Icon glyph=Glyph::Plus/>
                <span>{t.add}</span>
            </a>
            <a class="btn" href="/api/prices/export" download rel="external">
                <Icon glyph=Glyph::Download/>
                <span>{t.export}</span>
            </a>
        </Heading>
        <p class="lead">{t.lead}</p>
        <div class="stack">
            <Failure error=failed/>
            <Transition>
                {move || Suspend::new(async move {
                    match edited.await {
                        Ok(Some((name, known))) => edit(&name, known.as_ref(), acts),
                        Ok(None) => ().whole(),
                        Err(error) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
            <Transition>
                {move || Suspend::new(async move {
                    let (models, vendors) = (models.await, vendors.await);
                    let asked = asked.get_untracked();
                    match (models, vendors) {
                        (Ok(page), Ok(vendors)) => table::list(&asked, page, vendors),
                        (Err(error), _) | (_, Err(error)) => view! { <Unloaded error/> }.whole(),
                    }
                })}
            </Transition>
            <Import reload/>
        </div>
    }
}
