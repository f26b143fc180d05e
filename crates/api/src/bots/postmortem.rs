//! Words of what a bot left when it died.

use super::{LogLine, Reason};
use crate::{
    Page,
    ids::{BotConfigId, PostmortemId},
    verb::verbs,
};

/// Post-mortems kept of a bot.
pub const MOST_POSTMORTEMS: u64 = 20;

words! {
    /// A death in a list.
    #[derive(Eq)]
    pub struct PostmortemSummary {
        pub id: PostmortemId,
        pub at_ms: i64,
        pub reason: Reason,
        pub generation: i64,
        pub lived_ms: i64,
        /// Exit code, 128 + n for signal n; none where nobody saw it end, or it hung and was ended.
        pub exit_code: Option<i32>,
        pub out_of_memory: bool,
    }

    /// What is known of a death.
    #[derive(Eq)]
    pub struct Postmortem {
        #[serde(flatten)]
        pub summary: PostmortemSummary,
        /// Memory it was allowed.
        pub memory_limit_bytes: u64,
        /// What its settings were changed by since they were last well: with which it was up for a minute or more.
        pub changes: Vec<SettingChange>,
        /// Which settings those were; none where it was never well.
        pub well_config: Option<BotConfigId>,
        /// The last it wrote, secrets taken out; at most 500 lines.
        pub lines: Vec<LogLine>,
        /// There was more than is kept.
        pub cut: bool,
        /// What may help, as things stand when this is read.
        #[serde(default)]
        pub answers: Answers,
    }

    /// What may mend a bot with one press.
    #[derive(Eq, Default)]
    pub struct Answers {
        /// After want of memory: the next limit, where the machine has room for it.
        #[serde(default)]
        pub raise_memory_mb: Option<u32>,
        /// Back to the settings it was last well with, where those were others.
        #[serde(default)]
        pub rollback: Option<RollbackTo>,
    }

    /// A version of the settings to go back to.
    #[derive(Eq)]
    pub struct RollbackTo {
        pub config_id: BotConfigId,
        /// What that would change now.
        pub changes: Vec<SettingChange>,
    }

    /// A setting that was changed.
    #[derive(Eq)]
    pub struct SettingChange {
        /// `name`, `model`, `prompt`, `profile`, `memory_mb`, `cpu_milli` or `pids`.
        pub setting: String,
        pub before: String,
        pub after: String,
    }

    /// A bot's deaths, newest first; the newest 20 are kept.
    #[serde(deny_unknown_fields)]
    pub struct ListPostmortems {
        pub bot: String,
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
    }

    /// One of them in full.
    #[serde(deny_unknown_fields)]
    pub struct ReadPostmortem { pub bot: String, pub postmortem: PostmortemId }
}

verbs! {
    ListPostmortems => Page<PostmortemSummary>, "bots.postmortems";
    ReadPostmortem => Postmortem, "bots.postmortem";
}
