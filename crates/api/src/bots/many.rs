//! Words of many bots at once: narrowing a list, counting it, acting on several, the trash.

use super::{BotCreated, BotDetail, RuntimeKind};
use crate::{error::ApiError, verb::verbs};

/// Bots that one bulk act may name.
pub const MOST_AT_ONCE: usize = 200;
/// How long a bot stays in the trash.
pub const TRASH_MS: i64 = 7 * 24 * 3_600_000;

words! {
    /// How a bot stands, as coarsely as a list is narrowed by it. A bot that is running but was restarted
    /// after failures is both `running` and `attention`.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BotState {
        /// Ready.
        Running,
        /// On its way up or down.
        Changing,
        Stopped,
        /// Wanted running, and failed, failing again and again, or not working.
        Attention,
    }

    /// Counts the bots that a list with the same words would show.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ReadBotStats {
        #[serde(default)]
        pub q: Option<String>,
        #[serde(default)]
        pub tag: Option<String>,
        #[serde(default)]
        pub runtime: Option<RuntimeKind>,
    }

    /// How many bots stand how.
    #[derive(Eq, Default)]
    pub struct BotStats {
        pub total: u64,
        pub running: u64,
        pub changing: u64,
        pub stopped: u64,
        pub attention: u64,
        /// Whatever the other words are.
        pub trashed: u64,
        /// Tags in use in the workspace, the most used first; at most 100.
        pub tags: Vec<TagCount>,
    }

    /// A tag and how many bots carry it.
    #[derive(Eq)]
    pub struct TagCount { pub tag: String, pub bots: u64 }

    /// What can be done to several bots at once.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BulkAct { Start, Stop, Restart, Trash, Restore, Delete }

    /// Does one thing to several bots, each in a transaction of its own. `delete` cannot be taken back; `trash`
    /// can.
    #[serde(deny_unknown_fields)]
    pub struct BulkBots {
        pub act: BulkAct,
        /// Ids or slugs, 1 to 200.
        pub bots: Vec<String>,
    }

    /// What became of each, in the order asked.
    pub struct BulkDone {
        /// What was asked.
        pub act: BulkAct,
        pub results: Vec<BulkResult>,
    }

    /// What became of one.
    pub struct BulkResult {
        /// As it was asked.
        pub bot: String,
        /// Whether it was done, or was so already.
        pub ok: bool,
        /// Whether anything changed: what an undo has to take back.
        pub changed: bool,
        /// Why not.
        pub error: Option<ApiError>,
    }

    /// Stops a bot and puts it away for seven days; then it is deleted.
    #[serde(deny_unknown_fields)]
    pub struct TrashBot { pub bot: String }
    /// Takes a bot out of the trash; it runs again if it did.
    #[serde(deny_unknown_fields)]
    pub struct RestoreBot { pub bot: String }
    /// Makes another bot with the settings and tags of this one.
    #[serde(deny_unknown_fields)]
    pub struct CloneBot { pub bot: String, pub name: String }
}

verbs! {
    ReadBotStats => BotStats, "bots.stats";
    BulkBots => BulkDone, "bots.bulk";
    TrashBot => BotDetail, "bots.trash";
    RestoreBot => BotDetail, "bots.restore";
    CloneBot => BotCreated, "bots.clone";
}
