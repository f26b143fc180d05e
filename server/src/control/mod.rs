//! `control.sock`: how commands on the server machine reach the running server.
//!
//! One JSON line asks, one JSON line answers. Only the same user (or root) is heard. Where no server runs,
//! the command takes the data dir's lock and runs the same handlers itself.

mod client;
mod handlers;
mod place;
mod server;

pub use client::ask;
pub use handlers::Handlers;
pub use server::serve;

use api::ApiError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", deny_unknown_fields)]
pub enum Request {
    /// A fresh set-up link, as long as nobody has a passkey.
    #[serde(rename = "setup")]
    Setup {},
    /// An API token with owner rights.
    #[serde(rename = "admin.token")]
    Token {
        name: String,
        /// It administers the instance, too.
        #[serde(default)]
        admin: bool,
    },
    /// A link with which a person enrols a passkey.
    #[serde(rename = "admin.enrol_link")]
    EnrolLink { user: String, role: Option<String> },
    /// Links for everybody, after the public address changed.
    #[serde(rename = "admin.move")]
    Move {},
    /// What runs here.
    #[serde(rename = "status")]
    Status {},
    /// End the server, running work first.
    #[serde(rename = "stop")]
    Stop {},
}

/// What came of it.
pub type Answer = Result<Value, ApiError>;

/// An answer as it stands on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Ok(Value),
    Error(ApiError),
}

/// Longest line either way, in bytes.
const LINE_LIMIT: u64 = 256 * 1024;
/// How long a request may take to arrive, and an answer to be taken.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a command may work.
const WORK_DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

#[cfg(test)]
mod tests;
