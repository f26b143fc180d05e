//! What can go wrong with a bot's files.

use std::io;

/// Why a bot's files could not be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Its words.
        source: io::Error,
    },
    /// Something else than expected lies there.
    #[error("{0} is not what Chela put there; it was left alone")]
    Planted(String),
    /// A name that is no plain file name.
    #[error("{0:?} is not a file name")]
    BadName(String),
    /// More than a bot's file may hold.
    #[error("{what} has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More files than are taken.
    #[error("{what} has more than {limit} files")]
    TooMany {
        /// What.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl HomeError {
    pub(super) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// Whether the disk is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}
