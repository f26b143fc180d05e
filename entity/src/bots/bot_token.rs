//! Token hashes of one generation of a bot.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub bot_id: BotId,
    pub workspace_id: WorkspaceId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: i64,
    pub relay_hash: Vec<u8>,
    pub tool_hash: Vec<u8>,
    pub created_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
