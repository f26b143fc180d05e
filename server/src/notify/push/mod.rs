//! Web push: devices that take notifications, and bringing them there through the outbound connector.
//!
//! Responsible for subscriptions and delivery. Not for what is worth telling: that is decided before.

mod deliver;
mod devices;
mod seal;
mod together;
mod vapid;
mod words;

pub use deliver::egress;
pub(super) use deliver::push_later;
pub(super) use devices::register;
