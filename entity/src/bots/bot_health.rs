//! A change of a bot's health. `reason` is JSON of the word in `api::bots`.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_health")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HealthChangeId,
    pub workspace_id: WorkspaceId,
    pub bot_id: BotId,
    pub at_ms: i64,
    pub lives: String,
    pub works: String,
    pub health: String,
    pub reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
