//! What the events of a stream weigh, as far as it is needed to guess how many tokens they carry.

use super::sse::MAX_EVENT;

/// Bytes of text that make a token, about.
pub(crate) const BYTES_OF_A_TOKEN: u64 = 4;
/// Bytes of an event that make a token, about, where nothing better is known of it.
pub(crate) const BYTES_OF_AN_EVENT: u64 = 64;
/// Bytes that an event may have more than the lightest and still carry a single token: some vendors add noise.
const NOISE: u64 = 24;
/// Of so few events the lightest may be a heavy one: it has this much beside its text at most,
const FEW: (u64, u64) = (3, 300);
/// and of more of them this.
const FRAME: u64 = 1024;
/// The last word of a stream of OpenAI's, which carries nothing.
const DONE: usize = b"[DONE]".len();

/// The weights.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    count: u64,
    bytes: u64,
    /// The lightest of them carries next to nothing.
    least: u64,
    /// Bytes of heavy ones that are no text.
    others: u64,
}

impl Sizes {
    /// Weighs an event. Those that are named are text where they are a delta.
    pub(super) fn add(&mut self, name: &[u8], bytes: usize) {
        let text = name.is_empty() || name.ends_with(b"delta");
        let weight = weight(bytes);
        if !text && weight > FRAME {
            self.others = self.others.saturating_add(weight);
        }
        if !text || bytes <= DONE {
            return;
        }
        self.least = if self.count == 0 { weight } else { self.least.min(weight) };
        (self.count, self.bytes) = (self.count + 1, self.bytes.saturating_add(weight));
    }

    /// One that is too long to be read.
    pub(super) fn unread(&mut self) {
        self.others = self.others.saturating_add(weight(MAX_EVENT));
    }

    /// About how many tokens they carry: one a piece where all are about as light as the lightest, else what they have more.
    pub(super) fn tokens(&self) -> Option<u64> {
        let least = self.least.min(if self.count <= FEW.0 { FEW.1 } else { FRAME });
        let more = self.bytes.saturating_sub(least.saturating_mul(self.count));
        let light = more.checked_div(self.count).is_none_or(|average| average <= NOISE);
        let text = if light { self.count } else { self.count.max(more.div_ceil(BYTES_OF_A_TOKEN)) };
        Some(text.saturating_add(self.others.div_ceil(BYTES_OF_AN_EVENT))).filter(|tokens| *tokens > 0)
    }
}

fn weight(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::{
        Dialect,
        scan::{Meter, Shape},
    };

    /// A stream of such pieces, and about how many tokens it is taken to have.
    fn about(dialect: Dialect, pieces: impl IntoIterator<Item = String>) -> Option<u64> {
        let mut meter = Meter::new(dialect, Shape::Events);
        pieces.into_iter().for_each(|piece| meter.feed(piece.as_bytes()));
        meter.about()
    }

    #[test]
    fn where_nobody_says_what_a_stream_used_a_light_piece_is_one_token_and_a_heavy_one_is_weighed() {
        let chunk = |text: &str, noise: &str| {
            format!(
                "data: {{\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}],\"obfuscation\":\"{noise}\"}}\n\n"
            )
        };
        let noisy = (0..100).map(|n| chunk("word", &"x".repeat(n % 16)));
        let done = ["data: [DONE]\n\n".to_owned()];
        assert_eq!(about(Dialect::OpenAiChat, noisy.chain(done)), Some(100));
        let heavy = [String::new(), "a".repeat(400), "b".repeat(800)].map(|text| chunk(&text, ""));
        assert_eq!(about(Dialect::OpenAiChat, heavy), Some(300));
        let named = (0..10).map(|n| {
            format!("event: content_block_delta\ndata: {{\"delta\":{{\"text\":\"{n}\"}}}}\n\nevent: ping\ndata: {{\"x\":\"{}\"}}\n\n", "y".repeat(500))
        });
        assert_eq!(about(Dialect::Anthropic, named), Some(10), "only pieces of text count");
        let one = [chunk(&"w".repeat(8_000), ""), "data: [DONE]\n\n".to_owned()];
        assert_eq!(
            about(Dialect::OpenAiChat, one).map(|n| n / 100),
            Some(19),
            "a single heavy one is weighed, too"
        );
        let long = [chunk("", ""), chunk(&"i".repeat(1_500_000), "")];
        assert!(about(Dialect::OpenAiChat, long) > Some(4_000), "and one that is too long to be read");
        assert_eq!(about(Dialect::OpenAiChat, []), None);
    }
}
