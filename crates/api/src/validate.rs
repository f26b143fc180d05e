//! Rules for what people type, the same in the browser, the use case and the command line.

use crate::{ApiError, FieldError};

/// Slugs that paths need for themselves.
pub const RESERVED_SLUGS: [&str; 7] = ["new", "stats", "bulk", "compare", "import", "admin", "simple"];

/// Collects field errors and becomes one `invalid` answer.
#[derive(Debug, Default)]
pub struct Check(Vec<FieldError>);

impl Check {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes `detail` at `pointer` unless `holds`.
    pub fn rule(&mut self, holds: bool, pointer: &str, detail: &str) -> &mut Self {
        if !holds {
            self.0.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
        self
    }

    /// A single-line text of 1 to `max` characters once trimmed, without control or bidi-override characters.
    pub fn line(&mut self, text: &str, max: usize, pointer: &str) -> &mut Self {
        let length = text.trim().chars().count();
        self.rule((1..=max).contains(&length), pointer, &format!("must have 1 to {max} characters"));
        self.rule(
            !text.chars().any(is_unsafe),
            pointer,
            "must not contain control or direction-override characters",
        )
    }

    /// A text of at most `max` characters; line breaks and tabs are welcome, NUL and other controls are not.
    pub fn text(&mut self, text: &str, max: usize, pointer: &str) -> &mut Self {
        self.rule(text.chars().count() <= max, pointer, &format!("must have at most {max} characters"));
        let bad = text.chars().any(|c| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t'));
        self.rule(!bad, pointer, "must not contain control or direction-override characters")
    }

    /// All rules kept, or one error that names every broken one.
    pub fn done(&mut self) -> Result<(), ApiError> {
        let fields = std::mem::take(&mut self.0);
        let Some(first) = fields.first() else { return Ok(()) };
        let name = first.pointer.trim_start_matches('/').replace('_', " ");
        let mut error = ApiError::new(crate::Code::Invalid, format!("{name} {}", first.detail));
        error.fields = fields;
        Err(error)
    }
}

/// Control characters, and the invisible ones that reorder text (a name must read as it is).
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether `slug` may stand in a path: `[a-z0-9-]{1,40}`, not reserved, not shaped like an id.
pub fn is_slug(slug: &str) -> bool {
    (1..=40).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && !RESERVED_SLUGS.contains(&slug)
}

/// A safe slug made from any name; never empty, never reserved. Uniqueness is the store's matter.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 32 {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if is_slug(slug) { slug.to_owned() } else { "bot".to_owned() }
}

/// Whether `model` reads `vendor/model`, the form used everywhere.
pub fn is_model(model: &str) -> bool {
    model.len() <= 200
        && model.split_once('/').is_some_and(|(vendor, rest)| {
            !vendor.is_empty()
                && !rest.is_empty()
                && !model.chars().any(|c| c.is_whitespace() || is_unsafe(c))
        })
}

/// What stands where a vendor's name would, of a model that is a fallback chain.
pub const CHAIN: &str = "chain";

/// The chain's name in a model that reads `chain/name`: several models, of which the first serves that can.
pub fn chain_of(model: &str) -> Option<&str> {
    model.strip_prefix(CHAIN)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_always_safe() {
        let long = "x".repeat(300);
        for name in
            ["../../etc", "🤖🤖", "شبكة", "new", "Admin", " Hello  World! ", long.as_str(), "-", "a/b\\c"]
        {
            assert!(is_slug(&slug_of(name)), "{name} -> {}", slug_of(name));
        }
        assert_eq!(slug_of(" Hello  World! "), "hello-world");
    }

    #[test]
    fn a_model_names_its_vendor() {
        assert!(is_model("openai/gpt-5"));
        assert!(is_model("openrouter/meta/llama"));
        for bad in ["", "gpt-5", "/x", "x/", "openai/a b"] {
            assert!(!is_model(bad), "{bad}");
        }
    }

    #[test]
    fn a_model_that_is_a_chain_names_it() {
        assert_eq!(chain_of("chain/coding"), Some("coding"));
        assert!(
            ["chains/coding", "chain", "openai/chain/x", ""].iter().all(|model| chain_of(model).is_none())
        );
    }

    #[test]
    fn a_name_with_a_direction_override_is_refused() {
        assert!(Check::new().line("evil\u{202e}txt", 80, "/name").done().is_err());
        assert!(Check::new().line("مساعد", 80, "/name").done().is_ok());
    }
}
