//! Rows as SeaORM sees them, by slice. No behaviour: rules live in the use cases.
#![forbid(unsafe_code)]

pub mod audit;
pub mod auth;
pub mod bots;
pub mod budgets;
pub mod chat;
pub mod idempotency;
pub mod job;
pub mod keys;
pub mod member;
pub mod notify;
pub mod prices;
pub mod routing;
pub mod setting;
pub mod usage;
pub mod user;
pub mod virtual_keys;
pub mod workspace;
