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
#[derive(Debug)]
pub enum Incoming {
    /// The answer to a request.
    Res {
        /// The request's id.
        id: String,
        /// The result, or the reason why there is none.
        result: Result<Value, Option<RpcError>>,
    },
    /// Something happened that is listened to.
    Event {
        /// Its name.
        event: String,
        /// Its payload.
        payload: Value,
    },
    /// A kind this version does not know, or an event that nobody listens to.
    Unread,
}

/// What decides whether the rest of a frame is kept.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    event: Option<String>,
}

#[derive(Deserialize)]
struct Res {
    id: String,
    ok: bool,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    #[serde(default)]
    payload: Value,
}

impl Incoming {
    /// Reads a frame. Its head is looked at first: of an event that is not in `listened` nothing is built,
    /// because as a tree of values JSON takes up to thirty times the room it has as text.
    ///
    /// # Errors
    /// No JSON, or not the shape of a frame.
    pub fn read(text: &str, listened: &[&str]) -> serde_json::Result<Self> {
        let head: Head = serde_json::from_str(text)?;
        match (head.kind.as_str(), head.event) {
            ("res", _) => {
                let Res { id, ok, payload, error } = serde_json::from_str(text)?;
                Ok(Self::Res { id, result: if ok { Ok(payload) } else { Err(error) } })
            }
            ("event", Some(name)) if listened.contains(&name.as_str()) => {
                let Event { event, payload } = serde_json::from_str(text)?;
                Ok(Self::Event { event, payload })
            }
            _ => Ok(Self::Unread),
        }
    }
}
