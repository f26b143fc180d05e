//! A chat message. `tools` and `usage` are JSON of the words in `api::chat`.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    pub workspace_id: WorkspaceId,
    pub thread_id: ThreadId,
    pub role: String,
    pub state: String,
    pub text: String,
    pub html: Option<String>,
    pub tools: String,
    pub model: Option<String>,
    pub usage: Option<String>,
    pub error: Option<String>,
    pub run_id: Option<RunId>,
    pub created_at_ms: i64,
    pub finished_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
