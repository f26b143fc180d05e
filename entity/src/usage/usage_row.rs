//! One model call.

use api::ids::*;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_rows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UsageId,
    pub workspace_id: WorkspaceId,
    pub bot_id: Option<BotId>,
    pub key_id: Option<KeyId>,
    pub request_id: RequestId,
    pub vendor: String,
    pub model: String,
    pub status: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    /// The part of `output_tokens` that was reasoning.
    pub reasoning_tokens: i64,
    pub stream: bool,
    pub ended: String,
    pub started_at_ms: i64,
    pub latency_ms: i64,
    pub first_event_ms: Option<i64>,
    pub trace_id: Option<String>,
    /// The chain it asked for, where that was one.
    pub chain: Option<String>,
    /// How often somebody was asked.
    pub attempts: i64,
    /// JSON of those that could not serve it, as `api::usage` says it; absent where the first one did.
    pub tries: Option<String>,
    /// What the vendor says it used.
    pub model_answered: Option<String>,
    /// At the price of its time; absent where that is not known.
    pub cost_micro_usd: Option<i64>,
    /// What budgets keep for it where that is not known.
    pub held_micro_usd: Option<i64>,
    /// Whether tokens and cost are an estimate.
    pub estimated: bool,
    /// The budget that stopped it.
    pub budget_id: Option<BudgetId>,
    /// The stop that refused or ended it.
    pub stop_id: Option<StopId>,
    /// Why Chela refused or broke it off: the code its answer carried.
    pub reason: Option<String>,
    /// Who called, where it is a virtual key.
    pub virtual_key_id: Option<VirtualKeyId>,
    /// The model the caller asked for, where a budget made it a cheaper one.
    pub asked_model: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
