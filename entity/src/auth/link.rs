//! A one-time link; only the token's hash is kept.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LinkId,
    pub kind: String,
    pub token_hash: Vec<u8>,
    pub user_id: Option<UserId>,
    pub user_name: Option<String>,
    pub role: Option<String>,
    pub workspace_id: Option<WorkspaceId>,
    pub created_at_ms: i64,
    pub expires_at_ms: i64,
    pub tries: i64,
    pub used_at_ms: Option<i64>,
    pub superseded_at_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
