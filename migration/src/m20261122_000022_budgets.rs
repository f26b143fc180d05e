//! Budgets of model calls, who was told of them, and calls whose use is an estimate.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table budgets (id ID primary key not null, workspace_id ID not null references workspaces(id), bot_id ID,
  virtual_key_id ID, vendor text, model text, unit text not null, period text not null, most bigint not null,
  hard boolean not null, created_at_ms bigint not null, version bigint not null);
create index budgets_page on budgets (workspace_id, id);
create table budget_notices (budget_id ID not null references budgets(id) on delete cascade, workspace_id ID not null,
  window_start_ms bigint not null, level text not null, primary key (budget_id, window_start_ms, level));
alter table workspaces add column time_zone text not null default 'UTC';
alter table usage_rows add column estimated boolean not null default false;
alter table usage_rows add column budget_id ID
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
