//! The box to write in. Enter sends and Shift+Enter breaks the line: `public/page.js` sees to that, so that it
//! also works without wasm.

use super::{
    conversation::Talk,
    fns::{ChatSend, ChatStop},
    page::Desk,
    text,
};
use crate::{
    bots::{detail::OneBot, idle::takes_messages},
    live::{Link, live},
    parts::Failure,
};
use api::{Code, ids::ThreadId};
use leptos::{html, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use ui::{Button, Glyph, Kind};

/// The longest message, in characters; the server has the last word.
const MOST: &str = "32000";

/// The message box, Send, and Stop while an answer is written.
#[component]
pub(super) fn Composer(one: OneBot, talk: Talk, current: Option<ThreadId>, desk: Desk) -> impl IntoView {
    let t = text::text();
    let send = ServerAction::<ChatSend>::new();
    let stop = ServerAction::<ChatStop>::new();
    let field = NodeRef::<html::Textarea>::new();
    sent(one, talk, current, desk, send);
    Effect::new(move |_: Option<()>| {
        if let Some(field) = field.get().filter(|_| desk.refocus.get_value()) {
            desk.refocus.set_value(false);
            _ = field.focus();
        }
    });
    in_step(field, desk);
    let ready = Memo::new(move |_| one.detail.with(takes_messages));
    let busy = Memo::new(move |_| talk.busy());
    let failed = Signal::derive(move || {
        // That it was still answering is over with the answer.
        let sent = send.value().get().and_then(Result::err);
        let sent = sent.filter(|error| error.code != Code::Conflict || busy.get());
        sent.or(stop.value().get().and_then(Result::err))
    });
    view! {
        <div class="composer">
            <Failure error=failed/>
            <ActionForm action=send>
                <input type="hidden" name="cmd[bot]" value=one.slug()/>
                {current.map(|id| view! { <input type="hidden" name="cmd[thread_id]" value=id.to_string()/> })}
                <label class="sr-only" for="message">
                    {t.message}
                </label>
                <textarea
                    id="message"
                    name="cmd[text]"
                    rows="1"
                    required
                    maxlength=MOST
                    placeholder=t.message_hint
                    data-enter-sends
                    node_ref=field
                    on:input:target=move |event| desk.draft.set(event.target().value())
                ></textarea>
                <Button kind=Kind::Primary glyph=Glyph::ArrowUp disabled=Signal::derive(move || !ready.get())>
                    {t.send}
                </Button>
            </ActionForm>
            <div class="composer-foot">
                <p class="hint keys-hint">
                    <kbd>"Enter"</kbd>
                    " "
                    {t.keys_send}
                    " · "
                    <kbd>"Shift"</kbd>
                    " "
                    <kbd>"Enter"</kbd>
                    " "
                    {t.keys_line}
                </p>
                {current
                    .map(|id| {
                        view! {
                            <div class:hidden=move || !busy.get()>
                                <ActionForm action=stop>
                                    <input type="hidden" name="cmd[thread]" value=id.to_string()/>
                                    <Button glyph=Glyph::Square busy=stop.pending()>{t.stop}</Button>
                                </ActionForm>
                            </div>
                        }
                    })}
            </div>
        </div>
    }
}

/// Keeps the box and the draft the same.
fn in_step(field: NodeRef<html::Textarea>, desk: Desk) {
    Effect::new(move |ran: Option<()>| {
        let words = desk.draft.get();
        let Some(field) = field.get() else { return };
        // What was typed before the page's program ran is kept.
        if ran.is_none() && words.is_empty() && !field.value().is_empty() {
            desk.draft.set(field.value());
        } else if field.value() != words {
            field.set_value(&words);
        }
    });
}

/// What happens around sending: the box empties at once and fills again if it failed; a new thread opens.
fn sent(one: OneBot, talk: Talk, current: Option<ThreadId>, desk: Desk, send: ServerAction<ChatSend>) {
    let input = send.input();
    Effect::new(move |_: Option<()>| {
        if let Some(ChatSend { cmd }) = input.get() {
            talk.sending.set(Some(cmd.text));
            desk.draft.set(String::new());
        }
    });
    let value = send.value();
    let navigate = use_navigate();
    Effect::new(move |_: Option<()>| match value.get() {
        None => {}
        Some(Ok(sent)) if current != Some(sent.thread_id) => {
            desk.refocus.set_value(true);
            let to = format!("/bots/{}/chat?thread={}", one.slug(), sent.thread_id);
            navigate(&to, NavigateOptions::default());
        }
        Some(Ok(_)) => {
            if live().is_none_or(|live| live.link().get_untracked() != Link::Open) {
                desk.reload();
            }
        }
        Some(Err(_)) => {
            if let (Some(text), true) =
                (talk.sending.get_untracked(), desk.draft.with_untracked(String::is_empty))
            {
                desk.draft.set(text);
            }
            talk.sending.set(None);
        }
    });
}
