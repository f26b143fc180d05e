//! The remote half of the binary `chela`: commands that reach a panel over REST.
//!
//! Responsible for what people and scripts type, for what they read, and for the logins on their machine. Not
//! responsible for the server: nothing of it is built here, so that a command starts at once. Every verb of the
//! API stands in [`routes`], with the command that calls it.
#![forbid(unsafe_code)]

mod address;
mod ask;
mod audit;
mod bots;
mod budgets;
mod chains;
mod chat;
mod client;
mod command;
mod completion;
mod contexts;
mod download;
mod env;
mod failure;
mod instance;
mod jobs;
mod keys;
mod login;
mod models;
mod near;
mod notifications;
mod options;
mod orphans;
mod output;
mod prices;
mod probe;
pub mod routes;
mod session;
mod spending;
mod terms;
mod threads;
mod tokens;
mod typed;
mod usage;
mod vendors;
mod virtual_keys;
mod watch;

pub use command::{Command, run};
pub use completion::complete;
pub use output::rfc3339;
pub use probe::{Seen, probe};
pub use typed::typed;
