//! Budgets of a tag: of all bots and virtual keys that carry it, such as those of a team.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "alter table budgets add column tag text";

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
