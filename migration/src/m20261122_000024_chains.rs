//! Fallback chains of a workspace's own, and the chain a call asked for.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table chains (workspace_id ID not null references workspaces(id), name text not null, links text not null,
  triggers text not null, timeout_s bigint not null, tries bigint not null, changed_at_ms bigint not null,
  primary key (workspace_id, name));
alter table usage_rows add column chain text
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
