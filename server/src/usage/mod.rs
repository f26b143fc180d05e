//! The usage ledger: one row per model call, written in groups, never lost silently; and the sums of them.
//!
//! Rows come from the relay; this slice stores, lists and adds them up. Not responsible for counting tokens.

mod counted;
mod export;
mod ledger;
mod old;
mod open;
mod rollup;
mod service;
mod spans;
mod sql;
mod stopped;
mod store;
mod tag;
mod totals;
mod when;
mod whose;

pub use counted::{begin_counts, begins, counted, forget_counts, pieces};
pub use export::routes;
pub use rollup::Only;
pub use service::{Sees, Usage, register};
pub use tag::{carries, is_carried};
pub use totals::spent;

#[cfg(test)]
pub(crate) mod tests;
