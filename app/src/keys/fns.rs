//! Server functions of provider keys. A secret travels inwards only.

#[cfg(feature = "ssr")]
use crate::call::{call, filled};
use api::{ApiError, Page, keys::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "keys/list", input = Json)]
pub async fn keys_list(cmd: ListKeys) -> Result<Page<KeySummary>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "keys/vendors", input = Json)]
pub async fn keys_vendors() -> Result<Vec<Vendor>, ApiError> {
    call(ListVendors {}).await
}

#[server(prefix = "/api/fn", endpoint = "keys/add")]
pub async fn keys_add(cmd: AddKey) -> Result<KeySummary, ApiError> {
    let mut cmd = cmd;
    filled(cmd.tags.as_mut());
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "keys/change")]
pub async fn keys_change(cmd: ChangeKey) -> Result<KeySummary, ApiError> {
    let mut cmd = cmd;
    // An emptied field of a form that showed what it held means all, or none.
    filled(cmd.allowed_models.as_mut());
    filled(cmd.tags.as_mut());
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "keys/test")]
pub async fn keys_test(cmd: TestKey) -> Result<KeySummary, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "keys/replace")]
pub async fn keys_replace(cmd: ReplaceKey) -> Result<KeySummary, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "keys/delete")]
pub async fn keys_delete(cmd: DeleteKey) -> Result<Done, ApiError> {
    call(cmd).await
}
