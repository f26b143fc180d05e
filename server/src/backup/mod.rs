//! Backups: one tar file (mode 0600) with the database, the master key and the bots' files.
//!
//! A restored copy is checked before it is used: the database is whole, the key is the right one, every
//! sealed secret opens. PostgreSQL is backed up with its own tools.

mod create;
mod restore;
mod verify;

pub use create::create;
pub use restore::{Instance, restore};
pub use verify::{Verified, verify};

use std::path::PathBuf;

/// Name of the database inside the archive.
const DATABASE: &str = "chela.db";
/// Name of the master key inside the archive.
const MASTER_KEY: &str = "master.key";
/// Parts of a bot that are kept: what it is and what it knows, never its sockets, tokens or logs.
const BOT_PARTS: [&str; 3] = ["config", "state", "workspace"];

/// Why a backup cannot be made, read or brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{0} is not empty: a backup is brought back into an empty or new data dir")]
    NotEmpty(PathBuf),
    #[error("{file} is no backup of Chela: {why}")]
    NoBackup { file: PathBuf, why: String },
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    #[error(
        "this instance keeps its data in PostgreSQL: back that up with pg_dump, and keep master.key with it"
    )]
    Postgres,
    #[error("database: {0}")]
    Db(#[from] sea_orm::DbErr),
}

fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.into();
    move |source| BackupError::Io { path, source }
}
