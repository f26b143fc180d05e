//! Words of orphans: what carries this instance's mark, or lies among its files, and belongs to no bot any more.

use crate::{bots::RuntimeKind, ids::BotId, verb::verbs};

words! {
    /// Where it lies.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum OrphanPlace { Docker, Process, Files }

    #[derive(Eq)]
    pub struct Orphan {
        pub place: OrphanPlace,
        /// Container name, process id or directory.
        pub name: String,
        /// The bot it was made for; of foreign things nobody knows here.
        pub bot: Option<BotId>,
        /// The other instance it belongs to: it is shown and never touched.
        pub foreign: Option<String>,
        /// Since when it is there, or was first seen without a bot.
        pub since_ms: Option<i64>,
        /// Whether it lives.
        pub running: bool,
    }

    /// Looks for orphans; changes nothing.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ListOrphans {}
    #[derive(Eq)]
    pub struct Orphans {
        pub items: Vec<Orphan>,
        /// Runtimes that did not answer: what they hold is not known.
        pub silent: Vec<RuntimeKind>,
    }

    /// Removes orphans of this instance.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct RemoveOrphans {
        /// Of these bots only.
        #[serde(default)]
        pub bots: Option<Vec<BotId>>,
    }
    #[derive(Eq)]
    pub struct OrphansRemoved {
        pub removed: Vec<Orphan>,
        /// What could not be removed, and why.
        pub failed: Vec<OrphanFailed>,
    }
    #[derive(Eq)]
    pub struct OrphanFailed { pub orphan: Orphan, pub why: String }
}

verbs! {
    ListOrphans => Orphans, "orphans.list";
    RemoveOrphans => OrphansRemoved, "orphans.remove";
}
