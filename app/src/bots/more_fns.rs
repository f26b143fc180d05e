//! Server functions of a bot's past, health, trash and copies.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, Page, bots::*};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "bots/events", input = Json)]
pub async fn bots_events(cmd: ListBotEvents) -> Result<Page<BotEvent>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/health", input = Json)]
pub async fn bots_health(cmd: ReadBotHealth) -> Result<BotHealth, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/postmortems", input = Json)]
pub async fn bots_postmortems(cmd: ListPostmortems) -> Result<Page<PostmortemSummary>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/postmortem", input = Json)]
pub async fn bots_postmortem(cmd: ReadPostmortem) -> Result<Postmortem, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/diagnose")]
pub async fn bots_diagnose(cmd: DiagnoseBot) -> Result<Diagnosis, ApiError> {
    call(cmd).await
}

/// Leads a plain form to the trash, where it can be taken back.
#[server(prefix = "/api/fn", endpoint = "bots/trash")]
pub async fn bots_trash(cmd: TrashBot) -> Result<BotDetail, ApiError> {
    let bot = call(cmd).await?;
    crate::request::lead_form_to("/bots?trashed=true");
    Ok(bot)
}

#[server(prefix = "/api/fn", endpoint = "bots/restore")]
pub async fn bots_restore(cmd: RestoreBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/upgrade")]
pub async fn bots_upgrade(cmd: UpgradeBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/upgrade_return")]
pub async fn bots_upgrade_return(cmd: ReturnBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/upgrade_cancel")]
pub async fn bots_upgrade_cancel(cmd: CancelUpgrade) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

/// Leads to the new bot's overview.
#[server(prefix = "/api/fn", endpoint = "bots/clone")]
pub async fn bots_clone(cmd: CloneBot) -> Result<BotCreated, ApiError> {
    let made = call(cmd).await?;
    leptos_axum::redirect(&format!("/bots/{}/overview", made.slug));
    Ok(made)
}

#[server(prefix = "/api/fn", endpoint = "bots/configs", input = Json)]
pub async fn bots_configs(cmd: ListBotConfigs) -> Result<Page<BotConfigVersion>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/set_limits")]
pub async fn bots_set_limits(cmd: SetLimits) -> Result<BotDetail, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "bots/rollback")]
pub async fn bots_rollback(cmd: RollbackBot) -> Result<BotDetail, ApiError> {
    call(cmd).await
}
