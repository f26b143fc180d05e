//! What was done to a bot, or what became of it. `reason` is JSON of the word in `api::bots`.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BotEventId,
    pub workspace_id: WorkspaceId,
    pub bot_id: BotId,
    pub at_ms: i64,
    pub kind: String,
    pub actor: Option<String>,
    pub reason: Option<String>,
    pub lived_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
