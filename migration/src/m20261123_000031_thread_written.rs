//! When a person last wrote in a thread: what a bot says there by itself is no sign that somebody wants it.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table threads add column written_at_ms bigint;
update threads set written_at_ms =
  (select max(created_at_ms) from messages where thread_id = threads.id and role = 'user')
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
