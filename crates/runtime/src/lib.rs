//! Where bots run: one contract ([`Runtime`]) and two ways to keep it, processes of this host and
//! containers of a Docker engine; the files of a bot ([`home`]); the tools it needs ([`install`]).
//!
//! Responsible for making, starting, stopping, removing and seeing bots, and for touching their files
//! safely. Not responsible for what a bot is told (`openclaw`), when it should run (the server's
//! lifecycle), its tokens' meaning, or any database.
#![forbid(unsafe_code)]

mod blocking;
mod contract;
mod error;
mod hints;
mod logs;
mod notes;
mod output;
mod progress;
mod seen;
mod spec;
mod used;

pub mod docker;
pub mod home;
pub mod install;
pub mod process;

pub use contract::{Runtime, RuntimeInfo, Wires};
pub use error::RuntimeError;
pub use hints::{Hint, Hints};
pub use logs::{Growth, LogLevel, LogLine, LogPlace, LogQuery, LogRead};
pub use progress::{Ignore, Progress, Stage};
pub use seen::{Foreign, Found, Observation};
pub use spec::{BotPaths, BotSpec, BotUser, InstanceId, Isolation, Limits, is_older, is_version};
pub use used::{Used, UsedBy};

pub use api::bots::RuntimeKind;
pub use tokio_util::sync::CancellationToken;
