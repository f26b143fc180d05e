//! Calls as CSV, page by page while somebody reads. Not a verb: its answer is a file.

use super::{Usage, rollup, stopped::Stoppers, store::Chosen};
use crate::platform::{csv::cell, ctx::OpCtx, db::Cursor, error::OpError, http::Problem};
use api::{
    ApiError, Code,
    ids::{RequestId, UsageId},
    page::MAX_LIMIT,
    usage::{Asked, ListUsage, UsageRow},
};
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use http::header;
use jiff::Timestamp;
use policy::{Granted, act};
use std::sync::Arc;

const HEAD: &str = "time,request_id,outcome,ended,status,vendor,model,model_answered,bot,bot_name,key,key_name,virtual_key,\
input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,cost_usd,latency_ms,first_event_ms,keys_asked,stream,trace_id,chain,asked_model,virtual_key_name,reason,reasoning_tokens,stopped_by,stopped_by_id,held_micro_usd,estimated\r\n";

/// The file's address.
pub fn routes(usage: Arc<Usage>) -> Router {
    Router::new().route("/api/usage/export.csv", get(export)).with_state(usage)
}

async fn export(
    State(u): State<Arc<Usage>>,
    Extension(ctx): Extension<OpCtx>,
    asked: Result<Query<ListUsage>, QueryRejection>,
) -> Result<Response, Problem> {
    let granted = policy::check::<act::ReadUsage>(&ctx.subject).map_err(ApiError::from)?;
    let Query(asked) = asked.map_err(|error| ApiError::new(Code::Invalid, error.body_text()))?;
    if asked.limit.is_some() || asked.cursor.is_some() {
        return Err(ApiError::field("/limit", "the file has no pages").into());
    }
    let asked = Asked::from(asked);
    let chosen = u.chosen(&granted, &asked, ctx.now_ms).await.map_err(ApiError::from)?;
    // The first page is read before anything is said: what fails then is a status.
    let first = lines(&u, &granted, &chosen, None).await.map_err(ApiError::from)?;
    let rest = stream::try_unfold(first.1, move |next| {
        let (u, chosen) = (Arc::clone(&u), chosen.clone());
        async move {
            let Some(next) = next else { return Ok(None) };
            lines(&u, &granted, &chosen, Some(next)).await.map(Some).map_err(std::io::Error::other)
        }
    });
    let begin = Bytes::from(format!("{HEAD}{}", String::from_utf8_lossy(&first.0)));
    let body = stream::StreamExt::chain(stream::iter([Ok::<_, std::io::Error>(begin)]), rest);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"chela-usage.csv\""),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A page as text, and where the next one begins.
async fn lines(
    u: &Usage,
    granted: &Granted<act::ReadUsage>,
    chosen: &Chosen,
    after: Option<String>,
) -> Result<(Bytes, Option<String>), OpError> {
    let cursor = Cursor::<UsageId>::parse(Some(MAX_LIMIT), after.as_deref())?;
    let page = u.page(granted, chosen, &cursor).await?;
    let stoppers = Stoppers::of(u.platform.db.read(), granted, &page.items).await?;
    let lines: String = page.items.iter().map(|row| line(row, stoppers.in_words(row))).collect();
    Ok((lines.into(), page.next))
}

fn line(row: &UsageRow, (stopped_by, stopper): (String, String)) -> String {
    let id = |id: Option<String>| id.unwrap_or_default();
    let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
    let time =
        Timestamp::from_millisecond(row.started_at_ms).map(|at| format!("{at:.3}")).unwrap_or_default();
    let cells: [String; 32] = [
        time,
        RequestId(row.id.0).to_string(),
        rollup::outcome(&row.ended).to_owned(),
        row.ended.clone(),
        row.status.to_string(),
        row.vendor.clone(),
        row.model.clone(),
        id(row.model_answered.clone()),
        id(row.bot.map(|id| id.to_string())),
        id(row.bot_name.clone()),
        id(row.key.map(|id| id.to_string())),
        id(row.key_name.clone()),
        id(row.virtual_key.map(|id| id.to_string())),
        row.input_tokens.to_string(),
        row.cache_read_tokens.to_string(),
        row.cache_write_tokens.to_string(),
        row.output_tokens.to_string(),
        row.cost_micro_usd.map(|n| format!("{}.{:06}", n / 1_000_000, n % 1_000_000)).unwrap_or_default(),
        row.latency_ms.to_string(),
        number(row.first_event_ms),
        row.attempts.to_string(),
        row.stream.to_string(),
        id(row.trace_id.clone()),
        id(row.chain.clone()),
        id(row.asked_model.clone()),
        id(row.virtual_key_name.clone()),
        id(row.reason.clone()),
        row.reasoning_tokens.to_string(),
        stopped_by,
        stopper,
        number(row.held_micro_usd),
        row.estimated.to_string(),
    ];
    cells.map(|text| cell(&text).into_owned()).join(",") + "\r\n"
}
