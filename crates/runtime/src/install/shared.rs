//! Taking a tree from a directory that several data dirs share, instead of downloading it again.
//!
//! It is hard-linked where both lie on one file system, else copied. What somebody else could have changed is
//! not taken.

use super::{
    InstallError,
    tree::{self, Tree},
};
use crate::{CancellationToken, Stage};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Marker with the hash of the lock file the tree was made from, as `sha256sum` prints it.
const MARKER: &str = "node_modules/.from-lock";

/// Takes the tree from `<shared>/<name>`; `false` where it does not hold this very tree.
pub(super) async fn take(
    tree: &Tree,
    shared: &Path,
    tools: &Path,
    progress: &(dyn Fn(Stage, u64, Option<u64>) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<bool, InstallError> {
    let from = shared.join(tree.name);
    if !holds(tree, &from) {
        return Ok(false);
    }
    progress(Stage::Copy, 0, Some(tree.bytes));
    let done = std::sync::Arc::new(AtomicU64::new(0));
    let tree = tree.clone();
    let bytes = tree.bytes;
    let (to, counter, stop) = (tools.to_owned(), std::sync::Arc::clone(&done), cancel.clone());
    let mut copying = std::pin::pin!(tree::off_thread(tools, move || {
        let partial = tree::partial(&to, tree.name)?;
        let copied = copy(&from, &partial, &counter, &stop).and_then(|()| tree.settle(&partial, &to));
        if copied.is_err() {
            let _ = fs::remove_dir_all(&partial);
        }
        copied
    }));
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(500));
    let copied = loop {
        tokio::select! {
            copied = &mut copying => break copied,
            _ = tick.tick() => progress(Stage::Copy, done.load(Ordering::Relaxed), Some(bytes)),
        }
    };
    if cancel.is_cancelled() {
        return Err(InstallError::Cancelled);
    }
    copied.map(|()| true)
}

fn holds(tree: &Tree, from: &Path) -> bool {
    let marker = fs::read_to_string(from.join(MARKER)).unwrap_or_default();
    let hash = tree.hash();
    hash.is_some()
        && marker.split_ascii_whitespace().next() == hash.as_deref()
        && from.join(tree.probe).is_file()
        && is_trusted(from)
        && is_trusted(&from.join("node_modules"))
}

/// Ours or root's, and nobody else may write there.
fn is_trusted(path: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|meta| {
        meta.is_dir() && (meta.uid() == 0 || meta.uid() == me) && meta.permissions().mode() & 0o022 == 0
    })
}

fn copy(from: &Path, to: &Path, done: &AtomicU64, cancel: &CancellationToken) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let entry = entry?;
        let (meta, source, target) = (entry.metadata()?, entry.path(), to.join(entry.file_name()));
        if meta.is_dir() {
            fs::DirBuilder::new().mode(0o755).create(&target)?;
            copy(&source, &target, done, cancel)?;
        } else if meta.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else {
            link_or_copy(&source, &target, meta.permissions().mode())?;
            done.fetch_add(meta.len(), Ordering::Relaxed);
        }
    }
    Ok(())
}

/// A link shares its mode with the original, so only what everybody may read already is linked.
fn link_or_copy(source: &PathBuf, target: &PathBuf, mode: u32) -> io::Result<()> {
    let mode = mode & 0o7777;
    if tree::readable(mode) == mode && fs::hard_link(source, target).is_ok() {
        return Ok(());
    }
    fs::copy(source, target).map(|_| ())
}
