//! Model calls that somebody stopped: of a bot, to a vendor, or all of a workspace; cheaper models that budgets name, and
//! bots that were told to spend for nobody.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table stops (id ID primary key not null, workspace_id ID not null references workspaces(id), target text not null,
  bot_id ID, vendor text, why text, by_actor text not null, since_ms bigint not null);
create unique index stops_target on stops (workspace_id, target);
alter table budgets add column instead text;
alter table budgets add column instead_from bigint;
alter table usage_rows add column asked_model text;
create table runaway_notices (bot_id ID not null, day bigint not null, workspace_id ID not null, primary key (bot_id, day))
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
