//! Server functions of bots. Commands take form fields `cmd[…]`, so that plain HTML forms can send them.

#[cfg(feature = "ssr")]
use crate::call::{call, filled};
use api::{ApiError, Page, bots::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "bots/list", input = Json)]
pub async fn bots_list(cmd: ListBots) -> Result<Page<BotSummary>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/stats", input = Json)]
pub async fn bots_stats(cmd: ReadBotStats) -> Result<BotStats, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/bulk")]
pub async fn bots_bulk(cmd: BulkBots) -> Result<BulkDone, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/get", input = Json)]
pub async fn bots_get(cmd: GetBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/logs", input = Json)]
pub async fn bots_logs(cmd: ReadLogs) -> Result<LogPage, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/metrics", input = Json)]
pub async fn bots_metrics(cmd: ReadMetrics) -> Result<BotMetrics, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/options", input = Json)]
pub async fn bots_options() -> Result<BotChoices, ApiError> {
    call(BotOptions {}).await
}

/// Leads to the new bot's overview.
#[server(prefix = "/api/fn", endpoint = "bots/create")]
pub async fn bots_create(cmd: CreateBot) -> Result<BotCreated, ApiError> {
    let mut cmd = cmd;
    filled(cmd.tags.as_mut());
    let made = call(cmd).await?;
    leptos_axum::redirect(&format!("/bots/{}/overview", made.slug));
    Ok(made)
}

#[server(prefix = "/api/fn", endpoint = "bots/update")]
pub async fn bots_update(cmd: UpdateBot) -> Result<BotDetail, ApiError> {
    let mut cmd = cmd;
    // A form has a field for one more, which may be empty.
    filled(cmd.tags.as_mut());
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/apply")]
pub async fn bots_apply(cmd: ApplyBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/discard")]
pub async fn bots_discard(cmd: DiscardBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/start")]
pub async fn bots_start(cmd: StartBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/stop")]
pub async fn bots_stop(cmd: StopBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/restart")]
pub async fn bots_restart(cmd: RestartBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

/// Leads to the form for a new bot.
#[server(prefix = "/api/fn", endpoint = "bots/allow_unisolated")]
pub async fn bots_allow_unisolated() -> Result<Done, ApiError> {
    let done = call(AllowUnisolated {}).await?;
    leptos_axum::redirect("/bots/new");
    Ok(done)
}

/// Leads back to where it is accepted.
#[server(prefix = "/api/fn", endpoint = "bots/forbid_unisolated")]
pub async fn bots_forbid_unisolated() -> Result<Done, ApiError> {
    let done = call(ForbidUnisolated {}).await?;
    leptos_axum::redirect("/bots/new");
    Ok(done)
}
