//! Pages of bots: list, create, and one bot with its overview and configuration.

pub(crate) mod config;
mod controls;
pub(crate) mod create;
pub(crate) mod detail;
pub mod fns;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod metrics;
mod model;
mod overview;
mod pending;
mod stages;
pub(crate) mod state;
mod tags;
pub(crate) mod text;
mod unisolated;
