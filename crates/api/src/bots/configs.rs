//! Words of what a bot may use, and of the versions its settings have had.

use super::{BotDetail, SettingChange};
use crate::{Page, ids::BotConfigId, verb::verbs};

words! {
    /// What a bot may use of its machine.
    #[derive(Copy, Eq)]
    pub struct BotLimits {
        /// Memory in MiB: 512 to 65536. Of a process it is Node's heap that is held to it.
        pub memory_mb: u32,
        /// Thousandths of a processor: 100 to 64000. Containers only.
        pub cpu_milli: u32,
        /// Processes and threads: 64 to 4096. Containers only.
        pub pids: u32,
    }

    /// Limits to change; what is left out stays.
    #[derive(Copy, Eq, Default)]
    #[serde(deny_unknown_fields)]
    pub struct ChangeLimits {
        #[serde(default)]
        pub memory_mb: Option<u32>,
        #[serde(default)]
        pub cpu_milli: Option<u32>,
        #[serde(default)]
        pub pids: Option<u32>,
    }

    /// Changes limits and applies that at once, as a new version of the settings; a running bot is restarted. What is
    /// pending stays pending.
    #[serde(deny_unknown_fields)]
    pub struct SetLimits {
        pub bot: String,
        #[serde(default)]
        pub memory_mb: Option<u32>,
        #[serde(default)]
        pub cpu_milli: Option<u32>,
        #[serde(default)]
        pub pids: Option<u32>,
        #[serde(default)]
        pub expected_version: Option<i64>,
    }

    /// Makes a new version of the settings that equals an older one, and applies it at once. What is pending stays
    /// pending. Taken back by rolling back again.
    #[serde(deny_unknown_fields)]
    pub struct RollbackBot {
        pub bot: String,
        /// The one it was last well with if nothing is said.
        #[serde(default)]
        pub config_id: Option<BotConfigId>,
        #[serde(default)]
        pub expected_version: Option<i64>,
    }

    /// A version of a bot's settings.
    #[derive(Eq)]
    pub struct BotConfigVersion {
        pub id: BotConfigId,
        pub at_ms: i64,
        /// Who made it, as the audit log names them.
        pub author: String,
        /// The name of that person or token, while there is one.
        #[serde(default)]
        pub author_name: Option<String>,
        /// It is the one that is applied.
        pub current: bool,
        /// The bot was last well with it.
        pub well: bool,
        /// Against the version before; nothing of the first one.
        pub changes: Vec<SettingChange>,
        /// What rolling back to it would change now.
        pub rollback: Vec<SettingChange>,
    }

    /// Every version of a bot's settings, newest first.
    #[serde(deny_unknown_fields)]
    pub struct ListBotConfigs {
        pub bot: String,
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
    }
}

impl BotLimits {
    /// What [`BotLimits::memory_mb`] may be.
    pub const MEMORY_MB: std::ops::RangeInclusive<u32> = 512..=65_536;
    /// What [`BotLimits::cpu_milli`] may be.
    pub const CPU_MILLI: std::ops::RangeInclusive<u32> = 100..=64_000;
    /// What [`BotLimits::pids`] may be.
    pub const PIDS: std::ops::RangeInclusive<u32> = 64..=4_096;

    /// With the changes made.
    #[must_use]
    pub fn with(self, change: ChangeLimits) -> Self {
        Self {
            memory_mb: change.memory_mb.unwrap_or(self.memory_mb),
            cpu_milli: change.cpu_milli.unwrap_or(self.cpu_milli),
            pids: change.pids.unwrap_or(self.pids),
        }
    }

    /// Half as much memory again, in steps of 256 MiB; nothing where that is more than a bot may have.
    #[must_use]
    pub fn more_memory_mb(self) -> Option<u32> {
        let more = (self.memory_mb.saturating_add(self.memory_mb / 2)).div_ceil(256) * 256;
        let more = more.min(*Self::MEMORY_MB.end());
        (more > self.memory_mb).then_some(more)
    }
}

impl Default for BotLimits {
    fn default() -> Self {
        Self { memory_mb: 2048, cpu_milli: 2000, pids: 512 }
    }
}

verbs! {
    SetLimits => BotDetail, "bots.set_limits";
    RollbackBot => BotDetail, "bots.rollback";
    ListBotConfigs => Page<BotConfigVersion>, "bots.configs";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_of_memory_is_half_as_much_again_and_within_bounds() {
        let next = |memory_mb| BotLimits { memory_mb, ..BotLimits::default() }.more_memory_mb();
        assert_eq!([next(2048), next(512), next(3072), next(700)], [3072, 768, 4608, 1280].map(Some));
        assert_eq!([next(60_000), next(65_536)], [Some(65_536), None]);
    }
}
