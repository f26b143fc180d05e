//! Answers that have ended and are not written down yet. A full disk, or a database that refuses, must not
//! cost their text: they stay here, lie over every snapshot, and are written as soon as writing works again.

use super::{Chat, run::Run};
use api::{chat::MessageState, ids::RunId};
use std::{collections::BTreeMap, sync::Arc};

/// Most bytes of ended answers kept. Past it the oldest lose their text, in words.
const MOST_BYTES: usize = 32 << 20;
/// The first pause before writing is tried again, and the longest.
const PAUSES_MS: (i64, i64) = (1_000, 30_000);
/// Told where not even memory could hold the text.
const LOST: &str =
    "Lost: nothing could be written while the bot was answering, and too much had come together.";

/// Ended answers by run, oldest first.
#[derive(Default)]
pub(super) struct Unwritten {
    runs: BTreeMap<RunId, Run>,
}

impl Unwritten {
    /// Keeps an ended answer, or keeps it as it now is.
    pub(super) fn keep(&mut self, run: Run) {
        self.runs.insert(run.id, run);
        let mut bytes: usize = self.runs.values().map(weight).sum();
        for run in self.runs.values_mut() {
            if bytes <= MOST_BYTES {
                break;
            }
            bytes -= weight(run);
            let message = &mut run.message;
            (message.text, message.html, message.tools) = (String::new(), None, Vec::new());
            (message.state, message.error) = (MessageState::Failed, Some(LOST.to_owned()));
        }
    }

    /// Forgets one that is written.
    pub(super) fn written(&mut self, id: RunId) {
        self.runs.remove(&id);
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    fn after(&self, id: Option<RunId>) -> Option<Run> {
        self.runs.values().find(|run| id.is_none_or(|id| run.id > id)).cloned()
    }

    fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

/// What an answer weighs.
fn weight(run: &Run) -> usize {
    let message = &run.message;
    let tools = message.tools.iter().map(|t| t.args.len() + t.result.as_ref().map_or(0, String::len));
    message.text.len() + message.html.as_ref().map_or(0, String::len) + tools.sum::<usize>()
}

impl Chat {
    /// Writes what has ended and could not be written, whenever there is hope: after a pause that grows, or
    /// when somebody else's write went through.
    pub(super) async fn tend_unwritten(self: Arc<Self>) {
        let platform = Arc::clone(&self.platform);
        loop {
            tokio::select! {
                () = platform.shutdown.cancelled() => return,
                () = self.refused.notified() => {}
            }
            let mut pause_ms = PAUSES_MS.0;
            while !self.unwritten().is_empty() {
                tokio::select! {
                    // What is left then is written by who ends the last answers.
                    () = platform.shutdown.cancelled() => return,
                    () = platform.clock.wait_until(platform.clock.now_ms() + pause_ms) => {
                        pause_ms = (pause_ms * 2).min(PAUSES_MS.1);
                    }
                    () = platform.db.wrote() => {}
                }
                self.write_unwritten().await;
            }
        }
    }

    /// Tries to write each of them, once.
    pub(super) async fn write_unwritten(&self) {
        let mut last = None;
        loop {
            let Some(run) = self.unwritten().after(last) else { return };
            last = Some(run.id);
            match self.write_end(&run).await {
                Ok(()) => {
                    self.unwritten().written(run.id);
                    tracing::info!(message.id = %run.message.id, "the end of an answer was written afterwards");
                }
                Err(error) => {
                    tracing::debug!(message.id = %run.message.id, error = %error, "still not written");
                    // The next one would fare no better.
                    if error.is_unwritable() {
                        return;
                    }
                }
            }
        }
    }

    /// Says of which answers the next Chela will not know how they ended, where even the last try failed: it marks them as cut, and
    /// asks anew for one that waited for its bot when it was stopped.
    pub(super) fn name_the_lost(&self) {
        for run in self.unwritten().runs() {
            tracing::error!(message.id = %run.message.id, "the end of an answer could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{
        chat::{Message, MessageRole},
        ids::*,
    };
    use uuid::Uuid;

    fn ended(n: u128, bytes: usize) -> Run {
        let message = Message {
            id: MessageId(Uuid::from_u128(n)),
            thread: ThreadId(Uuid::nil()),
            role: MessageRole::Assistant,
            state: MessageState::Final,
            text: "x".repeat(bytes),
            html: None,
            html_bytes: None,
            tools: Vec::new(),
            model: None,
            usage: None,
            phase: None,
            error: None,
            created_at_ms: 1,
        };
        Run {
            id: RunId(Uuid::from_u128(n)),
            workspace: WorkspaceId(Uuid::nil()),
            bot: BotId(Uuid::nil()),
            thread: ThreadId(Uuid::nil()),
            session_key: String::new(),
            message,
            blocks: Default::default(),
            stopping: false,
            waiting: false,
            question: None,
        }
    }

    #[test]
    fn past_the_bound_the_oldest_lose_their_text_and_none_its_end() {
        let mut unwritten = Unwritten::default();
        for n in 1..=40 {
            unwritten.keep(ended(n, 1 << 20));
        }
        let bytes: usize = unwritten.runs().map(weight).sum();
        assert!(bytes <= MOST_BYTES, "{bytes}");
        let states: Vec<_> = unwritten.runs().map(|run| run.message.state).collect();
        assert_eq!(states.len(), 40);
        assert_eq!(states.iter().filter(|state| **state == MessageState::Failed).count(), 8);
        assert!(states.starts_with(&[MessageState::Failed; 8]), "the oldest first");
    }
}
