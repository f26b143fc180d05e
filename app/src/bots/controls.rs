//! What can be done to a bot: start, stop, restart, delete. Plain forms, so that they work without wasm.

use super::{
    detail::OneBot,
    fns::{BotsDelete, BotsRestart, BotsStart, BotsStop},
    text,
};
use crate::{
    hydration::is_hydrated,
    i18n::fill,
    parts::{self, Failure, failure_of},
};
use api::bots::{Desired, Observed};
use leptos::prelude::*;
use ui::{Button, Dialog, Glyph, Icon, Kind, Opener};

const DELETE_DIALOG: &str = "delete-bot";

/// The buttons of a bot's header, and what went wrong with the last one pressed.
#[component]
pub(crate) fn Controls(one: OneBot) -> impl IntoView {
    let t = text::text();
    let (start, stop, restart) = (
        ServerAction::<BotsStart>::new(),
        ServerAction::<BotsStop>::new(),
        ServerAction::<BotsRestart>::new(),
    );
    let wanted = Memo::new(move |_| one.detail.with(|bot| bot.summary.desired));
    let running = Memo::new(move |_| one.detail.with(|bot| bot.summary.observed == Observed::Running));
    // An answer is newer than what the page knew; the live line says the same a moment later.
    for value in [start.value(), stop.value(), restart.value()] {
        Effect::new(move |_: Option<()>| {
            if let Some(Ok(bot)) = value.get() {
                one.detail.set(bot);
            }
        });
    }
    let failed = Signal::derive(move || {
        [start.value(), stop.value(), restart.value()].into_iter().find_map(|value| value.get()?.err())
    });
    let field = move || view! { <input type="hidden" name="cmd[bot]" value=one.slug()/> };
    view! {
        <div class="page-acts">
            <div class:hidden=move || wanted.get() != Desired::Stopped>
                <ActionForm action=start>
                    {field()} <Button kind=Kind::Primary glyph=Glyph::Play busy=start.pending()>{t.start}</Button>
                </ActionForm>
            </div>
            <div class:hidden=move || wanted.get() != Desired::Running>
                <ActionForm action=stop>
                    {field()}
                    <Button glyph=Glyph::Square busy=stop.pending()>
                        {move || if running.get() { t.stop } else { t.cancel_start }}
                    </Button>
                </ActionForm>
            </div>
            <div class:hidden=move || wanted.get() != Desired::Running>
                <ActionForm action=restart>
                    {field()} <Button glyph=Glyph::RotateCw busy=restart.pending()>{t.restart}</Button>
                </ActionForm>
            </div>
            <div class:hidden=move || wanted.get() == Desired::Deleted>
                <Opener dialog=DELETE_DIALOG class="btn btn-quiet">
                    <Icon glyph=Glyph::Trash2/>
                    <span>{t.delete}</span>
                </Opener>
            </div>
        </div>
        <Failure error=failed/>
        <DeleteDialog one/>
    }
}

/// Deleting cannot be undone, so the name is typed. The server compares it too.
#[component]
fn DeleteDialog(one: OneBot) -> impl IntoView {
    let t = text::text();
    let delete = ServerAction::<BotsDelete>::new();
    let value = delete.value();
    let failed = failure_of(move || value.get());
    let name = one.detail.with_untracked(|bot| bot.summary.name.clone());
    let typed = RwSignal::new(String::new());
    let shown = fill(t.delete_type, &name);
    // Without wasm the button is simply there; the server refuses a wrong name.
    let wrong = Signal::derive(move || is_hydrated() && typed.with(|typed| typed.trim() != name.trim()));
    view! {
        <Dialog id=DELETE_DIALOG title=t.delete_title close=t.close>
            <p>{t.delete_text}</p>
            <Failure error=failed/>
            <ActionForm action=delete>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                <div class="field">
                    <label for="delete-confirm">{shown}</label>
                    <input
                        id="delete-confirm"
                        name="cmd[confirm]"
                        class="input"
                        autocomplete="off"
                        required
                        on:input:target=move |event| typed.set(event.target().value())
                    />
                </div>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button
                        kind=Kind::Danger
                        glyph=Glyph::Trash2
                        busy=delete.pending()
                        disabled=wrong
                    >
                        {t.delete}
                    </Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
