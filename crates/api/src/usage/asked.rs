//! What is asked of the ledger: a time, whose calls, and in what order.

words! {
    /// A time up to now. Days are those of the zone.
    #[derive(Copy, Eq, Default)]
    pub enum UsageRange {
        /// The last 24 hours.
        #[default]
        #[serde(rename = "24h")]
        Day,
        /// Since midnight.
        #[serde(rename = "today")]
        Today,
        /// Today and the six days before.
        #[serde(rename = "7d")]
        Week,
        /// Today and the 29 days before.
        #[serde(rename = "30d")]
        Thirty,
        /// Since the first of the month.
        #[serde(rename = "month")]
        Month,
    }
    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum UsageStep { Hour, #[default] Day, Month }
    /// How calls ended, coarsely: whole, not whole, or refused by Chela.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum UsageOutcome { Ok, Failed, Refused }
    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum UsageBy { #[default] Bot, Model, Vendor, Key, VirtualKey, Tag, Status, Day }
    #[derive(Copy, Eq, Default)]
    #[serde(rename_all = "snake_case")]
    pub enum UsageSort { #[default] Cost, Calls }
}

/// Commands that share a time and a choice of calls; the fields stand in each, so that each refuses what it does not know.
macro_rules! asked {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$of])* #[serde(default)] pub $field: $type,)*
            /// A time up to now, instead of `from` and `to`.
            #[serde(default)]
            pub range: Option<UsageRange>,
            /// A day (`2026-11-22`), a moment in the zone (`2026-11-22T14:00`) or in UTC (`…Z`), or milliseconds.
            #[serde(default)]
            pub from: Option<String>,
            /// The same; a day is meant whole. Now, if nothing is said.
            #[serde(default)]
            pub to: Option<String>,
            /// Whose days are meant: a name such as `Europe/Berlin`. UTC, if nothing is said.
            #[serde(default)]
            pub zone: Option<String>,
            /// A bot's id, slug or name, or `none`.
            #[serde(default)]
            pub bot: Option<String>,
            /// A provider key's id or label, or `none`.
            #[serde(default)]
            pub key: Option<String>,
            /// A virtual key's id or name, or `none`.
            #[serde(default)]
            pub virtual_key: Option<String>,
            /// A tag that the bot or virtual key carries today, or `(none)`.
            #[serde(default)]
            pub tag: Option<String>,
            /// A vendor's id or alias.
            #[serde(default)]
            pub vendor: Option<String>,
            /// The model that answered, or else the one asked for, as `model` or `vendor/model`.
            #[serde(default)]
            pub model: Option<String>,
            #[serde(default)]
            pub status: Option<UsageOutcome>,
        }

        impl From<Asked> for $name {
            fn from(asked: Asked) -> Self {
                let Asked { range, from, to, zone, bot, key, virtual_key, tag, vendor, model, status } = asked;
                let ($($field,)*) = ($(<$type>::default(),)*);
                Self { $($field,)* range, from, to, zone, bot, key, virtual_key, tag, vendor, model, status }
            }
        }

        impl From<$name> for Asked {
            fn from(q: $name) -> Self {
                let $name { range, from, to, zone, bot, key, virtual_key, tag, vendor, model, status, .. } = q;
                Self { range, from, to, zone, bot, key, virtual_key, tag, vendor, model, status }
            }
        }
    )*};
}

/// What the commands share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub range: Option<UsageRange>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub zone: Option<String>,
    pub bot: Option<String>,
    pub key: Option<String>,
    pub virtual_key: Option<String>,
    pub tag: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub status: Option<UsageOutcome>,
}

asked! {
    /// Calls, newest first; of all times if none is said. Kept for 90 days.
    ListUsage { limit: Option<u32>, cursor: Option<String>, }
    /// Sums of a time; the last 24 hours if none is said.
    SummarizeUsage {}
    /// Sums by hour, day or month.
    TrendUsage {
        /// Hours up to three days, then days, then months, if nothing is said.
        by: Option<UsageStep>,
    }
    /// Who or what has which share of the sums, the greatest first.
    BreakDownUsage { by: UsageBy, sort: UsageSort, limit: Option<u32>, cursor: Option<String>, }
}

impl Asked {
    /// Whether no bot, key, tag, vendor, model or status is chosen.
    pub fn chooses_nothing(&self) -> bool {
        let Self { bot, key, virtual_key, tag, vendor, model, status, .. } = self;
        status.is_none()
            && [bot, key, virtual_key, tag, vendor, model]
                .iter()
                .all(|one| one.as_deref().unwrap_or_default().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_refused_in_each_of_them() {
        let read = |text| serde_json::from_str::<BreakDownUsage>(text);
        assert_eq!(read(r#"{"by":"virtual_key","range":"7d"}"#).unwrap().range, Some(UsageRange::Week));
        assert!(read(r#"{"bye":"bot"}"#).is_err());
        assert!(serde_json::from_str::<ListUsage>(r#"{"since":1}"#).is_err());
    }
}
