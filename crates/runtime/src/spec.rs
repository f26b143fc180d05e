//! What a runtime is told about a bot.

use api::ids::BotId;
use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

/// Which Chela something belongs to. Several may share an engine or a host.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// Takes 8 to 40 characters of `[a-z0-9-]`; they become part of names, labels and marks.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (8..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The user a bot runs as and its files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BotUser {
    /// User id.
    pub uid: u32,
    /// Group id; a group of its own.
    pub gid: u32,
}

/// What keeps a bot apart from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A container, or a uid of its own. What cannot be given is refused.
    Isolated,
    /// Nothing: the owner of this machine accepted that. Ignored where isolation is there anyway.
    Unisolated,
}

/// What a bot may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory; no swap on top. Processes are held to it by Node's own heap limit only.
    pub memory_bytes: u64,
    /// Thousandths of a processor. Containers only.
    pub cpu_milli: u32,
    /// Processes and threads.
    pub pids: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, cpu_milli: 2000, pids: 512 }
    }
}

/// A bot to be made, in one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotSpec {
    /// Which bot.
    pub bot: BotId,
    /// Which of its starts.
    pub generation: i64,
    /// Which OpenClaw it runs with: a version, or an image.
    pub openclaw: String,
    /// As [`crate::Runtime::user`] answered.
    pub user: BotUser,
    /// What it must be kept apart by.
    pub isolation: Isolation,
    /// What it may use.
    pub limits: Limits,
    /// Its whole environment; no secret belongs here. Nothing else is inherited.
    pub env: BTreeMap<String, String>,
}

/// Where a bot finds its things, as its own process sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotPaths {
    /// `openclaw.mjs` of the installed version.
    pub openclaw: PathBuf,
    /// Directory of the configuration, read-only to the bot.
    pub config_dir: PathBuf,
    /// The gateway's own state.
    pub state: PathBuf,
    /// The bot's workspace.
    pub workspace: PathBuf,
    /// Tokens and sockets.
    pub run: PathBuf,
    /// Home directory.
    pub home: PathBuf,
    /// Temporary files.
    pub tmp: PathBuf,
}

/// Whether this names a version of OpenClaw; anything else is an image.
#[must_use]
pub fn is_version(openclaw: &str) -> bool {
    let (number, suffix) = openclaw.split_once('-').map_or((openclaw, None), |(n, s)| (n, Some(s)));
    let parts: Vec<_> = number.split('.').collect();
    let numeric = |part: &&str| (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let plain = |s: &str| {
        (1..=40).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
    };
    parts.len() == 3 && parts.iter().all(numeric) && suffix.is_none_or(plain)
}

/// Whether a version is older than another; of images nobody knows. What comes before a release is older than it.
#[must_use]
pub fn is_older(version: &str, than: &str) -> bool {
    if !is_version(version) || !is_version(than) {
        return false;
    }
    let order = |text: &str| {
        let (number, suffix) = text.split_once('-').map_or((text, ""), |(n, s)| (n, s));
        let parts: Vec<u32> = number.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        (parts, suffix.is_empty(), suffix.to_owned())
    };
    order(version) < order(than)
}

/// Node's heap limit within a memory limit: the rest is for code, buffers and helpers.
pub(crate) fn heap_limit(memory_bytes: u64) -> String {
    format!("--max-old-space-size={}", (memory_bytes / 100 * 65) >> 20)
}
