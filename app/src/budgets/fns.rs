//! Server functions of budgets and virtual keys.

#[cfg(feature = "ssr")]
use crate::call::{call, filled};
use api::{ApiError, Page, budgets::*, verb::Done, virtual_keys::*};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "budgets/list", input = Json)]
pub async fn budgets_list(cmd: ListBudgets) -> Result<Page<Budget>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/create")]
pub async fn budgets_create(cmd: CreateBudget) -> Result<Budget, ApiError> {
    let mut cmd = cmd;
    // A form sends every field; what says nothing there would be a mistake anywhere else.
    for field in [&mut cmd.bot, &mut cmd.virtual_key, &mut cmd.tag, &mut cmd.model] {
        *field = field.take().filter(|text| !text.trim().is_empty());
    }
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/change")]
pub async fn budgets_change(cmd: ChangeBudget) -> Result<Budget, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/delete")]
pub async fn budgets_delete(cmd: DeleteBudget) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/stops", input = Json)]
pub async fn budgets_stops(cmd: ListStops) -> Result<Page<Stop>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/stop")]
pub async fn budgets_stop(cmd: StopCalls) -> Result<Stop, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/allow")]
pub async fn budgets_allow(cmd: AllowCalls) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/zone", input = Json)]
pub async fn budgets_zone() -> Result<Zone, ApiError> {
    call(GetZone {}).await
}

#[server(prefix = "/api/fn", endpoint = "budgets/set_zone")]
pub async fn budgets_set_zone(cmd: SetZone) -> Result<Zone, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "virtual_keys/list", input = Json)]
pub async fn virtual_keys_list(cmd: ListVirtualKeys) -> Result<Page<VirtualKey>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "virtual_keys/create")]
pub async fn virtual_keys_create(cmd: CreateVirtualKey) -> Result<NewSecret, ApiError> {
    let mut cmd = cmd;
    // An empty field is no model, and its word for never is 0.
    filled(Some(&mut cmd.models));
    filled(cmd.tags.as_mut());
    cmd.expires_in_days = cmd.expires_in_days.filter(|days| *days > 0);
    let places = said_limits(&mut cmd.limits);
    call(cmd).await.map_err(|error| placed(error, &places))
}

/// Takes out the limits that a form sends empty; says at which places of the form those that stay stood.
#[cfg(feature = "ssr")]
fn said_limits(limits: &mut Vec<KeyLimit>) -> Vec<usize> {
    let is_said = |limit: &KeyLimit| {
        limit.most.is_some() || limit.amount.as_deref().is_some_and(|text| !text.trim().is_empty())
    };
    let places =
        limits.iter().enumerate().filter(|(_, limit)| is_said(limit)).map(|(place, _)| place).collect();
    limits.retain(is_said);
    places
}

/// An error with the places that the form knows.
#[cfg(feature = "ssr")]
fn placed(mut error: ApiError, places: &[usize]) -> ApiError {
    for field in &mut error.fields {
        let Some((at, rest)) = field.pointer.strip_prefix("/limits/").and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        if let Some(place) = at.parse().ok().and_then(|at: usize| places.get(at)) {
            field.pointer = format!("/limits/{place}/{rest}");
        }
    }
    error
}

#[server(prefix = "/api/fn", endpoint = "virtual_keys/change")]
pub async fn virtual_keys_change(cmd: ChangeVirtualKey) -> Result<VirtualKey, ApiError> {
    let mut cmd = cmd;
    // An emptied field of a form that showed what it held means all, or none.
    filled(cmd.models.as_mut());
    filled(cmd.tags.as_mut());
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "virtual_keys/rotate")]
pub async fn virtual_keys_rotate(cmd: RotateVirtualKey) -> Result<NewSecret, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "virtual_keys/delete")]
pub async fn virtual_keys_delete(cmd: DeleteVirtualKey) -> Result<Done, ApiError> {
    call(cmd).await
}
