//! Words of jobs: the work of the instance that goes on after an answer left, for its administrators.

use crate::{
    bots::Stage,
    ids::JobId,
    verb::{Done, verbs},
};

words! {
    /// How a job stands. The last three are ends: nothing follows but what a person asks for.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum JobState {
        /// Waits for its time.
        Queued,
        Running,
        /// Done. Kept only where it failed before or took long.
        Done,
        /// Failed as often as it may: a dead letter.
        Dead,
        /// Ended by a person.
        Cancelled,
    }

    /// What a queued job waits for, besides its time.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum JobWait {
        /// What its bot runs in does not answer.
        Runtime,
        /// Its bot must be up.
        Bot,
        /// The gateway of its bot must answer.
        Gateway,
        /// The pause after a failure of its bot.
        Pause,
    }

    /// The bot a job is about, where the reader is a member of its workspace.
    #[derive(Eq)]
    pub struct JobBot { pub slug: String, pub name: String }

    #[derive(Eq)]
    pub struct Job {
        pub id: JobId,
        /// E.g. `bots.reconcile`.
        pub kind: String,
        /// The id of what it is about.
        pub about: Option<String>,
        pub bot: Option<JobBot>,
        /// How far that bot is on its way, while the job goes on.
        pub stage: Option<Stage>,
        pub state: JobState,
        /// Why a queued one has not begun, where that is no failure of its own.
        #[serde(default)]
        pub waits_for: Option<JobWait>,
        /// Failed runs, and the run that ended it.
        pub attempts: i64,
        pub max_attempts: i64,
        pub last_error: Option<String>,
        /// When it runs next; of a queued job only.
        pub next_at_ms: Option<i64>,
        pub created_at_ms: i64,
        /// When it last began to run.
        pub started_at_ms: Option<i64>,
        /// How long its last run took.
        pub ran_ms: Option<i64>,
        pub finished_at_ms: Option<i64>,
        /// A run may take this long.
        pub deadline_ms: Option<i64>,
        /// Whether it can be cancelled now.
        pub can_cancel: bool,
    }

    #[derive(Copy, Eq, Default)]
    pub struct JobCounts { pub queued: i64, pub running: i64, pub done: i64, pub dead: i64, pub cancelled: i64 }

    /// Jobs, the newest first.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ListJobs {
        #[serde(default)]
        pub state: Option<JobState>,
        #[serde(default)]
        pub kind: Option<String>,
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
    }
    #[derive(Eq)]
    pub struct JobPage {
        pub items: Vec<Job>,
        pub next: Option<String>,
        /// Of all jobs, whatever was asked for.
        pub counts: JobCounts,
        /// Every kind there is.
        pub kinds: Vec<String>,
    }

    #[serde(deny_unknown_fields)]
    pub struct GetJob { pub job: JobId }

    /// Runs one now: a dead or cancelled one anew, a queued one without waiting.
    #[serde(deny_unknown_fields)]
    pub struct RetryJob { pub job: JobId }

    /// Ends one that is queued, or runs and can be broken off.
    #[serde(deny_unknown_fields)]
    pub struct CancelJob { pub job: JobId }

    /// Forgets one that has ended.
    #[serde(deny_unknown_fields)]
    pub struct DiscardJob { pub job: JobId }
}

verbs! {
    ListJobs => JobPage, "jobs.list";
    GetJob => Job, "jobs.get";
    RetryJob => Job, "jobs.retry";
    CancelJob => Job, "jobs.cancel";
    DiscardJob => Done, "jobs.discard";
}
