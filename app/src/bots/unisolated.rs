//! Accepting bots that nothing keeps apart from this machine, and taking that back. Plain forms, so that they
//! work without wasm.

use super::{
    fns::{BotsAllowUnisolated, BotsForbidUnisolated},
    text,
};
use crate::parts::{Failure, failure_of, success_of};
use api::bots::{BotChoices, RuntimeChoice, RuntimeKind};
use leptos::prelude::*;
use ui::{Banner, Button, Card, Glyph, Kind, Tone};

/// Whether somebody must accept that before any bot can be made here. Not because containers are away for a while: a bot
/// for them waits.
pub(super) fn must_be_accepted(choices: &BotChoices) -> bool {
    choices.unisolated.as_ref().is_some_and(|it| !it.allowed)
        && !choices
            .runtimes
            .iter()
            .any(|choice| choice.available || (choice.default && choice.kind == RuntimeKind::Docker))
}

/// What it means, and one button. `done` is called once it is accepted.
#[component]
pub(super) fn Accept(runtimes: Vec<RuntimeChoice>, #[prop(into)] done: Callback<()>) -> impl IntoView {
    let t = text::text();
    let accept = ServerAction::<BotsAllowUnisolated>::new();
    let value = accept.value();
    let well = success_of(move || value.get());
    Effect::new(move |_: Option<()>| {
        if well.get() {
            done.run(());
        }
    });
    let why = runtimes.into_iter().filter_map(|choice| choice.note).collect::<Vec<_>>();
    view! {
        <div class="stack">
            <Failure error=failure_of(move || value.get())/>
            <Card>
                <Banner tone=Tone::Warn title=t.un_title>
                    <p>{t.un_text}</p>
                    <p>{t.un_risk}</p>
                    <p>{t.un_better}</p>
                </Banner>
                <Why notes=why/>
                <ActionForm action=accept>
                    <div class="form-acts">
                        <Button kind=Kind::Danger glyph=Glyph::TriangleAlert busy=accept.pending()>
                            {t.un_accept}
                        </Button>
                    </div>
                </ActionForm>
            </Card>
        </div>
    }
}

/// What runtimes themselves say, folded: it is for who knows what to do with it.
#[component]
pub(super) fn Why(notes: Vec<String>) -> impl IntoView {
    let t = text::text();
    (!notes.is_empty()).then(|| {
        view! {
            <details class="fold why">
                <summary>{t.why}</summary>
                {notes.into_iter().map(|note| view! { <p class="hint mono">{note}</p> }).collect_view()}
            </details>
        }
    })
}

/// That it was accepted, and the way back.
#[component]
pub(super) fn Accepted(#[prop(into)] done: Callback<()>) -> impl IntoView {
    let t = text::text();
    let forbid = ServerAction::<BotsForbidUnisolated>::new();
    let value = forbid.value();
    let well = success_of(move || value.get());
    Effect::new(move |_: Option<()>| {
        if well.get() {
            done.run(());
        }
    });
    view! {
        <Failure error=failure_of(move || value.get())/>
        <ActionForm action=forbid>
            <p class="hint">
                {t.un_accepted} " "
                <Button kind=Kind::Quiet busy=forbid.pending()>
                    {t.un_take_back}
                </Button>
            </p>
        </ActionForm>
    }
}
