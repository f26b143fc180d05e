//! Gateway protocol v4 without any IO: text frames go in, [`session::Output`]s come out. The socket,
//! the clock and the waiting callers live in [`crate::gateway`].

pub mod frame;
mod hello;
mod runs;
pub mod session;
mod translate;

pub use hello::{Hello, Policy};
pub use runs::Runs;
pub use session::{Handshake, Output, ProtocolError, Session};

/// The protocol version spoken here.
pub const VERSION: u64 = 4;
/// `client.id`: a closed list on the gateway's side; this is its word for programs like ours.
pub const CLIENT_ID: &str = "gateway-client";
/// `client.mode` that goes with it.
pub const CLIENT_MODE: &str = "backend";
/// What Chela asks to be.
pub const ROLE: &str = "operator";
/// What Chela asks to be allowed.
pub const SCOPES: [&str; 6] = [
    "operator.read",
    "operator.write",
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
    "operator.questions",
];
/// Without `tool-events` the gateway keeps tool calls to itself.
pub const CAPS: [&str; 3] = ["tool-events", "agent-kind", "approvals"];
