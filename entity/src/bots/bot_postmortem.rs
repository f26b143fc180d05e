//! What a bot left when it died. `summary` and `bundle` are JSON of the words in `api::bots`.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bot_postmortems")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PostmortemId,
    pub workspace_id: WorkspaceId,
    pub bot_id: BotId,
    pub at_ms: i64,
    pub summary: String,
    pub bundle: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
