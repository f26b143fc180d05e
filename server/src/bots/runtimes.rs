//! The runtimes this instance has, and the bots' files: what the reconciler does to the world.

mod discover;
mod files;
mod looks;
mod room;
mod word;

pub use discover::Runtimes;
pub(super) use word::Word;

use super::lifecycle::Seen;
use api::bots::Reason;

/// How a bot's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    pub code: Option<i32>,
    pub out_of_memory: bool,
}

impl Exit {
    /// In words for people.
    pub(super) fn reason(&self) -> Reason {
        let (code, message, hint) = match (self.out_of_memory, self.code) {
            (true, _) => (
                "out_of_memory",
                "The bot used up its memory and was ended.".to_owned(),
                Some("Chela starts it again. If it happens often, the bot needs a larger limit."),
            ),
            (false, Some(78)) => (
                "config_refused",
                "OpenClaw refused its configuration (exit 78).".to_owned(),
                Some("The bot's log says which setting. Change it and start the bot again."),
            ),
            (false, Some(code)) => (
                "exited",
                format!("The bot's process ended with code {code}."),
                Some("Chela starts it again."),
            ),
            (false, None) => {
                ("vanished", "The bot's process is gone.".to_owned(), Some("Chela starts it again."))
            }
        };
        Reason { code: code.to_owned(), message, hint: hint.map(str::to_owned) }
    }
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
