//! Provider keys, sealed.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table provider_keys (id ID primary key not null, workspace_id ID not null references workspaces(id),
  vendor text not null, label text not null, base_url text not null, last_four text not null, sealed BYTES not null,
  status text not null, status_message text, tested_at_ms bigint, latency_ms bigint, models text not null,
  version bigint not null, created_at_ms bigint not null);
create index provider_keys_workspace on provider_keys (workspace_id, id)
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
