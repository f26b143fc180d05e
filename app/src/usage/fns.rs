//! Server functions of the usage ledger.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, usage};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "usage/today", input = Json)]
pub async fn usage_today() -> Result<usage::UsageTotals, ApiError> {
    call(usage::UsageToday {}).await
}
