//! What can be done to the selected bots, and what became of it. One form around the table, whose buttons say
//! the act: it works without wasm too, and the styles show the bar as soon as something is selected.

use super::text::{self, Text};
use crate::{
    bots::{fns::BotsBulk, text as words},
    i18n::fill,
};
use api::bots::{BulkAct, BulkDone};
use leptos::{html, prelude::*};
use ui::{Banner, Button, Dialog, Glyph, Icon, IntoWhole, Opener, Tone};

/// The form around the table.
pub(super) const FORM: &str = "bots-picked";
const DIALOG: &str = "delete-picked";

fn said(act: BulkAct, t: &'static Text) -> &'static str {
    match act {
        BulkAct::Start => t.done_start,
        BulkAct::Stop => t.done_stop,
        BulkAct::Restart => t.done_restart,
        BulkAct::Trash => t.done_trash,
        BulkAct::Restore => t.done_restore,
        BulkAct::Delete => t.done_delete,
    }
}

/// What takes it back.
const fn inverse(act: BulkAct) -> Option<&'static str> {
    match act {
        BulkAct::Start => Some("stop"),
        BulkAct::Stop => Some("start"),
        BulkAct::Trash => Some("restore"),
        BulkAct::Restore => Some("trash"),
        BulkAct::Restart | BulkAct::Delete => None,
    }
}

/// The bar below the table.
#[component]
pub(super) fn Bar(trashed: bool, busy: Signal<bool>) -> impl IntoView {
    let (t, w) = (text::text(), words::text());
    let act = move |act: &'static str, word: &'static str, glyph: Glyph| {
        view! {
            <button class="btn" name="cmd[act]" value=act formnovalidate disabled=move || busy.get()>
                <Icon glyph/>
                <span>{word}</span>
            </button>
        }
    };
    let acts = if trashed {
        (
            act("restore", t.restore, Glyph::RefreshCw),
            view! {
                <Opener dialog=DIALOG class="btn btn-danger">
                    <Icon glyph=Glyph::Trash2/>
                    <span>{t.for_ever}</span>
                </Opener>
            },
        )
            .whole()
    } else {
        [
            ("start", w.start, Glyph::Play),
            ("stop", w.stop, Glyph::Square),
            ("restart", w.restart, Glyph::RotateCw),
            ("trash", t.to_trash, Glyph::Trash2),
        ]
        .map(|(name, word, glyph)| act(name, word, glyph))
        .collect_view()
        .whole()
    };
    view! {
        <div class="bulk-bar" role="group" aria-label=t.picked aria-busy=move || busy.get().then_some("true")>
            <span class="bulk-count">{t.picked}</span>
            {acts}
            <button type="button" class="btn bulk-pair" data-compare=FORM>
                {t.compare}
            </button>
        </div>
    }
}

/// Deleting cannot be undone, so the word is typed. Its button belongs to the form around the table.
#[component]
pub(super) fn DeleteDialog(action: ServerAction<BotsBulk>) -> impl IntoView {
    let (t, w) = (text::text(), words::text());
    let value = action.value();
    let done = Signal::derive(move || value.with(Option::is_some));
    view! {
        <Dialog id=DIALOG title=t.for_ever_title close=w.close done>
            <p>{t.for_ever_text}</p>
            <label class="field">
                <span>{t.for_ever_type}</span>
                <input class="input" form=FORM autocomplete="off" required pattern="\\s*delete\\s*"/>
            </label>
            <div class="dialog-acts">
                <button type="button" class="btn" data-close>
                    {crate::parts::text().cancel}
                </button>
                <button class="btn btn-danger" form=FORM name="cmd[act]" value="delete">
                    <Icon glyph=Glyph::Trash2/>
                    <span>{t.for_ever}</span>
                </button>
            </div>
        </Dialog>
    }
}

/// What became of the last act on several: how many, which not and why, and the way back.
#[component]
pub(super) fn Outcome(action: ServerAction<BotsBulk>, form: NodeRef<html::Form>) -> impl IntoView {
    let value = action.value();
    Effect::new(move |_: Option<()>| {
        if let (true, Some(form)) = (value.with(Option::is_some), form.get_untracked()) {
            form.reset();
        }
    });
    move || match value.get() {
        None => ().whole(),
        Some(Err(error)) => view! { <crate::parts::ErrorNote error/> }.whole(),
        Some(Ok(done)) => view! { <Done action done/> }.whole(),
    }
}

#[component]
fn Done(action: ServerAction<BotsBulk>, done: BulkDone) -> impl IntoView {
    let t = text::text();
    let BulkDone { act, results } = done;
    let (mut changed, mut as_before, mut failed) = (Vec::new(), 0_usize, Vec::new());
    for one in results {
        match one.error {
            Some(error) => failed.push((one.bot, error.message)),
            None if one.changed => changed.push(one.bot),
            None => as_before += 1,
        }
    }
    let mut title = vec![fill(said(act, t), &changed.len().to_string())];
    for (words, count) in [(t.as_before, as_before), (t.not_done, failed.len())] {
        if count > 0 {
            title.push(fill(words, &count.to_string()));
        }
    }
    let undo = inverse(act).filter(|_| !changed.is_empty()).map(|act| {
        let names =
            changed.into_iter().map(|bot| view! { <input type="hidden" name="cmd[bots][]" value=bot/> });
        view! {
            <ActionForm action>
                <input type="hidden" name="cmd[act]" value=act/>
                {names.collect_view()}
                <Button busy=action.pending()>{t.undo}</Button>
            </ActionForm>
        }
    });
    let tone = if failed.is_empty() { Tone::Ok } else { Tone::Warn };
    let failed = failed.into_iter().map(|(bot, why)| view! { <li><b>{bot}</b>" " {why}</li> });
    view! {
        <Banner tone title=title.join(" · ")>
            <ul class="bulk-failed">{failed.collect_view()}</ul>
            {undo}
        </Banner>
    }
}
