//! What a workspace pays for a model, from a moment on: micro-USD per million tokens.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "model_prices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PriceId,
    pub workspace_id: WorkspaceId,
    pub vendor: String,
    pub model: String,
    pub input_price: i64,
    pub output_price: i64,
    pub cache_read_price: Option<i64>,
    pub cache_write_price: Option<i64>,
    /// Of output that was reasoning, where that has a price of its own.
    pub thinking_price: Option<i64>,
    pub since_ms: i64,
    pub up_to_input: Option<i64>,
    pub source: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
