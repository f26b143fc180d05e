//! Chat threads and their messages.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table threads (id ID primary key not null, workspace_id ID not null,
  bot_id ID not null references bots(id) on delete cascade, title text not null, session_key text not null,
  created_at_ms bigint not null, updated_at_ms bigint not null);
create index threads_bot on threads (bot_id, updated_at_ms);
create table messages (id ID primary key not null, workspace_id ID not null,
  thread_id ID not null references threads(id) on delete cascade, role text not null, state text not null,
  text text not null, html text, tools text not null, model text, usage text, error text, run_id ID,
  created_at_ms bigint not null, finished_at_ms bigint);
create index messages_thread on messages (thread_id, id);
create index messages_open on messages (state)
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
