//! What bots use of their machine.

use api::ids::BotId;

/// What one bot uses. Totals begin anew with each of its lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Processor time since it was started, in microseconds, of all its processes that live.
    pub cpu_us: u64,
    /// Memory it holds, without what the kernel would give up at once (page cache that nothing has open).
    pub memory_bytes: u64,
    /// What it may hold, where something keeps it to that.
    pub memory_limit_bytes: Option<u64>,
    /// Its processes; of a container threads too, as its limit counts them.
    pub processes: u64,
}

/// What one running bot uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// Which bot.
    pub bot: BotId,
    /// How much.
    pub used: Used,
}
