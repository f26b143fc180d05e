//! Troubles that a device is told of together: many begin at once when a host or an engine restarts.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table push_subscriptions add column told_at_ms bigint not null default 0;
alter table push_subscriptions add column told_id ID;
create table push_held (workspace_id ID not null,
  device_id ID not null references push_subscriptions(id) on delete cascade,
  notification_id ID not null references notifications(id) on delete cascade,
  primary key (device_id, notification_id));
create index push_held_notification on push_held (notification_id)
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
