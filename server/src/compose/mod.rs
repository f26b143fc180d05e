//! The composition root: builds every part from settings and wires them. Tests build the same server.

mod database;
mod parts;
mod serve;
mod site;
mod start_error;
mod upkeep;

pub use database::allow_move;
pub use parts::{Overrides, Server, build};
pub use serve::Listeners;
pub use site::leptos_options;
pub use start_error::StartError;
