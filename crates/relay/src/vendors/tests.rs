use super::*;
use crate::egress::BaseUrl;

/// The ids of the product's README-level promise, and the extra ones.
const PROMISED: [&str; 25] = [
    "openai",
    "anthropic",
    "google",
    "deepseek",
    "groq",
    "azure-openai",
    "mistral",
    "openrouter",
    "together",
    "fireworks",
    "perplexity",
    "cohere",
    "zhipu",
    "moonshot",
    "baichuan",
    "dashscope",
    "stepfun",
    "doubao",
    "minimax",
    "yi",
    "hunyuan",
    "siliconflow",
    "venice",
    "ollama",
    "custom",
];

#[test]
fn all_promised_vendors_are_there_and_more() {
    for id in PROMISED {
        assert_eq!(find(id).map(|v| v.id), Some(id));
    }
    for (alias, id) in [
        ("togetherai", "together"),
        ("silicon", "siliconflow"),
        ("zai", "zhipu"),
        ("qwen", "dashscope"),
        ("gemini", "google"),
        ("grok", "xai"),
        ("gateway", "vercel"),
        ("kimi", "moonshot"),
    ] {
        assert_eq!(find(alias).map(|v| v.id), Some(id));
    }
    assert!(all().count() > 60 && find("nobody").is_none() && find("").is_none());
}

#[test]
fn a_key_tells_its_vendor_by_the_longest_prefix() {
    for (secret, id) in [
        ("sk-ant-api03-x", "anthropic"),
        ("sk-proj-x", "openai"),
        ("sk-x", "openai"),
        ("sk-or-v1-x", "openrouter"),
        ("gsk_x", "groq"),
        ("AIzaSyx", "google"),
        ("xai-x", "xai"),
        ("pplx-x", "perplexity"),
        ("hf_x", "huggingface"),
    ] {
        assert_eq!(detect(secret).map(|v| v.id), Some(id), "{secret}");
    }
    assert!(detect("hello").is_none() && detect("").is_none());
    let mut seen = std::collections::HashSet::new();
    assert!(all().flat_map(|v| v.key_prefixes).all(|p| seen.insert(*p)), "a prefix of two vendors");
}

#[test]
fn every_name_in_the_table_is_unique_and_safe_in_a_path() {
    let reserved = ["chat", "responses", "messages", "embeddings", "models", "v1", "v1beta"];
    let mut seen = std::collections::HashSet::new();
    for id in all().flat_map(|v| std::iter::once(&v.id).chain(v.aliases)) {
        assert!(seen.insert(*id), "{id} twice");
        assert!(!reserved.contains(id), "{id} hides an endpoint");
        assert!(!id.is_empty());
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
    }
    let mut names = std::collections::HashSet::new();
    assert!(all().all(|v| !v.name.is_empty() && names.insert(v.name)), "two vendors of one name");
}

#[test]
fn every_address_in_the_table_is_one_and_goes_by_tls_unless_it_is_on_this_machine() {
    for vendor in all() {
        let regions = vendor.regions.iter().map(|r| r.base_url);
        let mut seen = std::collections::HashSet::new();
        for text in vendor.base_url.into_iter().chain(regions) {
            let base = BaseUrl::parse(text).unwrap_or_else(|e| panic!("{}: {e}", vendor.id));
            assert_eq!(base.to_string(), text, "{} has an odd address", vendor.id);
            let local = base.host().to_string() == "localhost";
            assert!(base.is_https() != local, "{text}");
            assert_eq!(vendor.asks_address(), local, "{text}");
            assert!(seen.insert(text) && vendor.is_own_address(text), "{text} twice");
            // What a door replaces must be there to be replaced.
            assert!(vendor.path.fill || base.path().ends_with(vendor.path.tail), "{text}");
        }
        assert!(vendor.base_url.is_some() || vendor.regions.is_empty(), "{}", vendor.id);
        let mut regions = std::collections::HashSet::new();
        for region in vendor.regions {
            assert!(regions.insert(region.id) && !region.name.is_empty());
            let found = find_region(&format!("{}@{}", vendor.id, region.id)).expect("found");
            assert_eq!((found.0.id, found.1.map(|r| r.base_url)), (vendor.id, Some(region.base_url)));
        }
        assert!(find_region(&format!("{}@nowhere", vendor.id)).is_none());
        assert!(vendor.test.models.is_some() || vendor.test.proof.is_some(), "{} is never tested", vendor.id);
    }
}

#[test]
fn every_word_of_a_row_can_be_sent() {
    let sendable = |name: &str, value: &str| {
        assert_eq!(name.parse::<http::HeaderName>().expect("a name").as_str(), name, "in lower case");
        value.parse::<http::HeaderValue>().expect("a value");
    };
    let path = |p: &str| assert!(!p.starts_with('/') && !p.ends_with('/') && !p.contains("//"), "{p}");
    for vendor in all() {
        vendor.headers.iter().for_each(|(n, v)| sendable(n, v));
        for style in vendor.key_auths {
            style.headers.iter().for_each(|(n, v)| sendable(n, v));
        }
        path(vendor.path.tail);
        vendor.path.strip.iter().for_each(|p| path(p));
        for door in vendor.doors {
            path(door.path);
            door.strip.iter().chain(door.leads).for_each(|p| path(p));
            assert!(
                door.dialect.is_some() || !door.leads.is_empty(),
                "{} has a door nobody finds",
                vendor.id
            );
            assert!(door.dialect.is_none_or(|d| vendor.dialects.contains(&d)), "{}", vendor.id);
        }
        // A longer beginning after a shorter one would never be taken off.
        for strip in std::iter::once(vendor.path.strip).chain(vendor.doors.iter().map(|d| d.strip)) {
            for (n, long) in strip.iter().enumerate() {
                let shadowed = strip.iter().take(n).any(|short| leads(long, short));
                assert!(!shadowed, "{}: {long}", vendor.id);
            }
        }
    }
}

#[test]
fn the_dialect_follows_the_path_where_the_vendor_speaks_it() {
    let custom = find("custom").unwrap();
    assert_eq!(custom.dialect("v1/messages"), Dialect::Anthropic);
    assert_eq!(custom.dialect("chat/completions?x=1"), Dialect::OpenAiChat);
    assert_eq!(find("openai").unwrap().dialect("messages"), Dialect::OpenAiChat);
    assert_eq!(find("claude").unwrap().dialect("models"), Dialect::Anthropic);
    assert_eq!(find("google").unwrap().dialect("models/x:streamGenerateContent"), Dialect::Gemini);
    assert_eq!(find("google").unwrap().dialect("openai/models"), Dialect::OpenAiChat);
    assert_eq!(find("deepseek").unwrap().dialect("anthropic/v1/models"), Dialect::Anthropic);
}
