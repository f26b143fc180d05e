//! Taking a bot's files away: one rename, then deletion that can be cut anywhere and resumed.
//!
//! A directory's subdirectories are moved up into the trash before it is deleted, so any depth a bot
//! nested is handled with two open handles and no recursion.

use super::{BotHome, HomeError, Homes, dir, layout::TRASH};
use cap_std::fs::Dir;
use rustix::{
    fs::{AtFlags, FileType, Mode},
    io::Errno,
};
use std::{
    ffi::OsStr,
    io,
    sync::atomic::{AtomicU64, Ordering},
};

impl BotHome {
    /// Deletes all files of the bot. It must not run any more. Nothing there: nothing happens.
    /// Blocking; cut in the middle, [`Homes::empty_trash`] finishes it.
    ///
    /// # Errors
    /// No access.
    pub fn remove(&self) -> Result<(), HomeError> {
        self.discard(&self.homes.inner.bots, &self.name)?;
        self.homes.empty_trash()
    }

    /// Moves whatever lies under a name into the trash, to be deleted later.
    pub(super) fn discard(&self, at: &Dir, name: &str) -> Result<(), HomeError> {
        let trash = self.homes.trash()?;
        match to_trash(at, OsStr::new(name), &trash) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(HomeError::io("moving a bot's files away")(e)),
        }
    }
}

impl Homes {
    fn trash(&self) -> Result<Dir, HomeError> {
        dir::open(&self.inner.bots, TRASH).map_err(HomeError::io("opening the bots' trash"))
    }

    /// Deletes what was moved away, on a thread of its own, one at a time.
    pub(crate) fn empty_trash_soon(&self) {
        if self.inner.emptying.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = self.clone();
        std::thread::spawn(move || {
            if let Err(error) = this.empty_trash() {
                tracing::warn!(error = %error, "the bots' trash could not be emptied");
            }
            this.inner.emptying.store(false, Ordering::Release);
        });
    }

    /// Deletes what was moved away. Called at start for what an earlier process left. Blocking.
    ///
    /// # Errors
    /// No access.
    pub fn empty_trash(&self) -> Result<(), HomeError> {
        let trash = self.trash()?;
        loop {
            let entries = trash.entries().map_err(HomeError::io("listing the bots' trash"))?;
            let mut any = false;
            for entry in entries.flatten() {
                any = true;
                match delete(&trash, &entry.file_name()) {
                    // Another one that deletes was quicker.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    done => done.map_err(HomeError::io("deleting a bot's files"))?,
                }
            }
            if !any {
                return Ok(());
            }
        }
    }
}

fn to_trash(at: &Dir, name: &OsStr, trash: &Dir) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    reopen(at, name)?;
    loop {
        let to = format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let no_clobber = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(at, name, trash, &to, no_clobber) {
            Err(Errno::EXIST) => {}
            done => return Ok(done?),
        }
    }
}

/// Deletes one entry of the trash; subdirectories become entries of their own.
fn delete(trash: &Dir, name: &OsStr) -> io::Result<()> {
    match dir::kind(trash, name)? {
        None => return Ok(()),
        Some(FileType::Directory) => {}
        Some(_) => return gone(rustix::fs::unlinkat(trash, name, AtFlags::empty())),
    }
    reopen(trash, name)?;
    let doomed = match dir::open(trash, name) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    for entry in doomed.entries()? {
        let child = entry?.file_name();
        if dir::kind(&doomed, &child)? == Some(FileType::Directory) {
            to_trash(&doomed, &child, trash)?;
        } else {
            gone(rustix::fs::unlinkat(&doomed, &child, AtFlags::empty()))?;
        }
    }
    match rustix::fs::unlinkat(trash, name, AtFlags::REMOVEDIR) {
        // Entries move while the list is read: the next round takes what was missed.
        Err(Errno::NOTEMPTY) => Ok(()),
        done => gone(done),
    }
}

/// Not under root, a directory that its owner closed to itself can neither be moved nor emptied.
fn reopen(at: &Dir, name: &OsStr) -> io::Result<()> {
    if !dir::is_root() && dir::kind(at, name)? == Some(FileType::Directory) {
        // Seen not to be a link; should it be swapped meanwhile, that was done by the same user.
        rustix::fs::chmodat(at, name, Mode::from_raw_mode(0o700), AtFlags::empty())?;
    }
    Ok(())
}

/// Two deleting at once is fine.
fn gone(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
