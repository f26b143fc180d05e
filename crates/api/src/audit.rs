//! Words of the audit log.

use crate::{Page, ids::AuditId, verb::verbs};

words! {
    /// One act, written in the transaction it belongs to.
    pub struct AuditRow {
        pub id: AuditId,
        pub at_ms: i64,
        /// `usr_…`, `tok_…`, `bot_…` or `system`.
        pub actor: String,
        /// The name of that person, token or bot, while there is one.
        #[serde(default)]
        pub actor_name: Option<String>,
        /// The verb, e.g. `bots.create`.
        pub act: String,
        /// What it was done to.
        pub target: Option<String>,
        /// The name of a person, token, bot or key it was done to, while there is one.
        #[serde(default)]
        pub target_name: Option<String>,
        pub outcome: String,
        /// Further facts, as JSON: the tries and reasons of failed logins.
        pub detail: Option<serde_json::Value>,
    }
    #[serde(deny_unknown_fields)]
    pub struct ListAudit { pub limit: Option<u32>, pub cursor: Option<String> }
}

verbs! {
    ListAudit => Page<AuditRow>, "audit.list";
}
