//! Server functions of notifications.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, Page, notify::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "notify/list", input = Json)]
pub async fn notify_list(cmd: ListNotifications) -> Result<Page<Notification>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "notify/unread", input = Json)]
pub async fn notify_unread() -> Result<Unread, ApiError> {
    call(CountUnread {}).await
}

#[server(prefix = "/api/fn", endpoint = "notify/read")]
pub async fn notify_read(#[server(default)] cmd: MarkRead) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "notify/mute")]
pub async fn notify_mute(cmd: MuteBot) -> Result<Muted, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "notify/choices", input = Json)]
pub async fn notify_choices() -> Result<Choices, ApiError> {
    call(GetChoices {}).await
}

/// A form without a tick sends nothing at all.
#[server(prefix = "/api/fn", endpoint = "notify/choose")]
pub async fn notify_choose(#[server(default)] cmd: Choose) -> Result<Choices, ApiError> {
    call(cmd).await
}
