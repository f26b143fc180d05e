//! Looking into a backup: whole, right key, every secret opens.

use super::{BackupError, DATABASE, MASTER_KEY, io};
use crate::platform::{datadir, db::Db};
use api::ids::{BotId, KeyId};
use entity::{bots::bot, keys::provider_key, setting};
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, Statement};
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
    // Named columns only: a backup may have been made before others were added.
    let keys = provider_key::Entity::find()
        .select_only()
        .columns([provider_key::Column::Id, provider_key::Column::Sealed])
        .into_tuple::<(KeyId, Vec<u8>)>();
    for (id, sealed) in keys.all(db.read()).await? {
        let aad = vault::Aad::new("provider_keys", "sealed", id.0.as_bytes());
        vault.open(&aad, &sealed).map_err(|e| damaged(&e))?;
        secrets += 1;
    }
    let bots = bot::Entity::find()
        .select_only()
        .columns([bot::Column::Id, bot::Column::GatewayToken])
        .into_tuple::<(BotId, Vec<u8>)>()
        .all(db.read())
        .await?;
    for (id, token) in &bots {
        let aad = vault::Aad::new("bots", "gateway_token", id.0.as_bytes());
        vault.open(&aad, token).map_err(|e| damaged(&e))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use migration::{Migrator, MigratorTrait};

    #[tokio::test]
    async fn a_backup_made_before_the_newest_schema_is_looked_into_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        for steps in [6, 7] {
            let db = Db::sqlite(&dir.path().join(DATABASE)).await.unwrap();
            Migrator::up(db.maintenance(), Some(steps)).await.unwrap();
            db.close().await.unwrap();
            drop(datadir::master_key(&dir.path().join(MASTER_KEY), false).unwrap());
            assert_eq!(check(dir.path()).await.unwrap(), Verified { bots: 0, secrets: 0 });
        }
    }
}
