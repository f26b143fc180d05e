//! A chat thread; `session_key` names the gateway's session.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "threads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ThreadId,
    pub workspace_id: WorkspaceId,
    pub bot_id: BotId,
    pub title: String,
    pub session_key: String,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    /// When a person last wrote in it.
    pub written_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
