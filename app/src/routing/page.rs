//! `/routing/chains`: every chain with the state of its links, and a form for one's own.

use super::{
    fns::{ChainsDelete, ChainsSet, chains_list},
    form::ChainForm,
    text,
};
use crate::{
    i18n::fill,
    parts::{self, Failure, Heading, Unloaded, success_of},
    time::Moment,
};
use api::routing::{Chain, ChainLink, ListChains};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use ui::{Badge, Button, Dialog, Glyph, IntoWhole, Kind, Opener, StatePill, Toasts, Tone};

/// Where it is.
pub(crate) const BASE: &str = "/routing/chains";

/// What can be done to one. One set for the page, so that a failure is said once.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    pub(super) set: ServerAction<ChainsSet>,
    pub(super) delete: ServerAction<ChainsDelete>,
}

/// The page below its tabs.
#[component]
pub(crate) fn Chains() -> impl IntoView {
    let t = text::text();
    let query = use_query_map();
    let edit = Memo::new(move |_| query.with(|query| query.get("edit")));
    let ask = ListChains { limit: Some(api::page::MAX_LIMIT), cursor: None };
    let chains = Resource::new_blocking(|| (), move |()| chains_list(ask.clone()));
    let acts = Acts { set: ServerAction::new(), delete: ServerAction::new() };
    let toasts = use_context::<Toasts>();
    let (set, delete) = (acts.set.value(), acts.delete.value());
    let done = move |ok: bool, word: &'static str| {
        if ok {
            chains.refetch();
            if let Some(toasts) = toasts {
                toasts.say(word);
            }
        }
    };
    Effect::new(move |_: Option<()>| done(set.with(|v| matches!(v, Some(Ok(_)))), t.saved));
    Effect::new(move |_: Option<()>| done(delete.with(|v| matches!(v, Some(Ok(_)))), t.deleted));
    let failed = Signal::derive(move || delete.get().and_then(Result::err));
    view! {
        <Heading title=t.title/>
        <p class="lead">{t.lead}</p>
        <Transition>
            {move || {
                let edit = edit.get();
                Suspend::new(async move {
                match chains.await {
                    Ok(page) => {
                        let known = edit.and_then(|name| page.items.iter().find(|c| c.name == name).cloned());
                        view! {
                            <div class="grid-main">
                                <div class="stack">
                                    <Failure error=failed/>
                                    {page.items.into_iter().map(|chain| view! { <One chain acts/> }).collect_view()}
                                </div>
                                <ChainForm known acts/>
                            </div>
                        }
                        .whole()
                    }
                    Err(error) => view! { <Unloaded error/> }.whole(),
                }
            })}}
        </Transition>
    }
}

#[component]
fn One(chain: Chain, acts: Acts) -> impl IntoView {
    let t = text::text();
    let Chain { name, own, shipped, links, triggers, timeout_s, tries, .. } = chain;
    let usable = links.iter().filter(|link| link.skipped.is_none()).count();
    let whose = if own { t.own } else { t.shipped };
    let (tone, glyph, word) = match usable {
        0 => (Tone::Idle, Glyph::CircleDashed, t.none_usable),
        _ => (Tone::Ok, Glyph::CircleCheck, t.ready),
    };
    let count = (usable > 0).then(|| format!("{usable} / {}", links.len()));
    let on = text::triggers(t).into_iter().filter(|(trigger, ..)| triggers.contains(trigger));
    let on = on.map(|(_, _, word)| word).collect::<Vec<_>>().join(" · ");
    let change = if own { t.change } else { t.own_copy };
    let dialog = format!("delete-{name}");
    let href = format!("{BASE}?edit={name}");
    view! {
        <details class="card fold" open=own>
            <summary>
                <b class="mono">{name.clone()}</b>
                " "
                <Badge>{whose}</Badge>
                " "
                {(own && shipped).then(|| view! { <Badge>{t.hides}</Badge> " " })}
                <StatePill tone glyph word>{count}</StatePill>
            </summary>
            <div class="stack"><ol class="rows">{links.into_iter().map(|link| view! { <Link link/> }).collect_view()}</ol>
            <p class="hint">{t.leads_on} " " {on} <br/>
                {fill(t.first_word, &timeout_s.to_string())} " · " {fill(t.tries, &tries.to_string())}
            </p>
            <div class="acts">
                <a class="btn" href=href>
                    {change}
                </a>
                {own.then(|| view! { <Opener dialog=dialog.clone() class="btn btn-quiet">{t.delete}</Opener> })}
            </div></div>
            {own.then(|| view! { <DeleteDialog dialog name shipped acts/> })}
        </details>
    }
}

#[component]
fn Link(link: ChainLink) -> impl IntoView {
    let t = text::text();
    let (tone, glyph, word) = text::state(link.skipped.as_ref().map(|skipped| skipped.why), t);
    let until = link.skipped.and_then(|skipped| skipped.until_ms);
    let dialects = link.dialects.into_iter().map(text::dialect).collect::<Vec<_>>().join(" · ");
    view! {
        <li class="row">
            <div class="row-what">
                <p class="row-name mono">{link.model}</p>
                <p class="hint">{dialects}</p>
            </div>
            <StatePill tone glyph word>
                {until.map(|ms| view! { {t.back} " " <Moment ms=Signal::stored(ms)/> })}
            </StatePill>
        </li>
    }
}

#[component]
fn DeleteDialog(dialog: String, name: String, shipped: bool, acts: Acts) -> impl IntoView {
    let t = text::text();
    let what = if shipped { t.delete_back } else { t.delete_own };
    view! {
        <Dialog id=dialog title=t.delete_title close=t.close done=success_of(move || acts.delete.value().get())>
            <p>
                <b class="mono">{name.clone()}</b>
                ": "
                {what}
            </p>
            <ActionForm action=acts.delete>
                <input type="hidden" name="cmd[chain]" value=name/>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Danger glyph=Glyph::Trash2 busy=acts.delete.pending()>{t.delete}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
