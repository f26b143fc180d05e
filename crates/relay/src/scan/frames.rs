//! Frames of a WebSocket as they pass: where messages end, what a text says, whether a side said goodbye.

use super::{Needle, TopFields, usage::Counts};
use crate::{Dialect, Tokens};

/// A longer text is not looked at; none that says its usage is longer.
const MAX_TEXT: usize = 256 * 1024;
/// Where a message of OpenAI's realtime interface says what it used.
const FIELDS: &[&str] = &["usage", "response"];
static USAGE: Needle = Needle::new(b"\"usage\"");
const NESTED: &[&str] = &["usage"];

/// The reader of one direction. Feed it what passes.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    head: Vec<u8>,
    /// Bytes of the payload still to come, once the head is whole.
    left: Option<u64>,
    /// The text message that is being read; `None` while it is none, or too long.
    text: Option<Vec<u8>>,
    closed: bool,
}

impl Frames {
    /// Whether this side said that it closes.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Reads on; calls `on` for every whole unmasked text message.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut on: impl FnMut(&[u8])) {
        while !bytes.is_empty() || self.left == Some(0) {
            let Some(left) = self.left else {
                let Some((&byte, rest)) = bytes.split_first() else { return };
                self.head.push(byte);
                bytes = rest;
                self.left = self.length();
                if self.left.is_some() {
                    self.begins();
                }
                continue;
            };
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let (payload, rest) = bytes.split_at(take);
            bytes = rest;
            if self.is_data()
                && let Some(text) = &mut self.text
            {
                if text.len() + payload.len() > MAX_TEXT {
                    self.text = None;
                } else {
                    text.extend_from_slice(payload);
                }
            }
            let left = left - u64::try_from(take).unwrap_or(left);
            self.left = Some(left);
            if left == 0 {
                self.ends(&mut on);
            }
        }
    }

    fn first(&self) -> u8 {
        self.head.first().copied().unwrap_or(0)
    }

    fn is_data(&self) -> bool {
        self.first() & 0x08 == 0
    }

    /// The length of the payload, once the head is whole.
    fn length(&self) -> Option<u64> {
        let second = *self.head.get(1)?;
        let more = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.head.len() < 2 + more + mask {
            return None;
        }
        let said = self.head.get(2..2 + more).unwrap_or_default();
        let long = said.iter().fold(0, |n, b| (n << 8) | u64::from(*b));
        Some(if more == 0 { u64::from(second & 0x7f) } else { long })
    }

    fn begins(&mut self) {
        let masked = self.head.get(1).is_some_and(|b| b & 0x80 != 0);
        match self.first() & 0x0f {
            1 if !masked => self.text = Some(Vec::new()),
            1 | 2 => self.text = None,
            8 => self.closed = true,
            _ => {}
        }
    }

    fn ends(&mut self, on: &mut impl FnMut(&[u8])) {
        let last = self.first() & 0x80 != 0 && self.is_data();
        if last && let Some(text) = self.text.take() {
            on(&text);
        }
        self.head.clear();
        self.left = None;
    }
}

/// What the messages of a talk said of their use, added up: each of its answers is billed.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    tokens: Option<Tokens>,
}

impl Sum {
    /// Looks at a text message.
    pub(crate) fn read(&mut self, text: &[u8]) {
        if !USAGE.is_in(text) {
            return;
        }
        TopFields::new(FIELDS, text.len()).feed(text, |f| {
            let Some(raw) = f.raw else { return };
            if f.which == 0 {
                self.add(&raw);
            } else {
                TopFields::new(NESTED, raw.len())
                    .feed(&raw, |inner| self.add(inner.raw.as_deref().unwrap_or_default()));
            }
        });
    }

    fn add(&mut self, usage: &[u8]) {
        let mut counts = Counts::default();
        if !counts.read(usage, Dialect::OpenAiResponses) {
            return;
        }
        let (more, sum) = (counts.tokens(), self.tokens.unwrap_or_default());
        self.tokens = Some(Tokens {
            input: sum.input.saturating_add(more.input),
            output: sum.output.saturating_add(more.output),
            cache_read: sum.cache_read.saturating_add(more.cache_read),
            cache_write: sum.cache_write.saturating_add(more.cache_write),
            reasoning: sum.reasoning.saturating_add(more.reasoning),
        });
    }

    /// The tokens, where any were said.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8], mask: bool) -> Vec<u8> {
        let marked = if mask { 0x80 } else { 0 };
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..126 => frame.push(marked | u8::try_from(n).unwrap()),
            n @ 126..65_536 => {
                frame.push(marked | 126);
                frame.extend(u16::try_from(n).unwrap().to_be_bytes());
            }
            n => {
                frame.push(marked | 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        frame.extend(if mask { &[1, 2, 3, 4][..] } else { &[] });
        frame.extend(payload);
        frame
    }

    fn read(bytes: &[u8], piece: usize) -> (Vec<String>, bool) {
        let (mut frames, mut texts) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            frames.feed(piece, |text| texts.push(String::from_utf8_lossy(text).into_owned()));
        }
        (texts, frames.is_closed())
    }

    #[test]
    fn texts_are_read_in_any_cutting_and_nothing_else_is() {
        let long = "y".repeat(70_000);
        let mut bytes = frame(0x81, b"one", false);
        bytes.extend(frame(0x01, b"tw", false));
        bytes.extend(frame(0x89, b"ping", false));
        bytes.extend(frame(0x80, b"o", false));
        bytes.extend(frame(0x82, b"binary", false));
        bytes.extend(frame(0x81, b"", false));
        bytes.extend(frame(0x81, long.as_bytes(), false));
        bytes.extend(frame(0x81, &vec![b'z'; MAX_TEXT + 1], false));
        bytes.extend(frame(0x81, b"masked", true));
        bytes.extend(frame(0x81, &[b'm'; 200], false));
        let want = ["one", "two", "", &long, &"m".repeat(200)].map(str::to_owned).to_vec();
        for piece in [1, 7, 4096, 1 << 20] {
            assert_eq!(read(&bytes, piece), (want.clone(), false), "{piece}");
        }
        bytes.extend(frame(0x88, b"\x03\xe8", true));
        assert!(read(&bytes, 3).1);
    }

    #[test]
    fn every_answer_of_a_talk_is_counted() {
        let mut sum = Sum::default();
        assert_eq!(sum.tokens(), None);
        sum.read(br#"{"type":"response.output_text.delta","delta":"my \"usage\" is {\"input_tokens\":9}"}"#);
        assert_eq!(sum.tokens(), None);
        let done = br#"{"type":"response.done","response":{"output":[{"usage":{"input_tokens":99}}],
            "usage":{"total_tokens":50,"input_tokens":30,"output_tokens":20,"input_token_details":{"cached_tokens":10}}}}"#;
        sum.read(done);
        sum.read(done);
        sum.read(br#"{"type":"x","usage":{"type":"tokens","input_tokens":5,"output_tokens":1}}"#);
        assert_eq!(sum.tokens(), Some(Tokens { input: 45, output: 41, cache_read: 20, ..Tokens::default() }));
    }
}
