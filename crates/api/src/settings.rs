//! Words of the instance: what it runs, what it is doing, what is wrong.

use crate::verb::verbs;

words! {
    #[serde(deny_unknown_fields)]
    pub struct GetInstance {}
    /// Facts for the settings page; no secret, no tenant data.
    pub struct Instance {
        pub version: String,
        pub public_url: String,
        pub database: String,
        /// Chosen runtime, and why.
        pub runtime: String,
        pub runtime_why: String,
        pub openclaw_version: String,
        /// Things an operator must know now: disk full, database read-only.
        pub banners: Vec<Banner>,
    }
    #[derive(Eq)]
    pub struct Banner { pub code: String, pub message: String, pub hint: Option<String> }
}

verbs! {
    GetInstance => Instance, "settings.instance";
}
