//! Everything Chela knows about OpenClaw: how a bot's configuration is written, how its gateway is
//! asked whether it is ready, and how one talks to it (gateway protocol v4).
//!
//! Not here: starting or stopping bots (`runtime`), model calls (`relay`), threads and messages
//! (the server's `chat` slice). This crate holds no state on disk and knows no database.
//!
//! Where to begin: [`config::render`] for the file, [`probe::startupz`] for readiness,
//! [`connection::supervise`] for a connection that lives as long as the bot does.
#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod connection;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod gateway;
pub mod identity;
pub mod probe;
pub mod protocol;

pub use config::{BotConfig, Isolation, Profile};
pub use connection::{Connection, Lost, Signal, Signals, supervise};
pub use endpoint::Endpoint;
pub use error::{CallError, ConnectError, RpcError};
pub use event::{ChatEvent, Event, RunEvent, ToolEvent, ToolStep, Usage};
pub use gateway::{ConnectOptions, Events, Gateway, Token};
pub use protocol::Hello;

/// The version of OpenClaw that this crate was written and tested against.
pub const OPENCLAW_VERSION: &str = "2026.9.6";
/// The version of Node that the cell ships with it.
pub const NODE_VERSION: &str = "24.21.0";
