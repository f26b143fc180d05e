//! Virtual keys: what people and programs call models with.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table virtual_keys (id ID primary key not null, workspace_id ID not null references workspaces(id), name text not null,
  secret_hash BYTES not null, last_four text not null, models text not null, expires_at_ms bigint, blocked boolean not null,
  former_hash BYTES, former_until_ms bigint, created_at_ms bigint not null, last_used_at_ms bigint, version bigint not null);
create index virtual_keys_page on virtual_keys (workspace_id, id)
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite too: a step cut in the middle must not stand half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await
    }
}
