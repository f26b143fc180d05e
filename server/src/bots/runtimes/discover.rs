//! Which runtimes there are, which one a new bot gets, and why.

use super::{
    Exit, Word,
    looks::{Found, Looks, Note},
    memory_bytes, room, seen,
};
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
    bots::{BotLimits, RuntimeChoice, RuntimeKind, Unisolated},
    ids::WorkspaceId,
};
use entity::bots::bot;
use runtime::{
    Hints, InstanceId, Isolation, Runtime, RuntimeError,
    docker::{CALL_DEADLINE, DockerConfig, DockerRuntime},
    home::Homes,
    install::Tools,
    process::{KEEPER_ARG, ProcessConfig, ProcessRuntime, UidClaims},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// Memory a real bot needs to be made.
const REAL_BOT_BYTES: u64 = 1 << 30;
/// Disk a real bot needs for its state, once the tools are there.
const REAL_BOT_DISK_BYTES: u64 = 256 << 20;

/// The runtimes of this instance.
pub struct Runtimes {
    pub(super) homes: Homes,
    pub(super) list: BTreeMap<u8, Arc<dyn Runtime>>,
    pub(super) wanted: Wanted,
    pub(super) looks: Looks,
    uids: (u32, u32),
    /// What other Chelas of this host hold; none in tests that run nothing.
    pub(super) claims: Option<UidClaims>,
    /// A setting accepts bots that nothing keeps apart.
    by_setting: bool,
    /// Versions of OpenClaw that are offered besides the one of this Chela.
    versions: Vec<String>,
    /// A command stands in OpenClaw's place.
    command: bool,
    /// Somebody accepted them.
    pub(super) word: Mutex<Option<Word>>,
    /// Memory one more bot needs.
    need_bytes: u64,
    /// Disk one more bot needs.
    need_disk_bytes: u64,
    pub(super) relay_port: u16,
}

pub(super) const fn rank(kind: RuntimeKind) -> u8 {
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
            engine: config.engine.clone(),
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
        let mut this = Self::with(config, homes, vec![docker, process]).await?;
        if rustix::process::geteuid().is_root() {
            let claims = UidClaims::open(&config.uid_claims, dir.path()).map_err(|e| {
                StartError::Other(format!(
                    "{}: {e}. The Chelas of a machine note there which user ids their bots hold; name another \
                     place with CHELA_UID_CLAIMS",
                    config.uid_claims.display()
                ))
            });
            this.claims = Some(claims?);
        }
        Ok(this)
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
        for runtime in runtimes {
            let note = Note::of(runtime.as_ref(), config.runtime).await;
            notes.insert(rank(runtime.kind()), note);
            list.insert(rank(runtime.kind()), runtime);
        }
        // A stand-in command is no real gateway.
        let (need_bytes, need_disk_bytes) =
            if config.openclaw.is_some() { (0, 0) } else { (REAL_BOT_BYTES, REAL_BOT_DISK_BYTES) };
        Ok(Self {
            homes,
            list,
            wanted: config.runtime,
            looks: Looks::new(notes),
            uids: config.bot_uids,
            claims: None,
            by_setting: config.allow_unisolated,
            versions: config.openclaw_versions.clone(),
            command: config.openclaw.is_some(),
            word: Mutex::default(),
            need_bytes,
            need_disk_bytes,
            relay_port: config.relay_listen.port(),
        })
    }

    /// Why a runtime cannot be had for a new bot of a workspace, if so; `None` asks for no workspace.
    pub(super) fn obstacle(&self, kind: RuntimeKind, workspace: Option<WorkspaceId>) -> Option<String> {
        let Some(note) = self.note(kind) else { return Some("Chela was built without it".to_owned()) };
        match note.found {
            Found::Isolated => None,
            Found::Away | Found::Off => Some(note.text),
            Found::Unisolated => self.unaccepted(workspace),
        }
    }

    /// Whether bots of this kind would run with nothing around them.
    pub(in crate::bots) fn is_unisolated(&self, kind: RuntimeKind) -> bool {
        self.note(kind).is_some_and(|note| note.found == Found::Unisolated)
    }

    /// What nothing keeps apart must have been accepted; elsewhere it is refused.
    pub(super) fn isolation(&self, kind: RuntimeKind) -> Isolation {
        if self.is_unisolated(kind) && self.unaccepted(None).is_none() {
            Isolation::Unisolated
        } else {
            Isolation::Isolated
        }
    }

    /// Whether a setting accepts bots that nothing keeps apart.
    pub(super) const fn by_setting(&self) -> bool {
        self.by_setting
    }

    /// What a person of this workspace can choose from.
    pub(in crate::bots) fn choices(&self, workspace: Option<WorkspaceId>) -> Vec<RuntimeChoice> {
        let default = self.default_kind();
        let choice = |kind: RuntimeKind| {
            let obstacle = self.obstacle(kind, workspace);
            // A bot may be made for one that is gone for a while, and waits for it; nobody is offered that.
            let seen = self.note(kind);
            let available = obstacle.is_none() && !seen.as_ref().is_some_and(|note| note.gone);
            let note = obstacle.or_else(|| seen.map(|note| note.text));
            RuntimeChoice { kind, available, default: kind == default, note }
        };
        [RuntimeKind::Docker, RuntimeKind::Process].into_iter().map(choice).collect()
    }

    /// Whether process bots are kept apart by nothing, and who accepted that.
    pub(in crate::bots) fn unisolated(&self, workspace: Option<WorkspaceId>) -> Option<Unisolated> {
        if !self.is_unisolated(RuntimeKind::Process) {
            return None;
        }
        let word = self.word().filter(|word| Some(word.workspace) == workspace);
        let allowed = self.unaccepted(workspace).is_none();
        Some(Unisolated { allowed, at_ms: word.as_ref().map(|w| w.at_ms), by: word.map(|w| w.by) })
    }

    /// The runtime of a new bot.
    pub(in crate::bots) fn choose(
        &self,
        asked: Option<RuntimeKind>,
        workspace: WorkspaceId,
    ) -> Result<RuntimeKind, ApiError> {
        let kind = asked.unwrap_or_else(|| self.default_kind());
        let Some(why) = self.obstacle(kind, Some(workspace)) else { return Ok(kind) };
        let error = ApiError::field("/runtime", format!("cannot be {}: {why}", word(kind)));
        Err(if self.is_unisolated(kind) {
            error.with_hint(super::word::HINT)
        } else if asked.is_none() && self.wanted == Wanted::Auto {
            error.with_hint("Start it again, or name the other runtime: nothing takes its place unasked.")
        } else {
            error
        })
    }

    /// Whether the host has room for one more bot.
    pub(in crate::bots) fn room(&self, limits: BotLimits) -> Result<(), ApiError> {
        let disk = disk::free_bytes(self.homes.path()).filter(|free| *free < self.need_disk_bytes);
        if let Some(free) = disk {
            let (need, free) = (disk::in_words(self.need_disk_bytes), disk::in_words(free));
            let text = format!("A bot needs {need} of disk, {free} are free.");
            return Err(ApiError::new(Code::Conflict, text).with_hint("Free some space, or delete a bot."));
        }
        // What a bot may have beyond what is usual must be there, like what any bot needs.
        let unusual = memory_bytes(limits).saturating_sub(memory_bytes(BotLimits::default()));
        room::fits("A bot", self.need_bytes.max(unusual), room::free_memory_bytes())
    }

    /// Whether the host has the memory by which a bot's limit is raised.
    pub(in crate::bots) fn room_for_more(&self, before: BotLimits, after: BotLimits) -> Result<(), ApiError> {
        let more = memory_bytes(after).saturating_sub(memory_bytes(before));
        room::fits("The larger limit", more, room::free_memory_bytes())
    }

    /// The uid of a new bot, where its runtime gives it one.
    pub(in crate::bots) fn uid(&self, kind: RuntimeKind, taken: &[i64]) -> Result<Option<i64>, OpError> {
        if kind != RuntimeKind::Process || !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let mut taken = taken.to_vec();
        while let Some(free) = settings::free_uid(self.uids, &taken) {
            match self.claim(free)? {
                None => return Ok(Some(free)),
                Some(_other) => taken.push(free),
            }
        }
        Err(ApiError::new(Code::Conflict, "Every user id for bots is taken.")
            .with_hint("Widen CHELA_BOT_UIDS.")
            .into())
    }

    /// Claims a user id of this host; another Chela's data dir where that holds it.
    fn claim(&self, uid: i64) -> Result<Option<PathBuf>, OpError> {
        let (Some(claims), Ok(uid)) = (&self.claims, u32::try_from(uid)) else { return Ok(None) };
        let claimed =
            claims.claim(uid).map_err(|e| OpError::internal("claiming a user id of this host", e))?;
        Ok(claimed.err())
    }

    /// Where process bots call the relay.
    pub(in crate::bots) const fn relay_port(&self) -> u16 {
        self.relay_port
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

    /// Which OpenClaw a bot runs with; one made before that was noted has what a new one gets.
    pub(in crate::bots) fn openclaw_of(&self, row: &bot::Model) -> String {
        if !row.openclaw.is_empty() {
            return row.openclaw.clone();
        }
        self.of_row(row).map(|runtime| runtime.openclaw()).unwrap_or_default()
    }

    /// Which versions bots of this runtime can have, the one of a new bot first.
    pub(in crate::bots) fn offers(&self, row: &bot::Model) -> Vec<String> {
        let Ok(runtime) = self.of_row(row) else { return Vec::new() };
        let mut offers = vec![runtime.openclaw()];
        for version in &self.versions {
            if !offers.contains(version) {
                offers.push(version.clone());
            }
        }
        offers
    }

    /// Whether a command stands in the place of OpenClaw, whatever its version is said to be.
    pub(in crate::bots) const fn runs_a_command(&self) -> bool {
        self.command
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

pub(super) const fn word(kind: RuntimeKind) -> &'static str {
    match kind {
        RuntimeKind::Docker => "docker",
        RuntimeKind::Process => "process",
    }
}

fn shared_tools(config: &Config) -> Vec<PathBuf> {
    config.tools.iter().cloned().collect()
}
