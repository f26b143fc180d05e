//! Where a bot's directories lie, and making them.

use super::{
    HomeError,
    dir::{self, Access, Owner},
};
use crate::BotUser;
use api::ids::BotId;
use cap_std::{ambient_authority, fs::Dir};
use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// A directory of a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What it runs with; read-only to it.
    Config,
    /// Its gateway's own.
    State,
    /// Its persona and work.
    Workspace,
    /// Tokens and sockets; also home and temporary files of a process.
    Run,
    /// Its output and what Chela remembers of its process; closed to it.
    Logs,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Config, Self::State, Self::Workspace, Self::Run, Self::Logs];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::State => "state",
            Self::Workspace => "workspace",
            Self::Run => "run",
            Self::Logs => "logs",
        }
    }
}

pub(super) const TRASH: &str = ".trash";

/// All bots' files of one data dir.
#[derive(Clone, Debug)]
pub struct Homes {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) bots: Dir,
    pub(super) emptying: AtomicBool,
    path: PathBuf,
    host_path: PathBuf,
}

impl Homes {
    /// Opens `<data_dir>/bots`, making it. `host_data_dir` is the data dir as a container engine sees it.
    ///
    /// # Errors
    /// No access.
    pub fn open(data_dir: &Path, host_data_dir: Option<&Path>) -> Result<Self, HomeError> {
        let data_dir = data_dir.canonicalize().map_err(HomeError::io("finding the data dir"))?;
        let path = data_dir.join("bots");
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(HomeError::io("making the bots' directory"))?;
        let parent = Dir::open_ambient_dir(&data_dir, ambient_authority());
        let parent = parent.map_err(HomeError::io("opening the data dir"))?;
        // Bots under uids of their own pass through; nobody lists.
        let mode = if dir::is_root() { 0o711 } else { 0o700 };
        let bots = dir::ensure(&parent, "bots", Access { mode, owner: Owner::Chela })?;
        dir::ensure(&bots, TRASH, Access { mode: 0o700, owner: Owner::Chela })?;
        let host_path = host_data_dir.map_or_else(|| path.clone(), |dir| dir.join("bots"));
        Ok(Self { inner: Arc::new(Inner { bots, emptying: AtomicBool::new(false), path, host_path }) })
    }

    /// `<data_dir>/bots`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The files of one bot, there or not.
    #[must_use]
    pub fn of(&self, bot: BotId) -> BotHome {
        BotHome { homes: self.clone(), bot, name: bot.to_string() }
    }

    /// Bots that have files here.
    ///
    /// # Errors
    /// No access.
    pub fn list(&self) -> Result<Vec<BotId>, HomeError> {
        let entries = self.inner.bots.entries().map_err(HomeError::io("listing the bots' directory"))?;
        Ok(entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect())
    }
}

/// The files of one bot.
#[derive(Clone, Debug)]
pub struct BotHome {
    pub(super) homes: Homes,
    pub(super) bot: BotId,
    pub(super) name: String,
}

impl BotHome {
    /// Whose files these are.
    #[must_use]
    pub const fn bot(&self) -> BotId {
        self.bot
    }

    /// The path of a part, for the bot's own environment and for people. Chela itself goes by handle.
    #[must_use]
    pub fn path(&self, part: Part) -> PathBuf {
        self.homes.inner.path.join(&self.name).join(part.name())
    }

    /// The path of a part as the container engine sees it.
    #[must_use]
    pub fn host_path(&self, part: Part) -> PathBuf {
        self.homes.inner.host_path.join(&self.name).join(part.name())
    }

    /// Whether there are files.
    #[must_use]
    pub fn exists(&self) -> bool {
        dir::open(&self.homes.inner.bots, &self.name).is_ok()
    }

    /// When its directory was last changed, in milliseconds since 1970, if there is one.
    #[must_use]
    pub fn changed_ms(&self) -> Option<i64> {
        let root = dir::open(&self.homes.inner.bots, &self.name).ok()?.into_std_file();
        let changed = root.metadata().ok()?.modified().ok()?;
        i64::try_from(changed.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    /// Makes all directories, or corrects their owner and mode. What lies in them stays.
    ///
    /// # Errors
    /// No access, no space, or something else under one of the names.
    pub fn ensure(&self, user: BotUser) -> Result<(), HomeError> {
        // Not under root there is no group of the bot's to let in.
        let shared = |mode: u32| if dir::is_root() { mode } else { 0o700 };
        let root = Access { mode: shared(0o710), owner: Owner::Shared(user) };
        let root = dir::ensure(&self.homes.inner.bots, &self.name, root)?;
        for part in Part::ALL {
            let access = match part {
                Part::Config => Access { mode: shared(0o750), owner: Owner::Shared(user) },
                Part::Logs => Access { mode: 0o700, owner: Owner::Chela },
                Part::State | Part::Workspace | Part::Run => Access { mode: 0o700, owner: Owner::Bot(user) },
            };
            dir::ensure(&root, part.name(), access)?;
        }
        Ok(())
    }

    /// Opens a part. Its name lies in a directory that the bot cannot write.
    pub(crate) fn part(&self, part: Part) -> Result<Dir, HomeError> {
        let root =
            dir::open(&self.homes.inner.bots, &self.name).map_err(HomeError::io("opening a bot's files"))?;
        dir::open(&root, part.name()).map_err(HomeError::io("opening a bot's directory"))
    }

    /// Whose its own directories are.
    ///
    /// # Errors
    /// No access, or never made.
    pub fn user(&self) -> Result<BotUser, HomeError> {
        let state = self.part(Part::State)?.into_std_file();
        let meta = state.metadata().map_err(HomeError::io("looking at a bot's directory"))?;
        Ok(BotUser { uid: meta.uid(), gid: meta.gid() })
    }
}
