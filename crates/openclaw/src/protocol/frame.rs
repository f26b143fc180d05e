//! The three kinds of frames, as JSON text.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RpcError;

/// A request, as it is written.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    method: &'a str,
    params: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A request with this id.
    #[must_use]
    pub fn new(id: u64, method: &'a str, params: &'a Value, traceparent: Option<&'a str>) -> Self {
        Self { kind: "req", id: id.to_string(), method, params, traceparent }
    }
}

/// A frame from the gateway, as it is read. Unknown members are ignored: they come with every
/// release.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Incoming {
    /// The answer to a request.
    Res {
        /// The request's id.
        id: String,
        /// Whether it was done.
        ok: bool,
        /// The result, when done.
        #[serde(default)]
        payload: Value,
        /// The reason, when not.
        #[serde(default)]
        error: Option<RpcError>,
    },
    /// Something happened.
    Event {
        /// Its name.
        event: String,
        /// Its payload.
        #[serde(default)]
        payload: Value,
    },
    /// A kind this version does not know.
    #[serde(other)]
    Unknown,
}
