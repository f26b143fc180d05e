//! The audit log: one row per act that creates, changes or reveals, in the transaction of the act.
//!
//! Not responsible for logs of requests or errors.

mod names;
mod service;
mod store;

pub use names::names;
pub use service::register;
pub use store::{record, record_late};
