//! The usage ledger: one row per model call.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table usage_rows (id ID primary key not null, workspace_id ID not null, bot_id ID, key_id ID,
  request_id ID not null, vendor text not null, model text not null, status bigint not null,
  input_tokens bigint not null, output_tokens bigint not null, cache_read_tokens bigint not null,
  cache_write_tokens bigint not null, stream boolean not null, ended text not null, started_at_ms bigint not null,
  latency_ms bigint not null, first_event_ms bigint, trace_id text);
create index usage_rows_page on usage_rows (workspace_id, id);
create index usage_rows_day on usage_rows (workspace_id, started_at_ms);
create table usage_absorbed (workspace_id ID not null, bot_id ID, key_id ID, model text not null, minute_ms bigint not null,
  calls bigint not null, input_tokens bigint not null, output_tokens bigint not null);
create index usage_absorbed_page on usage_absorbed (workspace_id, minute_ms)
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
