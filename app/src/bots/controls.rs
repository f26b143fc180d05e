//! What can be done to a bot: start, stop, restart, copy, put in the trash and take back. Plain forms, so that they work
//! without wasm. Deleting for ever is done from the trash.

use super::{
    configs_text,
    detail::OneBot,
    fns::{BotsRestart, BotsStart, BotsStop},
    idle_text,
    more_fns::{BotsClone, BotsRestore},
    more_text, text,
};
use crate::parts::{self, Failure, failure_of, success_of};
use api::bots::{Desired, Observed};
use leptos::prelude::*;
use ui::{Banner, Button, Dialog, Glyph, Icon, Kind, Opener, Tone};

const CLONE_DIALOG: &str = "clone-bot";

/// The buttons of a bot's header, and what went wrong with the last one pressed.
#[component]
pub(crate) fn Controls(one: OneBot) -> impl IntoView {
    let (t, w) = (text::text(), more_text::text());
    let (start, stop, restart) = (
        ServerAction::<BotsStart>::new(),
        ServerAction::<BotsStop>::new(),
        ServerAction::<BotsRestart>::new(),
    );
    let wanted = Memo::new(move |_| one.detail.with(|bot| bot.summary.desired));
    let (asleep, up) = sleep_and_up(one);
    // An answer is newer than what the page knew; the live line says the same a moment later.
    for value in [start.value(), stop.value(), restart.value()] {
        Effect::new(move |_: Option<()>| {
            if let Some(Ok(bot)) = value.get() {
                one.detail.set(bot);
            }
        });
    }
    let failed = Signal::derive(move || {
        let values = [start.value(), stop.value(), restart.value(), one.trash.value()];
        values.into_iter().find_map(|value| value.get()?.err())
    });
    Effect::new(move |_: Option<()>| {
        if one.trash.value().with(|value| matches!(value, Some(Ok(_)))) {
            one.gone.set(true);
        }
    });
    let field = move || view! { <input type="hidden" name="cmd[bot]" value=one.slug()/> };
    view! {
        <div class="page-acts" class:hidden=move || one.gone.get()>
            <div class:hidden=move || wanted.get() != Desired::Stopped && !asleep.get()>
                <ActionForm action=start>
                    {field()}
                    <Button kind=Kind::Primary glyph=Glyph::Play busy=start.pending()>
                        {move || if asleep.get() { idle_text::text().wake } else { t.start }}
                    </Button>
                </ActionForm>
            </div>
            <div class:hidden=move || wanted.get() != Desired::Running>
                <ActionForm action=stop>
                    {field()}
                    <Button glyph=Glyph::Square busy=stop.pending()>
                        {move || if up.get() { t.stop } else { t.cancel_start }}
                    </Button>
                </ActionForm>
            </div>
            <div class:hidden=move || wanted.get() != Desired::Running || asleep.get()>
                <ActionForm action=restart>
                    {field()} <Button glyph=Glyph::RotateCw busy=restart.pending()>{t.restart}</Button>
                </ActionForm>
            </div>
            <Opener dialog=CLONE_DIALOG class="btn btn-quiet">
                <Icon glyph=Glyph::Copy/>
                <span>{w.clone}</span>
            </Opener>
            <a class="btn btn-quiet" href=format!("/api/bots/{}/bundle", one.slug()) download="" rel="external">
                <Icon glyph=Glyph::Download/>
                <span>{configs_text::text().export}</span>
            </a>
            <div class:hidden=move || wanted.get() == Desired::Deleted>
                <ActionForm action=one.trash>
                    {field()}
                    <Button kind=Kind::Quiet glyph=Glyph::Trash2 busy=one.trash.pending()>
                        {w.to_trash}
                    </Button>
                </ActionForm>
            </div>
        </div>
        <Failure error=failed/>
        <CloneDialog one/>
    }
}

/// Whether it sleeps; and whether it is up, or on its way down to come up anew: then no start could be cancelled.
fn sleep_and_up(one: OneBot) -> (Memo<bool>, Memo<bool>) {
    let asleep = Memo::new(move |_| one.detail.with(|bot| bot.summary.asleep_since_ms.is_some()));
    let observed = move || one.detail.with(|bot| bot.summary.observed);
    let up = Memo::new(move |_| matches!(observed(), Observed::Running | Observed::Stopping) || asleep.get());
    (asleep, up)
}

/// Where the bot went that this page was about, and the way back while there is one.
#[component]
pub(super) fn Gone(one: OneBot) -> impl IntoView {
    let (t, w) = (text::text(), more_text::text());
    let restore = ServerAction::<BotsRestore>::new();
    let restored = restore.value();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(bot)) = restored.get() {
            one.detail.set(bot);
            one.gone.set(false);
        }
    });
    // What of it stays until its engine is back.
    let left = move || {
        let reason = one.detail.with(|bot| bot.summary.reason.clone());
        let reason = reason.filter(|reason| reason.code == "runtime_away")?;
        Some(view! { <p>{reason.message}</p> {reason.hint.map(|hint| view! { <p>{hint}</p> })} })
    };
    let trashed = Signal::derive(move || matches!(one.trash.value().get(), Some(Ok(_))));
    view! {
        <Show when=move || one.gone.get()>
            {move || {
                let (trashed, title) = if trashed.get() { (true, w.trashed_now) } else { (false, w.gone_now) };
                view! {
                    <Banner tone=Tone::Warn title>
                        {left}
                        {trashed
                            .then(|| {
                                view! {
                                    <ActionForm action=restore>
                                        <input type="hidden" name="cmd[bot]" value=one.id()/>
                                        <Button glyph=Glyph::RefreshCw busy=restore.pending()>{w.undo}</Button>
                                    </ActionForm>
                                }
                            })}
                        <p><a href="/bots">{t.to_bots}</a> " · " <a href="/bots?trashed=true">{w.look_trash}</a></p>
                    </Banner>
                }
            }}
        </Show>
        <Failure error=failure_of(move || restored.get())/>
    }
}

/// Another bot with the same settings: only its name is asked for.
#[component]
fn CloneDialog(one: OneBot) -> impl IntoView {
    let (t, w) = (text::text(), more_text::text());
    let clone = ServerAction::<BotsClone>::new();
    let value = clone.value();
    let done = success_of(move || value.get());
    view! {
        <Dialog id=CLONE_DIALOG title=w.clone_title close=t.close done>
            <p>{w.clone_text}</p>
            <Failure error=failure_of(move || value.get())/>
            <ActionForm action=clone>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                <div class="field">
                    <label for="clone-name">{w.clone_name}</label>
                    <input id="clone-name" name="cmd[name]" class="input" autocomplete="off" maxlength="80" required/>
                </div>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary glyph=Glyph::Copy busy=clone.pending()>
                        {w.clone}
                    </Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
