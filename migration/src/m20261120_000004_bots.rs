//! Bots: what is wanted, what was seen, their configurations and token hashes.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table bots (id ID primary key not null, workspace_id ID not null references workspaces(id),
  slug text not null, name text not null, runtime text not null, uid bigint, gateway_port bigint,
  gateway_token BYTES not null, desired text not null, observed text not null, stage text, health text not null,
  reason text, stages text not null, since_ms bigint not null, generation bigint not null, restarts bigint not null,
  failures bigint not null, next_try_at_ms bigint, settings text not null, pending text, running_config_id ID,
  config_id ID not null, version bigint not null, created_at_ms bigint not null, started_at_ms bigint,
  unique (workspace_id, slug));
create index bots_page on bots (workspace_id, id);
create table bot_configs (id ID primary key not null, workspace_id ID not null,
  bot_id ID not null references bots(id) on delete cascade, settings text not null, created_by text not null,
  created_at_ms bigint not null);
create index bot_configs_bot on bot_configs (bot_id, id);
create table bot_tokens (bot_id ID not null references bots(id) on delete cascade, workspace_id ID not null,
  generation bigint not null, relay_hash BYTES not null, tool_hash BYTES not null, created_at_ms bigint not null,
  primary key (bot_id, generation))
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
