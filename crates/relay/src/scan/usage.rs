//! What a vendor's usage object means in our kinds of tokens.

use crate::{Dialect, Tokens};
use serde_json::Value;

/// The tokens said so far. Vendors repeat and complete their numbers, so later ones replace earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    /// Whether `input` contains what came from the cache.
    cached_within: bool,
}

impl Counts {
    /// Reads a usage object; what is missing or odd in it changes nothing.
    pub(super) fn read(&mut self, raw: &[u8], dialect: Dialect) -> bool {
        let Ok(Value::Object(usage)) = serde_json::from_slice::<Value>(raw) else { return false };
        let at = |name: &str| usage.get(name).and_then(number);
        let within = |object: &str, name: &str| usage.get(object).and_then(|o| o.get(name)).and_then(number);
        let set = |to: &mut Option<u64>, from: Option<u64>| {
            if from.is_some() {
                *to = from;
            }
        };
        set(&mut self.input, at("prompt_tokens").or_else(|| at("input_tokens")));
        set(&mut self.output, at("completion_tokens").or_else(|| at("output_tokens")));
        let cached = within("prompt_tokens_details", "cached_tokens")
            .or_else(|| within("input_tokens_details", "cached_tokens"))
            .or_else(|| within("input_token_details", "cached_tokens"))
            .or_else(|| at("prompt_cache_hit_tokens"));
        set(&mut self.cache_read, at("cache_read_input_tokens").or(cached));
        set(&mut self.cache_write, at("cache_creation_input_tokens"));
        let reasoning = within("completion_tokens_details", "reasoning_tokens")
            .or_else(|| within("output_tokens_details", "reasoning_tokens"));
        set(&mut self.reasoning, reasoning);
        if dialect == Dialect::Gemini {
            let sum = |a: &str, b: &str| match (at(a), at(b)) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
            };
            set(&mut self.input, sum("promptTokenCount", "toolUsePromptTokenCount"));
            set(&mut self.output, sum("candidatesTokenCount", "thoughtsTokenCount"));
            set(&mut self.cache_read, at("cachedContentTokenCount"));
            set(&mut self.reasoning, at("thoughtsTokenCount"));
        }
        self.cached_within = dialect != Dialect::Anthropic;
        self.input.is_some() || self.output.is_some()
    }

    pub(super) fn tokens(self) -> Tokens {
        let (input, cache_read) = (self.input.unwrap_or(0), self.cache_read.unwrap_or(0));
        Tokens {
            input: if self.cached_within { input.saturating_sub(cache_read) } else { input },
            output: self.output.unwrap_or(0),
            cache_read,
            cache_write: self.cache_write.unwrap_or(0),
            reasoning: self.reasoning.unwrap_or(0),
        }
    }
}

/// A count: whole and not negative. Anything above 2^40 is no count of tokens.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().filter(|n| *n <= 1 << 40)
}
