//! Directory handles: one name at a time, never a symlink. Knows nothing of bots.

use super::HomeError;
use crate::BotUser;
use cap_std::fs::Dir;
use rustix::{
    fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid},
    io::Errno,
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Write},
    sync::atomic::{AtomicU64, Ordering},
};

/// Whose a file is and what may be done with it.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub(super) mode: u32,
    pub(super) owner: Owner,
}

/// Matters under root only; otherwise all is Chela's own user's.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    Chela,
    /// Chela's, with the bot's group.
    Shared(BotUser),
    Bot(BotUser),
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether `name` is one plain component.
pub(super) fn is_plain(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !bytes.is_empty() && bytes.len() <= 255 && bytes != b"." && bytes != b".." && !bytes.contains(&b'/')
}

/// Opens a directory in `parent` that is a directory, not a link to one.
pub(super) fn open(parent: &Dir, name: impl AsRef<OsStr>) -> io::Result<Dir> {
    let name = name.as_ref();
    if !is_plain(name) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    Ok(Dir::from_std_file(File::from(fd)))
}

/// Makes a directory or takes the one there, with exactly this access.
pub(super) fn ensure(parent: &Dir, name: &str, access: Access) -> Result<Dir, HomeError> {
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(e) => return Err(HomeError::io("making a bot's directory")(e.into())),
    }
    let dir = open(parent, name).map_err(|e| match e.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOTDIR | Errno::LOOP) => HomeError::Planted(format!("the bot's {name} directory")),
        _ => HomeError::io("opening a bot's directory")(e),
    })?;
    grant(&dir, access).map_err(HomeError::io("setting the access of a bot's directory"))?;
    Ok(dir)
}

/// Sets owner and mode of an open file or directory. The owner first: changing it clears mode bits.
pub(super) fn grant(fd: impl rustix::fd::AsFd, access: Access) -> io::Result<()> {
    if is_root() {
        let (uid, gid) = match access.owner {
            Owner::Chela => (0, 0),
            Owner::Shared(user) => (0, user.gid),
            Owner::Bot(user) => (user.uid, user.gid),
        };
        rustix::fs::fchown(&fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(access.mode))?;
    Ok(())
}

/// Writes a whole file under a name of its own and renames it into place: readers see the old or the new.
pub(super) fn replace(dir: &Dir, name: &str, bytes: &[u8], access: Access) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    // Somebody who guesses the name gains nothing: an existing one is never opened.
    for _ in 0..16 {
        let partial = format!(".chela-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let fd = match rustix::fs::openat(dir, &partial, flags, Mode::from_raw_mode(0o600)) {
            Ok(fd) => fd,
            Err(Errno::EXIST) => continue,
            Err(e) => return Err(e.into()),
        };
        let mut file = File::from(fd);
        let done = (|| {
            file.write_all(bytes)?;
            grant(&file, access)?;
            file.sync_all()?;
            rustix::fs::renameat(dir, &partial, dir, name)?;
            Ok(())
        })();
        if done.is_err() {
            let _ = rustix::fs::unlinkat(dir, &partial, AtFlags::empty());
        }
        return done;
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// What lies under a name, links not followed.
pub(super) fn kind(dir: &Dir, name: impl AsRef<OsStr>) -> io::Result<Option<FileType>> {
    match rustix::fs::statat(dir, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}
