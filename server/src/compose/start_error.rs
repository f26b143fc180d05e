//! Why Chela does not start. The text is for the operator; the process ends with 78 (configuration).

use crate::platform::{config::ConfigError, datadir::DataDirError, error::OpError};
use sea_orm::DbErr;
use std::net::SocketAddr;

/// A start that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(
        "the database {path} was written by a newer Chela ({newest}). Run that version, or bring back the \
         backup made before the upgrade: chela backup restore <file>"
    )]
    NewerSchema { path: String, newest: String },
    #[error(
        "the database {path} is damaged ({why}). Nothing was written. Look at your backups with \
         `chela backup verify <file>` and bring one back with `chela backup restore <file>`"
    )]
    Damaged { path: String, why: String },
    #[error(
        "the database {path} cannot be used: {why}. `chela backup restore <file>` makes a fresh one from a backup"
    )]
    Database { path: String, why: String },
    #[error(
        "the master key {path} is not the one this database was sealed with. Put the right key back (it is in \
         your backup: chela backup restore <file>); nothing was changed"
    )]
    WrongMasterKey { path: String },
    #[error(
        "{setting} {addr} is taken{holder}. Stop what holds it, or set CHELA_{setting_env} to another address"
    )]
    PortTaken { setting: &'static str, setting_env: String, addr: SocketAddr, holder: String },
    #[error("{setting} {addr}: {why}")]
    Listen { setting: &'static str, addr: SocketAddr, why: String },
    #[error(
        "this instance was set up as {was}, and passkeys are bound to that name; CHELA_PUBLIC_URL now says {now}. \
         Move it on purpose with `chela admin move --to {now_url}`, or set the old address again"
    )]
    Moved { was: String, now: String, now_url: String },
    #[error("{0}")]
    Other(String),
}

impl From<OpError> for StartError {
    fn from(error: OpError) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        Self::Other(text)
    }
}

impl From<DbErr> for StartError {
    fn from(error: DbErr) -> Self {
        Self::from(OpError::Db(error))
    }
}

impl StartError {
    /// A taken port, with the process that holds it where `/proc` tells.
    pub(crate) fn port_taken(setting: &'static str, addr: SocketAddr) -> Self {
        let holder = holder_of(addr.port()).map(|who| format!(" by {who}")).unwrap_or_default();
        Self::PortTaken { setting, setting_env: setting.to_uppercase(), addr, holder }
    }

    /// `name (pid n)` of the process that holds an address.
    pub(crate) fn holder_of(addr: SocketAddr) -> Option<String> {
        holder_of(addr.port())
    }
}

/// `name (pid n)` of the process that listens on a TCP port, as far as this user may see it.
fn holder_of(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let text = std::fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
            let listens = *state == "0A" && local.ends_with(&format!(":{port:04X}"));
            listens.then(|| (*inode).to_owned())
        })
    })?;
    let wanted = format!("socket:[{inode}]");
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = std::fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target.to_string_lossy() == wanted));
        let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
        holds.then(|| format!("{} (pid {pid})", name.trim()))
    })
}
