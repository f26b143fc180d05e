//! Opening the database so that nothing is made worse: header, schema version, integrity, key check value.

use super::StartError;
use crate::platform::{
    clock::{Clock, SystemClock},
    config::Config,
    datadir::{self, DataDir},
    db::Db,
    error::OpError,
};
use entity::setting;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, EntityTrait, PaginatorTrait, Statement, sea_query::OnConflict,
};
use std::{io::Read, path::Path};
use uuid::Uuid;

/// The first 16 bytes of every SQLite file.
const SQLITE_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// Opens the database and brings its schema up to date.
pub(super) async fn open(config: &Config, dir: &DataDir) -> Result<Db, StartError> {
    let (db, name) = match &config.database_url {
        Some(url) => {
            let name = "PostgreSQL".to_owned();
            let opened = Db::postgres(url.reveal()).await;
            (opened.map_err(|e| StartError::Database { path: name.clone(), why: e.to_string() })?, name)
        }
        None => {
            let path = dir.path().join("chela.db");
            check_header(&path)?;
            let name = path.display().to_string();
            let opened = Db::sqlite(&path).await;
            (opened.map_err(|e| StartError::Database { path: name.clone(), why: e.to_string() })?, name)
        }
    };
    refuse_newer(&db, &name).await?;
    // Before anything is written: what is damaged is not made worse.
    if dir.was_unclean() && config.database_url.is_none() {
        quick_check(&db, &name).await?;
    }
    let migrated = Migrator::up(db.maintenance(), None).await;
    migrated.map_err(|e| StartError::Database { path: name.clone(), why: e.to_string() })?;
    // SQLite opens a file it may not write without a word, and begins and ends a transaction on it; a statement that
    // could change something is what it refuses.
    let writable = db
        .write(async |tx| {
            tx.execute_unprepared("delete from seaql_migrations where 1 = 0").await?;
            Ok(())
        })
        .await;
    writable.map_err(|error| {
        let why = match error {
            OpError::Db(error) => error.to_string(),
            other => other.to_string(),
        };
        StartError::Database { path: name, why }
    })?;
    Ok(db)
}

fn check_header(path: &Path) -> Result<(), StartError> {
    let damaged = |why: &str| StartError::Damaged { path: path.display().to_string(), why: why.to_owned() };
    let mut head = Vec::new();
    match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(damaged(&error.to_string())),
        Ok(file) => file.take(16).read_to_end(&mut head).map_err(|e| damaged(&e.to_string()))?,
    };
    // An empty file is a database that was never written.
    if head.is_empty() || head == SQLITE_HEADER {
        Ok(())
    } else {
        Err(damaged("it does not begin as a database does"))
    }
}

/// A schema step this binary does not know means that a newer one was here.
async fn refuse_newer(db: &Db, name: &str) -> Result<(), StartError> {
    let statement =
        Statement::from_string(db.backend(), "select version from seaql_migrations order by version");
    // No table yet: a new database.
    let Ok(rows) = db.maintenance().query_all_raw(statement).await else { return Ok(()) };
    let known: Vec<String> = Migrator::migrations().iter().map(|m| m.name().to_owned()).collect();
    for row in rows {
        let version: String = row.try_get("", "version")?;
        if !known.contains(&version) {
            return Err(StartError::NewerSchema { path: name.to_owned(), newest: version });
        }
    }
    Ok(())
}

/// SQLite's own look at the file.
pub(super) async fn quick_check(db: &Db, name: &str) -> Result<(), StartError> {
    let statement = Statement::from_string(db.backend(), "pragma quick_check(1)");
    let damaged = |why: String| StartError::Damaged { path: name.to_owned(), why };
    let row = db.maintenance().query_one_raw(statement).await.map_err(|e| damaged(e.to_string()))?;
    let answer: String = row.map_or(Ok("no answer".to_owned()), |row| row.try_get_by_index(0))?;
    if answer == "ok" { Ok(()) } else { Err(damaged(answer)) }
}

/// One setting.
pub(super) async fn setting(db: &Db, key: &str) -> Result<Option<String>, OpError> {
    Ok(setting::Entity::find_by_id(key.to_owned()).one(db.read()).await?.map(|row| row.value))
}

/// Writes one setting.
pub(super) async fn put_setting(db: &Db, clock: &dyn Clock, key: &str, value: &str) -> Result<(), OpError> {
    db.write(async |tx| {
        let row = setting::ActiveModel {
            key: Set(key.to_owned()),
            value: Set(value.to_owned()),
            updated_at_ms: Set(clock.now_ms()),
        };
        let replace = OnConflict::column(setting::Column::Key)
            .update_columns([setting::Column::Value, setting::Column::UpdatedAtMs])
            .to_owned();
        setting::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
        Ok(())
    })
    .await
}

/// The vault under the right master key, and this instance's id.
pub(super) async fn unlock(
    config: &Config,
    dir: &DataDir,
    db: &Db,
    clock: &dyn Clock,
) -> Result<(vault::Vault, Uuid), StartError> {
    let path = config.master_key_file.clone().unwrap_or_else(|| dir.path().join("master.key"));
    let stored = setting(db, "key_check_value").await?;
    let sealed = entity::keys::provider_key::Entity::find().count(db.read()).await?;
    let key = datadir::master_key(&path, stored.is_some() || sealed > 0)?;
    let vault = vault::Vault::new(&key);
    let check = vault.check_value();
    match stored {
        Some(stored) if stored != check => {
            return Err(StartError::WrongMasterKey { path: path.display().to_string() });
        }
        Some(_) => {}
        None => put_setting(db, clock, "key_check_value", &check).await?,
    }
    let instance = match setting(db, "instance_id").await? {
        Some(text) => {
            Uuid::parse_str(&text).map_err(|e| StartError::Other(format!("the instance id: {e}")))?
        }
        None => {
            let id = Uuid::now_v7();
            put_setting(db, clock, "instance_id", &id.to_string()).await?;
            id
        }
    };
    Ok((vault, instance))
}

/// Forgets which host the passkeys were bound to: `chela admin move`, with the server stopped.
///
/// # Errors
/// The instance cannot be opened.
pub async fn allow_move(config: &Config, dir: &DataDir) -> Result<(), StartError> {
    let db = open(config, dir).await?;
    put_setting(&db, &SystemClock, "rp_id", config.public_url.host()).await?;
    db.close().await?;
    Ok(())
}

/// Passkeys are bound to the host of the public URL: it may change on purpose only.
pub(super) async fn refuse_moved(config: &Config, db: &Db, clock: &dyn Clock) -> Result<(), StartError> {
    let now = config.public_url.host();
    let people = entity::auth::passkey::Entity::find().count(db.read()).await?;
    match setting(db, "rp_id").await? {
        Some(was) if was != now && people > 0 => Err(StartError::Moved {
            was,
            now: now.to_owned(),
            now_url: config.public_url.origin().to_owned(),
        }),
        Some(was) if was == now => Ok(()),
        _ => Ok(put_setting(db, clock, "rp_id", now).await?),
    }
}
