//! A connection that lives as long as its bot: connects, notices silence, reconnects with growing
//! pauses, and tells it all as one ordered stream of [`Signal`]s. What to do after a reconnect
//! (subscribe again, reload histories) is the reader's decision.

mod backoff;
mod supervisor;

pub use backoff::Backoff;
pub use supervisor::{Connection, Lost, Signal, Signals, supervise};
