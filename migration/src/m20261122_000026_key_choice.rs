//! What a provider key is for: tags, models, limits of its own, when it ends; and that it is looked at once a day.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table provider_keys add column tags text not null default '[]';
alter table provider_keys add column allowed_models text not null default '[]';
alter table provider_keys add column requests_per_minute bigint;
alter table provider_keys add column month_micro_usd bigint;
alter table provider_keys add column expires_at_ms bigint;
alter table provider_keys add column expiry_told bigint;
alter table provider_keys add column checked_at_ms bigint;
alter table provider_keys add column check_message text;
alter table virtual_keys add column tags text not null default '[]'
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
