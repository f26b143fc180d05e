//! Pages, components and server functions. Never sees the database, the engines or a secret.
#![forbid(unsafe_code)]
#![recursion_limit = "256"]

pub mod auth;
pub mod bots;
pub mod budgets;
#[cfg(feature = "ssr")]
pub mod call;
pub mod chat;
mod frame;
mod home;
mod hydration;
mod i18n;
pub mod jobs;
pub mod keys;
mod live;
pub mod notify;
mod parts;
pub mod prices;
#[cfg(feature = "ssr")]
mod request;
mod root;
pub mod routing;
pub mod settings;
#[cfg(feature = "ssr")]
mod shell;
mod time;
pub mod usage;

#[cfg(feature = "hydrate")]
pub use hydration::hydrated;
pub use root::App;
#[cfg(feature = "ssr")]
pub use shell::shell;
