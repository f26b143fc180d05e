//! What a bot used in a stretch of time: `samples` are records of 16 bytes, as the bots slice writes them.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_metrics")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub bot_id: BotId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_ms: i64,
    pub workspace_id: WorkspaceId,
    pub samples: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
