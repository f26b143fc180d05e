//! The two sockets in a bot's run directory.
//!
//! A Unix socket's path ends at 107 bytes, and a data dir may lie deep: both are reached by a handle of
//! the directory, under `/proc/self/fd`. The bot can replace either name, by a link for example: what is
//! opened is checked to be a socket before anything is said to it.

use super::{
    BotHome, Part,
    dir::{self, Access, Owner},
};
use rustix::{
    fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
};
use std::{
    io,
    os::{
        fd::AsRawFd,
        unix::net::{UnixListener, UnixStream},
    },
};

const RELAY: &str = "relay.sock";
const GATEWAY: &str = "gateway.sock";
const HOME: &str = "home";
const TMP: &str = "tmp";

impl BotHome {
    /// Listens on `run/relay.sock`, which only the bot may open. Not blocking. A stale socket is replaced.
    ///
    /// # Errors
    /// No access, or the bot's files were never made.
    pub fn bind_relay_socket(&self) -> io::Result<UnixListener> {
        let user = self.user().map_err(io::Error::other)?;
        let run = self.part(Part::Run).map_err(io::Error::other)?;
        self.make_way(&run, RELAY).map_err(io::Error::other)?;
        match rustix::fs::unlinkat(&run, RELAY, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(e.into()),
        }
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/{RELAY}", run.as_raw_fd()))?;
        if dir::is_root() {
            let owner = (Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)));
            rustix::fs::chownat(&run, RELAY, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Connects to `run/gateway.sock`. Never waits: the socket is the bot's, and one whose queue is full
    /// would hold a blocking caller for as long as the bot likes.
    ///
    /// # Errors
    /// Nobody listens there, its queue is full, or it is no socket.
    pub fn dial_gateway(&self) -> io::Result<UnixStream> {
        let run = self.part(Part::Run).map_err(io::Error::other)?;
        // A handle of the thing itself: what is checked is what is dialled.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let door = rustix::fs::openat(&run, GATEWAY, flags, Mode::empty())?;
        if FileType::from_raw_mode(rustix::fs::fstat(&door)?.st_mode) != FileType::Socket {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "gateway.sock is not a socket"));
        }
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let stream = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let door = SocketAddrUnix::new(format!("/proc/self/fd/{}", door.as_raw_fd()))?;
        match rustix::net::connect(&stream, &door) {
            Ok(()) => Ok(stream.into()),
            // A Unix socket never connects later: the queue is full, nobody takes anyone in.
            Err(Errno::AGAIN) => {
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, "gateway.sock takes nobody in"))
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Takes away what the last run left in `run`, so that the next does not meet its sockets or scraps.
    /// The tokens and Chela's own socket stay.
    pub(crate) fn refresh_run(&self) -> Result<(), super::HomeError> {
        let run = self.part(Part::Run)?;
        for name in [HOME, TMP, GATEWAY] {
            if dir::kind(&run, name).map_err(super::HomeError::io("looking at a bot's file"))?.is_some() {
                self.discard(&run, name)?;
            }
        }
        self.homes.empty_trash_soon();
        Ok(())
    }

    /// Makes a home and a temporary directory in `run`, for a bot that has no file system of its own.
    pub(crate) fn make_scratch(&self) -> Result<(), super::HomeError> {
        let user = self.user()?;
        let run = self.part(Part::Run)?;
        for name in [HOME, TMP] {
            dir::ensure(&run, name, Access { mode: 0o700, owner: Owner::Bot(user) })?;
        }
        Ok(())
    }

    /// Whether every part's path leads to the very directory that the handles hold: what an engine mounts
    /// is what Chela made.
    pub(crate) fn leads_home(&self) -> Result<bool, super::HomeError> {
        for part in Part::ALL {
            let held = rustix::fs::fstat(self.part(part)?).map_err(io::Error::from);
            let held = held.map_err(super::HomeError::io("looking at a bot's directory"))?;
            let named = rustix::fs::lstat(self.path(part)).map_err(io::Error::from);
            let named = named.map_err(super::HomeError::io("looking at a bot's directory"))?;
            if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
