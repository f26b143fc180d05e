//! The database: is it whole, of this Chela's schema, and can it be written?

use super::{DEADLINE, Finding, Patient};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use std::{path::Path, time::Duration};

/// A large database takes its time to be read through.
const LONG: Duration = Duration::from_secs(120);

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let path = config.data_dir.join("chela.db");
    let (opened, name) = match &config.database_url {
        Some(url) => (open(url.reveal().to_owned()).await, "PostgreSQL".to_owned()),
        None if !path.exists() => {
            return vec![Finding::ok("database", "SQLite; the first start makes it")];
        }
        None => (open(sqlite_url(&path)).await, path.display().to_string()),
    };
    let looked = match opened {
        Err(error) => Err(unusable(&name, &error.to_string())),
        Ok(db) => {
            let looked = tokio::time::timeout(LONG, all(&db, &name, config.database_url.is_none())).await;
            let slow = |_elapsed| Err(unusable(&name, "it does not answer"));
            let looked = looked.unwrap_or_else(slow);
            // Closed in order, SQLite leaves no file of another user behind.
            _ = db.close().await;
            looked
        }
    };
    vec![looked.unwrap_or_else(|finding| finding)]
}

fn sqlite_url(path: &Path) -> String {
    // Never one that makes the file.
    format!("sqlite://{}?mode=rw", path.display())
}

/// A connection of the doctor's own: it needs no lock, and works beside the server's.
async fn open(url: String) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).acquire_timeout(DEADLINE).sqlx_logging(false);
    Database::connect(options).await
}

async fn all(db: &DatabaseConnection, name: &str, sqlite: bool) -> Result<Finding, Finding> {
    let broken = |error: &DbErr| unusable(name, &error.to_string());
    if sqlite {
        let ask = Statement::from_string(db.get_database_backend(), "pragma quick_check(1)");
        let row = db.query_one_raw(ask).await.map_err(|error| broken(&error))?;
        let said = row.and_then(|row| row.try_get_by_index::<String>(0).ok()).unwrap_or_default();
        if said != "ok" {
            return Err(Finding::fail(
                "database",
                format!("{name} is damaged: {said}"),
                "What Chela remembers can no longer be trusted.",
                "Stop Chela, keep the file, bring a backup back: `chela backup restore FILE`.",
            ));
        }
    }
    let schema = schema(db).await.map_err(|error| broken(&error))?;
    if let Some(unknown) = schema.unknown {
        return Err(Finding::fail(
            "database",
            format!("{name} was written by a newer Chela ({unknown})"),
            "This binary does not start on it.",
            "Run the newer version again, or bring back the backup made before the upgrade.",
        ));
    }
    if let Err(why) = writable(db).await {
        return Err(Finding::fail(
            "database",
            format!("{name} takes no writes: {why}"),
            "Nothing can be changed.",
            "Look at the owner and mode of the file and its directory, and at the free space.",
        ));
    }
    if schema.missing > 0 {
        return Ok(Finding::warn(
            "database",
            format!("{name} is whole; {} schema steps are still to come", schema.missing),
            "The next start makes them.",
            "Make a backup first: `chela backup create`.",
        ));
    }
    Ok(Finding::ok("database", format!("{name} is whole, writable, and of this version's schema")))
}

/// Begins to write, and leaves everything as it was.
async fn writable(db: &DatabaseConnection) -> Result<(), DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let tx = db.begin_with_options(options).await?;
    // SQLite lets a transaction begin on a file it may not write; this it refuses.
    tx.execute_unprepared("delete from seaql_migrations where 1 = 0").await?;
    tx.rollback().await
}

struct Schema {
    /// A step this binary does not know.
    unknown: Option<String>,
    /// Steps not yet made.
    missing: usize,
}

async fn schema(db: &DatabaseConnection) -> Result<Schema, DbErr> {
    let ask = Statement::from_string(
        db.get_database_backend(),
        "select version from seaql_migrations order by version",
    );
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let rows = db.query_all_raw(ask).await?;
    let done: Vec<String> = rows.iter().filter_map(|row| row.try_get("", "version").ok()).collect();
    let unknown = done.iter().find(|step| !known.contains(step)).cloned();
    Ok(Schema { unknown, missing: known.iter().filter(|step| !done.contains(step)).count() })
}

fn unusable(name: &str, why: &str) -> Finding {
    Finding::fail(
        "database",
        format!("{name} cannot be used: {why}"),
        "Chela does not start without it.",
        "See that it is there and that Chela's user may open it; otherwise `chela backup restore FILE`.",
    )
}
