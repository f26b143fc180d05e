//! Server functions of models and their prices.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, Page, prices::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "models/list", input = Json)]
pub async fn models_list(cmd: ListModels) -> Result<Page<ModelEntry>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "models/set")]
pub async fn models_set(cmd: SetModel) -> Result<ModelEntry, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "prices/set")]
pub async fn prices_set(cmd: SetPrice) -> Result<ModelPrice, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "prices/delete")]
pub async fn prices_delete(cmd: DeletePrice) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "prices/import")]
pub async fn prices_import(cmd: ImportPrices) -> Result<Imported, ApiError> {
    call(cmd).await
}
