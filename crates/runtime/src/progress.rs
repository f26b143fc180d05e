//! Telling how far a long preparation has come.

/// A named part of a preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Looking whether everything is there.
    Look,
    /// Another bot's start is preparing the same.
    Wait,
    /// Fetching Node and npm to install with.
    Npm,
    /// Installing the Node that bots run on.
    Node,
    /// Installing OpenClaw.
    OpenClaw,
    /// Taking over tools that are already on this machine.
    Copy,
    /// Building the container image.
    Build,
    /// Pulling the container image.
    Pull,
}

impl Stage {
    /// For people, in English.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Look => "Checking what is installed",
            Self::Wait => "Waiting for an installation in progress",
            Self::Npm => "Fetching npm",
            Self::Node => "Installing Node",
            Self::OpenClaw => "Installing OpenClaw",
            Self::Copy => "Copying tools",
            Self::Build => "Building the bot image",
            Self::Pull => "Pulling the bot image",
        }
    }
}

/// Hears how far a preparation has come. Called often; must be quick.
pub trait Progress: Send + Sync {
    /// `done` of `total` bytes, as far as known.
    fn report(&self, stage: Stage, done: u64, total: Option<u64>);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignore;

impl Progress for Ignore {
    fn report(&self, _: Stage, _: u64, _: Option<u64>) {}
}

impl<F: Fn(Stage, u64, Option<u64>) + Send + Sync> Progress for F {
    fn report(&self, stage: Stage, done: u64, total: Option<u64>) {
        self(stage, done, total);
    }
}
