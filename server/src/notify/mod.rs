//! Notifications: what happened to bots that a person should know, told once and not again and again.
//!
//! Responsible for notifications, who has read them, who wants which, and pushing them to devices. Not for how a bot stands (`bots`), nor for
//! every event of its past.

mod budgets;
mod hears;
mod keys;
mod news;
mod push;
mod rules;
mod service;
mod store;

pub use push::egress;
pub use service::{Notify, register};
