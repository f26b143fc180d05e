//! One DDL text for two databases: `ID` and `BYTES` stand for the type each one uses.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// Runs `;`-separated statements after putting in the database's own type names.
pub async fn run(manager: &SchemaManager<'_>, ddl: &str) -> Result<(), DbErr> {
    let (id, bytes) = match manager.get_database_backend() {
        DbBackend::Postgres => ("uuid", "bytea"),
        _ => ("blob", "blob"),
    };
    let ddl = ddl.replace(" ID", &format!(" {id}")).replace(" BYTES", &format!(" {bytes}"));
    for statement in ddl.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
