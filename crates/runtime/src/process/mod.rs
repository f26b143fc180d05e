//! Bots as processes of this host.
//!
//! Each has a keeper: a small mode of Chela's own binary that starts the bot as its user, writes its output
//! to files that do not grow for ever, and notes how it ended, whether Chela runs meanwhile or not. Under
//! root every bot is a user of its own; otherwise only [`crate::Isolation::Unisolated`] bots start.
//!
//! A bot is one person's own here, never a boundary between tenants: memory is bounded by Node's heap limit
//! only, disk and processor not at all.

mod claims;
mod ending;
mod growth;
mod host;
mod keeper;
mod looking;
mod procs;
mod record;
mod starting;
mod sweeping;
mod using;
mod watching;

pub use claims::{UID_CLAIMS, UidClaims};
pub use keeper::keeper_main;

use crate::{
    BotPaths, BotSpec, BotUser, CancellationToken, Foreign, Found, Growth, Hint, Hints, InstanceId, LogPlace,
    LogQuery, LogRead, Observation, Progress, Runtime, RuntimeError, RuntimeInfo, RuntimeKind, UsedBy, Wires,
    blocking::blocking,
    home::{Homes, Part},
    install::Tools,
    logs::Collector,
    output,
    spec::is_version,
};
use api::ids::BotId;
use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::broadcast;

/// What the process runtime stands on.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// Marks everything.
    pub instance: InstanceId,
    /// The bots' files.
    pub homes: Homes,
    /// Node and OpenClaw.
    pub tools: Tools,
    /// Starts a keeper: program and first arguments, e.g. Chela's own binary and [`KEEPER_ARG`].
    /// Ends in [`keeper_main`].
    pub keeper: Vec<PathBuf>,
    /// Takes the place of Node, cell and OpenClaw (`CHELA_OPENCLAW`).
    pub command: Option<Vec<String>>,
}

/// Argument with which Chela's binary becomes a keeper.
pub const KEEPER_ARG: &str = "__keep";

const HINTS: usize = 256;

/// Bots as processes of this host.
#[derive(Clone, Debug)]
pub struct ProcessRuntime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: ProcessConfig,
    hints: broadcast::Sender<Hint>,
    /// Processes somebody watches already, by pid and start.
    watched: Mutex<HashSet<(i32, u64)>>,
}

impl ProcessRuntime {
    /// Adopts what an earlier Chela left running and watches it. Needs a Tokio runtime around it.
    #[must_use]
    pub fn new(config: ProcessConfig) -> Self {
        let inner = Arc::new(Inner { config, hints: broadcast::channel(HINTS).0, watched: Mutex::default() });
        let this = Self { inner };
        tokio::task::spawn_blocking({
            let this = this.clone();
            let handle = tokio::runtime::Handle::current();
            move || this.adopt(&handle)
        });
        this
    }
}

#[async_trait::async_trait]
impl Runtime for ProcessRuntime {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Process
    }

    fn wires(&self) -> Wires {
        Wires::Loopback
    }

    fn user(&self, allotted: u32) -> BotUser {
        host::user(allotted)
    }

    fn openclaw(&self) -> String {
        Tools::pinned().to_owned()
    }

    fn paths(&self, bot: BotId, openclaw: &str) -> BotPaths {
        let home = self.inner.config.homes.of(bot);
        let run = home.path(Part::Run);
        BotPaths {
            openclaw: self.inner.config.tools.places(openclaw).openclaw,
            config_dir: home.path(Part::Config),
            state: home.path(Part::State),
            workspace: home.path(Part::Workspace),
            home: run.join("home"),
            tmp: run.join("tmp"),
            run,
        }
    }

    async fn check(&self) -> Result<RuntimeInfo, RuntimeError> {
        let this = self.clone();
        blocking("looking at the host", move || this.check_host()).await
    }

    async fn prepare(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        if self.inner.config.command.is_none() {
            if !is_version(openclaw) {
                return Err(RuntimeError::Refused(format!(
                    "{openclaw} is an image, and this bot is a process"
                )));
            }
            self.inner.config.tools.ensure(openclaw, progress, cancel).await?;
        }
        Ok(())
    }

    async fn create(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        let (this, spec) = (self.clone(), spec.clone());
        blocking("creating the bot", move || this.make(&spec)).await
    }

    async fn start(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        self.start_keeper(bot, generation).await
    }

    async fn stop(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError> {
        self.end(bot, grace).await
    }

    async fn remove(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.end(bot, Duration::ZERO).await?;
        let this = self.clone();
        blocking("removing the bot", move || this.forget(bot)).await
    }

    async fn inspect(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        let look = |this: Self| blocking("looking at the bot", move || this.look(bot));
        let seen = look(self.clone()).await?;
        if !matches!(seen, Observation::Exited { code: None, .. }) {
            return Ok(seen);
        }
        self.await_exit_note(bot).await?;
        look(self.clone()).await
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        let this = self.clone();
        blocking("looking for bots", move || this.look_for_all()).await
    }

    async fn foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        let this = self.clone();
        blocking("looking for bots", move || this.look_for_foreign()).await
    }

    async fn used(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        let this = self.clone();
        blocking("counting what bots use", move || this.used_by_all()).await
    }

    fn watch(&self) -> Hints {
        Hints::new(self.inner.hints.subscribe())
    }

    async fn logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError> {
        let (home, query) = (self.inner.config.homes.of(bot), query.clone());
        blocking("reading the bot's output", move || {
            let mut collector = Collector::new(&query);
            if home.exists() {
                output::read(&home.part(Part::Logs)?, &mut collector)
                    .map_err(RuntimeError::io("reading the bot's output"))?;
            }
            Ok(collector.end())
        })
        .await
    }

    async fn log_growth(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        self.grows(bot, place).await
    }
}
