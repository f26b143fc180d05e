//! Use cases, stores, HTTP, jobs and the composition root behind the binary `chela`.
// Pages are deeply nested types; the compiler counts their layers.
#![recursion_limit = "512"]
#![forbid(unsafe_code)]

pub mod audit;
pub mod auth;
pub mod backup;
pub mod bots;
pub mod budgets;
pub mod chat;
pub mod commands;
pub mod compose;
pub mod control;
pub mod jobs;
pub mod keys;
pub mod notify;
pub mod platform;
pub mod prices;
pub mod routing;
pub mod settings;
pub mod usage;
pub mod virtual_keys;
