//! One message, and its answer as it comes: over the stream of the panel, or by asking again and again where the
//! panel has none.

use super::events::{Event, Reader};
use crate::{
    client::{Ask, whole},
    failure::Failure,
    options::Once,
    output::{plain, text},
    session::{Session, written},
};
use api::{
    chat::{ListMessages, SendMessage, StopAnswer},
    ids::ThreadId,
};
use http::{Method, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::time::Duration;

/// How often to look where nothing streams.
const PAUSE: Duration = Duration::from_millis(150);
/// How long an answer may take when nothing is said.
const LONG: Duration = Duration::from_secs(900);
/// How long a stopped answer may take to end.
const STOPPING: Duration = Duration::from_secs(5);

/// An answer that came to its end.
pub(super) struct Ended {
    pub(super) message: Value,
    pub(super) thread: Option<ThreadId>,
}

/// Sends a message and waits for the whole answer; shows it as it grows if `shown`. Ctrl-C stops it.
pub(super) async fn answer(
    session: &Session,
    bot: &str,
    message: &str,
    thread: Option<ThreadId>,
    once: Option<&Once>,
    shown: bool,
) -> Result<Ended, Failure> {
    let send = SendMessage { bot: bot.to_owned(), text: message.to_owned(), thread_id: thread };
    let (path, body) = written(&send)?;
    let ask = Ask {
        method: Method::POST,
        path: &path,
        body: body.as_ref(),
        idempotency_key: once.and_then(|once| once.idempotency_key.as_deref()),
        accept: Some("text/event-stream, application/json;q=0.9"),
        ..Ask::default()
    };
    let opened = match session.client.open(&ask).await {
        Ok(opened) => opened,
        Err(failure) => return Err(session.nearest_bot(failure, bot).await),
    };
    let kind =
        opened.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let streams = kind.starts_with("text/event-stream");
    let mut growing = Growing { session, shown, sent: Value::Null, text: String::new(), column: 0 };
    let reading = async {
        if streams {
            growing.stream(opened.into_body()).await?;
        } else {
            let sent = whole(opened).await?;
            growing.sent = serde_json::from_slice(&sent)
                .map_err(|_other| Failure::Other("the panel's answer cannot be read".to_owned()))?;
        }
        // What a stream says at its end may be short: the stored message is the whole truth.
        growing.settle(bot).await
    };
    let longest = session.common.timeout.unwrap_or(LONG);
    let ended = tokio::time::timeout(longest, reading).await.unwrap_or_else(|_elapsed| {
        Err(Failure::Timeout(format!("the answer is not whole after {} s; it goes on", longest.as_secs())))
    })?;
    growing.close();
    Ok(ended)
}

/// The answer so far.
struct Growing<'a> {
    session: &'a Session,
    shown: bool,
    /// Thread and message.
    sent: Value,
    text: String,
    /// Whether the last line shown is open.
    column: usize,
}

impl Growing<'_> {
    fn thread(&self) -> Option<ThreadId> {
        text(&self.sent, "thread_id").parse().ok()
    }

    fn show(&mut self, piece: &str) {
        if self.shown && !piece.is_empty() {
            self.session.screen.foreign(piece);
            self.column = usize::from(!piece.ends_with('\n'));
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.column) > 0 {
            self.session.screen.piece("\n");
        }
    }

    /// Takes the text as it is now: shows what is new, or all of it where it was replaced.
    fn is_now(&mut self, now: &str) {
        match now.strip_prefix(self.text.as_str()) {
            Some(new) => {
                let new = new.to_owned();
                self.show(&new);
            }
            None => {
                self.close();
                self.show(now);
            }
        }
        now.clone_into(&mut self.text);
    }

    async fn stream(&mut self, mut body: Incoming) -> Result<(), Failure> {
        let mut reader = Reader::default();
        let mut stopped = false;
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                _ = tokio::signal::ctrl_c(), if !stopped => {
                    stopped = true;
                    self.stop().await?;
                    continue;
                }
            };
            // A broken stream is no broken answer: it is looked up.
            let Some(Ok(frame)) = frame else { return Ok(()) };
            let Ok(bytes) = frame.into_data() else { continue };
            for event in reader.feed(&bytes) {
                if self.take(event) {
                    return Ok(());
                }
            }
        }
    }

    /// Takes one event; whether it was the last.
    fn take(&mut self, event: Event) -> bool {
        let Event { kind, data } = event;
        let piece = data.as_str().unwrap_or_else(|| text(&data, "text")).to_owned();
        match kind.as_str() {
            "sent" => self.sent = data,
            "delta" => {
                // A delta that does not join on is one too many or too few: the end sets it right.
                let at = data.get("at_bytes").and_then(Value::as_u64);
                if at.is_none_or(|at| usize::try_from(at) == Ok(self.text.len())) {
                    let now = format!("{}{piece}", self.text);
                    self.is_now(&now);
                }
            }
            "replace" => self.is_now(&piece),
            "end" => return true,
            _ => {}
        }
        false
    }

    async fn stop(&self) -> Result<(), Failure> {
        if let Some(thread) = self.thread() {
            self.session.call(&StopAnswer { thread }).await?;
        }
        Ok(())
    }

    /// Asks for the message until it has ended.
    async fn settle(&mut self, bot: &str) -> Result<Ended, Failure> {
        let Some(thread) = self.thread() else {
            return Err(Failure::Other(format!("{} did not say in which thread it answers", plain(bot))));
        };
        let id = text(&self.sent, "message_id").to_owned();
        let mut told_to_stop = None;
        loop {
            let page = self.session.call(&ListMessages { thread, limit: Some(10), cursor: None }).await?;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let message =
                items.iter().find(|message| text(message, "id") == id).cloned().unwrap_or(json!({}));
            self.is_now(text(&message, "text"));
            if !matches!(text(&message, "state"), "streaming" | "") {
                return Ok(Ended { message, thread: Some(thread) });
            }
            if told_to_stop.is_some_and(|at: tokio::time::Instant| at.elapsed() > STOPPING) {
                return Err(Failure::Usage("the answer was told to stop and has not ended yet.".to_owned()));
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = tokio::signal::ctrl_c(), if told_to_stop.is_none() => {
                    told_to_stop = Some(tokio::time::Instant::now());
                    self.stop().await?;
                }
            }
        }
    }
}
