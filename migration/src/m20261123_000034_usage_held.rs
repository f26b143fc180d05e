//! What budgets keep for calls whose cost is not known.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table usage_rows add column held_micro_usd bigint;
alter table usage_quarters add column held_micro_usd bigint not null default 0;
alter table usage_days add column held_micro_usd bigint not null default 0";

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
