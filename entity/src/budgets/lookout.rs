//! From when on a workspace's bots look like some that spend for nobody; of one that said nothing there is no row.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lookouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    pub loop_calls: i64,
    pub loop_spread_percent: i64,
    pub loop_apart_s: i64,
    pub busy_minutes: i64,
    pub idle_minutes: i64,
    pub idle_micro_usd: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
