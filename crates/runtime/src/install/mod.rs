//! The tools bots run on: Node and OpenClaw, pinned by the lock files that Chela carries, installed below
//! the data dir; and other versions of OpenClaw, by their exact number.
//!
//! A tree is installed beside its place and renamed into it, so none is ever seen half-written; its place is
//! named by the hash of its lock file, so two versions never meet. Safe to run twice and to resume. Not
//! responsible for when it is done, nor for images (`docker`).

mod error;
mod npm;
mod shared;
mod tree;

pub use error::InstallError;

use crate::{CancellationToken, Progress, Stage};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::sync::{Mutex, watch};
use tree::{NODE, OPENCLAW, Pin, Tree};

/// What a bot runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The Node binary.
    pub node: PathBuf,
    /// `openclaw.mjs`.
    pub openclaw: PathBuf,
    /// Directory with the `node_modules` of OpenClaw.
    pub openclaw_tree: PathBuf,
    /// Changes when any of it changes.
    pub hash: String,
}

/// The tools of one data dir. Clones share one installation in progress.
#[derive(Clone, Debug)]
pub struct Tools {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    shared: Vec<PathBuf>,
    working: Mutex<()>,
    /// How far the installation in progress has come, for those who wait for it.
    told: watch::Sender<(Stage, u64, Option<u64>)>,
    /// Where npm is looked for; the process's own by default.
    path: Option<std::ffi::OsString>,
    node_checked: OnceLock<()>,
}

impl Tools {
    /// Tools below `<data_dir>/tools`. Where one of the `shared` directories (`CHELA_TOOLS`,
    /// `~/.cache/chela/tools`) holds the same pinned trees they are taken from there.
    #[must_use]
    pub fn new(data_dir: &Path, shared: Vec<PathBuf>) -> Self {
        Self::with_path(data_dir, shared, std::env::var_os("PATH"))
    }

    /// Like [`Tools::new`], looking for npm and Python in `path` only.
    #[must_use]
    pub fn with_path(data_dir: &Path, shared: Vec<PathBuf>, path: Option<std::ffi::OsString>) -> Self {
        // A path that others see (process lists, mounts) is absolute.
        let data_dir = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
        let told = watch::Sender::new((Stage::Look, 0, None));
        let (working, node_checked) = (Mutex::new(()), OnceLock::new());
        Self {
            inner: Arc::new(Inner { dir: data_dir.join("tools"), shared, working, told, path, node_checked }),
        }
    }

    /// Where everything is, or will be once [`Tools::ensure`] is through, for this version of OpenClaw.
    #[must_use]
    pub fn places(&self, openclaw: &str) -> Installed {
        let tree = Tree::openclaw(openclaw);
        let (node, openclaw) = (NODE.place(&self.inner.dir), tree.place(&self.inner.dir));
        let what = |tree: &Tree| match &tree.pin {
            Pin::Lock(lock) => (*lock).to_owned(),
            Pin::Version(version) => format!("openclaw {version}"),
        };
        let both = Sha256::new().chain_update(what(&NODE)).chain_update(what(&tree)).finalize();
        Installed {
            node: node.join(NODE.probe),
            openclaw: openclaw.join(OPENCLAW.probe),
            openclaw_tree: openclaw,
            hash: hex::encode(both).chars().take(16).collect(),
        }
    }

    /// The OpenClaw that this Chela pins.
    #[must_use]
    pub fn pinned() -> &'static str {
        tree::pinned()
    }

    /// Whether everything is in place for the pinned version.
    #[must_use]
    pub fn are_installed(&self) -> bool {
        [&NODE, &OPENCLAW].iter().all(|tree| tree.is_in(&self.inner.dir))
    }

    /// Has everything in place for this version of OpenClaw. Several may ask at once: one works, the others see its progress; when it is
    /// cancelled the next one goes on.
    ///
    /// # Errors
    /// What stands in the way, in a sentence.
    pub async fn ensure(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Installed, InstallError> {
        let tree = Tree::openclaw(openclaw);
        let tree = tree.as_ref();
        let are_in = [&NODE, tree].iter().all(|tree| tree.is_in(&self.inner.dir));
        if are_in && self.inner.node_checked.get().is_some() {
            return Ok(self.places(openclaw));
        }
        let _working = self.wait_for_turn(progress, cancel).await?;
        let report = |stage, done, total| {
            self.inner.told.send_replace((stage, done, total));
            progress.report(stage, done, total);
        };
        report(Stage::Look, 0, None);
        tree::prepare_dir(&self.inner.dir).await?;
        // One figure for both trees: a total that changed half-way would look like going back.
        let missing = |tree: &Tree| if tree.is_in(&self.inner.dir) { 0 } else { tree.bytes };
        let (node, both) = (missing(&NODE), missing(&NODE) + missing(tree));
        let part = |before: u64, most: u64| {
            move |stage, done: u64, known: Option<u64>| {
                let done = known.map_or(0, |_| done.min(most));
                report(stage, before + done, Some(both));
            }
        };
        self.ensure_tree(&NODE, None, &part(0, node), cancel).await?;
        let node_binary = self.places(openclaw).node;
        npm::check_node(&node_binary).await?;
        self.ensure_tree(tree, Some(&node_binary), &part(node, both - node), cancel).await?;
        let _ = self.inner.node_checked.set(());
        Ok(self.places(openclaw))
    }

    async fn wait_for_turn(
        &self,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<tokio::sync::MutexGuard<'_, ()>, InstallError> {
        let mut told = self.inner.told.subscribe();
        let mut turn = std::pin::pin!(self.inner.working.lock());
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(InstallError::Cancelled),
                guard = &mut turn => return Ok(guard),
                Ok(()) = told.changed() => {
                    let (stage, done, total) = *told.borrow_and_update();
                    progress.report(stage, done, total);
                }
            }
        }
    }

    async fn ensure_tree(
        &self,
        tree: &Tree,
        node: Option<&Path>,
        progress: &(dyn Fn(Stage, u64, Option<u64>) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<(), InstallError> {
        let dir = &self.inner.dir;
        if tree.is_in(dir) {
            return Ok(());
        }
        for from in &self.inner.shared {
            if shared::take(tree, from, dir, progress, cancel).await? {
                return Ok(());
            }
        }
        npm::install(tree, dir, node, self.inner.path.as_deref(), progress, cancel).await
    }
}
