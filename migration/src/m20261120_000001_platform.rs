//! What every slice stands on: settings, tenants, people, jobs, idempotency, audit.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table settings (key text primary key not null, value text not null, updated_at_ms bigint not null);
create table workspaces (id ID primary key not null, slug text not null unique, name text not null,
  max_bots bigint, created_at_ms bigint not null);
create table users (id ID primary key not null, name text not null, name_key text not null unique,
  admin boolean not null, created_at_ms bigint not null);
create table members (workspace_id ID not null references workspaces(id), user_id ID not null references users(id),
  role text not null, created_at_ms bigint not null, primary key (workspace_id, user_id));
create table jobs (id ID primary key not null, kind text not null, payload text not null, unique_key text,
  state text not null, run_at_ms bigint not null, attempts bigint not null, max_attempts bigint not null,
  locked_until_ms bigint, last_error text, created_at_ms bigint not null, finished_at_ms bigint);
create index jobs_due on jobs (state, run_at_ms);
create unique index jobs_unique on jobs (unique_key) where state = 'queued' and unique_key is not null;
create table idempotency (caller text not null, key text not null, verb text not null, body_hash BYTES not null,
  status bigint, response text, created_at_ms bigint not null, primary key (caller, key));
create table audit (id ID primary key not null, at_ms bigint not null, workspace_id ID, actor text not null,
  act text not null, target text, outcome text not null, request_id ID, detail text);
create index audit_workspace on audit (workspace_id, id)
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
