//! The contract every runtime keeps. Says what must hold, not how.

use crate::{
    BotPaths, BotSpec, BotUser, Foreign, Found, Growth, Hints, LogPlace, LogQuery, LogRead, Observation,
    Progress, RuntimeError, RuntimeKind, UsedBy,
};
use api::ids::BotId;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How Chela and a bot of this runtime reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wires {
    /// Two Unix sockets in the bot's run directory; it has no network at all.
    Sockets,
    /// Loopback ports of the host.
    Loopback,
}

/// What a runtime found when it looked at what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeInfo {
    /// For people: "Docker 27.1 (API 1.46)", "processes under uids of their own".
    pub summary: String,
    /// What its operator should know, e.g. that nothing separates the bots.
    pub notes: Vec<String>,
    /// Whether a bot is kept away from the host and from other bots.
    pub isolated: bool,
}

/// A place where bots run.
///
/// Every call is idempotent, ends by a deadline of its own, and touches only what carries this
/// instance's mark: a foreign thing under one of our names is [`RuntimeError::Foreign`], never changed.
/// A call that fails may have done its work or not; [`Runtime::inspect`] tells.
#[async_trait::async_trait]
pub trait Runtime: Send + Sync {
    /// Which one this is.
    fn kind(&self) -> RuntimeKind;

    /// How it is reached.
    fn wires(&self) -> Wires;

    /// The user a bot's files must belong to, given the uid that the server allotted to it.
    fn user(&self, allotted: u32) -> BotUser;

    /// Which OpenClaw a new bot gets: a version, or an image where one is named instead.
    fn openclaw(&self) -> String;

    /// Where a bot of this OpenClaw finds its things, as its own process sees them.
    fn paths(&self, bot: BotId, openclaw: &str) -> BotPaths;

    /// Whether it can be used right now. Changes nothing.
    async fn check(&self) -> Result<RuntimeInfo, RuntimeError>;

    /// Has in place what every bot of this OpenClaw needs: tools, image. Quick where it already is. Several bots
    /// may wait for one preparation; `cancel` ends the waiting of this one and leaves nothing half-made.
    async fn prepare(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError>;

    /// Makes the bot's shell without starting it. Its files ([`crate::home::BotHome`]) must be in place.
    /// The same spec again changes nothing; another generation in the way is [`RuntimeError::Conflict`].
    async fn create(&self, spec: &BotSpec) -> Result<(), RuntimeError>;

    /// Starts what was created. Already running in this generation: nothing happens.
    async fn start(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError>;

    /// Asks it to end, waits `grace`, then ends it, stopped or hung as it may be. Nothing runs afterwards.
    /// Nothing there or already ended: nothing happens.
    async fn stop(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError>;

    /// Takes away what `create` made, ending it first if it runs. The bot's files stay.
    async fn remove(&self, bot: BotId) -> Result<(), RuntimeError>;

    /// How it stands.
    async fn inspect(&self, bot: BotId) -> Result<Observation, RuntimeError>;

    /// Everything here that carries this instance's mark, wanted or orphaned.
    async fn list(&self) -> Result<Vec<Found>, RuntimeError>;

    /// Everything here that carries the mark of another instance.
    async fn foreign(&self) -> Result<Vec<Foreign>, RuntimeError>;

    /// What everything of this instance uses that runs. What ends meanwhile is left out.
    async fn used(&self) -> Result<Vec<UsedBy>, RuntimeError>;

    /// Hints that something changed. They may repeat and may be lost; only `inspect` is the truth.
    fn watch(&self) -> Hints;

    /// Its output, that of its former lives too as far as kept. Nothing there: nothing said.
    async fn logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError>;

    /// Waits for output beyond `place`; also done when it can no longer tell.
    async fn log_growth(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError>;
}
