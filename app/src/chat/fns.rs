//! Server functions of chat.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, Page, chat::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "chat/threads", input = Json)]
pub async fn chat_threads(cmd: ListThreads) -> Result<Page<ThreadSummary>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "chat/messages", input = Json)]
pub async fn chat_messages(cmd: ListMessages) -> Result<Page<Message>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "chat/rename_thread")]
pub async fn chat_rename_thread(cmd: RenameThread) -> Result<ThreadSummary, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "chat/delete_thread")]
pub async fn chat_delete_thread(cmd: DeleteThread) -> Result<Done, ApiError> {
    let done = call(cmd).await?;
    crate::request::lead_form_back_to_path();
    Ok(done)
}

/// A plain form (no wasm) is led to the thread it wrote in, which may be new.
#[server(prefix = "/api/fn", endpoint = "chat/send")]
pub async fn chat_send(cmd: SendMessage) -> Result<Sent, ApiError> {
    let bot = cmd.bot.clone();
    let sent = call(cmd).await?;
    crate::request::lead_form_to(&format!("/bots/{bot}/chat?thread={}", sent.thread_id));
    Ok(sent)
}

#[server(prefix = "/api/fn", endpoint = "chat/stop")]
pub async fn chat_stop(cmd: StopAnswer) -> Result<Done, ApiError> {
    call(cmd).await
}
