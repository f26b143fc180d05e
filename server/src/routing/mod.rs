//! What the relay knows: callers and keys as one immutable snapshot, made anew after every change.
//!
//! Also keeps fallback chains, and opens and closes the wires of container bots. Not responsible for a call itself (`relay`), for
//! keys' rows (`keys`) or for tokens' making (`bots`).

mod chains;
mod door;
mod key_limits;
mod service;
mod store;
mod turns;

pub use chains::register;
pub use door::routes;
pub use service::Routing;
