//! One trouble of a bot or a runtime. `about` names what it is about, `news` counts what there was to see; `reason` is JSON
//! of the word in `api::bots`.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    pub workspace_id: WorkspaceId,
    pub bot_id: Option<BotId>,
    pub about: String,
    pub kind: String,
    pub reason: Option<String>,
    pub count: i64,
    pub news: i64,
    pub first_at_ms: i64,
    pub last_at_ms: i64,
    pub resolved_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
