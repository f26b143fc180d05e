//! Up to which news somebody has seen a notification. `reader` is a person or a token.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification_reads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub notification_id: NotificationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub reader: String,
    pub workspace_id: WorkspaceId,
    pub news: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
