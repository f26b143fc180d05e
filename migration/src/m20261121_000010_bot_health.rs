//! How bots' health changed, what they left when they died, and the settings they were last well with.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table bots add column well_config_id ID;
create table bot_health (id ID primary key not null, workspace_id ID not null,
  bot_id ID not null references bots(id) on delete cascade, at_ms bigint not null, lives text not null,
  works text not null, health text not null, reason text);
create index bot_health_bot on bot_health (bot_id, id);
create index bot_health_age on bot_health (at_ms);
create table bot_postmortems (id ID primary key not null, workspace_id ID not null,
  bot_id ID not null references bots(id) on delete cascade, at_ms bigint not null, summary text not null,
  bundle text not null);
create index bot_postmortems_bot on bot_postmortems (bot_id, id)
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
