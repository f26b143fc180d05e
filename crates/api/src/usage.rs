//! Words of the usage ledger: one row per model call, and the sums of them.

use crate::{
    Page,
    budgets::{BudgetPeriod, BudgetUnit, Stop},
    ids::*,
    verb::verbs,
};

mod asked;

pub use asked::*;

words! {
    /// A key that could not serve a call, or a link of a chain that was skipped.
    pub struct UsageTry {
        /// Absent where a link was skipped.
        pub key: Option<KeyId>,
        /// The link of a chain, as `vendor/model`.
        #[serde(default)]
        pub link: Option<String>,
        /// The status its vendor gave, if it gave one.
        pub status: Option<u16>,
        /// `slow_down`, `refused`, `forbidden`, `unreachable`, `failed`, `no_model`, `context_length_exceeded` or
        /// `tool_error`; of a link that was skipped `no_vendor`, `no_key`, `other_dialect`, `not_allowed`, `no_room`,
        /// `stopped`, `cooling_down`, `keys_refused`, `breaker_open`, `keys_over_limit`, `no_key_for_model` or `not_longer`; of a
        /// key that was passed over `other_models`, `over_limit`, `price_unknown`, or why it rests.
        pub why: String,
        pub took_ms: i64,
        /// What its vendor charges for an answer that nobody got, where somebody else was asked after it; part of the call's cost.
        #[serde(default)]
        pub charge: Option<UsageCharge>,
    }
    /// What an attempt in vain costs.
    #[derive(Copy, Eq)]
    pub struct UsageCharge {
        /// Tokens of every kind.
        pub tokens: i64,
        /// Absent where nobody said what its model costs.
        pub cost_micro_usd: Option<i64>,
        /// The vendor did not say what it used: it may charge as much, or nothing.
        pub estimated: bool,
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
        /// Who called, where it is a virtual key.
        #[serde(default)]
        pub virtual_key: Option<VirtualKeyId>,
        /// While there is such a virtual key.
        #[serde(default)]
        pub virtual_key_name: Option<String>,
        pub vendor: String,
        pub model: String,
        /// The model the caller asked for, where a budget led the call to a cheaper one, `model`.
        #[serde(default)]
        pub asked_model: Option<String>,
        /// The model its vendor says it used; absent where it said none.
        #[serde(default)]
        pub model_answered: Option<String>,
        pub status: u16,
        /// How it ended: `complete`, or why not.
        #[serde(default)]
        pub ended: String,
        /// Input that came from no cache of the vendor's.
        pub input_tokens: i64,
        pub output_tokens: i64,
        #[serde(default)]
        pub cache_read_tokens: i64,
        #[serde(default)]
        pub cache_write_tokens: i64,
        /// The part of `output_tokens` that was reasoning; 0 where the vendor does not say.
        #[serde(default)]
        pub reasoning_tokens: i64,
        /// Whether the answer was a stream of events.
        #[serde(default)]
        pub stream: bool,
        pub started_at_ms: i64,
        pub latency_ms: i64,
        pub first_event_ms: Option<i64>,
        /// The chain it asked for, where that was one; `model` is the one that served it.
        #[serde(default)]
        pub chain: Option<String>,
        /// How often somebody was asked, with whatever key and model.
        #[serde(default)]
        pub attempts: i64,
        /// Those that could not serve it, in their order.
        #[serde(default)]
        pub tries: Vec<UsageTry>,
        /// At the price of its time; absent where that is not known.
        #[serde(default)]
        pub cost_micro_usd: Option<i64>,
        /// What budgets of money keep for it where its cost is not known: the most it was expected to cost.
        #[serde(default)]
        pub held_micro_usd: Option<i64>,
        /// Whether tokens and cost are an estimate: the vendor did not say them, or not to the end.
        #[serde(default)]
        pub estimated: bool,
        /// The budget that stopped it.
        #[serde(default)]
        pub budget: Option<BudgetId>,
        /// What somebody stopped, where that refused it or ended it.
        #[serde(default)]
        pub stop: Option<StopId>,
        /// Why Chela refused it or broke it off, as the code that its answer carried: `price_unknown`, `model_not_allowed`,
        /// `not_connected`, `stopped`, …; absent where it did not.
        #[serde(default)]
        pub reason: Option<String>,
        /// 32 hex digits, where the caller gave them.
        #[serde(default)]
        pub trace_id: Option<String>,
    }
    /// One call by the id that its answer carried.
    #[serde(deny_unknown_fields)]
    pub struct ShowUsage {
        /// `req_…` or a bare UUID as in `x-chela-request-id`, or `use_…` as in the list.
        pub call: String,
    }
    /// One call with the names of the keys that were asked.
    pub struct UsageCall {
        pub call: UsageRow,
        /// Names of the keys that could not serve it, in their order; absent where there is no such key any more.
        pub tried: Vec<Option<String>>,
        /// What its `budget` is, while there is one.
        #[serde(default)]
        pub stopped_by: Option<StoppedBy>,
        /// What its `stop` is: of what, by whom, since when and why. For 90 days after it was lifted.
        #[serde(default)]
        pub stop: Option<Stop>,
    }
    /// A budget that stopped a call, as it is now.
    #[derive(Eq)]
    pub struct StoppedBy {
        /// The bot or virtual key it is for; of the whole workspace where neither that nor a tag is named.
        pub of: Option<String>,
        pub tag: Option<String>,
        /// The only vendor (`openai/*`) or model (`openai/gpt-5-mini`) it is for.
        pub model: Option<String>,
        pub unit: BudgetUnit,
        pub period: BudgetPeriod,
        /// How much a window has; money is in micro-USD. 0: somebody stopped it.
        pub most: i64,
    }
    /// What home shows about the last 24 hours.
    #[serde(deny_unknown_fields)]
    pub struct UsageToday {}
    #[derive(Eq, Default)]
    pub struct UsageTotals {
        pub calls: i64,
        /// Not complete, the refused ones included.
        pub failed: i64,
        /// Input of every kind, also what came from a cache of the vendor's or went there.
        pub input_tokens: i64,
        pub output_tokens: i64,
        /// Of the calls whose cost is known.
        #[serde(default)]
        pub cost_micro_usd: i64,
        /// How many calls have no known cost.
        #[serde(default)]
        pub cost_unknown: i64,
    }
    /// Sums of calls; of two disjoint lots of calls they add up.
    #[derive(Copy, Eq, Default)]
    pub struct UsageSums {
        pub calls: i64,
        /// Not complete, the refused ones included.
        pub failed: i64,
        /// Refused by Chela: nothing left.
        pub refused: i64,
        /// Input that came from no cache of the vendor's.
        pub input_tokens: i64,
        pub output_tokens: i64,
        pub cache_read_tokens: i64,
        pub cache_write_tokens: i64,
        /// Of the calls whose cost is known.
        pub cost_micro_usd: i64,
        /// How many calls have no known cost.
        pub cost_unknown: i64,
        /// What budgets of money keep for those.
        #[serde(default)]
        pub held_micro_usd: i64,
        /// How many calls' tokens and costs are estimates: the vendor did not say them, or not to the end.
        pub estimated: i64,
        /// How many calls `latency_ms` is of.
        pub timed: i64,
        pub latency_ms: i64,
        /// How many calls `first_event_ms` is of.
        pub first_events: i64,
        pub first_event_ms: i64,
    }
    /// Sums of a time, and of the time before that it compares with.
    pub struct UsageReport {
        /// As counted: whole quarters of an hour.
        pub from_ms: i64,
        pub to_ms: i64,
        pub zone: String,
        pub sums: UsageSums,
        pub before_from_ms: i64,
        pub before_to_ms: i64,
        pub before: UsageSums,
    }
    /// A piece of a trend.
    pub struct UsagePoint {
        pub start_ms: i64,
        pub end_ms: i64,
        /// When it begins, as clocks in the zone say: `2026-11-22 14:00`, `2026-11-22` or `2026-11`.
        pub label: String,
        pub sums: UsageSums,
    }
    /// Sums over time, without gaps.
    pub struct UsageLine {
        pub from_ms: i64,
        pub to_ms: i64,
        pub zone: String,
        pub by: UsageStep,
        pub points: Vec<UsagePoint>,
    }
    /// What one bot, model, vendor, key, outcome or day has of the sums.
    pub struct UsageShare {
        /// As the filter of that name takes it; empty where calls have none.
        pub value: String,
        /// What people call it, while there is such a thing.
        pub name: Option<String>,
        /// Of models.
        pub vendor: Option<String>,
        pub sums: UsageSums,
    }
}

impl UsageSums {
    /// Adds those of other calls.
    pub fn add(&mut self, other: &Self) {
        let Self { calls, failed, refused, input_tokens, output_tokens, .. } = other;
        self.calls = self.calls.saturating_add(*calls);
        self.failed = self.failed.saturating_add(*failed);
        self.refused = self.refused.saturating_add(*refused);
        self.input_tokens = self.input_tokens.saturating_add(*input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(*output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
        self.cost_unknown = self.cost_unknown.saturating_add(other.cost_unknown);
        self.held_micro_usd = self.held_micro_usd.saturating_add(other.held_micro_usd);
        self.estimated = self.estimated.saturating_add(other.estimated);
        self.timed = self.timed.saturating_add(other.timed);
        self.latency_ms = self.latency_ms.saturating_add(other.latency_ms);
        self.first_events = self.first_events.saturating_add(other.first_events);
        self.first_event_ms = self.first_event_ms.saturating_add(other.first_event_ms);
    }
}

verbs! {
    ListUsage => Page<UsageRow>, "usage.list";
    UsageToday => UsageTotals, "usage.today";
    SummarizeUsage => UsageReport, "usage.summary";
    TrendUsage => UsageLine, "usage.trend";
    BreakDownUsage => Page<UsageShare>, "usage.breakdown";
    ShowUsage => UsageCall, "usage.show";
}
