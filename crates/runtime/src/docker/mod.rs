//! Bots as containers of one Docker engine: no network, two sockets, hardened, and without a restart policy,
//! for restarting is the lifecycle's decision.
//!
//! Everything made carries this instance's label, and every act begins with a look at that label and goes on
//! by the id it found.

mod client;
mod container;
mod events;
mod image;
mod logs;
mod rootfs;
mod spec;
mod time;
mod using;

pub use client::EngineAddress;
pub use spec::LABEL_PREFIX;

use crate::{
    BotPaths, BotSpec, BotUser, CancellationToken, Foreign, Found, Growth, Hint, Hints, InstanceId, LogPlace,
    LogQuery, LogRead, Observation, Progress, Runtime, RuntimeError, RuntimeInfo, RuntimeKind, UsedBy, Wires,
    home::Homes, install::Tools, spec::is_version,
};
use api::ids::BotId;
use client::Client;
use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};
use tokio::sync::{Mutex, broadcast};

/// What the Docker runtime stands on.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    /// Labels everything.
    pub instance: InstanceId,
    /// The bots' files.
    pub homes: Homes,
    /// Node and OpenClaw, from which the image is built.
    pub tools: Tools,
    /// Where the engine listens, usually [`DOCKER_SOCKET`].
    pub engine: EngineAddress,
    /// An image to be used instead of building one (`CHELA_BOT_IMAGE`), by digest where it must be pulled.
    pub image: Option<String>,
    /// How long the engine may take to answer a simple call, usually [`CALL_DEADLINE`].
    pub deadline: Duration,
}

/// Where Docker listens.
pub const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// How long a simple call may take.
pub const CALL_DEADLINE: Duration = Duration::from_secs(30);

const HINTS: usize = 256;

/// Bots as containers of one Docker engine.
#[derive(Clone, Debug)]
pub struct DockerRuntime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: DockerConfig,
    client: Client,
    hints: broadcast::Sender<Hint>,
    /// One image is built or pulled at a time.
    preparing: Mutex<()>,
    /// What the image of each version that was prepared is made of.
    built: std::sync::Mutex<HashMap<String, image::Gathered>>,
    /// Processors of the engine, once it was asked; none gives a container more.
    processors: AtomicU32,
    /// Ends the listening with this value.
    ended: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl DockerRuntime {
    /// Begins to listen for what happens in the engine; touches nothing. Needs a Tokio runtime around it.
    #[must_use]
    pub fn new(config: DockerConfig) -> Self {
        let client = Client::new(config.engine.clone(), config.deadline);
        let (hints, ended) = (broadcast::channel(HINTS).0, CancellationToken::new());
        tokio::spawn(events::listen(client.clone(), config.instance.clone(), hints.clone(), ended.clone()));
        Self {
            inner: Arc::new(Inner {
                config,
                client,
                hints,
                preparing: Mutex::default(),
                built: std::sync::Mutex::default(),
                processors: AtomicU32::new(0),
                ended,
            }),
        }
    }
}

#[async_trait::async_trait]
impl Runtime for DockerRuntime {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Docker
    }

    fn wires(&self) -> Wires {
        Wires::Sockets
    }

    fn user(&self, _: u32) -> BotUser {
        spec::user()
    }

    fn openclaw(&self) -> String {
        self.inner.config.image.clone().unwrap_or_else(|| Tools::pinned().to_owned())
    }

    fn paths(&self, _: BotId, openclaw: &str) -> BotPaths {
        spec::paths(!is_version(openclaw))
    }

    async fn check(&self) -> Result<RuntimeInfo, RuntimeError> {
        self.check_engine().await
    }

    async fn prepare(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        self.ensure_image(openclaw, progress, cancel).await
    }

    async fn create(&self, spec: &BotSpec) -> Result<(), RuntimeError> {
        self.create_container(spec).await
    }

    async fn start(&self, bot: BotId, generation: i64) -> Result<(), RuntimeError> {
        self.start_container(bot, generation).await
    }

    async fn stop(&self, bot: BotId, grace: Duration) -> Result<(), RuntimeError> {
        self.stop_container(bot, grace).await
    }

    async fn remove(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.remove_container(bot).await
    }

    async fn inspect(&self, bot: BotId) -> Result<Observation, RuntimeError> {
        self.look(bot).await
    }

    async fn list(&self) -> Result<Vec<Found>, RuntimeError> {
        self.look_for_all().await
    }

    async fn foreign(&self) -> Result<Vec<Foreign>, RuntimeError> {
        self.look_for_foreign().await
    }

    async fn used(&self) -> Result<Vec<UsedBy>, RuntimeError> {
        self.used_by_all().await
    }

    fn watch(&self) -> Hints {
        Hints::new(self.inner.hints.subscribe())
    }

    async fn logs(&self, bot: BotId, query: &LogQuery) -> Result<LogRead, RuntimeError> {
        self.read_logs(bot, query).await
    }

    async fn log_growth(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        self.grows(bot, place).await
    }
}
