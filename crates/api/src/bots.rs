//! Words of bots: what is wanted, what is, and the verbs between.

mod configs;
mod diagnose;
mod health;
mod many;
mod metrics;
mod past;
mod postmortem;
mod upgrade;

pub use configs::*;
pub use diagnose::*;
pub use health::*;
pub use many::*;
pub use metrics::*;
pub use past::*;
pub use postmortem::*;
pub use upgrade::*;

use crate::{
    Page,
    ids::*,
    verb::{Done, verbs},
};

words! {
    /// What its owner wants.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Desired { Running, Stopped, Deleted }

    /// What Chela last saw.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Observed { Absent, Creating, Starting, Running, Stopping, Stopped, Failed, Unknown }

    /// The step in progress on the way to ready.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Stage { Queued, Runtime, Image, Create, Start, Gateway, Pairing, Ready }

    /// Whether it works, apart from whether it lives.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Health { Healthy, Degraded, Unhealthy, Unknown }

    /// Whom a bot may serve. `shared`: anybody, so no tool of the host; `own`: one owner, container only.
    #[derive(Copy, Eq, Hash, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum Profile { #[default] Shared, Own }

    /// Where a bot runs.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum RuntimeKind { Process, Docker }

    /// Why it is as it is.
    #[derive(Eq)]
    pub struct Reason {
        /// Stable word, e.g. `gateway_timeout`.
        pub code: String,
        /// What happened.
        pub message: String,
        /// What you can do.
        pub hint: Option<String>,
    }

    /// A stage with its times; `note` says how far (e.g. "131 of 647 MB").
    #[derive(Eq)]
    pub struct StageMark {
        pub stage: Stage,
        pub started_at_ms: i64,
        pub ended_at_ms: Option<i64>,
        pub note: Option<String>,
    }

    /// A bot in a list.
    pub struct BotSummary {
        pub id: BotId,
        pub slug: String,
        pub name: String,
        pub model: String,
        pub runtime: RuntimeKind,
        pub profile: Profile,
        pub desired: Desired,
        pub observed: Observed,
        pub stage: Option<Stage>,
        pub health: Health,
        pub reason: Option<Reason>,
        /// Since when `observed` holds.
        pub since_ms: i64,
        pub created_at_ms: i64,
        pub version: i64,
        #[serde(default)]
        pub tags: Vec<String>,
        /// Since when it is in the trash.
        #[serde(default)]
        pub trashed_at_ms: Option<i64>,
        /// Which OpenClaw it runs with: a version, or an image.
        #[serde(default)]
        pub openclaw: String,
        /// Since when it is asleep: down because nobody needed it, until a message or a person wakes it.
        #[serde(default)]
        pub asleep_since_ms: Option<i64>,
    }

    /// Configuration of a bot.
    #[derive(Eq)]
    pub struct BotSettings {
        pub name: String,
        pub model: String,
        pub prompt: String,
        pub profile: Profile,
        #[serde(default)]
        pub limits: BotLimits,
    }

    /// A bot in full.
    pub struct BotDetail {
        #[serde(flatten)]
        pub summary: BotSummary,
        /// What it runs with.
        pub settings: BotSettings,
        /// Saved but not yet applied.
        pub pending: Option<BotSettings>,
        /// The applied settings differ from what the running process was started with.
        pub restart_needed: bool,
        pub stages: Vec<StageMark>,
        pub restarts: i64,
        pub started_at_ms: Option<i64>,
        /// When Chela tries again, while it waits after a failure.
        pub next_try_at_ms: Option<i64>,
        /// Other versions of OpenClaw it can be given, the one of this Chela first.
        #[serde(default)]
        pub openclaw_offers: Vec<String>,
        /// Its last upgrade.
        #[serde(default)]
        pub upgrade: Option<Upgrade>,
        /// It is put to sleep after so many minutes without work; never if absent.
        #[serde(default)]
        pub idle_stop_minutes: Option<u32>,
    }

    /// Bots of the workspace, narrowed by every word that is given.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ListBots {
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
        /// `created` (if nothing is said), `name` or `since`; with `-` before it the other way round.
        #[serde(default)]
        pub sort: Option<String>,
        /// A part of the name or slug, in whatever case.
        #[serde(default)]
        pub q: Option<String>,
        #[serde(default)]
        pub state: Option<BotState>,
        #[serde(default)]
        pub tag: Option<String>,
        #[serde(default)]
        pub runtime: Option<RuntimeKind>,
        /// What is in the trash instead.
        #[serde(default)]
        pub trashed: Option<bool>,
    }
    /// `bot` is an id or a slug, here and below.
    #[serde(deny_unknown_fields)]
    pub struct GetBot { pub bot: String }
    #[serde(deny_unknown_fields)]
    pub struct CreateBot {
        pub name: String,
        pub model: String,
        #[serde(default)]
        pub prompt: Option<String>,
        #[serde(default)]
        pub profile: Option<Profile>,
        #[serde(default)]
        pub runtime: Option<RuntimeKind>,
        #[serde(default)]
        pub tags: Option<Vec<String>>,
        /// Minutes without work after which it is put to sleep: 5 to 10080; 0 or nothing for never.
        #[serde(default)]
        pub idle_stop_minutes: Option<u32>,
        #[serde(default)]
        pub limits: Option<ChangeLimits>,
    }
    #[derive(Eq)]
    pub struct BotCreated { pub id: BotId, pub slug: String }
    /// Saves a pending change; nothing runs differently before `ApplyBot`. Tags are no configuration and hold at once.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct UpdateBot {
        pub bot: String,
        #[serde(default)]
        pub name: Option<String>,
        #[serde(default)]
        pub model: Option<String>,
        #[serde(default)]
        pub prompt: Option<String>,
        #[serde(default)]
        pub profile: Option<Profile>,
        /// All of them: at most 20, each `[a-z0-9._:-]{1,32}`.
        #[serde(default)]
        pub tags: Option<Vec<String>>,
        /// Minutes without work after which it is put to sleep: 5 to 10080; 0 for never. Holds at once.
        #[serde(default)]
        pub idle_stop_minutes: Option<u32>,
        /// Applied, they restart a running bot.
        #[serde(default)]
        pub limits: Option<ChangeLimits>,
        /// `version` of the bot as read; a newer one in the store is `stale`.
        #[serde(default)]
        pub expected_version: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct ApplyBot { pub bot: String, #[serde(default)] pub expected_version: Option<i64> }
    #[serde(deny_unknown_fields)]
    pub struct DiscardBot { pub bot: String, #[serde(default)] pub expected_version: Option<i64> }
    #[serde(deny_unknown_fields)]
    pub struct StartBot { pub bot: String }
    /// Also cancels a start in progress.
    #[serde(deny_unknown_fields)]
    pub struct StopBot { pub bot: String }
    #[serde(deny_unknown_fields)]
    pub struct RestartBot { pub bot: String }
    /// Deletes the bot with its state, threads and tokens. Not undoable: `confirm` repeats its name.
    #[serde(deny_unknown_fields)]
    pub struct DeleteBot { pub bot: String, #[serde(default)] pub confirm: Option<String> }

    /// How grave a line of a bot's output is.
    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum LogLevel { #[default] Info, Warn, Error }

    /// A line of a bot's output, without colours, secrets taken out.
    #[derive(Eq)]
    pub struct LogLine { pub at_ms: i64, pub level: LogLevel, pub text: String }

    /// Output of a bot and of its former lives, oldest first.
    #[derive(Eq)]
    pub struct LogPage {
        pub lines: Vec<LogLine>,
        /// There was more before these lines than the limit allows.
        pub skipped: bool,
        /// Go on from here: `cursor` of the next question. Outlives restarts of the bot and of Chela.
        pub next: String,
    }

    /// Reads a bot's output: its end, what came since a time, or what came after a cursor.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ReadLogs {
        pub bot: String,
        /// 1 to 1000 lines, 500 if nothing is said.
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
        #[serde(default)]
        pub since_ms: Option<i64>,
        /// Only lines at least this grave.
        #[serde(default)]
        pub level: Option<LogLevel>,
        /// Only lines with these words, in whatever case.
        #[serde(default)]
        pub q: Option<String>,
        /// With a cursor: wait so many seconds (at most 10) for something new.
        #[serde(default)]
        pub wait_s: Option<u32>,
    }

    /// Counts what a bot keeps, without following or opening any of it.
    #[serde(deny_unknown_fields)]
    pub struct ReadStorage { pub bot: String }
    pub struct Storage { pub parts: Vec<StoragePart> }
    /// One directory of a bot.
    pub struct StoragePart {
        /// `state`, `workspace`, `run` or `logs`.
        pub part: String,
        /// The same in a sentence.
        pub says: String,
        pub files: u64,
        pub directories: u64,
        /// None was followed.
        pub links: u64,
        /// Pipes, sockets and devices; none was opened.
        pub specials: u64,
        /// As the files state it; a sparse file counts in full.
        pub bytes: u64,
        pub disk_bytes: u64,
        /// Counting ended at a limit: there is more.
        pub more: bool,
    }

    /// What can be chosen when a bot is made.
    #[serde(deny_unknown_fields)]
    pub struct BotOptions {}
    pub struct BotChoices {
        pub models: Vec<ModelChoice>,
        pub runtimes: Vec<RuntimeChoice>,
        /// Where a process bot would run as Chela's own user, and nothing keeps it apart.
        #[serde(default)]
        pub unisolated: Option<Unisolated>,
    }
    /// Whether bots that nothing keeps apart are allowed: their owner says so once, or a setting does.
    #[derive(Eq)]
    pub struct Unisolated {
        pub allowed: bool,
        /// Who said so in this workspace; nobody where the setting does.
        pub by: Option<String>,
        pub at_ms: Option<i64>,
    }
    /// Allows bots that nothing keeps apart from this machine, for this workspace alone.
    #[serde(deny_unknown_fields)]
    pub struct AllowUnisolated {}
    /// Takes it back, once no such bot is wanted running.
    #[serde(deny_unknown_fields)]
    pub struct ForbidUnisolated {}
    pub struct ModelChoice { pub model: String, pub vendor: String }
    pub struct RuntimeChoice {
        pub kind: RuntimeKind,
        pub available: bool,
        /// Taken when nothing is asked.
        pub default: bool,
        /// Why it cannot be used, or what to know.
        pub note: Option<String>,
    }
}

verbs! {
    ListBots => Page<BotSummary>, "bots.list";
    GetBot => BotDetail, "bots.get";
    CreateBot => BotCreated, "bots.create";
    UpdateBot => BotDetail, "bots.update";
    ApplyBot => BotDetail, "bots.apply";
    DiscardBot => BotDetail, "bots.discard";
    StartBot => BotDetail, "bots.start";
    StopBot => BotDetail, "bots.stop";
    RestartBot => BotDetail, "bots.restart";
    DeleteBot => Done, "bots.delete";
    BotOptions => BotChoices, "bots.options";
    ReadLogs => LogPage, "bots.logs";
    ReadStorage => Storage, "bots.storage";
    AllowUnisolated => Done, "bots.allow_unisolated";
    ForbidUnisolated => Done, "bots.forbid_unisolated";
}
