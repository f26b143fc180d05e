//! Which runtimes there are, which one a new bot gets, and why.

use super::{Exit, room, seen};
use crate::{
    bots::{lifecycle::Seen, settings},
    compose::StartError,
    platform::{
        Platform,
        config::{Config, RuntimeChoice as Wanted},
        datadir::DataDir,
        disk,
        error::OpError,
        text::named,
    },
};
use api::{
    ApiError, Code,
    bots::{RuntimeChoice, RuntimeKind},
};
use entity::bots::bot;
use runtime::{
    Hints, InstanceId, Isolation, Runtime, RuntimeError,
    docker::{CALL_DEADLINE, DOCKER_SOCKET, DockerConfig, DockerRuntime},
    home::Homes,
    install::Tools,
    process::{KEEPER_ARG, ProcessConfig, ProcessRuntime},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// Memory a real bot needs to be made.
const REAL_BOT_BYTES: u64 = 1 << 30;
/// Disk a real bot needs for its state, once the tools are there.
const REAL_BOT_DISK_BYTES: u64 = 256 << 20;

/// The runtimes of this instance.
pub struct Runtimes {
    pub(super) homes: Homes,
    list: BTreeMap<u8, Arc<dyn Runtime>>,
    default: RuntimeKind,
    why: String,
    notes: BTreeMap<u8, (bool, Option<String>)>,
    uids: (u32, u32),
    pub(super) isolation: Isolation,
    /// Memory one more bot needs.
    need_bytes: u64,
    /// Disk one more bot needs.
    need_disk_bytes: u64,
    pub(super) relay_port: u16,
}

const fn rank(kind: RuntimeKind) -> u8 {
    match kind {
        RuntimeKind::Docker => 0,
        RuntimeKind::Process => 1,
    }
}

impl Runtimes {
    /// Looks at what this host offers.
    ///
    /// # Errors
    /// The data dir cannot be used for bots' files, or the one runtime demanded is not there.
    pub async fn discover(platform: &Platform, dir: &DataDir) -> Result<Self, StartError> {
        let config = &platform.config;
        let other = |e: &dyn std::fmt::Display| StartError::Other(e.to_string());
        let homes = Homes::open(dir.path(), config.host_data_dir.as_deref()).map_err(|e| other(&e))?;
        let instance = InstanceId::new(&platform.instance_id.simple().to_string());
        let instance =
            instance.ok_or_else(|| StartError::Other("the instance id is malformed".to_owned()))?;
        let tools = Tools::new(dir.path(), shared_tools(config));
        if rustix::process::geteuid().is_root() {
            dir.allow_traverse()?;
        }
        let docker: Arc<dyn Runtime> = Arc::new(DockerRuntime::new(DockerConfig {
            instance: instance.clone(),
            homes: homes.clone(),
            tools: tools.clone(),
            socket: PathBuf::from(DOCKER_SOCKET),
            image: config.bot_image.clone(),
            deadline: CALL_DEADLINE,
        }));
        let chela = std::env::current_exe().map_err(|e| other(&e))?;
        let process: Arc<dyn Runtime> = Arc::new(ProcessRuntime::new(ProcessConfig {
            instance,
            homes: homes.clone(),
            tools,
            keeper: vec![chela, PathBuf::from(KEEPER_ARG)],
            command: config.openclaw.as_ref().map(|c| c.split_whitespace().map(str::to_owned).collect()),
        }));
        Self::with(config, homes, vec![docker, process]).await
    }

    /// The given runtimes, each asked once whether it can be used.
    ///
    /// # Errors
    /// The one runtime demanded cannot be used.
    pub async fn with(
        config: &Config,
        homes: Homes,
        runtimes: Vec<Arc<dyn Runtime>>,
    ) -> Result<Self, StartError> {
        let mut list = BTreeMap::new();
        let mut notes = BTreeMap::new();
        let allowed = |kind| config.runtime == Wanted::Auto || config.runtime == Wanted::Only(kind);
        for runtime in runtimes {
            let kind = runtime.kind();
            let note = match runtime.check().await {
                Ok(_) if !allowed(kind) => (false, Some("switched off by CHELA_RUNTIME".to_owned())),
                Ok(info) if !info.isolated && !config.allow_unisolated => (
                    false,
                    Some("nothing would keep a bot apart from this machine: use Docker, run Chela as root, or set CHELA_ALLOW_UNISOLATED=1".to_owned()),
                ),
                Ok(info) => (true, Some(info.summary)),
                Err(error) => (false, Some(error.to_string())),
            };
            notes.insert(rank(kind), note);
            list.insert(rank(kind), runtime);
        }
        let usable = |kind| notes.get(&rank(kind)).is_some_and(|(usable, _)| *usable);
        let text = |kind| notes.get(&rank(kind)).and_then(|(_, note)| note.clone()).unwrap_or_default();
        let (default, why) = match config.runtime {
            Wanted::Only(kind) => (kind, format!("{} (CHELA_RUNTIME): {}", word(kind), text(kind))),
            Wanted::Auto if usable(RuntimeKind::Docker) => {
                (RuntimeKind::Docker, format!("docker: {}", text(RuntimeKind::Docker)))
            }
            Wanted::Auto => (
                RuntimeKind::Process,
                format!("process: {} (docker: {})", text(RuntimeKind::Process), text(RuntimeKind::Docker)),
            ),
        };
        let isolation = if config.allow_unisolated { Isolation::Unisolated } else { Isolation::Isolated };
        // A stand-in command is no real gateway.
        let (need_bytes, need_disk_bytes) =
            if config.openclaw.is_some() { (0, 0) } else { (REAL_BOT_BYTES, REAL_BOT_DISK_BYTES) };
        let (uids, relay_port) = (config.bot_uids, config.relay_listen.port());
        Ok(Self {
            homes,
            list,
            default,
            why,
            notes,
            uids,
            isolation,
            need_bytes,
            need_disk_bytes,
            relay_port,
        })
    }

    /// Name of the default runtime.
    pub fn default_word(&self) -> &'static str {
        word(self.default)
    }

    /// Which runtime is the default, and why.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What a person can choose from.
    pub(in crate::bots) fn choices(&self) -> Vec<RuntimeChoice> {
        let choice = |kind: RuntimeKind| {
            let (available, note) = self.notes.get(&rank(kind)).cloned().unwrap_or((false, None));
            RuntimeChoice { kind, available, default: kind == self.default, note }
        };
        [RuntimeKind::Docker, RuntimeKind::Process].into_iter().map(choice).collect()
    }

    /// The runtime of a new bot.
    pub(in crate::bots) fn choose(&self, asked: Option<RuntimeKind>) -> Result<RuntimeKind, ApiError> {
        let kind = asked.unwrap_or(self.default);
        match self.notes.get(&rank(kind)) {
            Some((true, _)) => Ok(kind),
            Some((false, Some(why))) => {
                Err(ApiError::field("/runtime", format!("cannot be {}: {why}", word(kind))))
            }
            _ => Err(ApiError::field("/runtime", format!("cannot be {}", word(kind)))),
        }
    }

    /// Whether the host has room for one more bot.
    pub(in crate::bots) fn room(&self, _kind: RuntimeKind) -> Result<(), ApiError> {
        let disk = disk::free_bytes(self.homes.path()).filter(|free| *free < self.need_disk_bytes);
        if let Some(free) = disk {
            let (need, free) = (disk::in_words(self.need_disk_bytes), disk::in_words(free));
            let text = format!("A bot needs {need} of disk, {free} are free.");
            return Err(ApiError::new(Code::Conflict, text).with_hint("Free some space, or delete a bot."));
        }
        match room::free_memory_bytes() {
            Some(free) if free < self.need_bytes => {
                let gib = |bytes: u64| format!("{}.{}", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30);
                let text =
                    format!("A bot needs {} GiB of memory, {} are free.", gib(self.need_bytes), gib(free));
                Err(ApiError::new(Code::Conflict, text)
                    .with_hint("Stop a bot, or give this machine more memory."))
            }
            _ => Ok(()),
        }
    }

    /// The uid of a new bot, where its runtime gives it one.
    pub(in crate::bots) fn uid(&self, kind: RuntimeKind, taken: &[i64]) -> Result<Option<i64>, ApiError> {
        if kind != RuntimeKind::Process || !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let free = settings::free_uid(self.uids, taken);
        free.map(Some).ok_or_else(|| {
            ApiError::new(Code::Conflict, "Every user id for bots is taken.")
                .with_hint("Widen CHELA_BOT_UIDS.")
        })
    }

    /// The runtime of a bot.
    pub(in crate::bots) fn of_kind(&self, kind: RuntimeKind) -> Result<&Arc<dyn Runtime>, RuntimeError> {
        self.list.get(&rank(kind)).ok_or(RuntimeError::NotFound("the bot's runtime"))
    }

    /// The runtime of a bot's row.
    pub(in crate::bots) fn of_row(&self, row: &bot::Model) -> Result<&Arc<dyn Runtime>, RuntimeError> {
        let kind = named(&row.runtime).map_err(|_unknown| RuntimeError::NotFound("the bot's runtime"))?;
        self.of_kind(kind)
    }

    /// All of them.
    pub(in crate::bots) fn all(&self) -> impl Iterator<Item = (RuntimeKind, &Arc<dyn Runtime>)> {
        self.list.values().map(|runtime| (runtime.kind(), runtime))
    }

    /// Hints of all of them.
    pub(in crate::bots) fn watch(&self) -> Vec<Hints> {
        self.list.values().map(|runtime| runtime.watch()).collect()
    }

    /// How a bot stands; a runtime that does not answer is `Unknown`.
    pub(in crate::bots) async fn inspect(&self, row: &bot::Model) -> Result<(Seen, Option<Exit>), OpError> {
        let runtime = self.of_row(row).map_err(|e| OpError::internal("a bot of an unknown runtime", e))?;
        match runtime.inspect(row.id).await {
            Ok(observation) => Ok(seen(&observation)),
            Err(error) => {
                tracing::warn!(bot.id = %row.id, error = %error, "the runtime does not say how a bot stands");
                Ok((Seen::Unknown, None))
            }
        }
    }
}

const fn word(kind: RuntimeKind) -> &'static str {
    match kind {
        RuntimeKind::Docker => "docker",
        RuntimeKind::Process => "process",
    }
}

fn shared_tools(config: &Config) -> Vec<PathBuf> {
    config.tools.iter().cloned().collect()
}
