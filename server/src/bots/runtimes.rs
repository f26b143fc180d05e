//! The runtimes this instance has, and the bots' files: what the reconciler does to the world.

mod discover;
mod files;
mod looks;
mod room;
mod word;

pub use discover::Runtimes;
pub(super) use word::Word;

use super::lifecycle::Seen;

/// How a bot's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    pub code: Option<i32>,
    pub out_of_memory: bool,
}

/// Memory a bot may use.
pub(super) fn memory_bytes(limits: api::bots::BotLimits) -> u64 {
    u64::from(limits.memory_mb) << 20
}

/// What the lifecycle sees, from what the runtime saw.
pub(super) fn seen(observation: &runtime::Observation) -> (Seen, Option<Exit>) {
    use runtime::Observation as O;
    match *observation {
        O::Absent => (Seen::Absent, None),
        O::Created { generation } => (Seen::Created { generation }, None),
        O::Running { generation, .. } => (Seen::Running { generation }, None),
        O::Exited { generation, code, out_of_memory, asked, .. } => {
            (Seen::Exited { generation, ours: asked }, Some(Exit { code, out_of_memory }))
        }
    }
}
