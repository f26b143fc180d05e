//! What a vendor's usage object means in our kinds of tokens.

use crate::{Dialect, Tokens};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// The tokens said so far. Vendors repeat and complete their numbers, so later ones replace earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    /// Micro-USD, rounded up.
    cost: Option<i64>,
    /// Whether `input` contains what came from the cache.
    cached_within: bool,
}

impl Counts {
    /// Reads a usage object; what is missing or odd in it changes nothing.
    pub(super) fn read(&mut self, raw: &[u8], dialect: Dialect) -> bool {
        let said = std::str::from_utf8(raw).ok().and_then(|text| serde_json::from_str(text).ok());
        let Some(usage @ Said::Object(_)) = said else { return false };
        let at = |name: &str| usage.get(name)?.number();
        let within = |object: &str, name: &str| usage.get(object)?.get(name)?.number();
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
        let written = within("prompt_tokens_details", "cache_write_tokens")
            .or_else(|| within("input_tokens_details", "cache_write_tokens"));
        set(&mut self.cache_write, at("cache_creation_input_tokens").or(written));
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
        if dialect == Dialect::Converse {
            set(&mut self.input, at("inputTokens").or_else(|| at("inputTokenCount")));
            set(&mut self.output, at("outputTokens").or_else(|| at("outputTokenCount")));
            let either = |a: &str, b: &str| at(a).or_else(|| at(b));
            set(&mut self.cache_read, either("cacheReadInputTokens", "cacheReadInputTokenCount"));
            set(&mut self.cache_write, either("cacheWriteInputTokens", "cacheWriteInputTokenCount"));
        }
        self.cost = usage.cost().or(self.cost);
        self.cached_within = !matches!(dialect, Dialect::Anthropic | Dialect::Converse);
        self.input.is_some() || self.output.is_some()
    }

    /// Takes what a head said.
    pub(super) fn told(&mut self, input: Option<u64>, output: Option<u64>) -> bool {
        (self.input, self.output) = (input.or(self.input), output.or(self.output));
        self.input.is_some() || self.output.is_some()
    }

    /// What it says that all of it costs, which few vendors do.
    pub(super) fn cost(&self) -> Option<i64> {
        self.cost
    }

    pub(super) fn tokens(self) -> Tokens {
        let input = self.input.unwrap_or(0);
        let (cache_read, cache_write) = (self.cache_read.unwrap_or(0), self.cache_write.unwrap_or(0));
        let cached = cache_read.saturating_add(cache_write);
        Tokens {
            input: if self.cached_within { input.saturating_sub(cached) } else { input },
            output: self.output.unwrap_or(0),
            cache_read,
            cache_write,
            reasoning: self.reasoning.unwrap_or(0),
        }
    }
}

/// JSON as far as usage is said in it. It is read of every call: names are borrowed, and only objects take memory.
#[derive(Debug)]
enum Said<'a> {
    /// A whole number that is not negative.
    Number(u64),
    /// Any other.
    Decimal(f64),
    /// `true`
    Yes,
    Object(Vec<(Cow<'a, str>, Said<'a>)>),
    Other,
}

impl Said<'_> {
    /// A field of an object; of two with one name the last.
    fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// A count. Anything above 2^40 is no count of tokens.
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number).filter(|n| *n <= 1 << 40),
            Self::Decimal(_) | Self::Yes | Self::Object(_) | Self::Other => None,
        }
    }

    /// What the vendor takes for the call, with what is paid to the one behind it by a key of the caller's own there.
    fn cost(&self) -> Option<i64> {
        let own = self.get("cost")?.micro_usd()?;
        if !matches!(self.get("is_byok"), Some(Self::Yes)) {
            return Some(own);
        }
        let behind = self.get("cost_details")?.get("upstream_inference_cost")?.micro_usd()?;
        own.checked_add(behind)
    }

    /// An amount of USD. A million for one call is none.
    fn micro_usd(&self) -> Option<i64> {
        let usd = match self {
            Self::Number(number) => *number as f64,
            Self::Decimal(number) => *number,
            Self::Yes | Self::Object(_) | Self::Other => return None,
        };
        // What a binary fraction is beside the decimal that was meant is no part of it.
        (0.0..=1e6).contains(&usd).then(|| (usd * 1e6 - 1e-6).ceil().max(0.0) as i64)
    }
}

/// The name of a field.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Said<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Said<'de>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("JSON")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Said<'de>, E> {
                Ok(Said::Number(number))
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Said<'de>, E> {
                Ok(Said::Other)
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Said<'de>, E> {
                Ok(Said::Decimal(number))
            }
            fn visit_bool<E: Error>(self, yes: bool) -> Result<Said<'de>, E> {
                Ok(if yes { Said::Yes } else { Said::Other })
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Said<'de>, E> {
                Ok(Said::Other)
            }
            fn visit_unit<E: Error>(self) -> Result<Said<'de>, E> {
                Ok(Said::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Said<'de>, A::Error> {
                while list.next_element::<Said<'de>>()?.is_some() {}
                Ok(Said::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Said<'de>, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some((Name(name), value)) = object.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Said::Object(fields))
            }
        }

        from.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_a_cache_is_part_of_the_input_that_openai_tells() {
        for (input, details) in
            [("prompt_tokens", "prompt_tokens_details"), ("input_tokens", "input_tokens_details")]
        {
            let raw =
                format!(r#"{{"{input}":1000,"{details}":{{"cached_tokens":100,"cache_write_tokens":800}}}}"#);
            let mut counts = Counts::default();
            assert!(counts.read(raw.as_bytes(), Dialect::OpenAiChat));
            let tokens = counts.tokens();
            assert_eq!((tokens.input, tokens.cache_read, tokens.cache_write), (100, 100, 800), "{raw}");
        }
        let mut counts = Counts::default();
        counts.read(br#"{"input_tokens":10,"cache_creation_input_tokens":800}"#, Dialect::Anthropic);
        assert_eq!(
            (counts.tokens().input, counts.tokens().cache_write),
            (10, 800),
            "Anthropic tells them apart"
        );
    }

    #[test]
    fn what_is_odd_or_said_twice_is_read_as_json_says() {
        let read = |raw: &str| {
            let mut counts = Counts::default();
            let read = counts.read(raw.as_bytes(), Dialect::OpenAiChat);
            (read, counts.tokens().input, counts.tokens().cache_read)
        };
        for (raw, want) in [
            (
                r#"{"prompt_tokens":7,"x":[{"y":[1,-2,0.5,"z",null,true]}],"z":{"prompt_tokens":1}}"#,
                (true, 7, 0),
            ),
            (r#"{"prompt_tokens":7,"prompt_tokens":9}"#, (true, 9, 0)),
            (r#"{"prompt\u005ftokens":7}"#, (true, 7, 0)),
            (r#"{"input_tokens":5,"prompt_tokens":7}"#, (true, 7, 0)),
            (r#"{"input_tokens":5,"prompt_tokens":-7}"#, (true, 5, 0)),
            (r#"{"prompt_tokens":1.0}"#, (false, 0, 0)),
            (r#"{"prompt_tokens":"7"}"#, (false, 0, 0)),
            (r#"{"prompt_tokens":1099511627777}"#, (false, 0, 0)),
            (r#"{"prompt_tokens":7,"prompt_tokens_details":5}"#, (true, 7, 0)),
            (r#"{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":2},"a":1}"#, (true, 5, 2)),
            (r#"{"prompt_tokens":7,}"#, (false, 0, 0)),
            (r#"{"prompt_tokens":7} 1"#, (false, 0, 0)),
            (r#"[{"prompt_tokens":7}]"#, (false, 0, 0)),
            ("null", (false, 0, 0)),
        ] {
            assert_eq!(read(raw), want, "{raw}");
        }
    }
}
