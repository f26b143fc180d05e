//! What a fake gateway remembers: sessions with their transcripts, runs under way, connections.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::reply::Reply;
use super::shapes;

/// How a fake gateway behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The shared token it expects.
    pub token: String,
    /// Where its answers come from.
    pub reply: Reply,
    /// Says `starting` for so long.
    pub starting: Duration,
    /// How often it says `tick`; also what it announces.
    pub tick: Duration,
    /// `provider/model` it claims to answer with.
    pub model: String,
    /// A method whose calls it never answers.
    pub deaf_to: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: "gateway-token".to_owned(),
            reply: Reply::default(),
            starting: Duration::ZERO,
            tick: Duration::from_secs(30),
            model: "openai/fake-1".to_owned(),
            deaf_to: None,
        }
    }
}

/// A frame for one connection: event name and payload. The connection numbers it.
pub(super) type Outgoing = (String, Value);

/// One run under way.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) owner: u64,
    pub(super) text: String,
    pub(super) stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Session {
    id: String,
    messages: Vec<Value>,
    run: Option<Run>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<String, Session>,
    connections: HashMap<u64, mpsc::Sender<Outgoing>>,
    subscriptions: HashSet<(u64, String)>,
    next_connection: u64,
}

/// Shared by all connections of a fake gateway.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) boot_id: String,
    pub(super) started: tokio::time::Instant,
    pub(super) stop: CancellationToken,
    /// Ends every connection of the moment.
    pub(super) cut: watch::Sender<()>,
    /// Calls that were never answered.
    pub(super) unanswered: AtomicUsize,
    inner: Mutex<Inner>,
}

impl State {
    pub(super) fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            options,
            boot_id: uuid::Uuid::new_v4().to_string(),
            started: tokio::time::Instant::now(),
            stop: CancellationToken::new(),
            cut: watch::Sender::new(()),
            unanswered: AtomicUsize::new(0),
            inner: Mutex::default(),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_starting(&self) -> bool {
        self.started.elapsed() < self.options.starting
    }

    /// Registers a connection's outbox.
    pub(super) fn join(&self, outbox: mpsc::Sender<Outgoing>) -> u64 {
        let mut inner = self.inner();
        inner.next_connection += 1;
        let id = inner.next_connection;
        inner.connections.insert(id, outbox);
        id
    }

    /// Forgets a connection. Its runs go on, as with the real one.
    pub(super) fn leave(&self, connection: u64) {
        let mut inner = self.inner();
        inner.connections.remove(&connection);
        inner.subscriptions.retain(|(id, _)| *id != connection);
    }

    pub(super) fn subscribe(&self, connection: u64, session: &str) {
        self.inner().subscriptions.insert((connection, session.to_owned()));
    }

    /// Sends an event of a session to whoever asked for it and to the run's owner.
    pub(super) fn tell(&self, session: &str, owner: Option<u64>, event: &str, payload: &Value) {
        let inner = self.inner();
        for (id, outbox) in &inner.connections {
            let subscribed = inner.subscriptions.contains(&(*id, session.to_owned()));
            if subscribed || owner == Some(*id) {
                // A reader that does not drain loses events, as it would anywhere.
                let _ = outbox.try_send((event.to_owned(), payload.clone()));
            }
        }
    }

    /// Sends an event to every connection.
    pub(super) fn tell_all(&self, event: &str, payload: &Value) {
        for outbox in self.inner().connections.values() {
            let _ = outbox.try_send((event.to_owned(), payload.clone()));
        }
    }

    /// Begins a run, unless one with this id is under way: then false.
    pub(super) fn begin(&self, session: &str, run: Run) -> bool {
        let mut inner = self.inner();
        let entry = inner
            .sessions
            .entry(session.to_owned())
            .or_insert_with(|| Session { id: uuid::Uuid::new_v4().to_string(), ..Session::default() });
        let busy = entry.run.as_ref().is_some_and(|held| held.id == run.id);
        if !busy {
            entry.run = Some(run);
        }
        !busy
    }

    pub(super) fn progress(&self, session: &str, run: &str, text: &str) {
        if let Some(held) = self.inner().sessions.get_mut(session).and_then(|s| s.run.as_mut())
            && held.id == run
        {
            text.clone_into(&mut held.text);
        }
    }

    pub(super) fn end(&self, session: &str, run: &str) {
        if let Some(entry) = self.inner().sessions.get_mut(session)
            && entry.run.as_ref().is_some_and(|held| held.id == run)
        {
            entry.run = None;
        }
    }

    /// Stops the session's run (or that run) and says which one it was.
    pub(super) fn abort(&self, session: &str, run: Option<&str>) -> Vec<String> {
        let inner = self.inner();
        let running = inner.sessions.get(session).and_then(|s| s.run.as_ref());
        let meant = running.filter(|held| run.is_none_or(|wanted| wanted == held.id));
        meant
            .map(|held| {
                held.stop.cancel();
                held.id.clone()
            })
            .into_iter()
            .collect()
    }

    /// Adds to a transcript and tells the subscribers.
    pub(super) fn write(&self, session: &str, message: &Value) {
        let seq = {
            let mut inner = self.inner();
            let Some(entry) = inner.sessions.get_mut(session) else { return };
            entry.messages.push(message.clone());
            entry.messages.len()
        };
        let payload = json!({
            "sessionKey": session, "agentId": "main", "message": message,
            "messageId": uuid::Uuid::new_v4().to_string(), "messageSeq": seq,
        });
        self.tell(session, None, "session.message", &payload);
    }

    pub(super) fn exists(&self, session: &str) -> bool {
        self.inner().sessions.contains_key(session)
    }

    pub(super) fn history(&self, session: &str, limit: usize) -> Value {
        let inner = self.inner();
        let Some(entry) = inner.sessions.get(session) else {
            return shapes::history(session, None, &[], 0, None);
        };
        let skip = entry.messages.len().saturating_sub(limit);
        let shown = entry.messages.get(skip..).unwrap_or_default();
        let run = entry.run.as_ref().map(|run| (run.id.as_str(), run.text.as_str()));
        shapes::history(session, Some(&entry.id), shown, entry.messages.len(), run)
    }

    /// Removes a session; its run stops.
    pub(super) fn delete(&self, session: &str) -> Value {
        let gone = self.inner().sessions.remove(session);
        if let Some(run) = gone.as_ref().and_then(|entry| entry.run.as_ref()) {
            run.stop.cancel();
        }
        let archived: Vec<String> =
            gone.iter().map(|s| format!("/state/agents/main/sessions/{}.jsonl.deleted.zst", s.id)).collect();
        json!({ "ok": true, "key": session, "deleted": gone.is_some(), "archived": archived })
    }
}
