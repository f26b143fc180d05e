//! The hub: per topic a sequence number and a bounded tail. It never blocks and never waits for a reader.

use crate::platform::ctx::OpCtx;
use api::{
    ApiError,
    ids::WorkspaceId,
    live::{LiveEvent, ServerFrame, Snapshot, Topic},
};
use axum::extract::ws::Utf8Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// Events a reader may lag behind before it must resync.
const TAIL: usize = 256;

/// Which slice answers for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicKind {
    Bots,
    Bot,
    Thread,
}

impl TopicKind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Bots, Self::Bot, Self::Thread];

    /// The kind of `topic`.
    pub const fn of(topic: Topic) -> Self {
        match topic {
            Topic::Bots => Self::Bots,
            Topic::Bot(_) => Self::Bot,
            Topic::Thread(_) => Self::Thread,
        }
    }
}

/// Takes the state of a topic as one caller may see it.
#[async_trait::async_trait]
pub trait SnapshotSource: Send + Sync {
    /// The state now. Permission is checked here, as for any verb.
    ///
    /// # Errors
    /// `not_found` for what does not exist or may not be seen.
    async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError>;
}

/// `bots` is one list per workspace; the others are named by an id that exists once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Channel {
    workspace: Option<WorkspaceId>,
    topic: Topic,
}

/// One event as it goes over the wire, ready for every reader.
pub(super) type Sent = Utf8Bytes;

struct Tail {
    seq: u64,
    events: broadcast::Sender<Sent>,
}

/// A watcher's place in a topic: everything published after `seq` comes out of `events`.
pub struct Attached {
    /// The sequence number of the snapshot, which must be taken after attaching.
    pub seq: u64,
    pub(super) events: broadcast::Receiver<Sent>,
}

#[derive(Default)]
struct Hub {
    tails: Mutex<HashMap<Channel, Tail>>,
    sources: Mutex<HashMap<TopicKind, Arc<dyn SnapshotSource>>>,
}

/// Handle to the hub; cheap to clone.
#[derive(Clone, Default)]
pub struct Live(Arc<Hub>);

impl Live {
    /// An empty hub.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers who takes snapshots of a kind of topic.
    pub fn source(&self, kind: TopicKind, source: Arc<dyn SnapshotSource>) {
        lock(&self.0.sources).insert(kind, source);
    }

    /// Tells every watcher of one bot or one thread. For the list of bots see [`Live::publish_bots`].
    pub fn publish(&self, topic: Topic, event: LiveEvent) {
        debug_assert!(topic != Topic::Bots, "the list of bots belongs to a workspace: publish_bots");
        self.send(Channel { workspace: None, topic }, event);
    }

    /// Tells every watcher of a workspace's list of bots.
    pub fn publish_bots(&self, workspace: WorkspaceId, event: LiveEvent) {
        self.send(Channel { workspace: Some(workspace), topic: Topic::Bots }, event);
    }

    fn send(&self, channel: Channel, event: LiveEvent) {
        let mut tails = lock(&self.0.tails);
        let Some(tail) = tails.get_mut(&channel) else { return };
        if tail.events.receiver_count() == 0 {
            tails.remove(&channel);
            return;
        }
        tail.seq += 1;
        let frame = ServerFrame::Event { topic: channel.topic, seq: tail.seq, data: event };
        match serde_json::to_string(&frame) {
            // No receiver: the last one left between the count and here.
            Ok(text) => drop(tail.events.send(text.into())),
            Err(error) => tracing::error!(error = %error, "a live event could not be written"),
        }
    }

    /// Attaches a watcher of `workspace`. Take the snapshot afterwards, never before.
    pub fn attach(&self, workspace: Option<WorkspaceId>, topic: Topic) -> Attached {
        let workspace = workspace.filter(|_| topic == Topic::Bots);
        let mut tails = lock(&self.0.tails);
        let tail = tails
            .entry(Channel { workspace, topic })
            .or_insert_with(|| Tail { seq: 0, events: broadcast::Sender::new(TAIL) });
        Attached { seq: tail.seq, events: tail.events.subscribe() }
    }

    /// The state of a topic as `ctx` may see it.
    ///
    /// # Errors
    /// What its source says; `not_found` where no source is registered.
    pub async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError> {
        let source = lock(&self.0.sources).get(&TopicKind::of(topic)).cloned();
        match source {
            Some(source) => source.snapshot(ctx, topic).await,
            None => Err(ApiError::not_found()),
        }
    }

    /// Forgets topics that nobody watches.
    pub(super) fn sweep(&self) {
        lock(&self.0.tails).retain(|_, tail| tail.events.receiver_count() > 0);
    }

    /// How many topics are held in memory.
    pub fn topics(&self) -> usize {
        lock(&self.0.tails).len()
    }

    /// Kinds of topics somebody answers for.
    pub fn kinds(&self) -> Vec<TopicKind> {
        let mut kinds: Vec<_> = lock(&self.0.sources).keys().copied().collect();
        kinds.sort_unstable();
        kinds
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
