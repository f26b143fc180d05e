//! Words of virtual keys: what people and programs call models with, instead of a vendor's key.

use crate::{
    Page,
    budgets::{BudgetPeriod, BudgetUnit},
    ids::*,
    verb::{Done, verbs},
};

/// The longest that the secret before a rotation goes on working.
pub const LONGEST_OVERLAP_MINUTES: u32 = 7 * 24 * 60;
/// The most days until a key ends.
pub const MOST_DAYS: u32 = 3650;
/// The most models a key may be for.
pub const MOST_MODELS: usize = 100;
/// The most budgets that are made with a key.
pub const MOST_LIMITS: usize = 10;

words! {
    /// A virtual key; its secret is shown when it is made or rotated, and never again.
    #[derive(Eq)]
    pub struct VirtualKey {
        pub id: VirtualKeyId,
        pub name: String,
        /// How the secret ends.
        pub last_four: String,
        /// The models it is for, as `vendor/model` or `vendor/*`; all where there is none.
        pub models: Vec<String>,
        /// Its calls prefer provider keys with these tags, the first one first.
        #[serde(default)]
        pub tags: Vec<String>,
        pub expires_at_ms: Option<i64>,
        /// It opens nothing while it is blocked.
        pub blocked: bool,
        /// Until when the secret before the last rotation works too.
        pub former_until_ms: Option<i64>,
        pub created_at_ms: i64,
        pub last_used_at_ms: Option<i64>,
        pub version: i64,
    }
    #[serde(deny_unknown_fields)]
    pub struct ListVirtualKeys { pub limit: Option<u32>, pub cursor: Option<String> }
    /// A budget that is made with a key, more than 0: leave out what is not limited. Each unit and period once.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct KeyLimit {
        pub unit: BudgetUnit,
        pub period: BudgetPeriod,
        /// Money is in micro-USD.
        #[serde(default)]
        pub most: Option<i64>,
        /// The same as people write it, dollars where it counts money. One of the two is said.
        #[serde(default)]
        pub amount: Option<String>,
    }
    #[serde(deny_unknown_fields)]
    pub struct CreateVirtualKey {
        /// No other key of the workspace has it, expired ones aside.
        pub name: String,
        /// Several may stand in one text, with commas or spaces between them.
        #[serde(default)]
        pub models: Vec<String>,
        /// Of the provider keys it prefers, in their order. Several may stand in one text.
        #[serde(default)]
        pub tags: Option<Vec<String>>,
        #[serde(default)]
        pub expires_at_ms: Option<i64>,
        /// The same in days from now, 1 to 3650; it never expires where neither is said.
        #[serde(default)]
        pub expires_in_days: Option<u32>,
        #[serde(default)]
        pub limits: Vec<KeyLimit>,
    }
    /// A secret, once.
    #[derive(Eq)]
    pub struct NewSecret {
        pub id: VirtualKeyId,
        /// `chela_vk_…`; null in the answer to a repeated request.
        #[cfg_attr(feature = "schema", schemars(extend("x-chela-once" = true)))]
        pub secret: Option<String>,
    }
    /// What is not named stays; an empty list of models is for all, an empty name of one is refused. 0 never expires.
    #[serde(deny_unknown_fields)]
    pub struct ChangeVirtualKey {
        pub virtual_key: VirtualKeyId,
        #[serde(default)]
        pub name: Option<String>,
        #[serde(default)]
        pub models: Option<Vec<String>>,
        #[serde(default)]
        pub tags: Option<Vec<String>>,
        #[serde(default)]
        pub expires_at_ms: Option<i64>,
        #[serde(default)]
        pub blocked: Option<bool>,
        #[serde(default)]
        pub expected_version: Option<i64>,
    }
    /// A new secret; the one before works on for a while, so that nothing fails meanwhile.
    #[serde(deny_unknown_fields)]
    pub struct RotateVirtualKey {
        pub virtual_key: VirtualKeyId,
        /// 60 where nothing is said; 0 ends the old one at once.
        #[serde(default)]
        pub overlap_minutes: Option<u32>,
    }
    #[serde(deny_unknown_fields)]
    pub struct DeleteVirtualKey { pub virtual_key: VirtualKeyId }
}

verbs! {
    ListVirtualKeys => Page<VirtualKey>, "virtual_keys.list";
    CreateVirtualKey => NewSecret, "virtual_keys.create";
    ChangeVirtualKey => VirtualKey, "virtual_keys.change";
    RotateVirtualKey => NewSecret, "virtual_keys.rotate";
    DeleteVirtualKey => Done, "virtual_keys.delete";
}
