//! That people were told of a budget in a window: once of each level.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "budget_notices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub budget_id: BudgetId,
    pub workspace_id: WorkspaceId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub window_start_ms: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub level: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
