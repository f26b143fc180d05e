//! Server functions of fallback chains.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, Page, routing::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "chains/list", input = Json)]
pub async fn chains_list(cmd: ListChains) -> Result<Page<Chain>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "chains/set")]
pub async fn chains_set(cmd: SetChain) -> Result<Chain, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "chains/delete")]
pub async fn chains_delete(cmd: DeleteChain) -> Result<Done, ApiError> {
    call(cmd).await
}
