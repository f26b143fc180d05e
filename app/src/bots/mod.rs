//! Pages of bots: list, create, and one bot with its overview and configuration.

mod changes;
pub(crate) mod compare;
pub(crate) mod config;
mod configs_text;
mod controls;
pub(crate) mod create;
mod deaths;
pub(crate) mod detail;
mod diagnostics;
pub mod fns;
mod limits;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod metrics;
mod model;
pub(crate) mod more;
pub mod more_fns;
mod more_text;
mod overview;
mod pending;
mod stages;
pub(crate) mod state;
mod tags;
pub(crate) mod text;
mod unisolated;
mod versions;
