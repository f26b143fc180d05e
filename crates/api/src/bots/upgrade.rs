//! Words of giving a bot another OpenClaw.

use super::{BotDetail, Reason};
use crate::verb::verbs;

/// How long the state from before an upgrade is kept.
pub const KEPT_STATE_MS: i64 = 7 * 24 * 3_600_000;

words! {
    /// How far an upgrade has come.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum UpgradePhase {
        /// Another bot's goes first.
        Queued,
        /// The new version is being installed. The old one serves.
        Preparing,
        /// The new version comes up with a copy of the state, without a wire to any model. The old one serves.
        Rehearsing,
        /// The new version has taken over, and must be well for a minute.
        Proving,
        /// The old version and its state are brought back.
        Returning,
        Done,
        /// It came to nothing before it touched the bot.
        Failed,
        /// The old version and its state are back.
        Returned,
    }

    /// The last upgrade of a bot.
    #[derive(Eq)]
    pub struct Upgrade {
        pub from: String,
        pub to: String,
        pub phase: UpgradePhase,
        pub began_at_ms: i64,
        pub ended_at_ms: Option<i64>,
        /// Why it failed or was undone.
        pub reason: Option<Reason>,
        /// Whether the new version had to come up with a copy first.
        pub rehearse: bool,
        /// Until when a state from before is kept, and `bots.upgrade_return` works.
        pub kept_until_ms: Option<i64>,
        /// The version that this state belongs to.
        #[serde(default)]
        pub kept_version: Option<String>,
    }

    /// Gives a bot another OpenClaw: the new version comes up with a copy of its state first, then takes over, and
    /// whatever goes wrong brings the old version and its state back. Its state from before is kept for seven days.
    #[serde(deny_unknown_fields)]
    pub struct UpgradeBot {
        pub bot: String,
        /// One of `openclaw_offers`; the first of them if nothing is said.
        #[serde(default)]
        pub to: Option<String>,
        /// `false` where the host has no room for a second gateway: the new version then takes over at once, and is still
        /// undone if it does not come up.
        #[serde(default)]
        pub rehearse: Option<bool>,
    }
    /// Brings the version and the state from before the upgrade back. What happened since is lost to the bot's memory.
    #[serde(deny_unknown_fields)]
    pub struct ReturnBot { pub bot: String }
    /// Ends an upgrade that has not taken over yet.
    #[serde(deny_unknown_fields)]
    pub struct CancelUpgrade { pub bot: String }
}

impl UpgradePhase {
    /// Whether it is not over.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        !matches!(self, Self::Done | Self::Failed | Self::Returned)
    }

    /// Whether the bot itself is being changed.
    #[must_use]
    pub const fn swaps(self) -> bool {
        matches!(self, Self::Proving | Self::Returning)
    }
}

verbs! {
    UpgradeBot => BotDetail, "bots.upgrade";
    ReturnBot => BotDetail, "bots.upgrade_return";
    CancelUpgrade => BotDetail, "bots.upgrade_cancel";
}
