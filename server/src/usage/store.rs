//! Rows of the ledger.

use crate::{
    platform::{
        db::Cursor,
        error::OpError,
        text::{from_json, json_of},
    },
    prices::Book,
};
use api::{
    Page,
    ids::*,
    usage::{UsageRow as Word, UsageTotals, UsageTry},
};
use entity::usage::usage_row as row;
use policy::{Granted, act};
use relay::{UsageRow, UsageTotals as Absorbed};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, Order,
    QueryFilter, QueryOrder, QuerySelect, Statement, Value,
    sea_query::{Expr, ExprTrait},
};

fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Adds a group of rows; one that is there already (a retry after an unsure commit) changes nothing.
pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteUsage>,
    group: &[UsageRow],
) -> Result<(), OpError> {
    if group.is_empty() {
        return Ok(());
    }
    let book = Book::read(tx, granted, group).await?;
    let models = group.iter().map(|r| -> Result<_, OpError> {
        let model = row::Model {
            id: UsageId(r.request_id),
            workspace_id: r.workspace,
            bot_id: r.bot,
            key_id: r.key,
            request_id: RequestId(r.request_id),
            vendor: r.vendor.to_owned(),
            model: r.model.clone(),
            status: i64::from(r.status),
            input_tokens: count(r.tokens.input),
            output_tokens: count(r.tokens.output),
            cache_read_tokens: count(r.tokens.cache_read),
            cache_write_tokens: count(r.tokens.cache_write),
            stream: r.stream,
            ended: r.end.as_str().to_owned(),
            started_at_ms: r.started_ms,
            latency_ms: count(r.latency_ms),
            first_event_ms: r.first_event_ms.map(count),
            trace_id: r.trace_id.clone(),
            attempts: i64::try_from(r.attempts()).unwrap_or(i64::MAX),
            tries: tries(r)?,
            model_answered: r.model_answered.clone(),
            cost_micro_usd: book.cost(r),
        };
        Ok(model.into_active_model().reset_all())
    });
    let models = models.collect::<Result<Vec<_>, _>>()?;
    let once = sea_orm::sea_query::OnConflict::column(row::Column::Id).do_nothing().to_owned();
    row::Entity::insert_many(models).on_conflict(once).exec_without_returning(tx).await?;
    Ok(())
}

/// The keys that could not serve a call.
fn tries(row: &UsageRow) -> Result<Option<String>, OpError> {
    let word = |tried: &relay::usage::Try| UsageTry {
        key: tried.key,
        status: tried.status,
        why: tried.why.to_owned(),
        took_ms: count(tried.took_ms),
    };
    let tries: Vec<_> = row.tries.iter().map(word).collect();
    if tries.is_empty() { Ok(None) } else { json_of(&tries).map(Some) }
}

/// Adds what counters absorbed while rows could not be taken.
pub(super) async fn insert_absorbed<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteUsage>,
    absorbed: &[Absorbed],
) -> Result<(), OpError> {
    for a in absorbed {
        let values: [Value; 8] = [
            a.workspace.0.into(),
            a.bot.map(|b| b.0).into(),
            a.key.map(|k| k.0).into(),
            a.model.clone().into(),
            a.minute_ms.into(),
            count(a.calls).into(),
            count(a.tokens.input).into(),
            count(a.tokens.output).into(),
        ];
        let sql = match tx.get_database_backend() {
            sea_orm::DbBackend::Postgres => "insert into usage_absorbed values ($1,$2,$3,$4,$5,$6,$7,$8)",
            _ => "insert into usage_absorbed values (?,?,?,?,?,?,?,?)",
        };
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

/// A page of calls, newest first.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    bot: Option<BotId>,
    cursor: &Cursor<UsageId>,
) -> Result<Page<Word>, OpError> {
    let mut query = row::Entity::find().order_by_desc(row::Column::Id).limit(cursor.fetch());
    if let Some(workspace) = granted.workspace() {
        query = query.filter(row::Column::WorkspaceId.eq(workspace));
    }
    if let Some(bot) = bot {
        query = query.filter(row::Column::BotId.eq(bot));
    }
    if let Some(after) = cursor.after {
        query = query.filter(row::Column::Id.lt(after));
    }
    let words = query.all(db).await?.into_iter().map(word).collect::<Result<Vec<_>, OpError>>()?;
    Ok(cursor.page(words, |word| word.id, |word| word))
}

fn word(r: row::Model) -> Result<Word, OpError> {
    Ok(Word {
        id: r.id,
        bot: r.bot_id,
        key: r.key_id,
        bot_name: None,
        key_name: None,
        vendor: r.vendor,
        model: r.model,
        model_answered: r.model_answered,
        status: u16::try_from(r.status).unwrap_or(0),
        input_tokens: r.input_tokens,
        output_tokens: r.output_tokens,
        started_at_ms: r.started_at_ms,
        latency_ms: r.latency_ms,
        first_event_ms: r.first_event_ms,
        attempts: r.attempts,
        tries: r.tries.as_deref().map(from_json).transpose()?.unwrap_or_default(),
        cost_micro_usd: r.cost_micro_usd,
    })
}

/// Sums since a moment, absorbed calls included.
pub(super) async fn totals<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadUsage>,
    since_ms: i64,
) -> Result<UsageTotals, OpError> {
    #[derive(FromQueryResult)]
    struct Sums {
        calls: i64,
        failed: i64,
        input_tokens: i64,
        output_tokens: i64,
        cost_micro_usd: i64,
        cost_unknown: i64,
    }
    let Some(workspace) = granted.workspace() else { return Ok(UsageTotals::default()) };
    let (one, two, three, four) = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => ("$1", "$2", "$3", "$4"),
        _ => ("?", "?", "?", "?"),
    };
    let sql = format!(
        "select cast(coalesce(sum(calls), 0) as bigint) as calls, cast(coalesce(sum(failed), 0) as bigint) as failed, \
         cast(coalesce(sum(i), 0) as bigint) as input_tokens, cast(coalesce(sum(o), 0) as bigint) as output_tokens, \
         cast(coalesce(sum(cost), 0) as bigint) as cost_micro_usd, \
         cast(coalesce(sum(unknown_cost), 0) as bigint) as cost_unknown from (\
         select 1 as calls, case when ended = 'complete' then 0 else 1 end as failed, \
         input_tokens + cache_read_tokens + cache_write_tokens as i, output_tokens as o, \
         coalesce(cost_micro_usd, 0) as cost, case when cost_micro_usd is null then 1 else 0 end as unknown_cost \
         from usage_rows \
         where workspace_id = {one} and started_at_ms >= {two} union all \
         select calls, 0, input_tokens, output_tokens, 0, calls from usage_absorbed \
         where workspace_id = {three} and minute_ms >= {four}) as t"
    );
    let values: [Value; 4] = [workspace.0.into(), since_ms.into(), workspace.0.into(), since_ms.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let sums = Sums::find_by_statement(statement).one(db).await?;
    Ok(sums.map_or_else(UsageTotals::default, |s| UsageTotals {
        calls: s.calls,
        failed: s.failed,
        input_tokens: s.input_tokens,
        output_tokens: s.output_tokens,
        cost_micro_usd: s.cost_micro_usd,
        cost_unknown: s.cost_unknown,
    }))
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
