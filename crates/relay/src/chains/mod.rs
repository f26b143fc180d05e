//! Fallback chains: models of several vendors under one name, asked in their order until one serves a call.
//!
//! The shipped ones are rows of [`table`]; a workspace's own come with the snapshot and win over shipped ones of the same
//! name. Not responsible for asking anybody (`relay::chain`).

mod table;

use crate::{
    Dialect, Vendor,
    health::{Rest, Resting},
    vendors,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

/// What of a link's failure leads to the next one. That a link has no key, speaks another dialect, rests, or is at a vendor
/// that knows no such model always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Every key was asked to slow down.
    RateLimit,
    /// The vendor failed, could not be reached or broke off before the first word.
    Overloaded,
    /// The first word did not come in time.
    Timeout,
    /// The vendor refuses every key, or has no money for it.
    Refused,
    /// The prompt is longer than the model takes.
    ContextLength,
    /// The model failed to call a tool as it should.
    ToolError,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RateLimit,
        Self::Overloaded,
        Self::Timeout,
        Self::Refused,
        Self::ContextLength,
        Self::ToolError,
    ];

    /// The name in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::ContextLength => "context_length_exceeded",
            Self::ToolError => "tool_error",
        }
    }

    /// The trigger of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.as_str() == name)
    }
}

/// A model in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    name: String,
    /// None where Chela has no such vendor.
    pub vendor: Option<&'static Vendor>,
}

impl Link {
    /// Reads `vendor/model`. An alias becomes the vendor's own id.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let (id, model) = name.split_once('/').filter(|(id, model)| !id.is_empty() && !model.is_empty())?;
        let vendor = vendors::find(id);
        Some(Self { name: format!("{}/{model}", vendor.map_or(id, |v| v.id)), vendor })
    }

    /// As `vendor/model`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As its vendor names it.
    #[must_use]
    pub fn model(&self) -> &str {
        self.name.split_once('/').map_or("", |(_, model)| model)
    }
}

/// A chain, ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What callers name as their model.
    pub name: String,
    /// In the order in which they are asked.
    pub links: Vec<Link>,
    /// What leads on.
    pub triggers: Vec<Trigger>,
    /// How long one key of a link may take to its first word.
    pub timeout: Duration,
    /// With how many keys a link is asked while another one follows; of the last one all keys are.
    pub tries: usize,
}

/// Why a link of a chain is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Chela has no such vendor.
    NoVendor,
    /// The workspace has no key for its vendor.
    NoKey,
    /// Its vendor does not speak the caller's dialect.
    OtherDialect,
    /// Every key rests; this one is the first to be back.
    Rests(Resting),
    /// The caller may not ask for this model.
    NotAllowed,
    /// A budget has no room for it.
    NoRoom,
    /// Somebody stopped calls to it.
    Stopped,
    /// No key of its vendor is for its model.
    NoKeyForModel,
    /// The prompt was too long for a model before it that reads as much.
    NotLonger,
}

impl Skip {
    /// The name in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoVendor => "no_vendor",
            Self::NoKey => "no_key",
            Self::OtherDialect => "other_dialect",
            Self::NotAllowed => "not_allowed",
            Self::NoRoom => "no_room",
            Self::Stopped => "stopped",
            Self::NoKeyForModel => "no_key_for_model",
            Self::NotLonger => "not_longer",
            Self::Rests(Resting { why: Rest::Slow, .. }) => "cooling_down",
            Self::Rests(Resting { why: Rest::Refused, .. }) => "keys_refused",
            Self::Rests(Resting { why: Rest::Failing, .. }) => "breaker_open",
            Self::Rests(Resting { why: Rest::Full, .. }) => "keys_over_limit",
        }
    }
}

static SHIPPED: LazyLock<BTreeMap<&'static str, Arc<Chain>>> = LazyLock::new(|| {
    let chain = |row: &table::Row| Chain {
        name: row.name.to_owned(),
        links: row.links.iter().filter_map(|name| Link::read(name)).collect(),
        triggers: row.triggers.to_vec(),
        timeout: Duration::from_secs(row.timeout_s),
        tries: row.tries,
    };
    table::CHAINS.iter().map(|row| (row.name, Arc::new(chain(row)))).collect()
});

/// The shipped chains by their names.
pub fn shipped() -> &'static BTreeMap<&'static str, Arc<Chain>> {
    &SHIPPED
}

/// Shipped chains whose models answer with pictures and films.
pub const MEDIA: [&str; 2] = ["image-generation", "video-generation"];

/// Whether a name can be a chain's: `[a-z0-9-]{1,40}`, and neither a vendor's nor a word with another meaning.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=40).contains(&name.len())
        && name.bytes().all(plain)
        && name != "auto"
        && vendors::find(name).is_none()
}

impl Link {
    /// What its vendor says of a dialect.
    #[must_use]
    pub fn speaks(&self, dialect: Dialect) -> bool {
        self.vendor.is_some_and(|vendor| vendor.dialects.contains(&dialect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_chains_are_shipped_whole_and_none_is_named_as_a_vendor() {
        assert_eq!((table::CHAINS.len(), shipped().len()), (13, 13));
        assert!(MEDIA.iter().all(|name| shipped().contains_key(name)));
        for row in table::CHAINS {
            let chain = &shipped()[row.name];
            assert!(is_name(row.name), "{}", row.name);
            assert_eq!(chain.links.len(), row.links.len(), "{}: a link cannot be read", row.name);
            let said: Vec<_> = chain.links.iter().map(Link::name).collect();
            assert_eq!(said, row.links, "{}: a vendor's own id", row.name);
            assert!(chain.tries > 0 && chain.timeout > Duration::ZERO && !chain.triggers.is_empty());
        }
        let lost = shipped().values().flat_map(|chain| &chain.links).filter(|link| link.vendor.is_none());
        let lost: std::collections::BTreeSet<_> = lost.map(Link::name).collect();
        let known = ["flux/flux-kontext-max", "ideogram/ideogram-generate-v3", "kling/kling-video-o1-pro"];
        assert!(known.iter().all(|name| lost.contains(name)));
        assert_eq!(lost.len(), 5, "those at vendors Chela has no row for: {lost:?}");
    }

    #[test]
    fn a_name_is_short_and_plain_and_nobody_elses() {
        for good in ["coding", "a", "my-chain-2"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Coding", "a b", "a/b", "openai", "claude", "qwen", "auto", "tag:x", &"x".repeat(41)]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn no_vendor_is_called_as_bots_say_that_their_model_is_a_chain() {
        assert_eq!(api::validate::chain_of("chain/coding"), Some("coding"));
        assert!(vendors::find("chain").is_none() && vendors::id_left_out("chain").is_none());
        assert!(Link::read("chain/coding").unwrap().vendor.is_none(), "nor leads a link to a chain");
    }

    #[test]
    fn a_link_names_its_vendor_by_any_of_its_names() {
        let link = Link::read("claude/claude-sonnet-4-5").unwrap();
        assert_eq!((link.name(), link.model()), ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"));
        assert!(link.speaks(Dialect::Anthropic) && !link.speaks(Dialect::OpenAiChat));
        assert_eq!(Link::read("openrouter/openai/gpt-5").unwrap().model(), "openai/gpt-5");
        assert!(
            Link::read("gpt-5").is_none() && Link::read("openai/").is_none() && Link::read("/x").is_none()
        );
    }

    #[test]
    fn every_trigger_is_found_by_its_name() {
        assert!(Trigger::ALL.iter().all(|trigger| Trigger::named(trigger.as_str()) == Some(*trigger)));
        assert_eq!(Trigger::named("weather"), None);
    }
}
