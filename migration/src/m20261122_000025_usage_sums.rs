//! Sums of the ledger by quarter of an hour and by day, so that no question reads a month row by row.

use crate::ddl;
use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const LEDGER: &str = "
alter table usage_rows add column virtual_key_id ID;
alter table usage_absorbed add column id ID;
alter table usage_absorbed add column vendor text;
alter table usage_absorbed add column virtual_key_id ID;
alter table usage_absorbed add column failed bigint;
alter table usage_absorbed add column cache_read_tokens bigint;
alter table usage_absorbed add column cache_write_tokens bigint;
create unique index usage_absorbed_once on usage_absorbed (id)
";

/// What is not there is an id of zeros: in a key, null would be unlike any other null.
const KEY: &str = "workspace_id, start_ms, bot_id, key_id, virtual_key_id, vendor, model, outcome";

fn table(name: &str, rest: &str) -> String {
    format!(
        "create table {name} (workspace_id ID not null, start_ms bigint not null, bot_id ID not null, key_id ID not null,
  virtual_key_id ID not null, vendor text not null, model text not null, outcome text not null,
  calls bigint not null, input_tokens bigint not null, output_tokens bigint not null,
  cache_read_tokens bigint not null, cache_write_tokens bigint not null, cost_micro_usd bigint not null,
  cost_unknown bigint not null, estimated bigint not null, timed bigint not null, latency_ms bigint not null, first_events bigint not null,
  first_event_ms bigint not null, primary key ({KEY})) {rest}"
    )
}

/// What the ledger has so far. A figure no call can have is cut, as the ledger itself does from now on.
fn fill(nil: &str) -> [String; 3] {
    let cut =
        |column: &str| format!("sum(case when {column} > 1000000000 then 1000000000 else {column} end)");
    let [input, output, read, write] =
        ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"].map(cut);
    let quarter = |at: &str| format!("{at} - {at} % 900000");
    let rows = format!(
        "insert into usage_quarters select workspace_id, {}, coalesce(bot_id, {nil}), coalesce(key_id, {nil}), {nil},
  vendor, substr(coalesce(model_answered, model), 1, 200),
  case ended when 'complete' then 'ok' when 'refused' then 'refused' else 'failed' end,
  count(*), {input}, {output}, {read}, {write},
  sum(case when cost_micro_usd > 100000000000 then 100000000000 else coalesce(cost_micro_usd, 0) end),
  sum(case when cost_micro_usd is null then 1 else 0 end), sum(case when estimated then 1 else 0 end), count(*),
  sum(latency_ms), count(first_event_ms),
  coalesce(sum(first_event_ms), 0) from usage_rows group by 1, 2, 3, 4, 5, 6, 7, 8",
        quarter("started_at_ms")
    );
    // Their failures were not kept: none of them is called one. `0`: too many to tell when.
    let absorbed = format!(
        "insert into usage_quarters select a.workspace_id, {}, coalesce(a.bot_id, {nil}), coalesce(a.key_id, {nil}),
  {nil}, coalesce(k.vendor, ''), substr(a.model, 1, 200), 'ok', sum(a.calls), {}, {}, 0, 0, 0, sum(a.calls),
  0, 0, 0, 0, 0 from usage_absorbed a left join provider_keys k on k.id = a.key_id where a.minute_ms > 0
  group by 1, 2, 3, 4, 5, 6, 7, 8 on conflict ({KEY}) do update set calls = usage_quarters.calls + excluded.calls,
  input_tokens = usage_quarters.input_tokens + excluded.input_tokens,
  output_tokens = usage_quarters.output_tokens + excluded.output_tokens,
  cost_unknown = usage_quarters.cost_unknown + excluded.cost_unknown",
        quarter("a.minute_ms"),
        cut("a.input_tokens"),
        cut("a.output_tokens"),
    );
    let days = "insert into usage_days select workspace_id, start_ms - start_ms % 86400000, bot_id, key_id,
  virtual_key_id, vendor, model, outcome, sum(calls), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
  sum(cache_write_tokens), sum(cost_micro_usd), sum(cost_unknown), sum(estimated), sum(timed), sum(latency_ms), sum(first_events),
  sum(first_event_ms) from usage_quarters group by 1, 2, 3, 4, 5, 6, 7, 8";
    [rows, absorbed, days.to_owned()]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite too: a step cut in the middle must not stand half-made.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (rest, nil) = match manager.get_database_backend() {
            DbBackend::Postgres => ("", "'00000000-0000-0000-0000-000000000000'::uuid"),
            _ => ("without rowid", "zeroblob(16)"),
        };
        ddl::run(manager, LEDGER).await?;
        for name in ["usage_quarters", "usage_days"] {
            ddl::run(manager, &table(name, rest)).await?;
        }
        for statement in fill(nil) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
