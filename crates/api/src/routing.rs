//! Words of routing: fallback chains, and why a link of one would not be asked.

use crate::{
    Page,
    verb::{Done, verbs},
};

/// Links of a chain.
pub const MAX_LINKS: usize = 20;
/// Seconds a key may have to its first word.
pub const MAX_TIMEOUT_S: u32 = 600;
/// Keys of a link that may be asked.
pub const MAX_TRIES: u32 = 10;

words! {
    /// What of a link's failure leads to the next one. No key, another dialect, a rest and a model that is not there always do.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum ChainTrigger {
        /// Every key was asked to slow down.
        RateLimit,
        /// The vendor failed, could not be reached or broke off before the first word.
        Overloaded,
        /// The first word did not come in time.
        Timeout,
        /// The vendor refuses every key, or has no money for it.
        Refused,
        /// The prompt is longer than the model takes.
        ContextLengthExceeded,
        /// The model failed to call a tool as it should.
        ToolError,
    }

    /// An interface that callers speak.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Dialect { Openai, Responses, Anthropic, Gemini }

    /// Why a call would not ask a link.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum LinkSkipWhy {
        /// Chela has no such vendor.
        NoVendor,
        /// The workspace has no key for it.
        NoKey,
        /// The vendor does not speak the caller's dialect.
        OtherDialect,
        /// Its vendor asked every key to slow down.
        CoolingDown,
        /// Its vendor refuses every key.
        KeysRefused,
        /// It failed several times in a row with every key.
        BreakerOpen,
        /// Somebody stopped calls to it.
        Stopped,
        /// Limits of its keys' own are used up.
        KeysOverLimit,
        /// No key of its vendor is for its model.
        NoKeyForModel,
    }

    pub struct LinkSkip {
        pub why: LinkSkipWhy,
        /// When its first key is asked again, where it rests.
        pub until_ms: Option<i64>,
    }

    /// A model in a chain.
    pub struct ChainLink {
        /// As `vendor/model`.
        pub model: String,
        /// Who can ask it: a call in another dialect skips it.
        pub dialects: Vec<Dialect>,
        /// Why a call would not ask it just now; absent where it would.
        pub skipped: Option<LinkSkip>,
    }

    /// Models under one name, asked in their order until one serves the call.
    pub struct Chain {
        /// What callers name as their model.
        pub name: String,
        /// Whether the workspace wrote it itself.
        pub own: bool,
        /// Whether there is a shipped one of this name, which an own one hides.
        pub shipped: bool,
        pub links: Vec<ChainLink>,
        pub triggers: Vec<ChainTrigger>,
        /// How long one key of a link may take to its first word.
        pub timeout_s: i64,
        /// With how many keys a link is asked while another one follows.
        pub tries: i64,
        pub changed_at_ms: Option<i64>,
    }

    #[serde(deny_unknown_fields)]
    pub struct ListChains { pub limit: Option<u32>, pub cursor: Option<String> }
    /// One chain, and what a call in this dialect would skip.
    #[serde(deny_unknown_fields)]
    pub struct ReadChain {
        pub chain: String,
        #[serde(default)]
        pub dialect: Option<Dialect>,
    }
    /// Makes a chain of one's own or replaces it; a shipped one of the name is hidden by it.
    #[serde(deny_unknown_fields)]
    pub struct SetChain {
        /// `[a-z0-9-]`, and no vendor's name.
        pub name: String,
        /// As `vendor/model`, in order; empty ones are left out.
        pub links: Vec<String>,
        /// One at least. Absent: `rate_limit`, `overloaded`, `timeout` and `refused`.
        #[serde(default)]
        pub triggers: Option<Vec<ChainTrigger>>,
        /// Absent: 60.
        #[serde(default)]
        pub timeout_s: Option<u32>,
        /// Absent: 3.
        #[serde(default)]
        pub tries: Option<u32>,
    }
    /// Deletes one's own; the shipped one of the name is back then.
    #[serde(deny_unknown_fields)]
    pub struct DeleteChain { pub chain: String }
}

verbs! {
    ListChains => Page<Chain>, "chains.list";
    ReadChain => Chain, "chains.get";
    SetChain => Chain, "chains.set";
    DeleteChain => Done, "chains.delete";
}
