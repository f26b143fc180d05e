//! Bots that spend for nobody: a heartbeat that calls a model again and again, or an hour of spending in which nobody wrote.
//!
//! Calls are seen as the ledger writes them, never on their way. What counts is in `track`.

mod rules;
mod track;
mod watch;

pub(super) use rules::register;
pub(super) use watch::Runaway;
