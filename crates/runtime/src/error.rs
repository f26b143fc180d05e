//! What can go wrong in a runtime, in words for people and codes for programs.

use crate::{home::HomeError, install::InstallError};
use std::time::Duration;

/// Why a runtime could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The engine does not answer.
    #[error("the container engine does not answer: {0}")]
    EngineGone(String),
    /// The engine answered with a refusal that has no case of its own.
    #[error("the container engine refused to {what}: {message}")]
    Engine {
        /// What was asked.
        what: &'static str,
        /// Its words.
        message: String,
    },
    /// No answer by the deadline.
    #[error("{what} took longer than {} s", .after.as_secs())]
    Timeout {
        /// What was asked.
        what: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// What should be acted on is not there.
    #[error("{0} is not there")]
    NotFound(&'static str),
    /// Something that is not ours stands under our name.
    #[error("{0} exists but does not belong to this Chela; it was left alone")]
    Foreign(String),
    /// Another generation is in the way.
    #[error("generation {found} of this bot is still there")]
    Conflict {
        /// Which.
        found: i64,
    },
    /// No space left.
    #[error("no space left: {0}")]
    Full(String),
    /// This runtime cannot keep the bot apart as demanded.
    #[error("{0}")]
    NotIsolated(String),
    /// The settings do not allow it.
    #[error("{0}")]
    Refused(String),
    /// The image could not be had.
    #[error("the bot image could not be had: {0}")]
    Image(String),
    /// The tools could not be had.
    #[error(transparent)]
    Install(InstallError),
    /// The bot's files could not be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The process could not be started.
    #[error("the bot's process could not be started: {0}")]
    Spawn(String),
    /// Cancelled from outside.
    #[error("cancelled")]
    Cancelled,
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Its words.
        source: std::io::Error,
    },
}

impl From<InstallError> for RuntimeError {
    /// Cancelled is cancelled, whatever was under way: nothing failed.
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Cancelled => Self::Cancelled,
            error => Self::Install(error),
        }
    }
}

impl RuntimeError {
    /// A stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EngineGone(_) => "engine_gone",
            Self::Engine { .. } => "engine_refused",
            Self::Timeout { .. } => "runtime_timeout",
            Self::NotFound(_) => "runtime_not_found",
            Self::Foreign(_) => "foreign",
            Self::Conflict { .. } => "generation_conflict",
            Self::Full(_) => "disk_full",
            Self::NotIsolated(_) => "not_isolated",
            Self::Refused(_) => "refused",
            Self::Image(_) => "image_unavailable",
            Self::Install(e) => e.code(),
            Self::Home(_) => "home",
            Self::Spawn(_) => "spawn_failed",
            Self::Cancelled => "cancelled",
            Self::Io { .. } => "io",
        }
    }

    /// What a person can do.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::EngineGone(_) => Some("Start Docker; Chela tries again by itself."),
            Self::Timeout { .. } => Some("The machine may be busy; Chela tries again by itself."),
            Self::Foreign(_) => Some("Remove or rename it by hand if it is not needed."),
            Self::Full(_) => Some("Free some disk space; Chela tries again by itself."),
            Self::NotIsolated(_) => {
                Some("Use Docker, run Chela as root, or accept it on the page for new bots.")
            }
            Self::Image(_) => Some("Check CHELA_BOT_IMAGE, or unset it to build the image here."),
            Self::Install(e) => e.hint(),
            _ => None,
        }
    }

    pub(crate) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |source| {
            if source.kind() == std::io::ErrorKind::StorageFull {
                Self::Full(what.to_owned())
            } else {
                Self::Io { what, source }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_that_was_cancelled_is_no_failure() {
        assert!(matches!(RuntimeError::from(InstallError::Cancelled), RuntimeError::Cancelled));
    }
}
