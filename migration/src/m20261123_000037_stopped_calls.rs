//! Which stop refused or ended a call; stops that were lifted stay as long as such calls do.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table usage_rows add column stop_id ID;
alter table stops add column lifted_at_ms bigint;
drop index stops_target;
create unique index stops_target on stops (workspace_id, target) where lifted_at_ms is null";

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
