//! A device that takes pushes, as long as its session lasts.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "push_subscriptions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PushId,
    pub workspace_id: WorkspaceId,
    pub user_id: UserId,
    pub session_id: SessionId,
    pub endpoint: String,
    pub p256dh: Vec<u8>,
    pub auth: Vec<u8>,
    pub locale: String,
    pub created_at_ms: i64,
    /// When a trouble was pushed to it last that others wait behind, and which; none for several together.
    pub told_at_ms: i64,
    pub told_id: Option<NotificationId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
