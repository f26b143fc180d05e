//! What people are told of bots: notifications, who has read them, who wants which, and devices that take pushes.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table notifications (id ID primary key not null, workspace_id ID not null,
  bot_id ID references bots(id) on delete cascade, about text not null, kind text not null, reason text,
  count bigint not null, news bigint not null, first_at_ms bigint not null, last_at_ms bigint not null,
  resolved_at_ms bigint);
create unique index notifications_open on notifications (about) where resolved_at_ms is null;
create index notifications_about on notifications (about, last_at_ms);
create index notifications_bot on notifications (bot_id);
create index notifications_last on notifications (workspace_id, last_at_ms, id);
create index notifications_age on notifications (last_at_ms);
create table notification_reads (workspace_id ID not null,
  notification_id ID not null references notifications(id) on delete cascade, reader text not null,
  news bigint not null, primary key (notification_id, reader));
create table notification_mutes (workspace_id ID not null, bot_id ID not null references bots(id) on delete cascade,
  reader text not null, until_ms bigint not null, primary key (bot_id, reader));
create index notification_mutes_reader on notification_mutes (reader);
create table notification_choices (workspace_id ID not null references workspaces(id),
  user_id ID not null references users(id), choices text not null, primary key (workspace_id, user_id));
create table push_subscriptions (id ID primary key not null, workspace_id ID not null references workspaces(id),
  user_id ID not null references users(id), session_id ID not null references sessions(id) on delete cascade,
  endpoint text not null, p256dh BYTES not null, auth BYTES not null, locale text not null,
  created_at_ms bigint not null);
create unique index push_subscriptions_endpoint on push_subscriptions (user_id, endpoint);
create index push_subscriptions_workspace on push_subscriptions (workspace_id);
create index push_subscriptions_session on push_subscriptions (session_id)
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
