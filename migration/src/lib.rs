//! Schema history. The same steps run on SQLite and PostgreSQL; each file is one step and never changes
//! once released.
#![forbid(unsafe_code)]
#![expect(elided_lifetimes_in_paths, reason = "the trait of sea-orm-migration is written without them")]

pub use sea_orm_migration::prelude::*;

mod ddl;
mod m20261120_000001_platform;
mod m20261120_000002_auth;
mod m20261120_000003_keys;
mod m20261120_000004_bots;
mod m20261120_000005_chat;
mod m20261120_000006_usage;
mod m20261121_000007_many_bots;
mod m20261121_000008_bot_events;
mod m20261121_000009_notify;
mod m20261121_000010_bot_health;
mod m20261121_000011_bot_metrics;
mod m20261121_000012_bot_openclaw;
mod m20261121_000013_jobs;
mod m20261121_000015_idle;
mod m20261122_000016_push_held;
mod m20261122_000017_bot_ready;
mod m20261122_000020_usage_tries;
mod m20261122_000021_model_prices;
mod m20261122_000022_budgets;
mod m20261122_000023_virtual_keys;
mod m20261122_000024_chains;
mod m20261122_000025_usage_sums;
mod m20261122_000026_key_choice;
mod m20261122_000027_stops;
mod m20261122_000028_open_calls;
mod m20261122_000029_models;
mod m20261122_000030_budget_tags;
mod m20261123_000031_thread_written;
mod m20261123_000032_thinking_price;
mod m20261123_000033_usage_reason;
mod m20261123_000034_usage_held;
mod m20261123_000035_usage_counts;
mod m20261123_000036_lookouts;
mod m20261123_000037_stopped_calls;

/// All steps, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_platform::Migration),
            Box::new(m20261120_000002_auth::Migration),
            Box::new(m20261120_000003_keys::Migration),
            Box::new(m20261120_000004_bots::Migration),
            Box::new(m20261120_000005_chat::Migration),
            Box::new(m20261120_000006_usage::Migration),
            Box::new(m20261121_000007_many_bots::Migration),
            Box::new(m20261121_000008_bot_events::Migration),
            Box::new(m20261121_000009_notify::Migration),
            Box::new(m20261121_000010_bot_health::Migration),
            Box::new(m20261121_000011_bot_metrics::Migration),
            Box::new(m20261121_000012_bot_openclaw::Migration),
            Box::new(m20261121_000013_jobs::Migration),
            Box::new(m20261121_000015_idle::Migration),
            Box::new(m20261122_000016_push_held::Migration),
            Box::new(m20261122_000017_bot_ready::Migration),
            Box::new(m20261122_000020_usage_tries::Migration),
            Box::new(m20261122_000021_model_prices::Migration),
            Box::new(m20261122_000022_budgets::Migration),
            Box::new(m20261122_000023_virtual_keys::Migration),
            Box::new(m20261122_000024_chains::Migration),
            Box::new(m20261122_000025_usage_sums::Migration),
            Box::new(m20261122_000026_key_choice::Migration),
            Box::new(m20261122_000027_stops::Migration),
            Box::new(m20261122_000028_open_calls::Migration),
            Box::new(m20261122_000029_models::Migration),
            Box::new(m20261122_000030_budget_tags::Migration),
            Box::new(m20261123_000031_thread_written::Migration),
            Box::new(m20261123_000032_thinking_price::Migration),
            Box::new(m20261123_000033_usage_reason::Migration),
            Box::new(m20261123_000034_usage_held::Migration),
            Box::new(m20261123_000035_usage_counts::Migration),
            Box::new(m20261123_000036_lookouts::Migration),
            Box::new(m20261123_000037_stopped_calls::Migration),
        ]
    }
}

/// Tables whose rows belong to the instance or to a person. Every other table has `workspace_id`
/// (a test compares).
pub const INSTANCE_TABLES: &[&str] = &[
    "settings",
    "workspaces",
    "users",
    "jobs",
    "idempotency",
    "audit",
    "passkeys",
    "sessions",
    "links",
    "ceremonies",
    "seaql_migrations",
];
