//! Words of the usage ledger: one row per model call.

use crate::{Page, ids::*, verb::verbs};

words! {
    /// A key that could not serve a call.
    pub struct UsageTry {
        pub key: KeyId,
        /// The status its vendor gave, if it gave one.
        pub status: Option<u16>,
        /// `slow_down`, `refused`, `forbidden`, `unreachable` or `failed`.
        pub why: String,
        pub took_ms: i64,
    }
    /// One model call.
    pub struct UsageRow {
        pub id: UsageId,
        pub bot: Option<BotId>,
        /// While there is such a bot.
        #[serde(default)]
        pub bot_name: Option<String>,
        pub key: Option<KeyId>,
        /// The key's label, or its vendor and last characters; while there is such a key.
        #[serde(default)]
        pub key_name: Option<String>,
        pub vendor: String,
        pub model: String,
        /// The model its vendor says it used; absent where it said none.
        #[serde(default)]
        pub model_answered: Option<String>,
        pub status: u16,
        pub input_tokens: i64,
        pub output_tokens: i64,
        pub started_at_ms: i64,
        pub latency_ms: i64,
        pub first_event_ms: Option<i64>,
        /// With how many keys it was asked.
        #[serde(default)]
        pub attempts: i64,
        /// Those that could not serve it, in their order.
        #[serde(default)]
        pub tries: Vec<UsageTry>,
        /// At the price of its time; absent where that is not known.
        #[serde(default)]
        pub cost_micro_usd: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct ListUsage { pub limit: Option<u32>, pub cursor: Option<String>, #[serde(default)] pub bot: Option<String> }
    /// What home shows about the last 24 hours.
    #[serde(deny_unknown_fields)]
    pub struct UsageToday {}
    #[derive(Eq, Default)]
    pub struct UsageTotals {
        pub calls: i64,
        pub failed: i64,
        pub input_tokens: i64,
        pub output_tokens: i64,
        /// Of the calls whose cost is known.
        #[serde(default)]
        pub cost_micro_usd: i64,
        /// How many calls have no known cost.
        #[serde(default)]
        pub cost_unknown: i64,
    }
}

verbs! {
    ListUsage => Page<UsageRow>, "usage.list";
    UsageToday => UsageTotals, "usage.today";
}
