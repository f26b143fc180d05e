//! The list of a bot's threads, and the head of the open one: rename, delete.

use super::{
    fns::{ChatDeleteThread, ChatRenameThread},
    page::Desk,
    text,
};
use crate::{
    bots::detail::OneBot,
    parts::{self, Failure, failure_of, success_of},
    time::Moment,
};
use api::{chat::ThreadSummary, ids::ThreadId};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use ui::{Button, Dialog, Glyph, Icon, Kind, Opener};

const RENAME: &str = "rename-thread";
const DELETE: &str = "delete-thread";

/// The threads, newest first. On a phone they fold.
#[component]
pub(super) fn Threads(
    one: OneBot,
    list: Signal<Vec<ThreadSummary>>,
    current: Option<ThreadId>,
) -> impl IntoView {
    let t = text::text();
    let base = format!("/bots/{}/chat", one.slug());
    let fresh = format!("{base}?thread=new");
    view! {
        <nav class="threads" aria-label=t.threads>
            <a class="btn" href=fresh>
                <Icon glyph=Glyph::Plus/>
                <span>{t.new_thread}</span>
            </a>
            <ul>
                {move || {
                    list.get()
                        .into_iter()
                        .map(|thread| {
                            let here = current == Some(thread.id);
                            view! {
                                <li>
                                    <a
                                        class="thread"
                                        href=format!("{base}?thread={}", thread.id)
                                        aria-current=here.then_some("true")
                                    >
                                        <span class="thread-title">{thread.title}</span>
                                        <Moment ms=Signal::stored(thread.updated_at_ms)/>
                                    </a>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </nav>
    }
}

/// The open thread's title and what can be done to it.
#[component]
pub(super) fn ThreadHead(
    one: OneBot,
    list: Signal<Vec<ThreadSummary>>,
    id: ThreadId,
    desk: Desk,
) -> impl IntoView {
    let t = text::text();
    let title = Memo::new(move |_| {
        list.with(|all| all.iter().find(|thread| thread.id == id).map(|thread| thread.title.clone()))
            .unwrap_or_default()
    });
    view! {
        <header class="talk-head">
            <h2>{move || title.get()}</h2>
            <Opener dialog=RENAME class="btn btn-quiet">
                <Icon glyph=Glyph::Pencil/>
                <span class="sr-only">{t.rename}</span>
            </Opener>
            <Opener dialog=DELETE class="btn btn-quiet">
                <Icon glyph=Glyph::Trash2/>
                <span class="sr-only">{t.delete}</span>
            </Opener>
        </header>
        <RenameDialog title=title.get_untracked() id desk/>
        <DeleteDialog one id/>
    }
}

#[component]
fn RenameDialog(title: String, id: ThreadId, desk: Desk) -> impl IntoView {
    let t = text::text();
    let rename = ServerAction::<ChatRenameThread>::new();
    let value = rename.value();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(_)) = value.get() {
            desk.reload();
        }
    });
    view! {
        <Dialog id=RENAME title=t.rename close=t.close done=success_of(move || value.get())>
            <Failure error=failure_of(move || value.get())/>
            <ActionForm action=rename>
                <input type="hidden" name="cmd[thread]" value=id.to_string()/>
                <div class="field">
                    <label for="thread-title">{t.rename_label}</label>
                    <input id="thread-title" name="cmd[title]" class="input" value=title required maxlength="120" autocomplete="off"/>
                </div>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Primary busy=rename.pending()>{parts::text().save}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}

#[component]
fn DeleteDialog(one: OneBot, id: ThreadId) -> impl IntoView {
    let t = text::text();
    let delete = ServerAction::<ChatDeleteThread>::new();
    let value = delete.value();
    let base = format!("/bots/{}/chat", one.slug());
    let navigate = use_navigate();
    Effect::new(move |_: Option<()>| {
        if let Some(Ok(_)) = value.get() {
            one.threads.update(|all| {
                if let Some(all) = all {
                    all.retain(|thread| thread.id != id);
                }
            });
            navigate(&base, leptos_router::NavigateOptions::default());
        }
    });
    view! {
        <Dialog id=DELETE title=t.delete_title close=t.close done=success_of(move || value.get())>
            <p>{t.delete_text}</p>
            <Failure error=failure_of(move || value.get())/>
            <ActionForm action=delete>
                <input type="hidden" name="cmd[thread]" value=id.to_string()/>
                <div class="dialog-acts">
                    <button type="button" class="btn" data-close>
                        {parts::text().cancel}
                    </button>
                    <Button kind=Kind::Danger glyph=Glyph::Trash2 busy=delete.pending()>{parts::text().delete}</Button>
                </div>
            </ActionForm>
        </Dialog>
    }
}
