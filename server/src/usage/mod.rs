//! The usage ledger: one row per model call, written in groups, never lost silently.
//!
//! Rows come from the relay; this slice stores and lists them. Not responsible for counting tokens.

mod ledger;
mod service;
mod store;

pub use service::{Usage, register};
