//! Tags and the trash; what lists are sorted and counted by.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table bots add column tags text not null default '[]';
alter table bots add column trashed_at_ms bigint;
alter table bots add column trashed_from text;
create index bots_trash on bots (trashed_at_ms);
create index bots_name on bots (workspace_id, lower(name), id);
create index bots_since on bots (workspace_id, since_ms, id);
create index bots_standing on bots (workspace_id, desired, trashed_at_ms, observed, health, failures)
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
