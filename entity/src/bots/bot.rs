//! A bot. `settings`, `pending`, `reason`, `stages`, `tags` and `upgrade` are JSON of the words in `api::bots`.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BotId,
    pub workspace_id: WorkspaceId,
    pub slug: String,
    pub name: String,
    pub runtime: String,
    pub uid: Option<i64>,
    pub gateway_port: Option<i64>,
    pub gateway_token: Vec<u8>,
    pub desired: String,
    pub observed: String,
    pub stage: Option<String>,
    pub health: String,
    pub reason: Option<String>,
    pub stages: String,
    pub since_ms: i64,
    pub generation: i64,
    pub restarts: i64,
    pub failures: i64,
    pub next_try_at_ms: Option<i64>,
    pub settings: String,
    pub pending: Option<String>,
    pub running_config_id: Option<BotConfigId>,
    pub config_id: BotConfigId,
    pub version: i64,
    pub created_at_ms: i64,
    pub started_at_ms: Option<i64>,
    /// Since when it has been ready in this life, as far as any Chela saw.
    pub ready_at_ms: Option<i64>,
    pub tags: String,
    /// In the trash since.
    pub trashed_at_ms: Option<i64>,
    /// What was wanted before the trash.
    pub trashed_from: Option<String>,
    /// Settings it was last well with.
    pub well_config_id: Option<BotConfigId>,
    /// Which OpenClaw it runs with; empty for a bot that was made before this was noted.
    pub openclaw: String,
    /// JSON of its last upgrade, as the bots slice writes it.
    pub upgrade: Option<String>,
    /// User id of a rehearsal.
    pub trial_uid: Option<i64>,
    /// Put to sleep when nobody has needed it for so long; never if absent.
    pub idle_stop_minutes: Option<i64>,
    /// Asleep since: wanted running, and down until somebody needs it.
    pub asleep_since_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
