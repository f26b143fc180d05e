//! How jobs went, for those who look after them; tokens that administer the instance.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table jobs add column started_at_ms bigint;
alter table jobs add column ran_ms bigint;
create index jobs_ended on jobs (finished_at_ms);
alter table tokens add column admin boolean not null default false
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
