//! What models cost: a workspace's own prices, and the cost of each call.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table model_prices (id ID primary key not null, workspace_id ID not null references workspaces(id),
  vendor text not null, model text not null, input_price bigint not null, output_price bigint not null,
  cache_read_price bigint, cache_write_price bigint, since_ms bigint not null);
create index model_prices_model on model_prices (workspace_id, vendor, model, since_ms);
alter table usage_rows add column model_answered text;
alter table usage_rows add column cost_micro_usd bigint
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
