//! Model calls that somebody stopped.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stops")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StopId,
    pub workspace_id: WorkspaceId,
    /// What is stopped in a word, so that it is stopped once: a bot's id, `vendor:` and its id, or `all`.
    pub target: String,
    pub bot_id: Option<BotId>,
    pub vendor: Option<String>,
    pub why: Option<String>,
    pub by_actor: String,
    pub since_ms: i64,
    /// When it was allowed again: from then on it is only told of.
    pub lifted_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
