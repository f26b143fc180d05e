//! Words of a diagnosis: everything a bot needs, looked at once.

use super::RollbackTo;
use crate::{ids::KeyId, verb::verbs};

words! {
    /// What is looked at.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum CheckKind {
        /// The vendor takes a key of the workspace.
        ProviderKey,
        /// The bot's model is one that this key gives.
        ModelAccess,
        /// What its channels are opened with.
        ChannelTokens,
        /// Its process or container.
        Container,
        /// Its wire to the relay.
        Network,
        /// What its gateway says of itself.
        Gateway,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Verdict { Pass, Warning, Fail }

    /// All of it in one word.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Overall { Healthy, Warning, Error }

    /// What a check said.
    #[derive(Eq)]
    pub struct CheckResult {
        pub check: CheckKind,
        pub verdict: Verdict,
        pub latency_ms: i64,
        pub message: String,
    }

    /// What can be done about it with one press.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum FixAct {
        Start,
        /// Start it although nobody needs it: it sleeps.
        Wake,
        Restart,
        /// Apply the pending change.
        Apply,
        /// Ask the vendor again with the key that fails.
        TestKey,
        AddKey,
        /// Choose another model, or change what was refused.
        Configure,
        ReadLogs,
        /// Give it the memory that `memory_mb` says.
        RaiseMemory,
        /// Go back to the settings it was well with: `rollback`.
        RollBack,
    }

    /// One thing to do.
    #[derive(Eq)]
    pub struct Recommendation {
        pub check: CheckKind,
        pub act: FixAct,
        pub text: String,
        /// The key it is about.
        pub key: Option<KeyId>,
        #[serde(default)]
        pub memory_mb: Option<u32>,
        #[serde(default)]
        pub rollback: Option<RollbackTo>,
    }

    /// What was found.
    #[derive(Eq)]
    pub struct Diagnosis {
        pub at_ms: i64,
        pub overall: Overall,
        pub checks: Vec<CheckResult>,
        pub recommendations: Vec<Recommendation>,
    }

    /// Looks at everything a bot needs, all at once and each within 10 s. Changes nothing and costs nothing.
    #[serde(deny_unknown_fields)]
    pub struct DiagnoseBot { pub bot: String }
}

verbs! {
    DiagnoseBot => Diagnosis, "bots.diagnose";
}
