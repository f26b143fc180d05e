//! Looking into a backup: whole, right key, every secret opens.

use super::{BackupError, DATABASE, MASTER_KEY, io};
use crate::platform::{datadir, db::Db};
use entity::{keys::provider_key, setting};
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use std::{fs::File, path::Path};

/// What a good backup holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    pub bots: usize,
    /// Secrets that were opened.
    pub secrets: usize,
}

/// Unpacks a backup into `into` and checks it there.
///
/// # Errors
/// No backup, damaged, or its secrets do not open.
pub(super) async fn unpack_and_check(file: &Path, into: &Path) -> Result<Verified, BackupError> {
    let mut archive = tar::Archive::new(File::open(file).map_err(io(file))?);
    archive.set_preserve_permissions(true);
    // Bots under uids of their own must own what is theirs; without root everything is Chela's anyway.
    archive.set_preserve_ownerships(rustix::process::geteuid().is_root());
    let no_backup = |why: String| BackupError::NoBackup { file: file.to_owned(), why };
    for entry in archive.entries().map_err(|e| no_backup(e.to_string()))? {
        let mut entry = entry.map_err(|e| no_backup(e.to_string()))?;
        // Only files and directories are ever written into a backup: anything else was put there.
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(no_backup("it holds something that is neither file nor directory".to_owned()));
        }
        if !entry.unpack_in(into).map_err(|e| no_backup(e.to_string()))? {
            return Err(no_backup("it holds a path that leads outside".to_owned()));
        }
    }
    if !into.join(DATABASE).exists() || !into.join(MASTER_KEY).exists() {
        return Err(no_backup("it has no database or no master key".to_owned()));
    }
    check(into).await
}

async fn check(dir: &Path) -> Result<Verified, BackupError> {
    let damaged = |e: &dyn std::fmt::Display| BackupError::Damaged(e.to_string());
    let db = Db::sqlite(&dir.join(DATABASE)).await?;
    let statement = Statement::from_string(db.backend(), "pragma quick_check(1)");
    let row = db.read().query_one_raw(statement).await.map_err(|e| damaged(&e))?;
    let answer: String = row.map_or(Ok(String::new()), |row| row.try_get_by_index(0))?;
    if answer != "ok" {
        return Err(BackupError::Damaged(answer));
    }
    let key = datadir::master_key(&dir.join(MASTER_KEY), true).map_err(|e| damaged(&e))?;
    let vault = vault::Vault::new(&key);
    let stored = setting::Entity::find_by_id("key_check_value".to_owned()).one(db.read()).await?;
    if stored.is_some_and(|row| !vault.matches(&row.value)) {
        return Err(BackupError::Damaged(
            "the master key in it is not the one its secrets were sealed with".into(),
        ));
    }
    let mut secrets = 0;
    for row in provider_key::Entity::find().all(db.read()).await? {
        let aad = vault::Aad::new("provider_keys", "sealed", row.id.0.as_bytes());
        vault.open(&aad, &row.sealed).map_err(|e| damaged(&e))?;
        secrets += 1;
    }
    let bots = entity::bots::bot::Entity::find().all(db.read()).await?;
    for bot in &bots {
        let aad = vault::Aad::new("bots", "gateway_token", bot.id.0.as_bytes());
        vault.open(&aad, &bot.gateway_token).map_err(|e| damaged(&e))?;
        secrets += 1;
    }
    db.close().await?;
    Ok(Verified { bots: bots.len(), secrets })
}

/// Checks a backup without bringing it back.
///
/// # Errors
/// What is wrong with it.
pub async fn verify(file: &Path) -> Result<Verified, BackupError> {
    let scratch = tempfile::tempdir().map_err(io("a scratch directory"))?;
    unpack_and_check(file, scratch.path()).await
}
