//! Words of provider keys. A stored secret never travels back.

use crate::{
    Page,
    ids::KeyId,
    verb::{Done, verbs},
};

words! {
    /// What the last test said.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum KeyStatus { Working, Failing, Untested }

    pub struct KeySummary {
        pub id: KeyId,
        pub vendor: String,
        pub label: String,
        /// The last four characters of the secret.
        pub last_four: String,
        pub base_url: String,
        pub status: KeyStatus,
        /// The vendor's words about a failing key, without the key.
        pub status_message: Option<String>,
        pub tested_at_ms: Option<i64>,
        pub latency_ms: Option<i64>,
        /// Models the vendor listed, as `vendor/model`.
        pub models: Vec<String>,
        pub created_at_ms: i64,
        pub version: i64,
    }

    #[serde(deny_unknown_fields)]
    pub struct ListKeys { pub limit: Option<u32>, pub cursor: Option<String> }
    /// Tests the key at its vendor, then stores it sealed.
    #[serde(deny_unknown_fields)]
    pub struct AddKey {
        /// Absent or empty: told from the shape of the secret.
        #[serde(default)]
        pub vendor: Option<String>,
        #[serde(default)]
        pub label: Option<String>,
        pub secret: String,
        #[serde(default)]
        pub base_url: Option<String>,
        /// Store it as `failing` although the vendor refuses it.
        #[serde(default)]
        pub accept_failing: Option<bool>,
    }
    #[serde(deny_unknown_fields)]
    pub struct TestKey { pub key: KeyId }
    /// A new secret for the same vendor; the base URL changes only together with it.
    #[serde(deny_unknown_fields)]
    pub struct ReplaceKey {
        pub key: KeyId,
        pub secret: String,
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
        pub name: String,
        /// Absent: the person must give one (`custom`).
        pub base_url: Option<String>,
    }
}

verbs! {
    ListKeys => Page<KeySummary>, "keys.list";
    AddKey => KeySummary, "keys.add";
    TestKey => KeySummary, "keys.test";
    ReplaceKey => KeySummary, "keys.replace";
    DeleteKey => Done, "keys.delete";
    ListVendors => Vec<Vendor>, "keys.vendors";
}
