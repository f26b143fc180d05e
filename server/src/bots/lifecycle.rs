//! The heart of a bot's life, without IO: what is wanted and what is seen give the next step.
//!
//! Level-triggered: it never asks what happened, only how things stand, so that any crash, loss or repeat
//! of a step leads to the same end. From every state it reaches the wanted one in at most 12 steps.

use api::bots::{Desired, Observed, Stage};

/// How the runtime sees the bot's process or container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Nothing there.
    Absent,
    /// Made, never started.
    Created { generation: i64 },
    /// Alive.
    Running { generation: i64 },
    /// Was alive; `ours` says that we stopped it (so it is no failure).
    Exited { generation: i64, ours: bool },
    /// The runtime does not answer.
    Unknown,
}

/// How the gateway inside answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gateway {
    /// Not connected, within its time.
    Waiting,
    /// Not connected although its time is up.
    Overdue,
    /// Connected and ready.
    Ready,
}

/// What is to be done with a bot's state before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Keep a copy: a new version of OpenClaw is about to change it.
    Take,
    /// Bring the copy back: that version was not well.
    Return,
}

/// How things stand, in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    pub desired: Desired,
    pub seen: Seen,
    pub gateway: Gateway,
    /// The generation that should run.
    pub generation: i64,
    /// Whether the files the bot runs with are those of its applied settings.
    pub config_current: bool,
    /// What an upgrade wants done with its state.
    pub keep: Keep,
    /// A failure made it wait and the time has not come.
    pub must_wait: bool,
    /// Whether what it needs to be made (tools, image) was found in place in this round.
    pub prepared: bool,
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing: as wanted.
    Settle,
    /// Nothing until the pause after a failure is over.
    Pause,
    /// Nothing until the runtime answers again.
    AwaitRuntime,
    /// Have tools or image in place.
    Prepare,
    /// Keep its state from before an upgrade, or bring it back.
    Keep,
    /// Mint tokens, write files, make the process's or container's shell.
    Create,
    /// Start what was made.
    Start,
    /// Watch for the gateway.
    AwaitGateway,
    /// Write the applied settings for the running gateway to pick up.
    Configure,
    /// It died: count the failure, plan the next try under a new generation.
    NoteDeath,
    /// It lives but its gateway does not come: count the failure, then stop it.
    NoteHang,
    /// Ask it to end, then make it.
    Stop,
    /// Take away what is left of it.
    Remove,
    /// Delete its files and rows.
    Purge,
}

/// Decides the next step.
pub fn next(s: &Standing) -> Step {
    match (s.desired, s.seen) {
        (_, Seen::Unknown) => Step::AwaitRuntime,

        (Desired::Running, Seen::Absent) if s.must_wait => Step::Pause,
        (Desired::Running, Seen::Absent) if s.keep != Keep::Nothing => Step::Keep,
        (Desired::Running, Seen::Absent) if !s.prepared => Step::Prepare,
        (Desired::Running, Seen::Absent) => Step::Create,
        (Desired::Running, Seen::Created { generation }) if generation == s.generation => Step::Start,
        (Desired::Running, Seen::Created { .. }) => Step::Remove,
        (Desired::Running, Seen::Running { generation }) if generation != s.generation => Step::Stop,
        (Desired::Running, Seen::Running { .. }) if !s.config_current => Step::Configure,
        (Desired::Running, Seen::Running { .. }) => match s.gateway {
            Gateway::Ready => Step::Settle,
            Gateway::Waiting => Step::AwaitGateway,
            Gateway::Overdue => Step::NoteHang,
        },
        (Desired::Running, Seen::Exited { generation, ours: false }) if generation == s.generation => {
            Step::NoteDeath
        }
        (Desired::Running, Seen::Exited { .. }) => Step::Remove,

        (Desired::Stopped | Desired::Deleted, Seen::Running { .. }) => Step::Stop,
        (Desired::Stopped | Desired::Deleted, Seen::Created { .. } | Seen::Exited { .. }) => Step::Remove,
        (Desired::Stopped, Seen::Absent) if s.keep == Keep::Return => Step::Keep,
        (Desired::Stopped, Seen::Absent) => Step::Settle,
        (Desired::Deleted, Seen::Absent) => Step::Purge,
    }
}

/// What people are told while `step` is the next one.
pub fn shown(s: &Standing, step: Step) -> (Observed, Option<Stage>) {
    match step {
        Step::Settle if s.desired == Desired::Running => (Observed::Running, Some(Stage::Ready)),
        Step::Settle => (Observed::Stopped, None),
        Step::Pause | Step::NoteDeath => (Observed::Failed, None),
        Step::AwaitRuntime => (Observed::Unknown, None),
        Step::Prepare => (Observed::Creating, Some(Stage::Runtime)),
        Step::Keep if s.desired == Desired::Stopped => (Observed::Stopping, None),
        Step::Keep | Step::Create => (Observed::Creating, Some(Stage::Create)),
        Step::Start => (Observed::Starting, Some(Stage::Start)),
        Step::AwaitGateway | Step::NoteHang => (Observed::Starting, Some(Stage::Gateway)),
        Step::Configure if s.gateway == Gateway::Ready => (Observed::Running, Some(Stage::Ready)),
        Step::Configure => (Observed::Starting, Some(Stage::Gateway)),
        Step::Stop | Step::Purge => (Observed::Stopping, None),
        // What is left of a failure is tidied up within its pause.
        Step::Remove if s.desired == Desired::Running && s.must_wait => (Observed::Failed, None),
        // On the way to running it is being made anew, else it is going.
        Step::Remove if s.desired == Desired::Running => (Observed::Creating, Some(Stage::Queued)),
        Step::Remove => (Observed::Stopping, None),
    }
}

/// Pause after the n-th failure in a row, in milliseconds: a first one is answered at once (the moment keeps a bot that
/// dies whenever it starts from taking a processor), then 1 s doubling to 5 min.
pub fn pause_ms(failures: i64) -> i64 {
    if failures <= 1 { 200 } else { crate::platform::jobs::backoff_ms(failures - 1) }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "lifecycle_sim.rs"]
mod sim;
