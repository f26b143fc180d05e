//! Words of budgets: how many calls, tokens or money the model calls of a workspace, a bot or a virtual key may use.

use crate::{
    Page,
    ids::*,
    verb::{Done, verbs},
};
use std::ops::RangeInclusive;

/// What holds where a workspace says nothing else.
pub const LOOKOUT: Lookout = Lookout {
    loop_calls: 20,
    loop_spread_percent: 20,
    loop_apart_s: 30,
    busy_minutes: 10,
    idle_minutes: 60,
    idle_micro_usd: 1_000_000,
};

/// What may be said of it.
#[derive(Clone, Debug)]
pub struct LookoutBounds {
    /// Fewer are chance, more are not remembered.
    pub loop_calls: RangeInclusive<i64>,
    pub loop_spread_percent: RangeInclusive<i64>,
    pub loop_apart_s: RangeInclusive<i64>,
    pub busy_minutes: RangeInclusive<i64>,
    /// Spending is remembered by quarters of an hour, for a day.
    pub idle_minutes: RangeInclusive<i64>,
}

impl LookoutBounds {
    /// The bounds.
    pub const ALL: Self = Self {
        loop_calls: 5..=100,
        loop_spread_percent: 1..=50,
        loop_apart_s: 1..=86_400,
        busy_minutes: 0..=1_440,
        idle_minutes: 15..=1_380,
    };
}

/// No budget is larger: a thousand million dollars, or as many tokens as make a thousand million million.
pub const MOST: i64 = 1_000_000_000_000_000;

words! {
    /// What a budget counts.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BudgetUnit {
        /// Model calls.
        Requests,
        /// Tokens of every kind.
        Tokens,
        /// Micro-USD.
        Money,
    }
    /// How long one window of a budget is; days and months are those of the workspace's time zone.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BudgetPeriod { Minute, Day, Month }
    /// How a budget stands.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum BudgetState {
        Open,
        /// Four fifths are used.
        Near,
        /// All is used, or a call found no room.
        Spent,
        /// Its amount is 0: somebody stopped these calls.
        Stopped,
    }
    /// A budget, and how it stands.
    #[derive(Eq)]
    pub struct Budget {
        pub id: BudgetId,
        /// The bot whose calls it is for; of the whole workspace where neither bot nor virtual key nor tag is named.
        pub bot: Option<BotId>,
        /// While there is such a bot.
        pub bot_name: Option<String>,
        pub virtual_key: Option<VirtualKeyId>,
        pub virtual_key_name: Option<String>,
        /// The tag that all bots and virtual keys carry whose calls it is for.
        #[serde(default)]
        pub tag: Option<String>,
        /// The only vendor (`openai/*`) or model (`openai/gpt-5-mini`) it is for.
        pub model: Option<String>,
        pub unit: BudgetUnit,
        pub period: BudgetPeriod,
        /// How much a window has; money is in micro-USD. 0 stops all calls it is for.
        pub most: i64,
        /// Whether calls are refused when it is used up; people are told either way.
        pub hard: bool,
        /// The cheaper model that calls to its vendor go to instead of being refused.
        #[serde(default)]
        pub instead: Option<String>,
        /// From how many percent used on; absent: when a call finds no room.
        #[serde(default)]
        pub instead_from: Option<i64>,
        pub state: BudgetState,
        pub window_start_ms: i64,
        pub window_end_ms: i64,
        /// Used by calls that ended.
        pub used: i64,
        /// Held back for calls that run.
        pub reserved: i64,
        /// What will have been used at the end of the window if it goes on like this; absent while it is too early to say.
        pub forecast: Option<i64>,
        pub version: i64,
    }
    #[serde(deny_unknown_fields)]
    pub struct ListBudgets { pub limit: Option<u32>, pub cursor: Option<String> }
    /// A new budget. Without bot, virtual key and tag it is for the whole workspace.
    #[serde(deny_unknown_fields)]
    pub struct CreateBudget {
        /// Id or slug.
        #[serde(default)]
        pub bot: Option<String>,
        /// Id or name.
        #[serde(default)]
        pub virtual_key: Option<String>,
        /// A tag of bots and virtual keys, such as a team's: one budget for all that carry it.
        #[serde(default)]
        pub tag: Option<String>,
        #[serde(default)]
        pub model: Option<String>,
        pub unit: BudgetUnit,
        pub period: BudgetPeriod,
        #[serde(default)]
        pub most: Option<i64>,
        /// The same as people write it: dollars where it counts money.
        #[serde(default)]
        pub amount: Option<String>,
        /// True where nothing is said.
        #[serde(default)]
        pub hard: Option<bool>,
        /// A cheaper model, `vendor/model`, that calls to its vendor go to instead of being refused.
        #[serde(default)]
        pub instead: Option<String>,
        /// From how many percent used on (1 to 99); when a call finds no room, where nothing is said.
        #[serde(default)]
        pub instead_from: Option<i64>,
    }
    /// Changes how much there is; what was used stays used.
    #[serde(deny_unknown_fields)]
    pub struct ChangeBudget {
        pub budget: BudgetId,
        #[serde(default)]
        pub most: Option<i64>,
        /// The same as people write it: dollars where it counts money.
        #[serde(default)]
        pub amount: Option<String>,
        #[serde(default)]
        pub hard: Option<bool>,
        /// Another cheaper model; empty: none.
        #[serde(default)]
        pub instead: Option<String>,
        /// From how many percent used on; 0: when a call finds no room.
        #[serde(default)]
        pub instead_from: Option<i64>,
        #[serde(default)]
        pub expected_version: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct DeleteBudget { pub budget: BudgetId }
    /// Where the days and months of the workspace's budgets begin.
    #[serde(deny_unknown_fields)]
    pub struct GetZone {}
    /// An IANA time zone such as `Europe/Berlin`.
    #[serde(deny_unknown_fields)]
    pub struct SetZone { pub time_zone: String }
    #[derive(Eq)]
    pub struct Zone { pub time_zone: String }
    /// From when on a bot looks like one that spends for nobody, so that people are told.
    #[derive(Copy, Eq)]
    pub struct Lookout {
        /// So many calls in a row make a loop,
        pub loop_calls: i64,
        /// whose distances and sizes each lie about their mean by less than so many percent of it,
        pub loop_spread_percent: i64,
        /// so many seconds apart or more,
        pub loop_apart_s: i64,
        /// and nobody wrote to the bot from so many minutes before the first of them on.
        pub busy_minutes: i64,
        /// Spending for nobody goes on for more than so many minutes,
        pub idle_minutes: i64,
        /// and costs more than this, in micro-USD, within a day.
        pub idle_micro_usd: i64,
    }
    #[serde(deny_unknown_fields)]
    pub struct GetLookout {}
    /// What is left out stays.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct SetLookout {
        #[serde(default)]
        pub loop_calls: Option<i64>,
        #[serde(default)]
        pub loop_spread_percent: Option<i64>,
        #[serde(default)]
        pub loop_apart_s: Option<i64>,
        #[serde(default)]
        pub busy_minutes: Option<i64>,
        #[serde(default)]
        pub idle_minutes: Option<i64>,
        #[serde(default)]
        pub idle_micro_usd: Option<i64>,
    }
    /// Model calls that somebody stopped: of a bot, to a vendor, or all of the workspace.
    #[derive(Eq)]
    pub struct Stop {
        pub id: StopId,
        /// The bot whose calls are stopped.
        pub bot: Option<BotId>,
        /// While there is such a bot.
        pub bot_name: Option<String>,
        /// The vendor no call goes to. All calls are stopped where neither is named.
        pub vendor: Option<String>,
        /// As whoever stopped them said it.
        pub why: Option<String>,
        /// The person or token that did.
        pub by: String,
        pub by_name: Option<String>,
        pub since_ms: i64,
        /// When it was allowed again, where a call tells of it; absent while it stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lifted_at_ms: Option<i64>,
    }
    /// What is stopped, the last first.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ListStops {
        /// Only what stops calls of this bot (id or slug): its own stop, those of vendors and that of all.
        #[serde(default)]
        pub bot: Option<String>,
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
    }
    /// Stops model calls at once, also those that run, until they are allowed again. One of bot, vendor and everything is said.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct StopCalls {
        /// Id or slug.
        #[serde(default)]
        pub bot: Option<String>,
        #[serde(default)]
        pub vendor: Option<String>,
        /// All calls of the workspace.
        #[serde(default)]
        pub everything: Option<bool>,
        #[serde(default)]
        pub why: Option<String>,
    }
    /// Ends a stop.
    #[serde(deny_unknown_fields)]
    pub struct AllowCalls { pub stop: StopId }
}

verbs! {
    ListBudgets => Page<Budget>, "budgets.list";
    CreateBudget => Budget, "budgets.create";
    ChangeBudget => Budget, "budgets.change";
    DeleteBudget => Done, "budgets.delete";
    GetZone => Zone, "budgets.zone";
    SetZone => Zone, "budgets.set_zone";
    GetLookout => Lookout, "budgets.lookout";
    SetLookout => Lookout, "budgets.set_lookout";
    ListStops => Page<Stop>, "budgets.stops";
    StopCalls => Stop, "budgets.stop";
    AllowCalls => Done, "budgets.allow";
}
