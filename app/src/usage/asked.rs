//! What an address asks for. Everything on the page that narrows or widens is a link to another one.

use api::usage::{Asked as Words, UsageBy, UsageOutcome, UsageRange, UsageSort};
use leptos_router::params::ParamsMap;

/// What an address may say, in the order it says it.
const NAMES: [&str; 15] = [
    "range",
    "from",
    "to",
    "by",
    "sort",
    "bot",
    "key",
    "virtual_key",
    "tag",
    "vendor",
    "model",
    "status",
    "cursor",
    "older",
    "call",
];
/// Where in a list, or in which call, one is; any other choice begins anew.
const PLACES: [&str; 3] = ["cursor", "older", "call"];
/// What narrows.
pub(super) const FILTERS: [&str; 7] = ["bot", "key", "virtual_key", "tag", "vendor", "model", "status"];

/// An address of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its path; a bot's own has that bot in it.
    pub(super) base: String,
    /// The bot of the path.
    pub(super) of: Option<String>,
    said: Vec<(&'static str, String)>,
}

impl Asked {
    pub(super) fn read(path: &str, of: Option<String>, query: &ParamsMap) -> Self {
        let said = |name| Some((name, query.get(name).filter(|text| !text.is_empty())?));
        Self { base: path.to_owned(), of, said: NAMES.into_iter().filter_map(said).collect() }
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.said.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.said.iter().any(|(known, _)| *known == name)
    }

    /// The address with other words; an empty one is taken out. Pages and an open call end with any change.
    pub(super) fn with(&self, other: &[(&'static str, &str)]) -> String {
        let mut query = ParamsMap::new();
        for name in NAMES {
            let kept = || self.get(name).filter(|_| !PLACES.contains(&name));
            let word = other.iter().find(|(known, _)| *known == name).map(|(_, word)| (*word).to_owned());
            if let Some(word) = word.or_else(kept).filter(|word| !word.is_empty()) {
                query.insert(name, word);
            }
        }
        format!("{}{}", self.base, query.to_query_string())
    }

    /// The file of these calls; by the bot's id, as programs ask.
    pub(super) fn file(&self, zone: &str, bot: Option<String>) -> String {
        let mut query = ParamsMap::new();
        for name in NAMES.into_iter().filter(|name| !["by", "sort"].contains(name) && !PLACES.contains(name))
        {
            if let Some(word) = self.get(name) {
                query.insert(name, word);
            }
        }
        if !self.has("from") && !self.has("range") {
            query.insert("range", "24h".to_owned());
        }
        if let Some(bot) = bot {
            query.insert("bot", bot);
        }
        query.insert("zone", zone.to_owned());
        format!("/api/usage/export.csv{}", query.to_query_string())
    }

    /// The same as the API takes it.
    pub(super) fn words(&self) -> Words {
        let range = match self.get("range").as_deref() {
            _ if self.has("from") => None,
            Some("today") => Some(UsageRange::Today),
            Some("7d") => Some(UsageRange::Week),
            Some("30d") => Some(UsageRange::Thirty),
            Some("month") => Some(UsageRange::Month),
            _ => Some(UsageRange::Day),
        };
        let status = match self.get("status").as_deref() {
            Some("ok") => Some(UsageOutcome::Ok),
            Some("failed") => Some(UsageOutcome::Failed),
            Some("refused") => Some(UsageOutcome::Refused),
            _ => None,
        };
        Words {
            range,
            from: self.get("from"),
            to: self.get("to").filter(|_| self.has("from")),
            zone: None,
            bot: self.of.clone().or_else(|| self.get("bot")),
            key: self.get("key"),
            virtual_key: self.get("virtual_key"),
            tag: self.get("tag"),
            vendor: self.get("vendor"),
            model: self.get("model"),
            status,
        }
    }

    /// What shares are told of; the name in the address is the same.
    pub(super) fn by(&self) -> (&'static str, UsageBy) {
        match self.get("by").as_deref() {
            Some("model") => ("model", UsageBy::Model),
            Some("vendor") => ("vendor", UsageBy::Vendor),
            Some("key") => ("key", UsageBy::Key),
            Some("virtual_key") => ("virtual_key", UsageBy::VirtualKey),
            Some("tag") => ("tag", UsageBy::Tag),
            Some("status") => ("status", UsageBy::Status),
            Some("day") => ("day", UsageBy::Day),
            _ if self.of.is_some() => ("model", UsageBy::Model),
            _ => ("bot", UsageBy::Bot),
        }
    }

    pub(super) fn sort(&self) -> UsageSort {
        if self.get("sort").as_deref() == Some("calls") { UsageSort::Calls } else { UsageSort::Cost }
    }

    /// Where the name of a share leads: to its calls, and to what they are made of.
    pub(super) fn leads_to(&self, share: &api::usage::UsageShare) -> String {
        let value = share.value.as_str();
        match self.by().0 {
            "model" => self.with(&[
                ("vendor", share.vendor.as_deref().unwrap_or_default()),
                ("model", value),
                ("by", "key"),
            ]),
            "vendor" => self.with(&[("vendor", value), ("by", "model")]),
            "key" if self.of.is_none() => self.with(&[("key", value), ("by", "bot")]),
            "key" => self.with(&[("key", value), ("by", "day")]),
            "virtual_key" => self.with(&[("virtual_key", value), ("by", "model")]),
            "tag" => self.with(&[("tag", value), ("by", "")]),
            "status" => self.with(&[("status", value), ("by", "model")]),
            "day" => self.with(&[("from", value), ("to", value), ("range", ""), ("by", "")]),
            _ => self.with(&[("bot", value), ("by", "model")]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &[(&str, &str)]) -> Asked {
        let mut map = ParamsMap::new();
        for (name, value) in query {
            map.insert((*name).to_owned(), (*value).to_owned());
        }
        Asked::read("/usage", None, &map)
    }

    /// A server escapes more than it must.
    fn plain(link: &str) -> String {
        link.replace("%2D", "-").replace("%5F", "_")
    }

    #[test]
    fn a_link_keeps_what_was_chosen_and_begins_at_the_first_page() {
        let here =
            asked(&[("range", "7d"), ("bot", "bot_1"), ("cursor", "5"), ("older", "6"), ("other", "x")]);
        assert_eq!(plain(&here.with(&[("by", "key")])), "/usage?range=7d&by=key&bot=bot_1");
        assert_eq!(here.with(&[("bot", "")]), "/usage?range=7d");
        assert_eq!(asked(&[]).with(&[]), "/usage");
    }

    #[test]
    fn a_day_leads_to_that_day_alone() {
        let day = api::usage::UsageShare {
            value: "2026-10-25".to_owned(),
            name: None,
            vendor: None,
            sums: api::usage::UsageSums::default(),
        };
        let here = asked(&[("range", "30d"), ("by", "day"), ("model", "gpt-5")]);
        assert_eq!(plain(&here.leads_to(&day)), "/usage?from=2026-10-25&to=2026-10-25&model=gpt-5");
    }
}
