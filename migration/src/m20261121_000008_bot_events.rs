//! What was done to bots and what became of them.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table bot_events (id ID primary key not null, workspace_id ID not null,
  bot_id ID not null references bots(id) on delete cascade, at_ms bigint not null, kind text not null, actor text,
  reason text, lived_ms bigint);
create index bot_events_bot on bot_events (bot_id, id);
create index bot_events_age on bot_events (at_ms)
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
