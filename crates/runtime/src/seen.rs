//! What a runtime sees of a bot.

use api::ids::BotId;

/// How a bot stands in its runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Nothing there.
    Absent,
    /// Made, never started.
    Created {
        /// Of which generation.
        generation: i64,
    },
    /// Alive.
    Running {
        /// Of which generation.
        generation: i64,
        /// Process id or short container id, for people.
        handle: String,
        /// Since when.
        started_at_ms: i64,
    },
    /// Was alive.
    Exited {
        /// Of which generation.
        generation: i64,
        /// Exit code, 128 + n for signal n; `None` where nobody saw it end.
        code: Option<i32>,
        /// Ended by the kernel for want of memory.
        out_of_memory: bool,
        /// We were asked to stop it, so it is no failure.
        asked: bool,
        /// When, as far as known.
        at_ms: Option<i64>,
    },
}

impl Observation {
    /// The generation seen, if anything is there.
    #[must_use]
    pub const fn generation(&self) -> Option<i64> {
        match self {
            Self::Absent => None,
            Self::Created { generation }
            | Self::Running { generation, .. }
            | Self::Exited { generation, .. } => Some(*generation),
        }
    }

    /// Whether it lives.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

/// Something of another Chela in a runtime. It is shown and never touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Container name or process id, for people.
    pub handle: String,
    /// The instance whose mark it carries.
    pub instance: String,
    /// When it was made, as far as known.
    pub since_ms: Option<i64>,
}

/// One thing of this instance in a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which bot it is or was.
    pub bot: BotId,
    /// How it stands.
    pub seen: Observation,
}
