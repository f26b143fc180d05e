//! Sums of calls by quarter of an hour and by UTC day, kept in the transaction of their rows.

use super::{
    spans::{DAY_MS, QUARTER_MS, Spans, floor},
    sql::Sql,
    tag,
};
use crate::platform::error::OpError;
use api::{ids::WorkspaceId, usage::UsageSums};
use entity::usage::usage_row as row;
use policy::{Granted, act};
use relay::UsageTotals as Absorbed;
use sea_orm::{ConnectionTrait, QueryResult, Value};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

pub(super) const QUARTERS: &str = "usage_quarters";
pub(super) const DAYS: &str = "usage_days";
/// Keys of one statement.
const AT_ONCE: usize = 500;
/// No real call has more tokens. A vendor's word is not trusted to fit a sum.
const MOST_TOKENS: u64 = 1_000_000_000;
/// No real call costs more: 100,000 USD.
const MOST_COST: i64 = 100_000_000_000;
/// Where a sum stays: a hostile one must not stop the ledger of all.
pub(super) const MOST: i64 = 4_000_000_000_000_000_000;
/// Models of one workspace and day that have sums of their own. A caller may name as many as it likes, and days are
/// kept for ever: those beyond share a nameless one.
const MODELS: usize = 1_000;
/// Characters of a model's name.
const NAME: usize = 200;
const SUMS: [&str; 13] = [
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_micro_usd",
    "cost_unknown",
    "held_micro_usd",
    "estimated",
    "timed",
    "latency_ms",
    "first_events",
    "first_event_ms",
];
const KEY: &str = "workspace_id, start_ms, bot_id, key_id, virtual_key_id, vendor, model, outcome";

/// Tokens as they are kept.
pub(super) fn tokens(n: u64) -> i64 {
    i64::try_from(n.min(MOST_TOKENS)).unwrap_or(i64::MAX)
}

/// A cost as it is kept.
pub(super) fn cost(micro_usd: i64) -> i64 {
    micro_usd.min(MOST_COST)
}

/// How a call ended, coarsely.
pub(super) fn outcome(ended: &str) -> &'static str {
    match ended {
        "complete" => "ok",
        "refused" => "refused",
        _ => "failed",
    }
}

/// What calls share that are added up. What is not there is an id of zeros: in a key, null would be unlike any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    workspace: Uuid,
    start_ms: i64,
    bot: Uuid,
    key: Uuid,
    virtual_key: Uuid,
    vendor: String,
    model: String,
    outcome: &'static str,
}

/// Which models have sums of their own.
#[derive(Default)]
pub(super) struct Names {
    day_ms: i64,
    seen: HashMap<WorkspaceId, HashSet<(String, String)>>,
}

impl Names {
    /// The name a call is added up under.
    fn of(&mut self, workspace: WorkspaceId, started_ms: i64, vendor: &str, model: &str) -> String {
        let day_ms = floor(started_ms, DAY_MS);
        if day_ms > self.day_ms {
            *self = Self { day_ms, ..Self::default() };
        }
        let model: String = model.chars().take(NAME).collect();
        let seen = self.seen.entry(workspace).or_default();
        let name = (vendor.to_owned(), model);
        if seen.len() < MODELS || seen.contains(&name) {
            seen.insert(name.clone());
            return name.1;
        }
        String::new()
    }
}

/// Sums to add.
#[derive(Default)]
pub(super) struct Rollup(BTreeMap<Key, UsageSums>);

impl Rollup {
    /// The sums of rows and counters that were written a moment ago.
    pub(super) fn of(rows: &[row::Model], absorbed: &[&Absorbed], names: &Mutex<Names>) -> Self {
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Self::default();
        for row in rows {
            all.row(row, &mut names);
        }
        for one in absorbed {
            all.absorbed(one, &mut names);
        }
        all
    }

    fn put(&mut self, key: Key, sums: &UsageSums) {
        self.0.entry(key).or_default().add(sums);
    }

    fn row(&mut self, row: &row::Model, names: &mut Names) {
        let model = row.model_answered.as_deref().unwrap_or(&row.model);
        let key = Key {
            workspace: row.workspace_id.0,
            start_ms: floor(row.started_at_ms, QUARTER_MS),
            bot: row.bot_id.map_or(Uuid::nil(), |id| id.0),
            key: row.key_id.map_or(Uuid::nil(), |id| id.0),
            virtual_key: row.virtual_key_id.map_or(Uuid::nil(), |id| id.0),
            model: names.of(row.workspace_id, row.started_at_ms, &row.vendor, model),
            vendor: row.vendor.clone(),
            outcome: outcome(&row.ended),
        };
        let sums = UsageSums {
            calls: 1,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cache_read_tokens: row.cache_read_tokens,
            cache_write_tokens: row.cache_write_tokens,
            cost_micro_usd: row.cost_micro_usd.unwrap_or(0),
            cost_unknown: i64::from(row.cost_micro_usd.is_none()),
            held_micro_usd: row.held_micro_usd.unwrap_or(0),
            estimated: i64::from(row.estimated),
            // How long a lost one took, nobody saw.
            timed: i64::from(row.ended != "lost"),
            latency_ms: row.latency_ms,
            first_events: i64::from(row.first_event_ms.is_some()),
            first_event_ms: row.first_event_ms.unwrap_or(0),
            ..UsageSums::default()
        };
        self.put(key, &sums);
    }

    /// Adds calls that counters absorbed: how long they took and what they cost is not known.
    fn absorbed(&mut self, a: &Absorbed, names: &mut Names) {
        let (calls, failed) = (count(a.calls), count(a.failed.min(a.calls)));
        let key = Key {
            workspace: a.workspace.0,
            start_ms: floor(a.minute_ms, QUARTER_MS),
            bot: a.bot.map_or(Uuid::nil(), |id| id.0),
            key: a.key.map_or(Uuid::nil(), |id| id.0),
            virtual_key: absorbed_virtual_key(a).unwrap_or(Uuid::nil()),
            vendor: a.vendor.to_owned(),
            model: names.of(a.workspace, a.minute_ms, a.vendor, &a.model),
            outcome: "ok",
        };
        if failed > 0 {
            let sums = UsageSums { calls: failed, cost_unknown: failed, ..UsageSums::default() };
            self.put(Key { outcome: "failed", ..key.clone() }, &sums);
        }
        let whole = calls - failed;
        let sums = UsageSums {
            calls: whole,
            input_tokens: absorbed_tokens(a, a.tokens.input),
            output_tokens: absorbed_tokens(a, a.tokens.output),
            cache_read_tokens: absorbed_tokens(a, a.tokens.cache_read),
            cache_write_tokens: absorbed_tokens(a, a.tokens.cache_write),
            cost_unknown: whole,
            ..UsageSums::default()
        };
        self.put(key, &sums);
    }

    /// Writes them to both tables.
    pub(super) async fn add<C: ConnectionTrait>(
        self,
        tx: &C,
        _granted: &Granted<act::WriteUsage>,
    ) -> Result<(), OpError> {
        let mut days = Self::default();
        for (key, sums) in &self.0 {
            days.put(Key { start_ms: floor(key.start_ms, DAY_MS), ..key.clone() }, sums);
        }
        for (table, sums) in [(QUARTERS, self), (DAYS, days)] {
            let all: Vec<_> = sums.0.into_iter().collect();
            for some in all.chunks(AT_ONCE) {
                upsert(table, some).run(tx).await?;
            }
        }
        Ok(())
    }
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(MOST).min(MOST)
}

/// Tokens of several calls.
pub(super) fn absorbed_tokens(a: &Absorbed, n: u64) -> i64 {
    count(n.min(a.calls.saturating_mul(MOST_TOKENS)))
}

/// The virtual key that counters were for, as far as they could tell.
pub(super) fn absorbed_virtual_key(a: &Absorbed) -> Option<Uuid> {
    a.caller.filter(|_| a.bot.is_none())
}

fn upsert(table: &str, some: &[(Key, UsageSums)]) -> Sql {
    let mut sql = Sql::new(format!("insert into {table} ({KEY}, {}) values ", SUMS.join(", ")));
    for (n, (key, s)) in some.iter().enumerate() {
        let values: [Value; 21] = [
            key.workspace.into(),
            key.start_ms.into(),
            key.bot.into(),
            key.key.into(),
            key.virtual_key.into(),
            key.vendor.clone().into(),
            key.model.clone().into(),
            key.outcome.into(),
            s.calls.into(),
            s.input_tokens.into(),
            s.output_tokens.into(),
            s.cache_read_tokens.into(),
            s.cache_write_tokens.into(),
            s.cost_micro_usd.into(),
            s.cost_unknown.into(),
            s.held_micro_usd.into(),
            s.estimated.into(),
            s.timed.into(),
            s.latency_ms.into(),
            s.first_events.into(),
            s.first_event_ms.into(),
        ];
        sql.text(if n == 0 { "(" } else { ", (" });
        sql.list(values);
        sql.text(")");
    }
    sql.text(&format!(" on conflict ({KEY}) do update set "));
    let more = SUMS.map(|sum| {
        format!(
            "{sum} = case when {table}.{sum} > {MOST} - excluded.{sum} then {MOST} else {table}.{sum} + excluded.{sum} end"
        )
    });
    sql.text(&more.join(", "));
    sql
}

/// Whose calls are meant; nothing means all. An id of zeros means calls that have none.
#[derive(Clone, Debug, Default)]
pub struct Only {
    /// A bot.
    pub bot: Option<Uuid>,
    /// A provider key.
    pub key: Option<Uuid>,
    /// A virtual key.
    pub virtual_key: Option<Uuid>,
    /// A tag of a bot or virtual key, or `(none)`.
    pub tag: Option<String>,
    /// A vendor's id.
    pub vendor: Option<String>,
    /// A model's whole name.
    pub model: Option<String>,
    /// The same read as a vendor and its model, which is meant too.
    pub model_of: Option<(String, String)>,
    /// How models' names begin.
    pub model_prefix: Option<String>,
    /// `ok`, `failed` or `refused`.
    pub outcome: Option<&'static str>,
}

/// The columns of sums in an answer.
pub(super) fn summed() -> String {
    let sum = |of: &str, name: &str| format!("cast(coalesce(sum({of}), 0) as bigint) as {name}");
    let mut all = SUMS.map(|name| sum(name, name)).to_vec();
    all.push(sum("case when outcome <> 'ok' then calls else 0 end", "failed"));
    all.push(sum("case when outcome = 'refused' then calls else 0 end", "refused"));
    all.join(", ")
}

/// Reads the columns of [`summed`].
pub(super) fn sums(row: &QueryResult) -> Result<UsageSums, OpError> {
    let of = |name: &str| row.try_get::<i64>("", name);
    Ok(UsageSums {
        calls: of("calls")?,
        failed: of("failed")?,
        refused: of("refused")?,
        input_tokens: of("input_tokens")?,
        output_tokens: of("output_tokens")?,
        cache_read_tokens: of("cache_read_tokens")?,
        cache_write_tokens: of("cache_write_tokens")?,
        cost_micro_usd: of("cost_micro_usd")?,
        cost_unknown: of("cost_unknown")?,
        held_micro_usd: of("held_micro_usd")?,
        estimated: of("estimated")?,
        timed: of("timed")?,
        latency_ms: of("latency_ms")?,
        first_events: of("first_events")?,
        first_event_ms: of("first_event_ms")?,
    })
}

/// One more condition: the model, by its name or by its vendor's and its own.
fn of_model(sql: &mut Sql, only: &Only) {
    let Some(model) = &only.model else { return };
    sql.and("(model =", model.as_str());
    if let Some((vendor, model)) = &only.model_of {
        sql.text(" or vendor = ");
        sql.value(vendor.as_str());
        sql.and("model =", model.as_str());
    }
    sql.text(")");
}

/// Appends `(…) as t`: the rows of both tables that lie in the spans and are chosen.
pub(super) fn from(sql: &mut Sql, workspace: WorkspaceId, only: &Only, spans: &Spans) {
    let days = spans.days.iter().map(|span| (DAYS, span));
    let parts = days.chain(spans.quarters.iter().map(|span| (QUARTERS, span)));
    sql.text("(");
    for (n, (table, (from_ms, to_ms))) in parts.enumerate() {
        sql.text(if n == 0 { "" } else { " union all " });
        sql.text(&format!("select * from {table} where workspace_id = "));
        sql.value(workspace.0);
        sql.and("start_ms >=", *from_ms);
        sql.and("start_ms <", *to_ms);
        for (column, id) in
            [("bot_id =", only.bot), ("key_id =", only.key), ("virtual_key_id =", only.virtual_key)]
        {
            if let Some(id) = id {
                sql.and(column, id);
            }
        }
        tag::narrow(sql, workspace, only);
        let texts = [("vendor =", only.vendor.as_deref()), ("outcome =", only.outcome)];
        for (column, text) in texts {
            if let Some(text) = text {
                sql.and(column, text);
            }
        }
        of_model(sql, only);
        if let Some(prefix) = &only.model_prefix {
            let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
            sql.and(&format!("substr(model, 1, {length}) ="), prefix.as_str());
        }
    }
    sql.text(") as t");
}
