//! A provider key; `sealed` is the vault's envelope, `tags` and the models are JSON lists.

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
    /// By which callers prefer it.
    pub tags: String,
    /// What it may be asked for, as its vendor names it; empty is all.
    pub allowed_models: String,
    pub requests_per_minute: Option<i64>,
    pub month_micro_usd: Option<i64>,
    pub expires_at_ms: Option<i64>,
    /// How many days before that people were told last.
    pub expiry_told: Option<i64>,
    /// When Chela looked at it by itself.
    pub checked_at_ms: Option<i64>,
    /// Why nobody could be asked then.
    pub check_message: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
