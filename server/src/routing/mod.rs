//! What the relay knows: callers and keys as one immutable snapshot, made anew after every change.
//!
//! Also opens and closes the wires of container bots. Not responsible for a call itself (`relay`), for
//! keys' rows (`keys`) or for tokens' making (`bots`).

mod service;
mod store;

pub use service::Routing;
