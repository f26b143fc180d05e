//! The course of an answer: asked, grown, ended. Every end is written once and told.

use super::{
    Chat, markdown,
    run::{MOST_TEXT, Run, cut},
    store,
};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{
    chat::{Message, MessageState},
    ids::{RequestId, RunId},
    live::LiveEvent,
};
use openclaw::Gateway;
use policy::act;

/// Longest words kept of an error or of a model's name.
const MOST_WORDS: usize = 4 * 1024;

/// How an answer ended.
pub(super) enum End {
    Final {
        text: Option<String>,
        model: Option<String>,
        usage: Option<openclaw::Usage>,
    },
    Aborted {
        text: Option<String>,
    },
    /// With what happened, for a person.
    Failed(String),
}

impl Chat {
    /// Hands a message to the gateway; its events then come over the connection.
    pub(super) async fn ask(&self, gateway: Gateway, run: RunId, session_key: &str, text: &str) {
        // Model and usage come with the session's own messages; without them the answer is whole all the same.
        if let Err(error) = gateway.sessions_messages_subscribe(session_key).await {
            tracing::debug!(error = %error, "no session messages for this answer");
        }
        let key = run.to_string();
        let traceparent = traceparent(run);
        if let Err(error) = gateway.chat_send(session_key, text, &key, Some(&traceparent)).await {
            tracing::warn!(run.id = %run, error = %error, "the gateway did not take a message");
            self.end(run, End::Failed("The bot did not take the message. Send it again.".to_owned())).await;
        }
    }

    /// Asks the gateway to stop; where it cannot be asked the answer ends here.
    pub(super) async fn abort(&self, run: &Run) {
        let gone = match self.bots.links().gateway(run.bot) {
            Some(gateway) => match gateway.chat_abort(&run.session_key, Some(&run.id.to_string())).await {
                // Nothing to stop there: it ended, or never began.
                Ok(aborted) => !aborted.aborted,
                Err(error) => {
                    tracing::warn!(run.id = %run.id, error = %error, "the gateway did not stop an answer");
                    true
                }
            },
            None => true,
        };
        if gone {
            self.end(run.id, End::Aborted { text: None }).await;
        }
    }

    /// Ends an answer, once: whoever comes second finds nothing to end. From here on it is seen as ended, even
    /// where that cannot be written yet.
    pub(super) async fn end(&self, id: RunId, end: End) {
        let mut run = {
            let mut runs = self.runs();
            let Some(mut run) = runs.remove(&id) else { return };
            close(&mut run.message, end);
            self.unwritten().keep(run.clone());
            run
        };
        if !run.message.text.is_empty() {
            run.message.html = rendered(run.message.text.clone()).await;
            self.unwritten().keep(run.clone());
        }
        match self.write_end(&run).await {
            Ok(()) => self.unwritten().written(id),
            Err(error) => {
                tracing::error!(
                    message.id = %run.message.id, error = %error,
                    "the end of an answer could not be written; it is kept and tried again"
                );
                self.refused.notify_one();
            }
        }
        self.tell(run.thread, LiveEvent::Message { message: run.message });
    }

    /// Writes the end of an answer; doing it twice does no harm.
    pub(super) async fn write_end(&self, run: &Run) -> Result<(), OpError> {
        let now = self.platform.clock.now_ms();
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now, Some(run.workspace));
        let granted = policy::check::<act::RunChat>(&ctx.subject)?;
        self.platform
            .db
            .write(async |tx| {
                store::finish(tx, &granted, &run.message, now).await?;
                store::touch(tx, &granted, run.thread, now).await
            })
            .await
    }

    /// Ends every answer of this Chela; called when it stops. What waits for its bot is taken up by the next one.
    pub(super) async fn cut_all(&self, why: &str) {
        let all: Vec<RunId> = self.runs().values().filter(|run| !run.waiting).map(|run| run.id).collect();
        for id in all {
            self.end(id, End::Failed(why.to_owned())).await;
        }
    }
}

/// A whole answer as HTML. A long one keeps a processor busy for a while, but none that serves others.
async fn rendered(text: String) -> Option<String> {
    let rendering = tokio::task::spawn_blocking(move || markdown::to_html(&text));
    rendering.await.map_err(|error| tracing::error!(%error, "an answer could not be rendered")).ok()
}

/// Puts an end to a message.
fn close(message: &mut Message, end: End) {
    message.phase = None;
    // Rendered anew, as a whole: a link may be defined further down.
    (message.html, message.html_bytes) = (None, None);
    match end {
        End::Final { text, model, usage } => {
            message.state = MessageState::Final;
            if let Some(text) = text {
                message.text = cut(&text, MOST_TEXT);
            }
            message.model = model.map(|name| cut(&name, MOST_WORDS));
            message.usage = usage.map(super::run::usage);
        }
        End::Aborted { text } => {
            message.state = MessageState::Aborted;
            if let Some(text) = text.filter(|t| t.len() > message.text.len()) {
                message.text = cut(&text, MOST_TEXT);
            }
        }
        End::Failed(why) => {
            message.state = MessageState::Failed;
            message.error = Some(cut(&why, MOST_WORDS));
        }
    }
}

/// A W3C traceparent whose trace id is the run's id: a model call leads back to its message.
fn traceparent(run: RunId) -> String {
    let trace = run.0.simple().to_string();
    let span = trace.get(16..).unwrap_or("0000000000000001");
    format!("00-{trace}-{span}-01")
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{chat::MessageRole, ids::*};
    use uuid::Uuid;

    fn open() -> Message {
        Message {
            id: MessageId(Uuid::nil()),
            thread: ThreadId(Uuid::nil()),
            role: MessageRole::Assistant,
            state: MessageState::Streaming,
            text: String::new(),
            html: None,
            html_bytes: None,
            tools: Vec::new(),
            model: None,
            usage: None,
            phase: None,
            error: None,
            created_at_ms: 1,
        }
    }

    #[test]
    fn however_an_answer_ends_it_is_cut_where_it_is_too_long() {
        let long = || "字".repeat(MOST_TEXT);
        for end in [
            End::Final { text: Some(long()), model: Some(long()), usage: None },
            End::Aborted { text: Some(long()) },
            End::Failed(long()),
        ] {
            let mut message = open();
            close(&mut message, end);
            assert!(message.text.len() <= MOST_TEXT, "{:?}", message.state);
            assert!(message.text.is_empty() || message.text.len() > MOST_TEXT - 3);
            let words = [message.error, message.model].into_iter().flatten();
            assert!(words.map(|text| text.len()).all(|bytes| bytes <= MOST_WORDS));
        }
    }

    #[tokio::test]
    async fn while_a_long_answer_is_rendered_others_are_served() {
        let text = "a *b* `c`\n\n".repeat(MOST_TEXT / 12);
        let rendering = tokio::spawn(rendered(text));
        // The only thread of this test is free again at once.
        tokio::task::yield_now().await;
        assert!(!rendering.is_finished());
        let html = rendering.await.expect("no panic").expect("HTML");
        assert!(html.starts_with("<p>a <em>b</em>"), "{}", html.get(..40).unwrap_or_default());
    }
}
