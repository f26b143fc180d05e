//! Words of a bot's health: whether its process lives, and whether the bot works. Two facts, never one.

use super::{BotSummary, Desired, Health, Observed, Reason};
use crate::{
    ids::{HealthChangeId, KeyId},
    verb::verbs,
};

/// How long changes of health are kept.
pub const HEALTH_MS: i64 = 90 * 24 * 3_600_000;

words! {
    /// Something that is so, is not, or is not known.
    #[derive(Copy, Eq, Hash, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum Fact { Yes, No, #[default] Unknown }

    /// Why nobody misses a bot that does not live.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum AtRest {
        /// A person wants it stopped.
        Stopped,
        /// Nobody needed it for a while.
        Asleep,
    }

    /// How a bot stands. `healthy`: it lives and works; `degraded`: it lives and does not work; `unhealthy`: it should
    /// live and does not; `unknown`: it is stopped, on its way, or cannot be seen.
    pub struct BotHealth {
        pub health: Health,
        /// Which of the facts fails, and why.
        pub reason: Option<Reason>,
        /// It is down, and that is as wanted: what is not so then is no failure.
        #[serde(default)]
        pub at_rest: Option<AtRest>,
        pub process: ProcessFact,
        pub works: WorksFact,
        /// The newest changes, newest first; at most 100 of the last 90 days.
        pub history: Vec<HealthChange>,
        /// Uptime of each month (UTC) of the last 90 days, the newest first; months before the first event are left out.
        pub months: Vec<MonthUptime>,
    }

    /// Whether its process or container lives.
    #[derive(Eq)]
    pub struct ProcessFact {
        pub lives: Fact,
        /// Since when it does.
        pub since_ms: Option<i64>,
        /// How often it was started again after it died.
        pub restarts: i64,
        pub last_exit: Option<LastExit>,
        /// When Chela tries again, while it waits after a failure.
        pub next_try_at_ms: Option<i64>,
    }

    /// How it died last.
    #[derive(Eq)]
    pub struct LastExit {
        pub at_ms: i64,
        pub reason: Option<Reason>,
        pub lived_ms: Option<i64>,
    }

    /// Whether the bot works.
    #[derive(Eq)]
    pub struct WorksFact {
        pub works: Fact,
        /// Its gateway is connected and ready.
        pub gateway: Fact,
        /// The vendor of its model takes a key of the workspace.
        pub model: Fact,
        /// The last question to that vendor. It asks for the list of models and costs nothing.
        pub probe: Option<ModelProbe>,
        /// When it last finished an answer in chat.
        pub last_answer_at_ms: Option<i64>,
    }

    /// A question to a vendor with one key.
    #[derive(Eq)]
    pub struct ModelProbe {
        pub key: KeyId,
        pub at_ms: i64,
        pub latency_ms: i64,
        /// Why the model cannot be reached with it, in the vendor's words.
        pub error: Option<String>,
    }

    /// From then on it stood so.
    #[derive(Eq)]
    pub struct HealthChange {
        pub id: HealthChangeId,
        pub at_ms: i64,
        pub lives: Fact,
        pub works: Fact,
        pub health: Health,
        pub reason: Option<Reason>,
    }

    /// Uptime of a month.
    #[derive(Eq)]
    pub struct MonthUptime {
        /// `2026-11`.
        pub month: String,
        /// How long it was wanted running.
        pub wanted_ms: i64,
        /// How long of that it was ready.
        pub up_ms: i64,
        pub deaths: u64,
    }

    /// Whether a bot lives and whether it works, with what came before.
    #[serde(deny_unknown_fields)]
    pub struct ReadBotHealth { pub bot: String }
}

/// Whether a bot's process lives, and whether the bot works, as its row tells.
#[must_use]
pub const fn two_facts(desired: Desired, observed: Observed, health: Health) -> (Fact, Fact) {
    let lives = match observed {
        Observed::Running | Observed::Starting | Observed::Stopping => Fact::Yes,
        Observed::Absent | Observed::Creating | Observed::Stopped | Observed::Failed => Fact::No,
        Observed::Unknown => Fact::Unknown,
    };
    let works = match (lives, health, observed, desired) {
        (Fact::No, ..) | (Fact::Yes, Health::Degraded, ..) => Fact::No,
        (Fact::Yes, Health::Healthy, Observed::Running, Desired::Running) => Fact::Yes,
        _ => Fact::Unknown,
    };
    (lives, works)
}

/// Whether a bot is down as wanted.
#[must_use]
pub const fn at_rest(bot: &BotSummary) -> Option<AtRest> {
    match (bot.observed, bot.desired, bot.asleep_since_ms) {
        (Observed::Stopped | Observed::Absent, Desired::Running, Some(_)) => Some(AtRest::Asleep),
        (Observed::Stopped | Observed::Absent, Desired::Stopped, _) => Some(AtRest::Stopped),
        _ => None,
    }
}

verbs! {
    ReadBotHealth => BotHealth, "bots.health";
}
