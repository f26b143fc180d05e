//! What bots use of their machine, an hour a row.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table bot_metrics (bot_id ID not null references bots(id) on delete cascade, from_ms bigint not null,
  workspace_id ID not null, samples BYTES not null, primary key (bot_id, from_ms));
create index bot_metrics_age on bot_metrics (from_ms)
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
