//! Words of a bot's past: what was done to it, what became of it, how long it was up.

use super::Reason;
use crate::{Page, ids::BotEventId, verb::verbs};

/// How long events are kept.
pub const EVENTS_MS: i64 = 90 * 24 * 3_600_000;

words! {
    /// What happened: the first ten were asked for, the others were seen.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BotEventKind {
        Created,
        /// A change was saved, or tags were set.
        Changed,
        Applied,
        /// Its settings became those of an older version again.
        RolledBack,
        Discarded,
        Start,
        Stop,
        Restart,
        Trash,
        Restore,
        /// Another OpenClaw was asked for.
        Upgrade,
        /// The version from before was asked for.
        Return,
        /// Its gateway answers.
        Ready,
        /// It ended by itself, or hung and was ended.
        Died,
        /// A step on the way up failed for the first time, or for another reason than before.
        Failed,
        /// It is down, as was wanted.
        Ended,
        /// It has another OpenClaw and is well with it.
        Upgraded,
        /// An upgrade came to nothing, or was undone; the reason tells which.
        UpgradeUndone,
        /// Nobody needed it for as long as it was told.
        Slept,
        /// Somebody needs it again.
        Woke,
    }

    /// One event of a bot's past.
    #[derive(Eq)]
    pub struct BotEvent {
        pub id: BotEventId,
        pub at_ms: i64,
        pub kind: BotEventKind,
        /// Who asked, as the audit log names them; nobody where it was seen.
        pub actor: Option<String>,
        /// The name of that person or token, while there is one.
        #[serde(default)]
        pub actor_name: Option<String>,
        /// Why it died or failed.
        pub reason: Option<Reason>,
        /// How long it had been up, where it died or ended.
        pub lived_ms: Option<i64>,
    }

    /// A bot's past, newest first.
    #[serde(deny_unknown_fields)]
    pub struct ListBotEvents {
        pub bot: String,
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
    }

    /// How long a bot was up of the time it was wanted running.
    #[serde(deny_unknown_fields)]
    pub struct ReadUptime {
        pub bot: String,
        /// 30 days before `to_ms` if nothing is said. Events are kept for 90 days.
        #[serde(default)]
        pub from_ms: Option<i64>,
        /// Now if nothing is said.
        #[serde(default)]
        pub to_ms: Option<i64>,
    }

    /// The answer; what lies before the first event that is kept counts as neither.
    #[derive(Copy, Eq, Default)]
    pub struct Uptime {
        pub from_ms: i64,
        pub to_ms: i64,
        /// How long it was wanted running; the way up for the very first time is not counted while it goes well.
        pub wanted_ms: i64,
        /// How long of that it was ready. A restart that was asked for counts as down until it is ready again; a
        /// connection to its gateway that was lost for less than a minute does not.
        pub up_ms: i64,
        /// How often it died.
        pub deaths: u64,
    }
}

verbs! {
    ListBotEvents => Page<BotEvent>, "bots.events";
    ReadUptime => Uptime, "bots.uptime";
}
