//! Why a call was refused or broken off, and how much of an answer was reasoning.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table usage_rows add column reason text;
alter table usage_rows add column reasoning_tokens bigint not null default 0";

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
