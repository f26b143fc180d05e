//! `/bots/{bot}/chat`: which thread is open, and everything around its conversation.

use super::{
    composer::Composer,
    conversation::{Conversation, Talk},
    fns::{chat_messages, chat_threads},
    text,
    threads::{ThreadHead, Threads},
};
use crate::{
    bots::{detail::OneBot, idle_text, state},
    parts::Unloaded,
};
use api::{
    ApiError, Page,
    bots::Desired,
    chat::{ListMessages, ListThreads, Message, ThreadSummary},
    ids::ThreadId,
};
use leptos::prelude::*;
use leptos_router::{
    LazyRoute,
    hooks::{use_params_map, use_query_map},
    lazy_route,
};
use serde::{Deserialize, Serialize};
use ui::{Banner, IntoWhole, Tone};

/// What the address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    bot: String,
    /// An id, or `new`; absent: the newest.
    thread: Option<String>,
    /// Cursor of older messages.
    before: Option<String>,
}

/// What was opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Opened {
    threads: Page<ThreadSummary>,
    current: Option<ThreadId>,
    messages: Page<Message>,
    /// An older page: it does not change any more.
    older: bool,
}

async fn open(asked: Asked) -> Result<Opened, ApiError> {
    let threads = chat_threads(ListThreads { bot: asked.bot, limit: None, cursor: None }).await?;
    let current = match asked.thread.as_deref() {
        Some("new") => None,
        Some(id) => Some(id.parse().map_err(|_bad: api::ids::BadId| ApiError::not_found())?),
        None => threads.items.first().map(|thread| thread.id),
    };
    let older = asked.before.is_some();
    let messages = match current {
        Some(thread) => chat_messages(ListMessages { thread, limit: None, cursor: asked.before }).await?,
        None => Page::default(),
    };
    Ok(Opened { threads, current, messages, older })
}

/// The page.
#[derive(Debug)]
pub struct ChatPage {
    opened: Resource<Result<Opened, ApiError>>,
}

#[lazy_route]
impl LazyRoute for ChatPage {
    fn data() -> Self {
        let (params, query) = (use_params_map(), use_query_map());
        let asked = move || Asked {
            bot: params.with(|params| params.get("bot")).unwrap_or_default(),
            thread: query.with(|query| query.get("thread")),
            before: query.with(|query| query.get("before")),
        };
        ChatPage { opened: Resource::new_blocking(asked, open) }
    }

    fn view(this: ChatPage) -> AnyView {
        OneBot::here().map(|one| view! { <Chat one opened=this.opened/> }).whole()
    }
}

/// What outlives a change of thread: the words being typed, and that the box had the focus.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    pub(super) draft: RwSignal<String>,
    pub(super) refocus: StoredValue<bool>,
    /// Reads the page's data anew, for when the live line is down.
    opened: Resource<Result<Opened, ApiError>>,
}

impl Desk {
    /// Reads everything anew.
    pub(super) fn reload(self) {
        self.opened.refetch();
    }
}

#[component]
fn Chat(one: OneBot, opened: Resource<Result<Opened, ApiError>>) -> impl IntoView {
    let desk = Desk { draft: RwSignal::new(String::new()), refocus: StoredValue::new(false), opened };
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match opened.await {
                    Ok(opened) => view! { <Thread one opened desk/> }.whole(),
                    Err(error) => view! { <Unloaded error/> }.whole(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Thread(one: OneBot, opened: Opened, desk: Desk) -> impl IntoView {
    let Opened { threads, current, messages, older } = opened;
    let first = threads.items;
    let list = Signal::derive(move || one.threads.get().unwrap_or_else(|| first.clone()));
    let talk = Talk::new(messages.items);
    if let Some(thread) = current.filter(|_| !older) {
        talk.follow(thread);
    }
    view! {
        <div class="chat">
            <Threads one list current/>
            <section class="talk">
                {current.map(|id| view! { <ThreadHead one list id desk/> })}
                <Conversation one talk current older next=messages.next/>
                <NotReady one/>
                <Composer one talk current desk/>
            </section>
        </div>
    }
}

/// Why nothing can be sent just now.
#[component]
fn NotReady(one: OneBot) -> impl IntoView {
    let t = text::text();
    let asleep = Memo::new(move |_| {
        one.detail.with(|bot| {
            let summary = &bot.summary;
            (!state::is_ready(summary)).then_some((summary.desired, summary.asleep_since_ms.is_some()))
        })
    });
    view! {
        {move || {
            asleep
                .get()
                .map(|(desired, sleeps)| {
                    let (title, more) = if sleeps {
                        let t = idle_text::text();
                        (t.asleep_title, t.asleep_text)
                    } else if desired == Desired::Running {
                        (t.starting_title, t.starting_text)
                    } else {
                        (t.not_ready_title, t.not_ready_text)
                    };
                    view! {
                        <Banner tone=Tone::Info title>
                            <p>{more}</p>
                        </Banner>
                    }
                })
        }}
    }
}
