//! What can go wrong between Chela and a gateway, in the words of the caller: may I try again, or
//! must somebody act?

use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// An error answer of the gateway (`{"ok":false,"error":{…}}`).
#[derive(Debug, Clone, PartialEq, Deserialize, Error)]
#[error("{code}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct RpcError {
    /// `INVALID_REQUEST`, `UNAVAILABLE`, `FORBIDDEN`, `AUTH_TOKEN_MISMATCH`, …
    #[serde(default)]
    pub code: String,
    /// The gateway's own sentence.
    #[serde(default)]
    pub message: String,
    /// Machine-readable particulars; null when there are none.
    #[serde(default)]
    pub details: Value,
    /// Whether the gateway itself says that the same call may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// How long it asks us to wait.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl RpcError {
    /// The gateway listens but its parts are not up yet.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.code == "UNAVAILABLE"
    }
}

/// Why no connection came about.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nothing listens there (yet), or the stream broke before the handshake ended.
    #[error("the gateway at {endpoint} cannot be reached: {source}")]
    Unreachable {
        /// Where we tried.
        endpoint: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It answers, and says that it is still starting. Normal for the first 10 to 25 seconds.
    #[error("the gateway is still starting")]
    Starting {
        /// How long it asks us to wait.
        retry_after: Duration,
    },
    /// It refused us: wrong token, other protocol version, missing pairing.
    #[error("the gateway refused the connection: {0}")]
    Refused(RpcError),
    /// It let us in with fewer rights than Chela needs to drive it.
    #[error("the gateway granted no administrator scope (granted: {granted})")]
    MissingScopes {
        /// What it did grant, joined by commas.
        granted: String,
    },
    /// What came back was not protocol v4.
    #[error("the gateway did not speak protocol v4: {0}")]
    Protocol(String),
    /// The deadline passed.
    #[error("the gateway at {endpoint} did not answer within {} ms", after.as_millis())]
    Timeout {
        /// Where we tried.
        endpoint: String,
        /// How long we waited.
        after: Duration,
    },
}

impl ConnectError {
    /// True while waiting is the right answer: the gateway is not up yet.
    #[must_use]
    pub const fn is_starting(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Starting { .. })
    }
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CallError {
    /// The gateway answered with an error.
    #[error("{0}")]
    Refused(RpcError),
    /// The connection is gone, or went while the call was under way: the call may have been done.
    #[error("the connection to the gateway is closed")]
    Closed,
    /// No answer in time: the call may still be done.
    #[error("the gateway did not answer {method} within {} ms", after.as_millis())]
    Timeout {
        /// The method called.
        method: String,
        /// How long we waited.
        after: Duration,
    },
    /// Too many calls are waiting for an answer on this connection already.
    #[error("too many calls are under way on this gateway connection")]
    Busy,
    /// The answer came but did not have the expected shape.
    #[error("the gateway answered {method} in an unexpected shape: {problem}")]
    Shape {
        /// The method called.
        method: String,
        /// What was missing or wrong.
        problem: String,
    },
}
