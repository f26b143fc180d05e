//! Copies of a bot's state: one kept from before an upgrade, one for a rehearsal.
//!
//! Links are copied as links, never followed; what is neither file, directory nor link is left out. A copy appears under
//! its name as a whole, so one that was cut in the middle is no copy.

use super::{
    BotHome, HomeError, Part,
    dir::{self, Access, Owner},
};
use cap_std::fs::Dir;
use rustix::{
    fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid},
    io::Errno,
};
use std::{
    ffi::OsString,
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
};

const KEPT: &str = "kept";
const PARTIAL: &str = ".partial";
const STATE: &str = "state";
/// The deepest and the most that is copied.
const DEPTH: usize = 64;
const ENTRIES: usize = 200_000;
/// How often a state that changes while it is copied is copied again.
const TRIES: usize = 3;

impl BotHome {
    /// Keeps a copy of the state as it is, in place of an earlier one. The bot must not run. Blocking.
    ///
    /// # Errors
    /// No access, no space, or a state larger or deeper than can be copied.
    pub fn keep_state(&self) -> Result<(), HomeError> {
        let (state, user) = (self.part(Part::State)?, self.user()?);
        let kept = self.kept()?;
        self.discard(&kept, PARTIAL)?;
        let partial = dir::ensure(&kept, PARTIAL, Access { mode: 0o700, owner: Owner::Bot(user) })?;
        let copied =
            Copying::into(&partial, user).and_then(|mut copying| copy(&state, &partial, &mut copying));
        if let Err(error) = copied {
            self.discard(&kept, PARTIAL)?;
            self.homes.empty_trash_soon();
            return Err(HomeError::io("keeping a copy of a bot's state")(error));
        }
        let io = |e: Errno| HomeError::io("keeping a copy of a bot's state")(e.into());
        // What is gone back to after a power cut must be there in full.
        rustix::fs::syncfs(&kept).map_err(io)?;
        self.discard(&kept, STATE)?;
        rustix::fs::renameat(&kept, PARTIAL, &kept, STATE).map_err(io)?;
        rustix::fs::fsync(&kept).map_err(io)?;
        self.homes.empty_trash_soon();
        Ok(())
    }

    /// Puts the kept copy back in the place of the state; again after that, nothing happens. The bot must not run.
    ///
    /// # Errors
    /// No access.
    pub fn bring_state_back(&self) -> Result<(), HomeError> {
        let (root, kept) = (self.root()?, self.kept()?);
        let io = |source| HomeError::io("bringing a bot's state back")(source);
        if dir::kind(&kept, STATE).map_err(io)? != Some(FileType::Directory) {
            return Ok(());
        }
        self.discard(&root, STATE)?;
        rustix::fs::renameat(&kept, STATE, &root, STATE).map_err(|e| io(e.into()))?;
        rustix::fs::syncfs(&root).map_err(|e| io(e.into()))?;
        self.homes.empty_trash_soon();
        Ok(())
    }

    /// Deletes the kept copy. None there: nothing happens.
    ///
    /// # Errors
    /// No access.
    pub fn forget_kept_state(&self) -> Result<(), HomeError> {
        if self.exists() {
            self.discard(&self.root()?, KEPT)?;
            self.homes.empty_trash_soon();
        }
        Ok(())
    }

    /// Copies the state to another home, which has been made and has none yet. The bot may run: what changes meanwhile is
    /// copied again, and after some tries as it then is. Blocking.
    ///
    /// # Errors
    /// As [`BotHome::keep_state`].
    pub fn copy_state_to(&self, other: &Self) -> Result<(), HomeError> {
        let io = |source| HomeError::io("copying a bot's state")(source);
        let (state, user) = (self.part(Part::State)?, other.user()?);
        for _ in 0..TRIES {
            let before = signature(&state).map_err(io)?;
            other.discard(&other.root()?, STATE)?;
            other.ensure(user)?;
            let to = other.part(Part::State)?;
            let mut copying = Copying::into(&to, user).map_err(io)?;
            copy(&state, &to, &mut copying).map_err(io)?;
            if signature(&state).map_err(io)? == before {
                break;
            }
        }
        self.homes.empty_trash_soon();
        Ok(())
    }

    fn root(&self) -> Result<Dir, HomeError> {
        dir::open(&self.homes.inner.bots, &self.name).map_err(HomeError::io("opening a bot's files"))
    }

    fn kept(&self) -> Result<Dir, HomeError> {
        dir::ensure(&self.root()?, KEPT, Access { mode: 0o700, owner: Owner::Chela })
    }
}

/// Disk that a copy leaves free.
const RESERVE: u64 = 256 << 20;

struct Copying {
    user: crate::BotUser,
    entries: usize,
    depth: usize,
    /// What may still be written.
    bytes: u64,
}

impl Copying {
    /// For a copy below `to`: as much as is free there, less a reserve.
    fn into(to: &Dir, user: crate::BotUser) -> io::Result<Self> {
        let stat = rustix::fs::fstatvfs(to)?;
        let bytes = stat.f_bavail.saturating_mul(stat.f_frsize).saturating_sub(RESERVE);
        Ok(Self { user, entries: 0, depth: 0, bytes })
    }

    /// Counts one more, and refuses what no state is like.
    fn count(&mut self) -> io::Result<()> {
        self.entries += 1;
        if self.entries > ENTRIES || self.depth > DEPTH {
            let words = format!("it holds more than {ENTRIES} files or directories deeper than {DEPTH}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
        }
        Ok(())
    }

    /// Takes the room for a file, holes and all.
    fn room(&mut self, bytes: u64) -> io::Result<()> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes =
            left.ok_or_else(|| io::Error::new(io::ErrorKind::StorageFull, "the disk has no room for it"))?;
        Ok(())
    }
}

fn names(dir: &Dir) -> io::Result<Vec<OsString>> {
    dir.entries()?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

fn copy(from: &Dir, to: &Dir, copying: &mut Copying) -> io::Result<()> {
    for name in names(from)? {
        copying.count()?;
        match dir::kind(from, &name)? {
            Some(FileType::Directory) => {
                let Some(below) = there(dir::open(from, &name))? else { continue };
                let mode = Mode::from_raw_mode(0o700);
                rustix::fs::mkdirat(to, &name, mode)?;
                let made = dir::open(to, &name)?;
                copying.depth += 1;
                copy(&below, &made, copying)?;
                copying.depth -= 1;
                // Last: it may be closed to its own owner.
                give(&made, copying.user, &rustix::fs::fstat(&below)?)?;
            }
            Some(FileType::RegularFile) => copy_file(from, to, &name, copying)?,
            Some(FileType::Symlink) => copy_link(from, to, &name, copying.user)?,
            _ => {}
        }
    }
    Ok(())
}

fn copy_file(from: &Dir, to: &Dir, name: &OsString, copying: &mut Copying) -> io::Result<()> {
    // What is no file any more by now must not be waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Some(source) = there(rustix::fs::openat(from, name, flags, Mode::empty()).map_err(Into::into))?
    else {
        return Ok(());
    };
    let stat = rustix::fs::fstat(&source)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    let target = rustix::fs::openat(to, name, flags, Mode::from_raw_mode(0o600))?;
    let mut target = File::from(target);
    // As long as it was, however it grows meanwhile.
    let bytes = u64::try_from(stat.st_size).unwrap_or_default();
    copying.room(bytes)?;
    io::copy(&mut File::from(source).take(bytes), &mut target)?;
    give(&target, copying.user, &stat)
}

fn copy_link(from: &Dir, to: &Dir, name: &OsString, user: crate::BotUser) -> io::Result<()> {
    let Some(target) = there(rustix::fs::readlinkat(from, name, Vec::new()).map_err(Into::into))? else {
        return Ok(());
    };
    rustix::fs::symlinkat(target, to, name)?;
    if dir::is_root() {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        rustix::fs::chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

/// The bot's own, with the mode of the original; no bit that lends somebody else's rights.
fn give(fd: impl rustix::fd::AsFd, user: crate::BotUser, stat: &rustix::fs::Stat) -> io::Result<()> {
    if dir::is_root() {
        rustix::fs::fchown(&fd, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
    }
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(stat.st_mode & 0o777))?;
    Ok(())
}

/// What went away since it was listed is not there.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
            _ => Err(error),
        },
    }
}

/// Changes when a file below does: names, sizes and times.
fn signature(dir: &Dir) -> io::Result<u64> {
    let (mut hasher, mut seen) = (DefaultHasher::new(), 0_usize);
    let mut waiting = vec![dir.try_clone()?];
    while let Some(dir) = waiting.pop() {
        let mut names = names(&dir)?;
        names.sort();
        for name in names {
            seen += 1;
            let Some(stat) =
                there(rustix::fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(Into::into))?
            else {
                continue;
            };
            (&name, stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ino).hash(&mut hasher);
            let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if is_dir && seen < ENTRIES && waiting.len() < DEPTH {
                waiting.extend(there(dir::open(&dir, &name))?);
            }
        }
    }
    Ok(hasher.finish())
}
