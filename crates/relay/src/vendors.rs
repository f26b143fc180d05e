//! The vendor table: everything the relay knows about a vendor is a row here, never a branch elsewhere.

use http::HeaderName;

/// How a vendor wants its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// `Authorization: Bearer <key>`
    Bearer,
    /// `x-api-key: <key>`
    XApiKey,
    /// `x-goog-api-key: <key>`
    XGoogApiKey,
    /// `api-key: <key>`
    ApiKey,
    /// No key at all.
    None,
}

impl Auth {
    /// The header that carries the key, and what stands before it.
    #[must_use]
    pub fn header(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::Bearer => Some((http::header::AUTHORIZATION, "Bearer ")),
            Self::XApiKey => Some((HeaderName::from_static("x-api-key"), "")),
            Self::XGoogApiKey => Some((HeaderName::from_static("x-goog-api-key"), "")),
            Self::ApiKey => Some((HeaderName::from_static("api-key"), "")),
            Self::None => None,
        }
    }
}

/// The shape of requests, answers and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI chat completions, and its family of small endpoints.
    OpenAiChat,
    /// OpenAI responses.
    OpenAiResponses,
    /// Anthropic messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
}

/// How the path after `/v1/{vendor}/` is joined to the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// A leading segment that is dropped, because the base already says it.
    pub strip: Option<&'static str>,
    /// A segment put before the rest, unless the base already ends with it.
    pub prefix: Option<&'static str>,
}

/// One vendor.
#[derive(Debug)]
pub struct Vendor {
    /// The id in paths, model names and the database.
    pub id: &'static str,
    /// The name people know.
    pub name: &'static str,
    /// Other ids that mean the same vendor.
    pub aliases: &'static [&'static str],
    /// `None`: every key brings its own.
    pub base_url: Option<&'static str>,
    /// How it wants its key.
    pub auth: Auth,
    /// What it speaks; the first is the default.
    pub dialects: &'static [Dialect],
    /// How paths are joined.
    pub path: PathRule,
    /// What its keys begin with; the longest match of all vendors wins.
    pub key_prefixes: &'static [&'static str],
    /// Headers it must see; sent when the caller did not.
    pub headers: &'static [(&'static str, &'static str)],
    /// Whether `vendor/` before a model name is ours to remove.
    pub strip_model_prefix: bool,
    /// Where it lists its models, below the joined base; also the cheapest test of a key.
    pub models_path: &'static str,
}

const BARE: PathRule = PathRule { strip: None, prefix: None };
const NO_V1: PathRule = PathRule { strip: Some("v1"), prefix: None };

/// The table. Adding a vendor is adding a row.
pub static VENDORS: &[Vendor] = &[
    Vendor {
        id: "openai",
        name: "OpenAI",
        aliases: &[],
        base_url: Some("https://api.openai.com/v1"),
        auth: Auth::Bearer,
        dialects: &[Dialect::OpenAiChat, Dialect::OpenAiResponses],
        path: NO_V1,
        key_prefixes: &["sk-", "sk-proj-", "sk-svcacct-", "sk-admin-"],
        headers: &[],
        strip_model_prefix: true,
        models_path: "models",
    },
    Vendor {
        id: "anthropic",
        name: "Anthropic",
        aliases: &["claude"],
        base_url: Some("https://api.anthropic.com"),
        auth: Auth::XApiKey,
        dialects: &[Dialect::Anthropic],
        path: PathRule { strip: Some("v1"), prefix: Some("v1") },
        key_prefixes: &["sk-ant-"],
        headers: &[("anthropic-version", "2023-06-01")],
        strip_model_prefix: true,
        models_path: "models",
    },
    Vendor {
        id: "custom",
        name: "Custom (OpenAI-compatible)",
        aliases: &[],
        base_url: None,
        auth: Auth::Bearer,
        dialects: &[Dialect::OpenAiChat, Dialect::OpenAiResponses, Dialect::Anthropic, Dialect::Gemini],
        path: BARE,
        key_prefixes: &[],
        headers: &[],
        strip_model_prefix: true,
        models_path: "models",
    },
];

/// The vendor of an id or alias.
#[must_use]
pub fn find(id: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|v| v.id == id || v.aliases.contains(&id))
}

/// The vendor a secret looks like, from its first characters.
#[must_use]
pub fn detect(secret: &str) -> Option<&'static Vendor> {
    let hits = VENDORS.iter().flat_map(|v| v.key_prefixes.iter().map(move |p| (v, *p)));
    hits.filter(|(_, p)| secret.starts_with(p)).max_by_key(|(_, p)| p.len()).map(|(v, _)| v)
}

impl Vendor {
    /// The dialect of a path below `/v1/{vendor}/`, told from its last segment.
    #[must_use]
    pub fn dialect(&self, rest: &str) -> Dialect {
        let path = rest.split('?').next().unwrap_or(rest).trim_end_matches('/');
        let said = match path.rsplit('/').next().unwrap_or(path) {
            "responses" => Dialect::OpenAiResponses,
            "messages" | "count_tokens" | "complete" => Dialect::Anthropic,
            "completions" | "embeddings" => Dialect::OpenAiChat,
            verb if verb.ends_with("enerateContent") || verb.ends_with(":countTokens") => Dialect::Gemini,
            _ => return self.default_dialect(),
        };
        if self.dialects.contains(&said) { said } else { self.default_dialect() }
    }

    fn default_dialect(&self) -> Dialect {
        self.dialects.first().copied().unwrap_or(Dialect::OpenAiChat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_vendor_by_the_longest_prefix() {
        assert_eq!(detect("sk-ant-api03-x").map(|v| v.id), Some("anthropic"));
        assert_eq!(detect("sk-proj-x").map(|v| v.id), Some("openai"));
        assert_eq!(detect("sk-x").map(|v| v.id), Some("openai"));
        assert!(detect("hello").is_none());
        assert!(detect("").is_none());
    }

    #[test]
    fn every_name_in_the_table_is_unique_and_safe_in_a_path() {
        let reserved = ["chat", "responses", "messages", "embeddings", "models", "v1", "v1beta"];
        let mut seen = std::collections::HashSet::new();
        for id in VENDORS.iter().flat_map(|v| std::iter::once(&v.id).chain(v.aliases)) {
            assert!(seen.insert(*id), "{id} twice");
            assert!(!reserved.contains(id), "{id} hides an endpoint");
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }

    #[test]
    fn the_dialect_follows_the_path_where_the_vendor_speaks_it() {
        let custom = find("custom").unwrap();
        assert_eq!(custom.dialect("v1/messages"), Dialect::Anthropic);
        assert_eq!(custom.dialect("chat/completions?x=1"), Dialect::OpenAiChat);
        assert_eq!(find("openai").unwrap().dialect("messages"), Dialect::OpenAiChat);
        assert_eq!(find("claude").unwrap().dialect("models"), Dialect::Anthropic);
    }
}
