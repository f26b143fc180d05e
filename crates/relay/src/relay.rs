//! The relay as a value: what it is made of and what it offers. The steps of a call are in its submodules.

mod account;
mod again;
mod call;
mod chain;
mod charges;
mod cheaper;
mod fate;
mod first;
mod guard;
mod guess;
mod headers;
mod judge;
mod neutral;
mod passing;
mod room;
mod said;
mod serve;
#[cfg(feature = "bedrock")]
mod signed;
mod socket;
mod splice;
mod target;
mod token;
mod tries;
mod trouble;
mod unified;
mod upload;
mod veil;

pub(crate) use headers::add_key;
pub(crate) use target::way;
pub(crate) use trouble::excerpt;

use crate::{
    BoxError, Egress, Snapshot, UsageSink,
    stops::{Stops, Switch},
};
use api::ids::{BotId, WorkspaceId};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// What a call may take. Connecting has its own deadline in [`Egress`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest request body.
    pub request_bytes: u64,
    /// From the first byte sent to the head of the answer.
    pub headers: Duration,
    /// From the head of a streamed answer to its first event.
    pub first_event: Duration,
    /// Between two pieces of a body, either way.
    pub idle: Duration,
    /// The whole call.
    pub total: Duration,
    /// Connections at once on the loopback listener, which all callers share.
    pub connections: usize,
    /// Connections at once on a bot's own socket. Each may hold half a MiB of a request.
    pub bot_connections: usize,
    /// How long running answers may go on after a stop was asked for.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 64 * 1024 * 1024,
            headers: Duration::from_secs(300),
            first_event: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(1800),
            connections: 6_000,
            bot_connections: 64,
            grace: Duration::from_secs(5),
        }
    }
}

/// What a relay is made of.
pub struct RelayConfig {
    /// Callers and keys; swapped by the server after every change.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The way out.
    pub egress: Arc<Egress>,
    /// Where usage rows go.
    pub usage: UsageSink,
    /// What a call may take.
    pub limits: Limits,
    /// Milliseconds UTC.
    pub now_ms: fn() -> i64,
}

/// The relay. Cheap to clone; every clone is the same relay.
#[derive(Clone)]
pub struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    config: RelayConfig,
    /// Places for long bodies that wait for their model to choose a vendor.
    choices: Arc<Semaphore>,
    /// What is kept of requests that may have to be sent again.
    kept: again::Kept,
    /// What operators stopped.
    switch: Switch,
    /// Room for bodies that are held whole while they are signed.
    #[cfg(feature = "bedrock")]
    signing: Arc<Semaphore>,
}

/// An answer's body; axum takes it with `axum::body::Body::new`.
pub type RelayBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

impl Relay {
    /// A relay ready to serve.
    #[must_use]
    pub fn new(config: RelayConfig) -> Self {
        let choices = Arc::new(Semaphore::new(upload::CHOICES));
        let (kept, switch) = (again::Kept::default(), Switch::default());
        #[cfg(feature = "bedrock")]
        let signing = Arc::new(Semaphore::new(signed::ROOM));
        let shared = Shared {
            config,
            choices,
            kept,
            switch,
            #[cfg(feature = "bedrock")]
            signing,
        };
        Self { shared: Arc::new(shared) }
    }

    /// From now on this is stopped, and nothing else. Calls that run and are among it end at once.
    pub fn stop(&self, stops: Stops) {
        self.shared.switch.set(stops);
    }

    /// Whether calls of a workspace to a vendor are stopped; of a bot, if one is named.
    #[must_use]
    pub fn is_stopped(&self, workspace: WorkspaceId, bot: Option<BotId>, vendor: &str) -> bool {
        self.shared.switch.has(workspace, bot, vendor)
    }
}
