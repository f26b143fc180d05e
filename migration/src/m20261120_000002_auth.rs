//! Passkeys, sessions, one-time links, ceremonies, API tokens. Secrets are stored as hashes only.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table passkeys (id ID primary key not null, user_id ID not null references users(id),
  credential_id BYTES not null unique, name text not null, passkey text not null, synced boolean not null,
  created_at_ms bigint not null, last_used_at_ms bigint);
create index passkeys_user on passkeys (user_id);
create table sessions (id ID primary key not null, token_hash BYTES not null unique,
  user_id ID not null references users(id), label text not null, created_at_ms bigint not null,
  seen_at_ms bigint not null, expires_at_ms bigint not null, revoked_at_ms bigint);
create index sessions_user on sessions (user_id);
create table links (id ID primary key not null, kind text not null, token_hash BYTES not null unique,
  user_id ID references users(id), user_name text, role text, workspace_id ID, created_at_ms bigint not null,
  expires_at_ms bigint not null, tries bigint not null, used_at_ms bigint, superseded_at_ms bigint);
create table ceremonies (id ID primary key not null, kind text not null, state text not null, user_id ID,
  user_name text, passkey_name text, link_id ID, session_id ID, created_at_ms bigint not null,
  expires_at_ms bigint not null, used_at_ms bigint);
create table tokens (id ID primary key not null, workspace_id ID not null references workspaces(id),
  token_hash BYTES not null unique, name text not null, role text not null, created_at_ms bigint not null,
  last_used_at_ms bigint, revoked_at_ms bigint);
create index tokens_workspace on tokens (workspace_id, id)
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
