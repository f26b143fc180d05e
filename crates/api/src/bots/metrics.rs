//! Words of what a bot uses of its machine over time.

use super::BotEvent;
use crate::verb::verbs;

/// How long figures are kept.
pub const METRICS_MS: i64 = 7 * 24 * 3_600_000;

words! {
    /// What a bot used, and what was done to it meanwhile.
    #[serde(deny_unknown_fields)]
    pub struct ReadMetrics {
        pub bot: String,
        /// An hour before `to_ms` if nothing is said; at most seven days before it.
        #[serde(default)]
        pub from_ms: Option<i64>,
        /// Now if nothing is said.
        #[serde(default)]
        pub to_ms: Option<i64>,
    }

    /// At most 240 points, each standing for `step_ms` from its time on; none where nothing ran.
    #[derive(Eq, Default)]
    pub struct BotMetrics {
        pub from_ms: i64,
        pub to_ms: i64,
        pub step_ms: i64,
        pub points: Vec<MetricPoint>,
        /// What its memory is held to now, where something does that.
        pub memory_limit_bytes: Option<u64>,
        /// What changed it within this time, oldest first; the last 100.
        pub marks: Vec<BotEvent>,
    }

    /// What a bot used in one step.
    #[derive(Copy, Eq)]
    pub struct MetricPoint {
        pub at_ms: i64,
        /// Thousandths of a processor, on average.
        pub cpu_milli: u64,
        /// The most it held.
        pub memory_bytes: u64,
        /// What its files take, as last counted.
        pub disk_bytes: Option<u64>,
        /// The most processes (threads too in a container).
        pub processes: u64,
        /// Bytes of requests' bodies of model calls that ended within it; none where nobody counted.
        pub sent_bytes: Option<u64>,
        /// Bytes of their answers' bodies.
        pub received_bytes: Option<u64>,
    }
}

verbs! {
    ReadMetrics => BotMetrics, "bots.metrics";
}
