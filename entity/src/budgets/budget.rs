//! How much the model calls of a workspace, a bot or a virtual key may use in a window of time.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "budgets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BudgetId,
    pub workspace_id: WorkspaceId,
    /// The bot it is for; of the whole workspace where neither bot nor virtual key nor tag is named.
    pub bot_id: Option<BotId>,
    pub virtual_key_id: Option<VirtualKeyId>,
    /// The tag of the bots and virtual keys it is for.
    pub tag: Option<String>,
    /// The only vendor it is for.
    pub vendor: Option<String>,
    /// The only model of that vendor.
    pub model: Option<String>,
    pub unit: String,
    pub period: String,
    pub most: i64,
    pub hard: bool,
    /// The cheaper model that calls go to, as `vendor/model`.
    pub instead: Option<String>,
    /// From how many percent used on; where nothing is said, when a call finds no room.
    pub instead_from: Option<i64>,
    /// Whether what it counted is kept, from its beginning on.
    pub counted: bool,
    pub created_at_ms: i64,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
