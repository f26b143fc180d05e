//! Words of notifications: what happened to bots that a person should know, and who wants to hear of what.

use crate::{
    Page,
    bots::{Reason, RuntimeKind},
    budgets::{BudgetPeriod, BudgetUnit},
    ids::{BotId, BudgetId, NotificationId},
    verb::{Done, verbs},
};

/// How long notifications are kept.
pub const KEPT_MS: i64 = 90 * 24 * 3_600_000;
/// The longest a bot is muted.
pub const LONGEST_MUTE_MINUTES: u32 = 7 * 24 * 60;

impl NotificationKind {
    /// The page that says why, with what helps: where a bot died, what it left.
    pub fn page_of(self, slug: &str) -> String {
        match self {
            Self::Died | Self::OutOfMemory | Self::ConfigRefused | Self::Hung | Self::CrashLoop => {
                format!("/bots/{slug}/diagnostics?postmortem=last")
            }
            Self::UpgradeUndone => format!("/bots/{slug}/config#openclaw"),
            Self::BudgetNear | Self::BudgetSpent => "/budgets".to_owned(),
            Self::HeartbeatLoop | Self::IdleSpend => format!("/bots/{slug}/usage"),
            Self::KeyExpiring | Self::KeyRefused => "/keys".to_owned(),
            Self::Failed | Self::Unreachable | Self::Recovered => format!("/bots/{slug}/overview"),
        }
    }
}

words! {
    /// What a notification is about.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum NotificationKind {
        /// Its process ended by itself; Chela starts it again.
        Died,
        /// It was ended because its memory was used up.
        OutOfMemory,
        /// OpenClaw refused its configuration (exit 78).
        ConfigRefused,
        /// It lived, but its gateway did not answer.
        Hung,
        /// It died three times or more without being well for ten minutes in between.
        CrashLoop,
        /// A step on its way up failed.
        Failed,
        /// An upgrade of OpenClaw came to nothing, or was undone.
        UpgradeUndone,
        /// A runtime does not answer: nobody knows how its bots are.
        Unreachable,
        /// A budget of model calls is nearly used up.
        BudgetNear,
        /// It is used up.
        BudgetSpent,
        /// A bot calls a model again and again, evenly, and nobody writes to it.
        HeartbeatLoop,
        /// A bot spends for more than an hour, and nobody writes to it.
        IdleSpend,
        /// A provider key ends soon, or has ended.
        KeyExpiring,
        /// A provider key that worked is refused by its vendor.
        KeyRefused,
        /// A choice only: a trouble that is over. In the app it stays unread until it is seen; pushed, it takes the
        /// place of the trouble.
        Recovered,
    }

    /// The bot of a notification.
    #[derive(Eq)]
    pub struct NotifiedBot { pub id: BotId, pub slug: String, pub name: String }

    /// The budget of a notification, as it is now.
    #[derive(Eq)]
    pub struct NotifiedBudget {
        pub id: BudgetId,
        /// The bot or virtual key it is for; of the whole workspace where neither that nor a tag is named.
        pub of: Option<String>,
        pub tag: Option<String>,
        /// The only vendor (`openai/*`) or model (`openai/gpt-5-mini`) it is for.
        pub model: Option<String>,
        pub unit: BudgetUnit,
        pub period: BudgetPeriod,
        /// How much a window has; money is in micro-USD.
        pub most: i64,
    }

    /// One trouble from its beginning to its end, however often it came back in between.
    #[derive(Eq)]
    pub struct Notification {
        pub id: NotificationId,
        pub kind: NotificationKind,
        /// None where it is about a runtime.
        pub bot: Option<NotifiedBot>,
        /// The runtime that does not answer.
        pub runtime: Option<RuntimeKind>,
        /// The budget that is nearly or wholly used, while there is one. Pages have it in words, in the reason.
        #[cfg(not(target_arch = "wasm32"))]
        #[serde(default)]
        pub budget: Option<NotifiedBudget>,
        /// The last reason.
        pub reason: Option<Reason>,
        /// How often it happened; of a runtime, to how many bots.
        pub count: i64,
        pub first_at_ms: i64,
        pub last_at_ms: i64,
        /// When it was over; none while it goes on.
        pub resolved_at_ms: Option<i64>,
        /// Whether the caller has something new to see.
        pub unread: bool,
        /// Until when the caller has muted its bot.
        pub muted_until_ms: Option<i64>,
    }

    /// The kinds the caller wants to see, the last to happen first.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct ListNotifications {
        /// Only what is unread.
        #[serde(default)]
        pub unread: Option<bool>,
        #[serde(default)]
        pub limit: Option<u32>,
        #[serde(default)]
        pub cursor: Option<String>,
    }

    /// Counts what is unread to the caller.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct CountUnread {}
    /// At most 100: more are as good as 100.
    #[derive(Copy, Eq, Default)]
    pub struct Unread { pub count: u32 }

    /// Marks one as read, or all.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct MarkRead {
        /// All of them if none is named.
        #[serde(default)]
        pub notification: Option<NotificationId>,
        /// Of all, only those that happened last until then: what came since the caller looked stays unread.
        #[serde(default)]
        pub until_ms: Option<i64>,
    }

    /// Does not hear of a bot for a while: nothing of it counts as unread or is pushed to the caller.
    #[serde(deny_unknown_fields)]
    pub struct MuteBot {
        pub bot: String,
        /// An hour if nothing is said; 0 ends it.
        #[serde(default)]
        pub minutes: Option<u32>,
    }
    #[derive(Copy, Eq, Default)]
    pub struct Muted { pub until_ms: i64 }

    /// What the caller wants to hear of.
    #[serde(deny_unknown_fields)]
    pub struct GetChoices {}
    /// Kinds shown in the app, and kinds pushed to devices.
    #[derive(Eq, Default)]
    pub struct Choices {
        pub in_app: Vec<NotificationKind>,
        pub push: Vec<NotificationKind>,
    }
    /// Replaces the choices.
    #[derive(Default)]
    #[serde(deny_unknown_fields)]
    pub struct Choose {
        #[serde(default)]
        pub in_app: Vec<NotificationKind>,
        #[serde(default)]
        pub push: Vec<NotificationKind>,
    }

    /// The public key that a browser subscribes to pushes with.
    #[serde(deny_unknown_fields)]
    pub struct GetPushKey {}
    /// Uncompressed P-256, in URL-safe base64.
    #[derive(Eq)]
    pub struct PushKey { pub key: String }

    /// Pushes to this device from now on, as long as the session lasts. Again is harmless.
    #[serde(deny_unknown_fields)]
    pub struct Subscribe {
        /// As the browser names them, in URL-safe base64.
        pub endpoint: String,
        pub p256dh: String,
        pub auth: String,
        /// `en` or `zh`; English if nothing is said.
        #[serde(default)]
        pub locale: Option<String>,
    }
    /// No more pushes to this device. Again is harmless.
    #[serde(deny_unknown_fields)]
    pub struct Unsubscribe { pub endpoint: String }
}

impl NotificationKind {
    /// Every kind there is.
    pub const ALL: [Self; 15] = [
        Self::CrashLoop,
        Self::Failed,
        Self::OutOfMemory,
        Self::ConfigRefused,
        Self::Hung,
        Self::Died,
        Self::UpgradeUndone,
        Self::Unreachable,
        Self::BudgetNear,
        Self::BudgetSpent,
        Self::HeartbeatLoop,
        Self::IdleSpend,
        Self::KeyExpiring,
        Self::KeyRefused,
        Self::Recovered,
    ];

    /// Whether it is about a budget of model calls, not about how a bot runs.
    #[must_use]
    pub const fn is_of_budget(self) -> bool {
        matches!(self, Self::BudgetNear | Self::BudgetSpent)
    }

    /// Whether it is about a bot that spends for nobody.
    #[must_use]
    pub const fn is_runaway(self) -> bool {
        matches!(self, Self::HeartbeatLoop | Self::IdleSpend)
    }

    /// Whether it is about money, which no restart brings back.
    #[must_use]
    pub const fn is_of_spending(self) -> bool {
        self.is_of_budget() || self.is_runaway()
    }

    /// Whether it is about a provider key.
    #[must_use]
    pub const fn is_of_key(self) -> bool {
        matches!(self, Self::KeyExpiring | Self::KeyRefused)
    }
}

verbs! {
    ListNotifications => Page<Notification>, "notify.list";
    CountUnread => Unread, "notify.unread";
    MarkRead => Done, "notify.read";
    MuteBot => Muted, "notify.mute";
    GetChoices => Choices, "notify.choices";
    Choose => Choices, "notify.choose";
    GetPushKey => PushKey, "notify.push_key";
    Subscribe => Done, "notify.subscribe";
    Unsubscribe => Done, "notify.unsubscribe";
}
