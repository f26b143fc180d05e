//! What a person or program calls models with. Only hashes of its secrets are kept; `models` and `tags` are JSON lists.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "virtual_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VirtualKeyId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub secret_hash: Vec<u8>,
    pub last_four: String,
    pub models: String,
    pub expires_at_ms: Option<i64>,
    pub blocked: bool,
    /// Of the secret before the last rotation.
    pub former_hash: Option<Vec<u8>>,
    pub former_until_ms: Option<i64>,
    pub created_at_ms: i64,
    pub last_used_at_ms: Option<i64>,
    pub version: i64,
    /// Which provider keys its calls prefer, in their order.
    pub tags: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
