//! Why the tools could not be installed.

use std::path::PathBuf;

/// Why the tools could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// There is no npm and no way to get one.
    #[error("npm is missing, and PyPI's Node wheel could not be installed either ({0})")]
    NoNpm(String),
    /// npm ended with an error.
    #[error("npm could not install {what}: {message}")]
    Npm {
        /// Which tree.
        what: &'static str,
        /// The last words of npm.
        message: String,
    },
    /// The registry is not reachable.
    #[error("the npm registry is not reachable: {0}")]
    Registry(String),
    /// The installed Node is not what was pinned.
    #[error("{path} is Node {found}, OpenClaw needs 24.16 or newer")]
    WrongNode {
        /// The binary.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// No room.
    #[error("installing OpenClaw needs {need_mib} MiB in {path}, {free_mib} MiB are free")]
    Full {
        /// Where.
        path: PathBuf,
        /// Wanted.
        need_mib: u64,
        /// There.
        free_mib: u64,
    },
    /// It took too long.
    #[error("installing {0} took too long")]
    Timeout(&'static str),
    /// Cancelled from outside.
    #[error("cancelled")]
    Cancelled,
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Its words.
        source: std::io::Error,
    },
}

impl InstallError {
    /// A stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoNpm(_) => "npm_missing",
            Self::Npm { .. } => "npm_failed",
            Self::Registry(_) => "registry_unreachable",
            Self::WrongNode { .. } => "wrong_node",
            Self::Full { .. } => "disk_full",
            Self::Timeout(_) => "install_timeout",
            Self::Cancelled => "cancelled",
            Self::Io { .. } => "install_io",
        }
    }

    /// What a person can do.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoNpm(_) => {
                Some("Install npm (on Debian: apt-get install npm); Chela tries again by itself.")
            }
            Self::Registry(_) => {
                Some("Check the network and npm's registry setting; Chela tries again by itself.")
            }
            Self::Full { .. } => Some("Free some disk space; Chela tries again by itself."),
            Self::WrongNode { .. } => Some("Delete the data dir's tools directory; Chela installs it anew."),
            _ => None,
        }
    }
}
