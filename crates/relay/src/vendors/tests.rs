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
        ("vertexai", "vertex"),
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
            // A dialect that is spoken behind the door alone, at paths of its own, is none of the vendor's.
            let spoken = |dialect| vendor.dialects.contains(&dialect) || !door.leads.is_empty();
            assert!(door.dialect.is_none_or(spoken), "{}", vendor.id);
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

/// A key of these tests alone.
const FILE: &str = include_str!("../../tests/it/vertex/account.json");
const GLOBAL: &str =
    "https://aiplatform.googleapis.com/v1/projects/acme-project-1/locations/global/publishers/google";

#[test]
fn a_service_accounts_project_stands_in_its_address_and_another_accounts_takes_its_place() {
    let vertex = detect(FILE).expect("a vendor");
    assert_eq!(vertex.id, "vertex");
    let placed = |base: &str| vertex.placed(base, FILE).map(Cow::into_owned);
    assert_eq!(placed(vertex.home(FILE).expect("an address")).as_deref(), Ok(GLOBAL));
    let (_, region) = find_region("vertex@europe-west4").expect("a region");
    let there = placed(region.expect("a region").base_url).expect("an address");
    assert!(
        there.starts_with("https://europe-west4-aiplatform") && there.contains("/acme-project-1/"),
        "{there}"
    );
    assert_eq!(
        placed(&GLOBAL.replace("acme-project-1", "another")).as_deref(),
        Ok(GLOBAL),
        "of a key before it"
    );
    for own in [GLOBAL, &there, vertex.base_url.expect("an address")] {
        assert!(vertex.is_own_address(own), "{own}");
    }
    for other in ["https://proxy.example/v1/publishers/google", &GLOBAL.replace("acme-project-1", "a/b")] {
        assert!(!vertex.is_own_address(other), "{other}");
        assert_eq!(placed(other).as_deref(), Ok(other), "somebody's own address stays");
    }
}

#[test]
fn a_key_of_another_kind_goes_where_its_kind_belongs() {
    let vertex = find("vertex").expect("a vendor");
    let express = vertex.base_url.expect("an address");
    assert_eq!(vertex.moved(express, FILE), Some(vertex.regions[0].base_url));
    assert_eq!(vertex.moved(GLOBAL, "AQ.express"), Some(express));
    assert_eq!(vertex.moved(GLOBAL, FILE), None, "of the same kind");
    assert_eq!(vertex.moved("https://proxy.example/v1", FILE), None, "at somebody's own address");
    assert_eq!(find("openai").expect("a vendor").moved("https://api.openai.com/v1", "sk-x"), None);
    let place = |base| vertex.place(base).map(|region| region.id);
    let tokyo = "https://asia-northeast1-aiplatform.googleapis.com/v1/projects/p/locations/asia-northeast1/publishers/google";
    assert_eq!(place(tokyo), Some("asia-northeast1"));
    assert_eq!((place(GLOBAL), place(express), place("https://proxy.example/v1")), (None, None, None));
}

#[test]
fn a_key_without_a_project_has_an_address_without_one() {
    let vertex = find("vertex").expect("a vendor");
    assert_eq!(vertex.home("AQ.express"), vertex.base_url);
    assert!(vertex.placed(vertex.regions[0].base_url, "AQ.express").is_err(), "a region needs one");
    assert_eq!(vertex.placed(GLOBAL, "AQ.express").as_deref(), Ok(GLOBAL), "where somebody wrote it himself");
    let openai = find("openai").expect("a vendor");
    assert_eq!(
        openai.placed("https://x.example/PROJECT", "sk-x").as_deref(),
        Ok("https://x.example/PROJECT")
    );
    assert_eq!((vertex.known_part(FILE), openai.known_part(FILE)), ("0123456789abcdef", FILE));
}
