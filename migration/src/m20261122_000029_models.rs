//! Models: where an own price was read and the prompts it holds for, and what a workspace says of a model itself.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
alter table model_prices add column up_to_input bigint;
alter table model_prices add column source text;
create table model_facts (workspace_id ID not null references workspaces(id), vendor text not null, model text not null,
  facts text not null, primary key (workspace_id, vendor, model))
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
