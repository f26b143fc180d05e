//! What a call may use, told from its request before anybody knows.

use crate::{
    Dialect, Tokens, UsageRow,
    scan::{BYTES_OF_A_TOKEN, BYTES_OF_AN_EVENT, Needle},
};
use bytes::Bytes;

/// No prompt is guessed longer: beyond, bodies are pictures and files.
const LONGEST_PROMPT: u64 = 200_000;
/// What an answer is guessed to take where the request sets no bound.
const UNBOUND_OUTPUT: u64 = 4_096;

/// A field whose number matters, by its names, all of which begin alike.
#[derive(Debug)]
pub(super) struct Field {
    begins: Needle,
    names: &'static [&'static [u8]],
}

/// Where requests set a bound, in the dialects.
static BOUND: Field = Field {
    begins: Needle::new(b"\"max"),
    names: &[
        b"\"max_tokens\"",
        b"\"max_completion_tokens\"",
        b"\"max_output_tokens\"",
        b"\"maxOutputTokens\"",
        b"\"maxTokens\"",
    ],
};
static MANY: Field = Field { begins: Needle::new(b"\"n\""), names: &[b"\"n\""] };
static MANY_OF_GEMINI: Field =
    Field { begins: Needle::new(b"\"candidateCount\""), names: &[b"\"candidateCount\""] };

/// Where requests of a dialect ask for several answers, each of which may be that long. Others hold what tools were called with
/// as plain JSON, in which such a name means nothing.
pub(super) fn many(dialect: Dialect) -> Option<&'static Field> {
    match dialect {
        Dialect::OpenAiChat => Some(&MANY),
        Dialect::Gemini => Some(&MANY_OF_GEMINI),
        Dialect::Anthropic | Dialect::OpenAiResponses | Dialect::Converse => None,
    }
}

/// What vendors give at most.
const MOST_ANSWERS: u64 = 128;

/// Tokens that a call may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) input: u64,
    pub(super) output: u64,
}

/// Tokens of a prompt of so many bytes.
pub(super) fn of_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_OF_A_TOKEN).min(LONGEST_PROMPT)
}

impl Guess {
    /// Of a body of so many bytes, of which these are here.
    ///
    /// `many` names the field that asks for several answers.
    pub(super) fn of<'a>(
        length: u64,
        many: Option<&Field>,
        pieces: impl IntoIterator<Item = &'a Bytes>,
    ) -> Self {
        let (mut output, mut answers) = (None, None);
        for piece in pieces {
            output = output.or_else(|| BOUND.number(piece));
            answers = answers.or_else(|| many.and_then(|many| many.number(piece)));
        }
        let answers = answers.unwrap_or(1).clamp(1, MOST_ANSWERS);
        let input = of_bytes(length);
        Self { input, output: output.unwrap_or(UNBOUND_OUTPUT).saturating_mul(answers) }
    }

    /// Of a talk, whose length nobody knows.
    pub(super) const fn of_a_talk() -> Self {
        Self { input: LONGEST_PROMPT, output: UNBOUND_OUTPUT }
    }

    /// The same for calls that compute no answer.
    pub(super) fn without_output(self) -> Self {
        Self { output: 0, ..self }
    }

    pub(super) fn tokens(self) -> Tokens {
        Tokens { input: self.input, output: self.output, ..Tokens::default() }
    }

    /// What a call used whose vendor did not say, or not to the end; `streamed` came in events, about.
    pub(super) fn used(self, row: &UsageRow, streamed: Option<u64>) -> Tokens {
        let known = row.tokens;
        let seen = match row.received_bytes {
            // What we said ourselves is not what the vendor said.
            _ if row.first_event_ms.is_none() => self.output,
            bytes if row.stream => streamed.unwrap_or(bytes.div_ceil(BYTES_OF_AN_EVENT)),
            bytes => bytes.div_ceil(BYTES_OF_A_TOKEN),
        };
        let told = known.input > 0 || known.cache_read > 0 || known.cache_write > 0;
        let input = if told { known.input } else { of_bytes(row.sent_bytes) };
        Tokens { input, output: known.output.max(seen), ..known }
    }
}

impl Field {
    /// The number after one of the names. A text that holds such words has its quotes escaped, so it is not taken for a
    /// field; a field deeper inside may be, which only makes a guess worse.
    fn number(&self, piece: &[u8]) -> Option<u64> {
        self.begins.finder().find_iter(piece).find_map(|at| {
            let rest = piece.get(at..)?;
            let name = self.names.iter().find(|name| rest.starts_with(name))?;
            let rest = rest.get(name.len()..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(dialect: Dialect, body: &'static str) -> Guess {
        Guess::of(body.len() as u64, many(dialect), [&Bytes::from_static(body.as_bytes())])
    }

    fn of(body: &'static str) -> Guess {
        said(Dialect::OpenAiChat, body)
    }

    #[test]
    fn a_request_says_in_five_ways_how_long_its_answer_may_be() {
        for (body, output) in [
            (r#"{"model":"m","max_tokens":77}"#, 77),
            (r#"{"max_completion_tokens" : 12 ,"model":"m"}"#, 12),
            (r#"{"max_output_tokens":9}"#, 9),
            (r#"{"generationConfig":{"maxOutputTokens": 5}}"#, 5),
            (r#"{"inferenceConfig":{"maxTokens":6}}"#, 6),
            (r#"{"model":"m"}"#, UNBOUND_OUTPUT),
            (r#"{"max_tokens":null}"#, UNBOUND_OUTPUT),
            (r#"{"messages":[{"content":"\"max_tokens\": 1"}],"max_tokens":3}"#, 3),
            (r#"{"max_tokens_x":4}"#, UNBOUND_OUTPUT),
            (r#"{"max_tokens":99999999999999999999999}"#, UNBOUND_OUTPUT),
            (r#"{"n":3,"max_tokens":10}"#, 30),
            (r#"{"max_tokens":10,"n":null}"#, 10),
            (r#"{"max_tokens":10,"n":0}"#, 10),
            (r#"{"max_tokens":10,"n":4000000000}"#, 10 * MOST_ANSWERS),
        ] {
            assert_eq!(of(body).output, output, "{body}");
        }
    }

    #[test]
    fn several_answers_are_asked_for_in_a_dialects_own_word_only() {
        let called = r#"{"max_tokens":10,"messages":[{"content":[{"type":"tool_use","input":{"n":50}}]}]}"#;
        assert_eq!(said(Dialect::Anthropic, called).output, 10, "what a tool was called with");
        let gemini = r#"{"generationConfig":{"candidateCount": 2,"maxOutputTokens":5},"x":{"n":9}}"#;
        assert_eq!(said(Dialect::Gemini, gemini).output, 10);
    }

    #[test]
    fn a_prompt_is_a_quarter_of_its_bytes_and_a_picture_is_no_endless_prompt() {
        assert_eq!(of(r#"{"x":1}"#).input, 2);
        assert_eq!(Guess::of(40 * 1024 * 1024, None, []).input, LONGEST_PROMPT);
    }
}
