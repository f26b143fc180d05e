//! From when on a workspace's bots look like some that spend for nobody.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table lookouts (workspace_id ID primary key not null references workspaces(id) on delete cascade,
  loop_calls bigint not null, loop_spread_percent bigint not null, loop_apart_s bigint not null,
  busy_minutes bigint not null, idle_minutes bigint not null, idle_micro_usd bigint not null)";

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
