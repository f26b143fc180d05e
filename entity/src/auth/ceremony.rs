//! A passkey ceremony in progress; single use.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ceremonies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CeremonyId,
    pub kind: String,
    pub state: String,
    pub user_id: Option<UserId>,
    pub user_name: Option<String>,
    pub passkey_name: Option<String>,
    pub link_id: Option<LinkId>,
    pub session_id: Option<SessionId>,
    pub created_at_ms: i64,
    pub expires_at_ms: i64,
    pub used_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
