//! Server functions of the usage ledger. Days are those of the viewer.

#[cfg(feature = "ssr")]
use crate::{call::call, request};
#[cfg(feature = "ssr")]
use api::usage;
use api::{
    ApiError, Page,
    usage::{
        BreakDownUsage, ListUsage, ShowUsage, SummarizeUsage, TrendUsage, UsageCall, UsageLine, UsageReport,
        UsageRow, UsageShare, UsageTotals,
    },
};
use leptos::prelude::*;
use server_fn::codec::Json;

/// The zone that `public/page.js` found in the browser.
#[cfg(feature = "ssr")]
const ZONE: &str = "chela_zone";

#[cfg(feature = "ssr")]
fn mine(zone: &mut Option<String>) {
    if zone.is_none() {
        *zone = request::cookie(ZONE);
    }
}

#[server(prefix = "/api/fn", endpoint = "usage/today", input = Json)]
pub async fn usage_today() -> Result<UsageTotals, ApiError> {
    call(usage::UsageToday {}).await
}

#[server(prefix = "/api/fn", endpoint = "usage/summary", input = Json)]
pub async fn usage_summary(cmd: SummarizeUsage) -> Result<UsageReport, ApiError> {
    let mut cmd = cmd;
    mine(&mut cmd.zone);
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "usage/trend", input = Json)]
pub async fn usage_trend(cmd: TrendUsage) -> Result<UsageLine, ApiError> {
    let mut cmd = cmd;
    mine(&mut cmd.zone);
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "usage/breakdown", input = Json)]
pub async fn usage_breakdown(cmd: BreakDownUsage) -> Result<Page<UsageShare>, ApiError> {
    let mut cmd = cmd;
    mine(&mut cmd.zone);
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "usage/list", input = Json)]
pub async fn usage_list(cmd: ListUsage) -> Result<Page<UsageRow>, ApiError> {
    let mut cmd = cmd;
    mine(&mut cmd.zone);
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "usage/show", input = Json)]
pub async fn usage_show(cmd: ShowUsage) -> Result<UsageCall, ApiError> {
    call(cmd).await
}
