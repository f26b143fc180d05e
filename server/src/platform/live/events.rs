//! One answer's events as `text/event-stream`: for programs that asked for something over plain HTTP and wait
//! there until it is done.
//!
//! The same events as on the socket, of one message only. Who reads too slowly is given the whole message so far;
//! nothing waits for a reader. Not responsible for what was asked: the verb has already run.

use super::door::{Counts, Place, holder, still_good};
use crate::platform::{
    Platform,
    ctx::OpCtx,
    http::{Identify, Identity, Revoked, ended},
};
use api::{
    ApiError, Code,
    chat::{Message, MessageState},
    ids::MessageId,
    live::{LiveEvent, ServerFrame, Snapshot, Topic},
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use serde_json::Value;
use std::{collections::VecDeque, convert::Infallible, sync::Arc};
use tokio::sync::broadcast;

/// Most streams of one session or token.
const MAX_STREAMS: usize = 50;
/// A quiet stream says something after this, so that nobody in between takes it for dead.
const QUIET_MS: i64 = 15_000;
/// Longest life of a stream; the answer goes on without it.
const LIFE_MS: i64 = 60 * 60_000;

/// Which message a verb's answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    pub topic: Topic,
    pub message: MessageId,
}

/// Whether a caller would rather have events than one JSON object.
pub fn wants_events(headers: &HeaderMap) -> bool {
    let events = quality(headers, "text/event-stream");
    events > 0.0 && events >= quality(headers, "application/json")
}

/// How much a caller wants a media type named in `Accept`; nothing where it is not named.
fn quality(headers: &HeaderMap, media: &str) -> f32 {
    let named = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut parts = named.flat_map(|value| value.split(','));
    let found = parts.find_map(|part| {
        let (name, params) = part.split_once(';').unwrap_or((part, ""));
        name.trim().eq_ignore_ascii_case(media).then_some(params)
    });
    let q = |params: &str| params.split(';').find_map(|p| p.trim().strip_prefix("q=")?.parse().ok());
    found.map_or(0.0, |params| q(params).unwrap_or(1.0))
}

/// What following needs.
#[derive(Clone)]
pub struct EventDoor {
    platform: Arc<Platform>,
    identify: Arc<dyn Identify>,
    counts: Counts,
}

/// Somebody whose stream may begin; their place is held, and what is revoked from here on is heard.
pub struct Entered {
    platform: Arc<Platform>,
    identity: Identity,
    revocations: broadcast::Receiver<Revoked>,
    _place: Place,
}

impl EventDoor {
    /// A door to the platform's hub.
    pub fn new(platform: Arc<Platform>, identify: Arc<dyn Identify>) -> Self {
        Self { platform, identify, counts: Counts::default() }
    }

    /// Lets a caller in, before anything is done for them.
    ///
    /// # Errors
    /// `unauthenticated` for nobody and for what has just ended, `rate_limited` past [`MAX_STREAMS`].
    pub async fn enter(
        &self,
        ctx: &OpCtx,
        identity: &Identity,
        headers: &HeaderMap,
    ) -> Result<Entered, ApiError> {
        let revocations = self.identify.revocations();
        let place = Place::take(&self.counts, holder(ctx, identity)?, MAX_STREAMS).ok_or_else(|| {
            let text = format!("{MAX_STREAMS} event streams are open already.");
            ApiError::new(Code::RateLimited, text).retry_after(10_000)
        })?;
        if !still_good(self.identify.as_ref(), headers, identity).await? {
            return Err(ApiError::unauthenticated());
        }
        Ok(Entered {
            platform: Arc::clone(&self.platform),
            identity: identity.clone(),
            revocations,
            _place: place,
        })
    }
}

impl Entered {
    /// The stream: what the verb answered, then the events of that message until it ends.
    pub async fn follow(self, ctx: OpCtx, answered: &Value, follow: Follow) -> Response {
        let now = self.platform.clock.now_ms();
        let mut follower = Follower {
            events: self.platform.live.attach(ctx.subject.workspace, follow.topic).events,
            entered: self,
            ctx,
            follow,
            text: String::new(),
            html_bytes: 0,
            ready: VecDeque::new(),
            over: false,
            until_ms: now + LIFE_MS,
            quiet_until_ms: now + QUIET_MS,
        };
        follower.say("sent", answered);
        follower.begin().await;
        let stream = futures::stream::unfold(follower, Follower::next);
        let mut response = Response::new(Body::from_stream(stream));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // A proxy that gathers the answer first would show nothing until the end.
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        response
    }
}

/// One reader of one message.
struct Follower {
    entered: Entered,
    ctx: OpCtx,
    follow: Follow,
    events: broadcast::Receiver<super::hub::Sent>,
    /// The text as the reader has it.
    text: String,
    html_bytes: u32,
    ready: VecDeque<Bytes>,
    over: bool,
    until_ms: i64,
    quiet_until_ms: i64,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some((Ok(bytes), self));
            }
            if self.over {
                return None;
            }
            let platform = Arc::clone(&self.entered.platform);
            tokio::select! {
                biased;
                () = ended(&self.entered.identity, &mut self.entered.revocations) => {
                    self.stop(&ApiError::unauthenticated());
                }
                () = platform.shutdown.cancelled() => {
                    self.stop(&ApiError::new(Code::Unavailable, "Chela is stopping."));
                }
                () = platform.clock.wait_until(self.until_ms) => {
                    let error = ApiError::new(Code::Timeout, "A stream lives an hour.");
                    self.stop(&error.with_hint("The answer goes on; read its thread."));
                }
                event = self.events.recv() => match event {
                    Ok(frame) => self.take(&frame),
                    Err(_lost) => self.resync().await,
                },
                () = platform.clock.wait_until(self.quiet_until_ms) => self.put(": still here\n\n".to_owned()),
            }
        }
    }

    fn put(&mut self, text: String) {
        self.quiet_until_ms = self.entered.platform.clock.now_ms() + QUIET_MS;
        self.ready.push_back(text.into());
    }

    fn say(&mut self, name: &str, data: &impl Serialize) {
        match serde_json::to_string(data) {
            Ok(data) => self.put(format!("event: {name}\ndata: {data}\n\n")),
            Err(error) => tracing::error!(error = %error, "an event could not be written"),
        }
    }

    /// Ends the stream before the answer has ended, and says why.
    fn stop(&mut self, error: &ApiError) {
        self.say("error", error);
        self.over = true;
    }

    /// The message as it stands; taken after attaching, so that nothing falls between the two.
    async fn state(&mut self) -> Option<Message> {
        let (live, now_ms) = (&self.entered.platform.live, self.entered.platform.clock.now_ms());
        let ctx = OpCtx { now_ms, ..self.ctx.clone() };
        let error = match live.snapshot(&ctx, self.follow.topic).await {
            Ok(Snapshot::Thread { messages, .. }) => {
                match messages.into_iter().find(|m| m.id == self.follow.message) {
                    Some(message) => return Some(message),
                    None => ApiError::not_found(),
                }
            }
            Ok(_) => ApiError::not_found(),
            Err(error) => error,
        };
        self.stop(&error);
        // Nobody stays where nothing may be seen.
        self.events = broadcast::Sender::new(1).subscribe();
        self.entered.platform.live.let_go(self.ctx.subject.workspace, self.follow.topic);
        None
    }

    /// What there is already, as the events that led there.
    async fn begin(&mut self) {
        let Some(now) = self.state().await else { return };
        if now.state != MessageState::Streaming {
            return self.end(&now);
        }
        let message = now.id;
        for tool in now.tools {
            self.event(LiveEvent::Tool { message, tool });
        }
        if !now.text.is_empty() {
            self.event(LiveEvent::Delta { message, at_bytes: 0, text: now.text });
        }
        if let (Some(html), Some(to_bytes)) = (now.html, now.html_bytes) {
            self.event(LiveEvent::Block { message, from_bytes: 0, to_bytes, html });
        }
        if let Some(phase) = now.phase {
            self.event(LiveEvent::Phase { message, phase });
        }
    }

    /// Events were lost for this reader: the whole message so far.
    async fn resync(&mut self) {
        let workspace = self.ctx.subject.workspace;
        self.events = self.entered.platform.live.attach(workspace, self.follow.topic).events;
        let Some(now) = self.state().await else { return };
        if now.state != MessageState::Streaming {
            return self.end(&now);
        }
        self.say("resync", &now);
        self.html_bytes = now.html_bytes.unwrap_or(0);
        self.text = now.text;
    }

    fn take(&mut self, frame: &str) {
        match serde_json::from_str(frame) {
            Ok(ServerFrame::Event { data, .. }) => self.event(data),
            Ok(_) => {}
            Err(error) => tracing::error!(error = %error, "a live event could not be read"),
        }
    }

    /// Passes on what is about this message and new to the reader.
    fn event(&mut self, event: LiveEvent) {
        let mine = self.follow.message;
        match event {
            LiveEvent::Delta { message, at_bytes, text } if message == mine => {
                let at = usize::try_from(at_bytes).unwrap_or(usize::MAX);
                // What the state at the beginning already held comes once more.
                let known = self.text.len().checked_sub(at);
                let Some(new) = known.and_then(|known| text.get(known..)).filter(|new| !new.is_empty())
                else {
                    return;
                };
                let at_bytes = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
                let delta = LiveEvent::Delta { message, at_bytes, text: new.to_owned() };
                self.say("delta", &delta);
                self.text.push_str(new);
            }
            LiveEvent::Block { message, to_bytes, .. } if message == mine && to_bytes > self.html_bytes => {
                self.say("block", &event);
                self.html_bytes = to_bytes;
            }
            LiveEvent::Replace { message, ref text } if message == mine => {
                self.say("replace", &event);
                self.text.clone_from(text);
                self.html_bytes = 0;
            }
            LiveEvent::Phase { message, .. } if message == mine => self.say("phase", &event),
            LiveEvent::Tool { message, .. } if message == mine => self.say("tool", &event),
            LiveEvent::Message { message } if message.id == mine => {
                if message.state != MessageState::Streaming {
                    self.end(&message);
                }
            }
            LiveEvent::ThreadDeleted { .. } => self.stop(&ApiError::not_found()),
            _ => {}
        }
    }

    /// The last event; the texts before it add up to its own.
    fn end(&mut self, message: &Message) {
        if let Some(rest) = message.text.strip_prefix(&self.text).filter(|rest| !rest.is_empty()) {
            let at_bytes = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
            self.say("delta", &LiveEvent::Delta { message: message.id, at_bytes, text: rest.to_owned() });
        } else if message.text != self.text {
            let text = message.text.clone();
            self.say("replace", &LiveEvent::Replace { message: message.id, text });
        }
        self.say("end", message);
        self.over = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{
        http::tests::support::{Bench, HERE, TOKEN, text_of},
        live::{SnapshotSource, TopicKind},
    };
    use api::{
        chat::{MessageRole, ThreadSummary},
        ids::{BotId, RequestId, ThreadId},
    };
    use std::sync::Mutex;
    use uuid::Uuid;

    const THREAD: ThreadId = ThreadId(Uuid::from_u128(8));
    const MINE: MessageId = MessageId(Uuid::from_u128(9));

    /// A thread of one message.
    struct Source(Mutex<Message>);

    #[async_trait::async_trait]
    impl SnapshotSource for Source {
        async fn snapshot(&self, _: &OpCtx, _: Topic) -> Result<Snapshot, ApiError> {
            let bot = BotId(Uuid::nil());
            let thread =
                ThreadSummary { id: THREAD, bot, title: "t".to_owned(), created_at_ms: 1, updated_at_ms: 1 };
            Ok(Snapshot::Thread { thread, messages: vec![self.0.lock().expect("lock").clone()] })
        }
    }

    fn message(text: &str, state: MessageState) -> Message {
        Message {
            id: MINE,
            thread: THREAD,
            role: MessageRole::Assistant,
            state,
            text: text.to_owned(),
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

    #[tokio::test]
    async fn who_reads_too_slowly_gets_the_message_so_far_and_no_gap() {
        let bench = Bench::new().await;
        let source = Arc::new(Source(Mutex::new(message("", MessageState::Streaming))));
        bench.platform.live.source(TopicKind::Thread, Arc::clone(&source) as _);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer program"));
        let identity = bench.names.identify(None, Some("program")).await.expect("known");
        assert_eq!((identity.token, identity.subject.workspace), (Some(TOKEN), Some(HERE)));
        let ctx = OpCtx {
            subject: identity.subject,
            ..OpCtx::system(RequestId(Uuid::nil()), bench.platform.clock.now_ms(), Some(HERE))
        };
        let door = EventDoor::new(Arc::clone(&bench.platform), Arc::clone(&bench.names) as _);
        let entered = door.enter(&ctx, &identity, &headers).await.expect("let in");
        let follow = Follow { topic: Topic::Thread(THREAD), message: MINE };
        let response = entered.follow(ctx, &Value::Null, follow).await;
        // Nobody reads: memory holds no more than the hub's tail.
        let mut text = String::new();
        let live = &bench.platform.live;
        for n in 0..1_000 {
            let piece = format!("{n} ");
            let at_bytes = u32::try_from(text.len()).expect("short");
            text.push_str(&piece);
            *source.0.lock().expect("lock") = message(&text, MessageState::Streaming);
            live.publish(follow.topic, LiveEvent::Delta { message: MINE, at_bytes, text: piece });
        }
        let other = MessageId(Uuid::from_u128(99));
        live.publish(
            follow.topic,
            LiveEvent::Phase { message: other, phase: "not for this reader".to_owned() },
        );
        let ended = message(&format!("{text}end"), MessageState::Final);
        *source.0.lock().expect("lock") = message(&text, MessageState::Streaming);
        let reading = tokio::spawn(text_of(response));
        // The reader has caught up when it has taken a new place.
        while !reading.is_finished() {
            live.publish(follow.topic, LiveEvent::Message { message: ended.clone() });
            tokio::task::yield_now().await;
        }
        let read = reading.await.expect("no panic");
        let names: Vec<&str> = read.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(names, ["sent", "resync", "delta", "end"], "{read}");
        assert!(!read.contains("not for this reader"));
    }

    #[test]
    fn events_are_for_who_wants_them_more() {
        for (accept, wanted) in [
            ("text/event-stream", true),
            ("TEXT/event-stream; q=0.5, */*;q=0.1", true),
            ("application/json, text/event-stream", true),
            ("application/json, text/event-stream;q=0.9", false),
            ("text/event-stream;q=0", false),
            ("*/*", false),
            ("application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_events(&headers), wanted, "{accept}");
        }
        assert!(!wants_events(&HeaderMap::new()));
    }
}
