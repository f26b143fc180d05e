//! A version of a bot's settings.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_configs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BotConfigId,
    pub workspace_id: WorkspaceId,
    pub bot_id: BotId,
    pub settings: String,
    pub created_by: String,
    pub created_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
