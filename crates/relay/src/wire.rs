//! The wire a call came in on. A token is good on one wire only.

use api::ids::BotId;

/// Where a caller is connected: part of the proof of who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// The loopback listener: people, programs, process bots.
    Tcp,
    /// The panel's listener, below `/api/v1`: programs only.
    Panel,
    /// The Unix socket that one bot's container alone can open.
    Bot(BotId),
}
