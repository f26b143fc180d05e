//! Server functions of the instance.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, settings::*};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "settings/instance", input = Json)]
pub async fn settings_instance() -> Result<Instance, ApiError> {
    call(GetInstance {}).await
}
