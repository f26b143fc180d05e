//! Words of provider keys. A stored secret never travels back.

use crate::{
    Page,
    ids::KeyId,
    verb::{Done, verbs},
};

/// The most models a key is kept to.
pub const MOST_MODELS: usize = 100;
/// How what is said of a key begins about which nobody could be asked: it may be good.
pub const UNASKED: &str = "could not be asked";

words! {
    /// What the last test said.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum KeyStatus { Working, Failing, Untested }

    /// Why calls leave a key alone.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum KeyRestWhy {
        /// Its vendor asked to slow down.
        SlowDown,
        /// Its vendor refuses it, or the account behind it.
        Refused,
        /// It failed several times in a row with this model.
        Failing,
        /// A limit of its own is used up.
        OverLimit,
    }

    /// That calls leave a key alone while another can serve them.
    pub struct KeyRest {
        pub why: KeyRestWhy,
        /// With this model alone, where one is named.
        pub model: Option<String>,
        pub until_ms: i64,
        /// When it went wrong last.
        #[serde(default)]
        pub since_ms: i64,
        /// How often in a row.
        #[serde(default)]
        pub streak: i64,
        /// The status its vendor gave then, if it gave one.
        #[serde(default)]
        pub status: Option<u16>,
        /// The vendor's words, or ours where it said none; never the key.
        #[serde(default)]
        pub message: Option<String>,
    }

    pub struct KeySummary {
        pub id: KeyId,
        pub vendor: String,
        pub label: String,
        /// The last four characters of the secret; empty where there is none.
        pub last_four: String,
        pub base_url: String,
        /// Whether the address is the person's own, not one of the vendor's.
        pub own_base_url: bool,
        pub status: KeyStatus,
        /// The vendor's words about a failing key, without the key.
        pub status_message: Option<String>,
        pub tested_at_ms: Option<i64>,
        pub latency_ms: Option<i64>,
        /// Models the vendor listed, as `vendor/model`.
        pub models: Vec<String>,
        /// What calls found out about it just now.
        #[serde(default)]
        pub rests: Vec<KeyRest>,
        /// Bots and virtual keys with these tags prefer it.
        #[serde(default)]
        pub tags: Vec<String>,
        /// The models it may be asked for, as its vendor names them; all where there is none.
        #[serde(default)]
        pub allowed_models: Vec<String>,
        #[serde(default)]
        pub requests_per_minute: Option<i64>,
        /// How much its calls of a month may cost.
        #[serde(default)]
        pub month_micro_usd: Option<i64>,
        #[serde(default)]
        pub expires_at_ms: Option<i64>,
        /// The day of it, UTC.
        #[serde(default)]
        pub expires_on: Option<String>,
        /// When Chela tested it by itself, as it does once a day.
        #[serde(default)]
        pub checked_at_ms: Option<i64>,
        /// Why nobody could be asked then.
        #[serde(default)]
        pub check_message: Option<String>,
        pub created_at_ms: i64,
        pub version: i64,
    }

    #[serde(deny_unknown_fields)]
    pub struct ListKeys { pub limit: Option<u32>, pub cursor: Option<String> }
    /// Tests the key at its vendor, then stores it sealed.
    #[serde(deny_unknown_fields)]
    pub struct AddKey {
        /// An id, or `id@region`. Absent or empty: told from the shape of the secret.
        #[serde(default)]
        pub vendor: Option<String>,
        /// No other key of the workspace has it, ended ones aside. Absent or empty: the vendor's name, with a number if need be.
        #[serde(default)]
        pub label: Option<String>,
        /// May be absent or empty where the vendor takes calls without a key.
        #[serde(default)]
        pub secret: String,
        /// Not together with a region.
        #[serde(default)]
        pub base_url: Option<String>,
        /// Store it as `failing` although the vendor refuses it.
        #[serde(default)]
        pub accept_failing: Option<bool>,
        /// Several may stand in one text, with commas or spaces between them.
        #[serde(default)]
        pub tags: Option<Vec<String>>,
    }
    /// What a key is for. What is not named stays.
    #[serde(deny_unknown_fields)]
    pub struct ChangeKey {
        pub key: KeyId,
        #[serde(default)]
        pub label: Option<String>,
        /// Several may stand in one text, with commas or spaces between them.
        #[serde(default)]
        pub tags: Option<Vec<String>>,
        /// Names, or beginnings of names with a `*` behind them; an empty list is all.
        #[serde(default)]
        pub allowed_models: Option<Vec<String>>,
        /// 0 is no limit.
        #[serde(default)]
        pub requests_per_minute: Option<i64>,
        /// How much its calls of a month may cost; 0 is no limit.
        #[serde(default)]
        pub month_micro_usd: Option<i64>,
        /// The same as people write it, in dollars; empty is no limit.
        #[serde(default)]
        pub month_amount: Option<String>,
        /// When its vendor ends it; 0 is never.
        #[serde(default)]
        pub expires_at_ms: Option<i64>,
        /// The same as a day, UTC; empty is never.
        #[serde(default)]
        pub expires_on: Option<String>,
        #[serde(default)]
        pub expected_version: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct TestKey { pub key: KeyId }
    /// A new secret for the same vendor; the base URL changes only together with it.
    #[serde(deny_unknown_fields)]
    pub struct ReplaceKey {
        pub key: KeyId,
        pub secret: String,
        /// Stays, if nothing is said; must be said where another kind of key would leave its region.
        #[serde(default)]
        pub base_url: Option<String>,
        #[serde(default)]
        pub accept_failing: Option<bool>,
        #[serde(default)]
        pub expected_version: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct DeleteKey { pub key: KeyId }

    /// The vendors a key can be for.
    #[serde(deny_unknown_fields)]
    pub struct ListVendors {}
    pub struct Vendor {
        pub id: String,
        /// Other names by which it is taken wherever a vendor is named.
        #[serde(default)]
        pub aliases: Vec<String>,
        pub name: String,
        /// Absent: the person must give one (`custom`).
        pub base_url: Option<String>,
        /// Whether a person is asked for the address: there is none, or it is on their own machine.
        pub asks_base_url: bool,
        /// Whether it takes calls without a key.
        pub keyless: bool,
        pub regions: Vec<VendorRegion>,
    }
    /// Another address of a vendor, whose keys are its own: `vendor@region`.
    pub struct VendorRegion {
        pub id: String,
        pub name: String,
        pub base_url: String,
    }
}

impl ChangeKey {
    /// A change that changes nothing.
    #[must_use]
    pub const fn of(key: KeyId) -> Self {
        Self {
            key,
            label: None,
            tags: None,
            allowed_models: None,
            requests_per_minute: None,
            month_micro_usd: None,
            month_amount: None,
            expires_at_ms: None,
            expires_on: None,
            expected_version: None,
        }
    }
}

verbs! {
    ListKeys => Page<KeySummary>, "keys.list";
    AddKey => KeySummary, "keys.add";
    ChangeKey => KeySummary, "keys.change";
    TestKey => KeySummary, "keys.test";
    ReplaceKey => KeySummary, "keys.replace";
    DeleteKey => Done, "keys.delete";
    ListVendors => Vec<Vendor>, "keys.vendors";
}
