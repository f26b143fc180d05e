//! Bringing a backup back into an empty data dir.

use super::{BackupError, DATABASE, Verified, io, verify::unpack_and_check};
use crate::platform::{db::Db, error::OpError};
use entity::setting;
use sea_orm::EntityTrait;
use std::{os::unix::fs::DirBuilderExt, path::Path};

/// Whose bots a restored copy takes for its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance {
    /// The original's: it is the original come back.
    Same,
    /// Nobody's yet: it gets an id of its own at its first start, and may run beside the original.
    New,
}

/// Makes `data_dir` from `file`. Nothing appears in it before the copy was found good.
///
/// # Errors
/// The data dir is not empty, or the backup is not good.
pub async fn restore(file: &Path, data_dir: &Path, instance: Instance) -> Result<Verified, BackupError> {
    let used = |dir: &Path| std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if used(data_dir) {
        return Err(BackupError::NotEmpty(data_dir.to_owned()));
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(io(data_dir))?;
    let parent = data_dir.canonicalize().map_err(io(data_dir))?;
    let parent = parent.parent().unwrap_or(Path::new("/"));
    let scratch = tempfile::Builder::new().prefix(".chela-restore").tempdir_in(parent).map_err(io(parent))?;
    let verified = unpack_and_check(file, scratch.path()).await?;
    if instance == Instance::New {
        forget_instance(&scratch.path().join(DATABASE)).await?;
    }
    // Same file system: each move is all or nothing.
    for entry in std::fs::read_dir(scratch.path()).map_err(io(scratch.path()))? {
        let entry = entry.map_err(io(scratch.path()))?;
        std::fs::rename(entry.path(), data_dir.join(entry.file_name())).map_err(io(entry.path()))?;
    }
    Ok(verified)
}

/// What runs is told apart by this id; the next start draws another one.
async fn forget_instance(database: &Path) -> Result<(), BackupError> {
    let db = Db::sqlite(database).await?;
    let gone = db.write(async |tx| {
        setting::Entity::delete_by_id("instance_id".to_owned()).exec(tx).await?;
        Ok(())
    });
    gone.await.map_err(|error| match error {
        OpError::Db(error) => BackupError::Db(error),
        other => BackupError::Damaged(other.to_string()),
    })?;
    Ok(db.close().await?)
}
