//! A provider key; `sealed` is the vault's envelope.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: KeyId,
    pub workspace_id: WorkspaceId,
    pub vendor: String,
    pub label: String,
    pub base_url: String,
    pub last_four: String,
    pub sealed: Vec<u8>,
    pub status: String,
    pub status_message: Option<String>,
    pub tested_at_ms: Option<i64>,
    pub latency_ms: Option<i64>,
    pub models: String,
    pub version: i64,
    pub created_at_ms: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
