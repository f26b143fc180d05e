//! The hub: per topic a sequence number, a bounded tail and a bounded past. It never blocks and never waits for a
//! reader.

use super::tails::{Channel, Tails};
use crate::platform::{ctx::OpCtx, ids::random_token};
use api::{
    ApiError,
    ids::WorkspaceId,
    live::{LiveEvent, Seen, ServerFrame, Snapshot, Topic},
};
use axum::extract::ws::Utf8Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// Which slice answers for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicKind {
    Bots,
    Bot,
    Thread,
    Notifications,
    Jobs,
}

impl TopicKind {
    /// Every kind there is.
    pub const ALL: [Self; 5] = [Self::Bots, Self::Bot, Self::Thread, Self::Notifications, Self::Jobs];

    /// The kind of `topic`.
    pub const fn of(topic: Topic) -> Self {
        match topic {
            Topic::Bots => Self::Bots,
            Topic::Bot(_) => Self::Bot,
            Topic::Thread(_) => Self::Thread,
            Topic::Notifications => Self::Notifications,
            Topic::Jobs => Self::Jobs,
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

    /// Whether this caller would be given a snapshot; asked before anything is held for them.
    ///
    /// # Errors
    /// As [`SnapshotSource::snapshot`].
    async fn may_watch(&self, ctx: &OpCtx, topic: Topic) -> Result<(), ApiError> {
        self.snapshot(ctx, topic).await.map(drop)
    }
}

/// One event as it goes over the wire, ready for every reader.
pub(super) type Sent = Utf8Bytes;

/// A watcher's place in a topic: everything published after `seq` comes out of `events`.
pub struct Attached {
    /// The sequence number of the snapshot, which must be taken after attaching.
    pub seq: u64,
    pub(super) events: broadcast::Receiver<Sent>,
}

/// A place taken again: what was missed, and what comes.
pub struct Resumed {
    pub(super) missed: Vec<Sent>,
    pub(super) events: broadcast::Receiver<Sent>,
}

struct Hub {
    /// Numbers mean something within this process only.
    epoch: String,
    tails: Mutex<Tails>,
    sources: Mutex<HashMap<TopicKind, Arc<dyn SnapshotSource>>>,
}

/// Handle to the hub; cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

impl Default for Live {
    fn default() -> Self {
        let epoch = random_token("").chars().take(16).collect();
        Self(Arc::new(Hub { epoch, tails: Mutex::default(), sources: Mutex::default() }))
    }
}

impl Live {
    /// An empty hub.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers who takes snapshots of a kind of topic.
    pub fn source(&self, kind: TopicKind, source: Arc<dyn SnapshotSource>) {
        lock(&self.0.sources).insert(kind, source);
    }

    /// Tells every watcher of one bot or one thread. For what is one per workspace see [`Live::publish_in`].
    pub fn publish(&self, topic: Topic, event: LiveEvent) {
        debug_assert!(!topic.is_of_workspace(), "this topic belongs to a workspace: publish_in");
        self.send(Channel::of(None, topic), event);
    }

    /// Tells every watcher of a workspace's list of bots.
    pub fn publish_bots(&self, workspace: WorkspaceId, event: LiveEvent) {
        self.publish_in(workspace, Topic::Bots, event);
    }

    /// Tells every watcher of a topic in one workspace.
    pub fn publish_in(&self, workspace: WorkspaceId, topic: Topic, event: LiveEvent) {
        self.send(Channel::of(Some(workspace), topic), event);
    }

    fn send(&self, channel: Channel, event: LiveEvent) {
        let mut tails = lock(&self.0.tails);
        let Some(seq) = tails.next_seq(channel) else { return };
        let frame = ServerFrame::Event { topic: channel.topic, seq, data: event };
        match serde_json::to_string(&frame) {
            Ok(text) => tails.publish(channel, text.into()),
            Err(error) => tracing::error!(error = %error, "a live event could not be written"),
        }
    }

    /// Attaches a watcher of `workspace`. Take the snapshot afterwards, never before.
    pub fn attach(&self, workspace: Option<WorkspaceId>, topic: Topic) -> Attached {
        let (seq, events) = lock(&self.0.tails).attach(Channel::of(workspace, topic));
        Attached { seq, events }
    }

    /// Attaches a watcher that was here before, if nothing of what came since is lost.
    pub fn resume(&self, workspace: Option<WorkspaceId>, topic: Topic, after: &Seen) -> Option<Resumed> {
        if after.epoch != self.0.epoch {
            return None;
        }
        let (missed, events) = lock(&self.0.tails).resume(Channel::of(workspace, topic), after.seq)?;
        Some(Resumed { missed, events })
    }

    /// Names this process, so that its numbers are not taken for another's.
    pub fn epoch(&self) -> &str {
        &self.0.epoch
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

    /// Whether `ctx` may watch a topic.
    ///
    /// # Errors
    /// As [`Live::snapshot`].
    pub async fn may_watch(&self, ctx: &OpCtx, topic: Topic) -> Result<(), ApiError> {
        let source = lock(&self.0.sources).get(&TopicKind::of(topic)).cloned();
        match source {
            Some(source) => source.may_watch(ctx, topic).await,
            None => Err(ApiError::not_found()),
        }
    }

    /// Forgets a topic that was refused, unless others watch it.
    pub(super) fn let_go(&self, workspace: Option<WorkspaceId>, topic: Topic) {
        lock(&self.0.tails).let_go(Channel::of(workspace, topic));
    }

    /// Forgets topics that nobody has watched for long.
    pub(super) fn sweep(&self) {
        lock(&self.0.tails).sweep();
    }

    /// How many topics are held in memory.
    pub fn topics(&self) -> usize {
        lock(&self.0.tails).len()
    }

    /// How many bytes of past events are held in memory.
    pub fn kept_bytes(&self) -> usize {
        lock(&self.0.tails).bytes()
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
