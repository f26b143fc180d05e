//! A part's plain files taken out whole, and put into a fresh bot.

use super::{
    BotHome, HomeError, Part,
    dir::{self, Access, Owner},
};
use cap_std::fs::Dir;
use rustix::fs::{FileType, Mode, OFlags};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{Read, Write},
};

/// Directories within directories.
const DEPTH: usize = 32;
/// Letters of a whole path.
const LONGEST: usize = 1024;
/// Things that were left out and are named.
const NAMED: usize = 1000;
/// Entries looked at for each file that may be taken.
const LOOKS: usize = 4;

/// How much may be taken.
#[derive(Clone, Copy, Debug)]
pub struct TakeLimits {
    /// Plain files.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

/// What a part held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// By path below the part, with `/` between.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Links, pipes, sockets, devices, and names that cannot be written down.
    pub left_out: Vec<String>,
}

struct Taking {
    taken: Taken,
    limits: TakeLimits,
    bytes: usize,
    looks: usize,
}

/// Whether a path is one that a bundle may hold: plain names of plain letters, not too long, not too deep.
#[must_use]
pub fn is_bundle_path(path: &str) -> bool {
    let names = path.split('/');
    path.len() <= LONGEST
        && names.clone().count() <= DEPTH
        && names.clone().all(|name| dir::is_plain(name.as_ref()))
        && !path.chars().any(char::is_control)
}

impl BotHome {
    /// Reads every plain file of a part; no link is followed and nothing but files is opened. Blocking.
    ///
    /// # Errors
    /// There is more than the limits allow, or no access.
    pub fn take(&self, part: Part, limits: TakeLimits) -> Result<Taken, HomeError> {
        let mut taking =
            Taking { taken: Taken::default(), limits, bytes: 0, looks: limits.files.saturating_mul(LOOKS) };
        taking.walk(&self.part(part)?, "")?;
        taking.taken.left_out.sort();
        Ok(taking.taken)
    }

    /// Writes files into a part of a bot that was never started, as the bot's own. Blocking.
    ///
    /// # Errors
    /// A path that is none, two that contradict each other, no access, no space.
    pub fn put(&self, part: Part, files: &BTreeMap<String, Vec<u8>>) -> Result<(), HomeError> {
        let owner = Owner::Bot(self.user()?);
        let root = self.part(part)?;
        let io = HomeError::io;
        for (path, bytes) in files {
            if !is_bundle_path(path) {
                return Err(HomeError::BadName(path.clone()));
            }
            let (way, name) = path.rsplit_once('/').unwrap_or(("", path));
            let mut at = root.try_clone().map_err(io("opening a bot's directory"))?;
            for step in way.split('/').filter(|step| !step.is_empty()) {
                at = dir::ensure(&at, step, Access { mode: 0o700, owner })?;
            }
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
            let made = rustix::fs::openat(&at, name, flags, Mode::from_raw_mode(0o600));
            let mut file = File::from(made.map_err(|e| io("making a bot's file")(e.into()))?);
            file.write_all(bytes).map_err(io("writing a bot's file"))?;
            dir::grant(&file, Access { mode: 0o600, owner }).map_err(io("giving a bot its file"))?;
        }
        // Once for all of them.
        rustix::fs::syncfs(&root).map_err(|e| io("writing a bot's files")(e.into()))
    }
}

impl Taking {
    fn walk(&mut self, at: &Dir, below: &str) -> Result<(), HomeError> {
        let listed = at.entries().map_err(HomeError::io("listing a bot's directory"))?;
        for entry in listed.flatten() {
            if self.looks == 0 {
                return Err(self.too_many());
            }
            self.looks -= 1;
            let name = entry.file_name();
            let path = format!("{below}{}", name.to_string_lossy());
            let kind = dir::kind(at, &name).map_err(HomeError::io("looking at a bot's file"))?;
            match kind {
                _ if name.to_str().is_none() || !is_bundle_path(&path) => self.leave(path),
                Some(FileType::Directory) => match dir::open(at, &name) {
                    Ok(inner) => self.walk(&inner, &format!("{path}/"))?,
                    Err(_closed) => self.leave(path),
                },
                Some(FileType::RegularFile) => self.file(at, &name, path)?,
                Some(_) => self.leave(path),
                // It went away meanwhile.
                None => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, at: &Dir, name: &OsString, path: String) -> Result<(), HomeError> {
        // Not to be held up by a pipe that took the file's place.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(fd) = rustix::fs::openat(at, name.as_os_str(), flags, Mode::empty()) else {
            self.leave(path);
            return Ok(());
        };
        let file = File::from(fd);
        if !file.metadata().is_ok_and(|about| about.is_file()) {
            self.leave(path);
            return Ok(());
        }
        if self.taken.files.len() >= self.limits.files {
            return Err(self.too_many());
        }
        let left = self.limits.bytes - self.bytes;
        let mut bytes = Vec::new();
        let most = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(HomeError::io("reading a bot's file"))?;
        if bytes.len() > left {
            let bytes = self.bytes.saturating_add(bytes.len());
            return Err(HomeError::TooLarge { what: "the bot's workspace", bytes, limit: self.limits.bytes });
        }
        self.bytes += bytes.len();
        self.taken.files.insert(path, bytes);
        Ok(())
    }

    fn leave(&mut self, path: String) {
        if self.taken.left_out.len() < NAMED {
            self.taken.left_out.push(path);
        }
    }

    const fn too_many(&self) -> HomeError {
        let limit = self.limits.files;
        HomeError::TooMany { what: "the bot's workspace", limit }
    }
}
