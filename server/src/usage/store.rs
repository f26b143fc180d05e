//! Rows of the ledger.

use super::{
    counted,
    ledger::Late,
    rollup::{self, Names, Only, Rollup, absorbed_tokens, absorbed_virtual_key, cost, tokens},
    spans::Spans,
    sql::Sql,
    tag,
};
use crate::{
    platform::{
        db::Cursor,
        error::OpError,
        text::{from_json, json_of},
    },
    virtual_keys,
};
use api::{
    Page,
    ids::*,
    usage::{UsageCharge, UsageRow as Word, UsageSums, UsageTry},
};
use entity::usage::usage_row as row;
use policy::{Granted, act};
use relay::{UsageRow, UsageTotals as Absorbed};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, Order,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, Select, Value,
    sea_query::{Expr, ExprTrait, Func},
};
use std::{collections::HashSet, sync::Mutex};

/// What is kept for a time only.
#[derive(Clone, Copy, Debug)]
pub(super) enum Old {
    Rows,
    Absorbed,
    Quarters,
    /// What budgets counted.
    Counts,
    /// The same of those by the minute.
    Minutes,
}

/// A name as both databases take it: callers and vendors may put a NUL in it, which PostgreSQL refuses.
fn plain(name: &str) -> String {
    name.replace('\0', "")
}

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Adds a group of rows; one that is there already (a retry after an unsure commit) changes nothing. Answers those
/// that were not there.
async fn insert<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteUsage>,
    group: &[UsageRow],
) -> Result<Vec<row::Model>, OpError> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let models = group.iter().map(|r| -> Result<_, OpError> {
        Ok(row::Model {
            id: UsageId(r.request_id),
            workspace_id: r.workspace,
            bot_id: r.bot,
            key_id: r.key,
            request_id: RequestId(r.request_id),
            vendor: r.vendor.to_owned(),
            model: plain(&r.model),
            status: i64::from(r.status),
            input_tokens: tokens(r.tokens.input),
            output_tokens: tokens(r.tokens.output),
            cache_read_tokens: tokens(r.tokens.cache_read),
            cache_write_tokens: tokens(r.tokens.cache_write),
            reasoning_tokens: tokens(r.tokens.reasoning),
            stream: r.stream,
            ended: r.end.as_str().to_owned(),
            started_at_ms: r.started_ms,
            latency_ms: count(r.latency_ms),
            first_event_ms: r.first_event_ms.map(count),
            trace_id: r.trace_id.clone(),
            chain: r.chain.clone(),
            attempts: i64::try_from(r.attempts()).unwrap_or(i64::MAX),
            tries: tries(r)?,
            model_answered: r.model_answered.as_deref().map(plain),
            cost_micro_usd: r.cost_micro_usd.map(cost),
            held_micro_usd: r.held_micro_usd.map(cost),
            estimated: r.estimated,
            budget_id: r.limit.map(BudgetId),
            stop_id: r.stop.map(StopId),
            reason: r.reason.map(str::to_owned),
            virtual_key_id: r.virtual_key().map(VirtualKeyId),
            asked_model: r.asked_model.as_deref().map(plain),
        })
    });
    let models = models.collect::<Result<Vec<_>, _>>()?;
    let once = sea_orm::sea_query::OnConflict::column(row::Column::Id).do_nothing().to_owned();
    let active = models.iter().map(|model| model.clone().into_active_model().reset_all());
    let new = row::Entity::insert_many(active).on_conflict(once).exec_with_returning_keys(tx).await?;
    let of_keys = group.iter().filter_map(|r| Some((VirtualKeyId(r.virtual_key()?), r.started_ms)));
    virtual_keys::used(tx, granted, of_keys).await?;
    let new: HashSet<UsageId> = new.into_iter().collect();
    Ok(models.into_iter().filter(|model| new.contains(&model.id)).collect())
}

/// Writes rows and counters with the sums of them; of a retry after an unsure commit, only what was not there yet.
pub(super) async fn write<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteUsage>,
    group: &[UsageRow],
    absorbed: &[Late],
    names: &Mutex<Names>,
) -> Result<(), OpError> {
    let rows = insert(tx, granted, group).await?;
    let late = insert_absorbed(tx, granted, absorbed).await?;
    let new: HashSet<UsageId> = rows.iter().map(|row| row.id).collect();
    let counts =
        group.iter().filter(|row| new.contains(&UsageId(row.request_id))).flat_map(|row| &row.counts);
    counted::add(tx, granted, counts.chain(late.iter().flat_map(|sum| &sum.counts))).await?;
    Rollup::of(&rows, &late, names).add(tx, granted).await
}

/// The keys that could not serve a call.
fn tries(row: &UsageRow) -> Result<Option<String>, OpError> {
    let word = |tried: &relay::usage::Try| UsageTry {
        key: tried.key,
        link: tried.link.clone(),
        status: tried.status,
        why: tried.why.to_owned(),
        took_ms: count(tried.took_ms),
        charge: tried.charge.map(|charge| UsageCharge {
            tokens: count(charge.tokens),
            cost_micro_usd: charge.cost_micro_usd,
            estimated: charge.estimated,
        }),
    };
    let tries: Vec<_> = row.tries.iter().map(word).collect();
    if tries.is_empty() { Ok(None) } else { json_of(&tries).map(Some) }
}

/// Adds what counters absorbed while rows could not be taken. Answers what was not there.
async fn insert_absorbed<'a, C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteUsage>,
    absorbed: &'a [Late],
) -> Result<Vec<&'a Absorbed>, OpError> {
    let mut new = Vec::new();
    for (id, a) in absorbed {
        let mut sql = Sql::new(
            "insert into usage_absorbed (id, workspace_id, bot_id, key_id, virtual_key_id, vendor, model, minute_ms, calls, failed, \
             input_tokens, output_tokens, cache_read_tokens, cache_write_tokens) values (",
        );
        let values: [Value; 14] = [
            (*id).into(),
            a.workspace.0.into(),
            a.bot.map(|b| b.0).into(),
            a.key.map(|k| k.0).into(),
            absorbed_virtual_key(a).into(),
            a.vendor.into(),
            plain(&a.model).into(),
            a.minute_ms.into(),
            count(a.calls).into(),
            count(a.failed).into(),
            absorbed_tokens(a, a.tokens.input).into(),
            absorbed_tokens(a, a.tokens.output).into(),
            absorbed_tokens(a, a.tokens.cache_read).into(),
            absorbed_tokens(a, a.tokens.cache_write).into(),
        ];
        sql.list(values);
        sql.text(") on conflict (id) do nothing");
        if sql.run(tx).await?.rows_affected() > 0 {
            new.push(a);
        }
    }
    Ok(new)
}

/// Which calls are listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Chosen {
    pub(super) only: Only,
    /// When they began, and a moment before which they did.
    pub(super) from_ms: Option<i64>,
    pub(super) to_ms: Option<i64>,
}

/// A page of calls, newest first.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    chosen: &Chosen,
    cursor: &Cursor<UsageId>,
) -> Result<Page<Word>, OpError> {
    use row::Column;
    let mut query =
        visible(granted).filter(conditions(chosen)).order_by_desc(Column::Id).limit(cursor.fetch());
    if let Some(after) = cursor.after {
        query = query.filter(Column::Id.lt(after));
    }
    let words = query.all(db).await?.into_iter().map(word).collect::<Result<Vec<_>, OpError>>()?;
    Ok(cursor.page(words, |word| word.id, |word| word))
}

/// One call.
pub(super) async fn find<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    id: UsageId,
) -> Result<Option<Word>, OpError> {
    visible(granted).filter(row::Column::Id.eq(id)).one(db).await?.map(word).transpose()
}

fn visible(granted: &Granted<act::ReadUsage>) -> Select<row::Entity> {
    match granted.workspace() {
        Some(workspace) => row::Entity::find().filter(row::Column::WorkspaceId.eq(workspace)),
        None => row::Entity::find(),
    }
}

fn conditions(chosen: &Chosen) -> Condition {
    use row::Column;
    let Only { bot, key, virtual_key, tag: _, vendor, model, model_of, model_prefix: _, outcome } =
        &chosen.only;
    let id = |column: Column, id: uuid::Uuid| if id.is_nil() { column.is_null() } else { column.eq(id) };
    let answers = |model: &str| {
        Expr::expr(Func::coalesce([Expr::col(Column::ModelAnswered), Expr::col(Column::Model)])).eq(model)
    };
    let of_vendor =
        |(vendor, model): &(String, String)| Column::Vendor.eq(vendor.as_str()).and(answers(model));
    let model = model
        .as_deref()
        .map(|model| Condition::any().add(answers(model)).add_option(model_of.as_ref().map(of_vendor)));
    let ends = |outcome: &str| match outcome {
        "ok" => Column::Ended.eq("complete"),
        "refused" => Column::Ended.eq("refused"),
        _ => Column::Ended.is_not_in(["complete", "refused"]),
    };
    Condition::all()
        .add_option(bot.map(|bot| id(Column::BotId, bot)))
        .add_option(key.map(|key| id(Column::KeyId, key)))
        .add_option(virtual_key.map(|key| id(Column::VirtualKeyId, key)))
        .add_option(tag::condition(&chosen.only))
        .add_option(vendor.as_deref().map(|vendor| Column::Vendor.eq(vendor)))
        .add_option(model)
        .add_option(outcome.map(ends))
        .add_option(chosen.from_ms.map(|from| Column::StartedAtMs.gte(from)))
        .add_option(chosen.to_ms.map(|to| Column::StartedAtMs.lt(to)))
}

fn word(r: row::Model) -> Result<Word, OpError> {
    Ok(Word {
        id: r.id,
        bot: r.bot_id,
        key: r.key_id,
        virtual_key: r.virtual_key_id,
        bot_name: None,
        key_name: None,
        virtual_key_name: None,
        vendor: r.vendor,
        model: r.model,
        asked_model: r.asked_model,
        model_answered: r.model_answered,
        status: u16::try_from(r.status).unwrap_or(0),
        ended: r.ended,
        input_tokens: r.input_tokens,
        output_tokens: r.output_tokens,
        cache_read_tokens: r.cache_read_tokens,
        cache_write_tokens: r.cache_write_tokens,
        reasoning_tokens: r.reasoning_tokens,
        stream: r.stream,
        started_at_ms: r.started_at_ms,
        latency_ms: r.latency_ms,
        first_event_ms: r.first_event_ms,
        chain: r.chain,
        attempts: r.attempts,
        tries: r.tries.as_deref().map(from_json).transpose()?.unwrap_or_default(),
        cost_micro_usd: r.cost_micro_usd,
        held_micro_usd: r.held_micro_usd,
        estimated: r.estimated,
        budget: r.budget_id,
        stop: r.stop_id,
        reason: r.reason,
        trace_id: r.trace_id,
    })
}

/// Sums of a time.
pub(super) async fn sums<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    only: &Only,
    spans: &Spans,
) -> Result<UsageSums, OpError> {
    let found = grouped(db, granted, only, spans, "1", "").await?;
    found.first().map_or_else(|| Ok(UsageSums::default()), rollup::sums)
}

/// Sums by what a group shares; its value stands in the column `part`.
pub(super) async fn grouped<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    only: &Only,
    spans: &Spans,
    part: &str,
    order: &str,
) -> Result<Vec<QueryResult>, OpError> {
    let Some(workspace) = granted.workspace() else { return Ok(Vec::new()) };
    if *spans == Spans::default() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(format!("select {part} as part, {} from ", rollup::summed()));
    rollup::from(&mut sql, workspace, only, spans);
    sql.text(&format!(" group by {part} {order}"));
    Ok(sql.all(db).await?)
}

/// Deletes what is older than it is kept: some of it, so that nobody waits for long. Answers how much.
pub(super) async fn forget<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteUsage>,
    what: Old,
    before_ms: i64,
    most: u32,
) -> Result<u64, OpError> {
    // Through workspaces, as the indices begin with them.
    let ours = "workspace_id in (select id from workspaces)";
    let (text, column) = match what {
        Old::Rows => (
            format!("delete from usage_rows where id in (select id from usage_rows where {ours}"),
            "started_at_ms",
        ),
        Old::Absorbed => (format!("delete from usage_absorbed where ({ours}"), "minute_ms"),
        Old::Counts => (
            format!("delete from usage_counts where (budget_id in (select id from budgets where {ours})"),
            "start_ms",
        ),
        Old::Minutes => (
            format!(
                "delete from usage_counts where (budget_id in (select id from budgets where {ours} and period = 'minute')"
            ),
            "start_ms",
        ),
        Old::Quarters => (
            format!(
                "delete from usage_quarters where {ours} and start_ms in \
                 (select distinct start_ms from usage_quarters where {ours}"
            ),
            "start_ms",
        ),
    };
    let mut sql = Sql::new(text);
    sql.and(&format!("{column} <"), before_ms);
    sql.text(&match what {
        Old::Absorbed | Old::Counts | Old::Minutes => ")".to_owned(),
        Old::Rows | Old::Quarters => format!(" limit {most})"),
    });
    Ok(sql.run(tx).await?.rows_affected())
}

/// When the last call of a bot ended that began after `from_ms`.
pub(super) async fn last_call_ms<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadUsage>,
    workspace: WorkspaceId,
    bot: BotId,
    from_ms: i64,
) -> Result<Option<i64>, OpError> {
    let ended = Expr::col(row::Column::StartedAtMs).add(Expr::col(row::Column::LatencyMs));
    let last = row::Entity::find()
        .select_only()
        .column(row::Column::StartedAtMs)
        .column(row::Column::LatencyMs)
        .filter(row::Column::WorkspaceId.eq(workspace))
        .filter(row::Column::StartedAtMs.gte(from_ms))
        .filter(row::Column::BotId.eq(bot))
        .order_by(ended, Order::Desc)
        .limit(1)
        .into_tuple::<(i64, i64)>();
    Ok(last.one(db).await?.map(|(began, took)| began.saturating_add(took)))
}
