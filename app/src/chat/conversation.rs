//! One conversation: its messages, each a signal of its own, kept true by the live line.

use super::{message::MessageView, text};
use crate::{
    bots::detail::OneBot,
    live::{Fit, News, live},
};
use api::{
    chat::{Message, MessageRole, MessageState},
    ids::{MessageId, ThreadId},
    live::{LiveEvent, Snapshot, Topic},
};
use leptos::prelude::*;
use ui::{EmptyState, Glyph};

type Line = (MessageId, ArcRwSignal<Message>);

/// The messages of the open thread, oldest first.
#[derive(Clone, Copy)]
pub(super) struct Talk {
    lines: RwSignal<Vec<Line>>,
    /// What was just sent and did not come back yet.
    pub(super) sending: RwSignal<Option<String>>,
}

impl Talk {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        Self { lines: RwSignal::new(lines(messages)), sending: RwSignal::new(None) }
    }

    /// Whether an answer is being written.
    pub(super) fn busy(self) -> bool {
        self.lines.with(|all| {
            all.iter().any(|(_, line)| line.with(|message| message.state == MessageState::Streaming))
        })
    }

    /// Keeps the messages true until the page is left.
    pub(super) fn follow(self, thread: ThreadId) {
        Effect::new(move |_: Option<()>| {
            if let Some(live) = live() {
                live.follow(Topic::Thread(thread), move |news| self.hear(news));
            }
        });
    }

    fn hear(self, news: News) -> Fit {
        match news {
            News::Snapshot(Snapshot::Thread { messages, .. }) => self.replace(messages),
            News::Event(LiveEvent::Message { message }) => self.put(message),
            News::Event(LiveEvent::Delta { message, at_bytes, text }) => {
                return self.edit(message, |line| {
                    // What the snapshot already held may come once more: only what lies beyond it is new.
                    let Some(known) =
                        usize::try_from(at_bytes).ok().and_then(|at| line.text.len().checked_sub(at))
                    else {
                        return false;
                    };
                    line.text.push_str(text.get(known..).unwrap_or_default());
                    line.phase = None;
                    true
                });
            }
            News::Event(LiveEvent::Replace { message, text }) => {
                return self.edit(message, |line| {
                    (line.text, line.html, line.html_bytes) = (text, None, None);
                    true
                });
            }
            News::Event(LiveEvent::Block { message, from_bytes, to_bytes, html }) => {
                return self.edit(message, |line| {
                    let shown = line.html_bytes.unwrap_or(0);
                    if shown < to_bytes {
                        line.html.get_or_insert_default().push_str(&html);
                        line.html_bytes = Some(to_bytes);
                    }
                    shown == from_bytes || shown >= to_bytes
                });
            }
            News::Event(LiveEvent::Phase { message, phase }) => {
                return self.edit(message, |line| {
                    line.phase = Some(phase);
                    true
                });
            }
            News::Event(LiveEvent::Tool { message, tool }) => {
                return self.edit(message, |line| {
                    match line.tools.iter_mut().find(|other| other.id == tool.id) {
                        Some(place) => *place = tool,
                        None => line.tools.push(tool),
                    }
                    true
                });
            }
            News::Snapshot(_) | News::Event(_) | News::Refused(_) => {}
        }
        Fit::Yes
    }

    /// The whole conversation anew; lines that stay keep their signal, so that nothing on the page is rebuilt.
    fn replace(self, messages: Vec<Message>) {
        self.settle(&messages);
        let known = self.lines.get_untracked();
        let next = messages
            .into_iter()
            .map(|message| match known.iter().find(|(id, _)| *id == message.id) {
                Some((id, line)) => {
                    if line.with_untracked(|old| *old != message) {
                        line.set(message);
                    }
                    (*id, line.clone())
                }
                None => (message.id, ArcRwSignal::new(message)),
            })
            .collect();
        self.lines.set(next);
    }

    /// One message, new or finished.
    fn put(self, message: Message) {
        self.settle(std::slice::from_ref(&message));
        let known = self.lines.with_untracked(|all| all.iter().find(|(id, _)| *id == message.id).cloned());
        match known {
            Some((_, line)) => line.set(message),
            None => self.lines.update(|all| all.push((message.id, ArcRwSignal::new(message)))),
        }
    }

    fn edit(self, id: MessageId, change: impl FnOnce(&mut Message) -> bool) -> Fit {
        let line = self.lines.with_untracked(|all| all.iter().find(|(other, _)| *other == id).cloned());
        let Some((_, line)) = line else { return Fit::No };
        if line.try_update(change).unwrap_or(true) { Fit::Yes } else { Fit::No }
    }

    /// What was being sent has arrived.
    fn settle(self, messages: &[Message]) {
        let arrived = self.sending.with_untracked(|sending| {
            sending.as_ref().is_some_and(|text| {
                messages.iter().any(|m| m.role == MessageRole::User && m.text.trim() == text.trim())
            })
        });
        if arrived {
            self.sending.set(None);
        }
    }
}

fn lines(messages: Vec<Message>) -> Vec<Line> {
    messages.into_iter().map(|message| (message.id, ArcRwSignal::new(message))).collect()
}

/// The conversation. The outer box is turned upside down, so that the browser itself keeps the newest in sight.
#[component]
pub(super) fn Conversation(
    one: OneBot,
    talk: Talk,
    current: Option<ThreadId>,
    older: bool,
    /// Cursor of the messages before these.
    next: Option<String>,
) -> impl IntoView {
    let t = text::text();
    let base = format!("/bots/{}/chat", one.slug());
    let open = move |rest: &str| current.map(|id| format!("{base}?thread={id}{rest}")).unwrap_or_default();
    let empty = Memo::new(move |_| talk.lines.with(Vec::is_empty) && talk.sending.with(Option::is_none));
    view! {
        <div class="talk-scroll" tabindex="0" role="region" aria-label=t.conversation>
            <div class="talk-lines">
                {next.map(|cursor| view! { <a class="btn btn-quiet" href=open(&format!("&before={cursor}"))>{t.older}</a> })}
                <Show when=move || empty.get()>
                    <EmptyState glyph=Glyph::MessageSquare title=t.empty_title text=t.empty_text/>
                </Show>
                <For each=move || talk.lines.get() key=|(id, _)| *id let((_, line))>
                    <MessageView line/>
                </For>
                {move || {
                    talk.sending
                        .get()
                        .map(|text| view! { <article class="said said-user said-sending"><p class="as-typed">{text}</p></article> })
                }}
                {older.then(|| view! { <a class="btn btn-quiet" href=open("")>{t.newest}</a> })}
            </div>
        </div>
    }
}
