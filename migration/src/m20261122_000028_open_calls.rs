//! Calls whose vendor was asked and that have not ended: what they are settled as, should Chela die.

use crate::ddl;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: &str = "
create table open_calls (id ID primary key not null, call text not null)
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
