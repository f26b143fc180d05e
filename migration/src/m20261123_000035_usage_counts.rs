//! What budgets counted, by quarter of an hour: who makes a call may be gone, or have other tags, before it is asked again.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table usage_counts (budget_id ID not null references budgets(id) on delete cascade, workspace_id ID not null,
  start_ms bigint not null, used bigint not null, primary key (budget_id, start_ms));
alter table budgets add column counted boolean not null default false";

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
