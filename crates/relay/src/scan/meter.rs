//! Reads usage, the answering model and the proper end out of an answer that passes by.

use super::{
    Needle, TopFields,
    messages::{Message, MessageReader},
    sieve::Ends,
    sizes::Sizes,
    sse::{Event, EventReader},
    usage::Counts,
};
use crate::{Dialect, Tokens};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderMap;

/// The longest usage object that is read.
const MAX_USAGE: usize = 16 * 1024;
const FIELDS: &[&str] = &["usage", "model", "message", "response"];
const NESTED: &[&str] = &["usage", "model"];
const CONVERSE: Dialect = Dialect::Converse;
/// Where a piece of an answer by Bedrock's Invoke stands, and where its last one says its use.
const CHUNK: &[&str] = &["bytes"];
const INVOKED: &[&str] = &["amazon-bedrock-invocationMetrics"];
/// The same two in Gemini's words, which nest nothing.
const GEMINI: &[&str] = &["usageMetadata", "modelVersion"];
/// What events are looked through for before their fields are read.
static USAGE: Needle = Needle::new(b"\"usage\"");
static CHOICES: Needle = Needle::new(b"\"choices\":");
static FINISH: Needle = Needle::new(b"finish_reason\":");
static GEMINI_USAGE: Needle = Needle::new(b"\"usageMetadata\"");
static GEMINI_FINISH: Needle = Needle::new(b"finishReason\":");

/// Events that only say that there will be an answer.
const BEFORE_WORDS: &[&[u8]] =
    &[b"message_start", b"ping", b"response.created", b"response.queued", b"response.in_progress"];

/// What an answer's body looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Server-sent events.
    Events,
    /// AWS's stream of messages, which are no text.
    Messages,
    /// One JSON text.
    Json,
    /// Anything else: passes unread.
    Other,
}

/// The meter. Feed it every piece of the answer.
#[derive(Debug)]
pub(crate) struct Meter {
    dialect: Dialect,
    reader: Reader,
    seen: Seen,
}

#[derive(Debug)]
enum Reader {
    Events(EventReader),
    Messages(Box<MessageReader>),
    Json(TopFields),
    None,
}

/// What was understood so far.
#[derive(Debug, Default)]
struct Seen {
    counts: Counts,
    counted: bool,
    model: Option<String>,
    /// An event of this dialect was recognised.
    known: bool,
    /// Any event came.
    any: bool,
    /// One that is no mere beginning.
    word: bool,
    /// What the events weigh that carry text.
    sizes: Sizes,
    /// The dialect's own last word was heard.
    ended: bool,
    error: bool,
}

impl Shape {
    /// Whether it is a stream of events, of either kind.
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::Events | Self::Messages)
    }
}

impl Meter {
    pub(crate) fn new(dialect: Dialect, shape: Shape) -> Self {
        let reader = match shape {
            Shape::Events => Reader::Events(EventReader::new()),
            Shape::Messages => Reader::Messages(Box::default()),
            Shape::Json if dialect == Dialect::Gemini => Reader::Json(TopFields::new(GEMINI, MAX_USAGE)),
            Shape::Json => Reader::Json(TopFields::new(NESTED, MAX_USAGE)),
            Shape::Other => Reader::None,
        };
        Self { dialect, reader, seen: Seen::default() }
    }

    /// What Bedrock says of an answer's use in its head, whatever model answered.
    pub(crate) fn read_head(&mut self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse().ok();
        let [input, output] =
            ["input", "output"].map(|of| number(&format!("x-amzn-bedrock-{of}-token-count")));
        self.seen.counted |= self.seen.counts.told(input, output);
    }

    /// Reads a piece.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let (seen, dialect) = (&mut self.seen, self.dialect);
        match &mut self.reader {
            Reader::Events(reader) => reader.feed(bytes, |event| seen.event(&event, dialect)),
            Reader::Messages(reader) => reader.feed(bytes, |message| seen.message(&message)),
            Reader::Json(fields) => fields.feed(bytes, |f| {
                if let Some(raw) = f.raw {
                    seen.field(f.which, &raw, dialect);
                }
            }),
            Reader::None => {}
        }
    }

    /// The tokens, and whether the vendor said any.
    pub(crate) fn tokens(&self) -> (Tokens, bool) {
        (self.seen.counts.tokens(), self.seen.counted)
    }

    /// What the vendor says that the call costs, in micro-USD.
    pub(crate) fn cost(&self) -> Option<i64> {
        self.seen.counts.cost()
    }

    /// The model that answered.
    pub(crate) fn take_model(&mut self) -> Option<String> {
        self.seen.model.take()
    }

    /// Whether any event came; comments are none.
    pub(crate) fn saw_event(&self) -> bool {
        self.seen.any
    }

    /// Whether an event came that says more than that there will be an answer.
    pub(crate) fn saw_word(&self) -> bool {
        self.seen.word
    }

    /// About how many tokens of text the events of a stream carried.
    pub(crate) fn about(&self) -> Option<u64> {
        matches!(self.reader, Reader::Events(_)).then(|| self.seen.sizes.tokens()).flatten()
    }

    /// Whether the vendor sent an error event.
    pub(crate) fn saw_error(&self) -> bool {
        self.seen.error
    }

    /// Whether the dialect's last word was heard: what comes after it is not missed.
    pub(crate) fn ended(&self) -> bool {
        // Half a message behind it is still missed: nobody can leave it out.
        let whole = !matches!(&self.reader, Reader::Messages(reader) if !reader.is_between());
        (self.seen.ended || self.seen.error) && whole
    }

    /// Whether a stream that stops here is cut, although HTTP says it is whole: events of the dialect without
    /// its last word, or none at all. Streams of an unknown kind are believed.
    pub(crate) fn is_cut(&self) -> bool {
        match &self.reader {
            Reader::Messages(reader) if !reader.is_between() => true,
            Reader::Events(_) | Reader::Messages(_) => !self.ended() && (self.seen.known || !self.seen.any),
            Reader::Json(_) | Reader::None => false,
        }
    }

    /// Where events ended in the piece that was read last.
    pub(crate) fn ends(&self) -> Option<Ends> {
        match &self.reader {
            Reader::Events(reader) => reader.ends(),
            Reader::Messages(reader) => reader.ends(),
            _ => None,
        }
    }

    /// Whether an event can be put in here without joining half of another.
    pub(crate) fn is_between_events(&self) -> bool {
        match &self.reader {
            Reader::Events(reader) => reader.is_between(),
            Reader::Messages(reader) => reader.is_between(),
            Reader::Json(_) | Reader::None => false,
        }
    }
}

impl Seen {
    fn event(&mut self, event: &Event<'_>, dialect: Dialect) {
        self.any = true;
        self.word |= !BEFORE_WORDS.contains(&event.name);
        let Some(data) = event.data else {
            self.sizes.unread();
            return;
        };
        self.sizes.add(event.name, data.len());
        match dialect {
            Dialect::OpenAiChat => self.openai(data),
            Dialect::Anthropic => self.typed(event.name, data, "message_stop", dialect),
            Dialect::OpenAiResponses => {
                let last = [&b"response.completed"[..], b"response.failed", b"response.incomplete"];
                self.ended |= last.contains(&event.name);
                self.typed(event.name, data, "response.completed", dialect);
            }
            Dialect::Gemini => self.gemini(data),
            // It has no events of text.
            Dialect::Converse => {}
        }
    }

    /// Converse names its events; Invoke sends pieces of a model's own answer, of which the last says its use.
    fn message(&mut self, message: &Message<'_>) {
        self.any = true;
        self.word |= message.name != "messageStart";
        if message.is_exception {
            self.error = true;
            return;
        }
        let payload = message.payload.unwrap_or_default();
        match message.name {
            "messageStart" => self.known = true,
            "messageStop" => (self.known, self.ended) = (true, true),
            "metadata" => {
                self.known = true;
                TopFields::new(NESTED, MAX_USAGE)
                    .feed(payload, |f| self.field(f.which, f.raw.as_deref().unwrap_or_default(), CONVERSE));
            }
            "chunk" => TopFields::new(CHUNK, payload.len()).feed(payload, |f| {
                let text = f.raw.as_deref().and_then(|raw| raw.strip_prefix(b"\"")?.strip_suffix(b"\""));
                let inner = text.and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
                TopFields::new(INVOKED, MAX_USAGE).feed(&inner, |f| {
                    self.ended = true;
                    self.field(f.which, f.raw.as_deref().unwrap_or_default(), CONVERSE);
                });
            }),
            _ => {}
        }
    }

    /// Every event may say its use, and a finish reason is the last word. A stream without one is believed: not
    /// all that end well have it.
    fn gemini(&mut self, data: &[u8]) {
        if let Some(at) = GEMINI_FINISH.find(data) {
            let value = data.get(at + 14..).unwrap_or_default().trim_ascii_start();
            self.ended |= value.starts_with(b"\"");
        }
        self.error |= data.starts_with(b"{\"error\"");
        if GEMINI_USAGE.is_in(data) || self.model.is_none() {
            TopFields::new(GEMINI, data.len())
                .feed(data, |f| self.field(f.which, f.raw.as_deref().unwrap_or_default(), Dialect::Gemini));
        }
    }

    fn openai(&mut self, data: &[u8]) {
        if data == b"[DONE]" {
            self.ended = true;
            return;
        }
        // An unescaped `finish_reason":` is never inside a string: there its quote would be escaped.
        if let Some(at) = FINISH.find(data) {
            self.known = true;
            let value = data.get(at + 15..).unwrap_or_default().trim_ascii_start();
            self.ended |= value.starts_with(b"\"");
        }
        self.known = self.known || CHOICES.is_in(data);
        self.error |= data.starts_with(b"{\"error\"");
        if USAGE.is_in(data) || self.model.is_none() {
            self.fields(data, Dialect::OpenAiChat);
        }
    }

    /// Dialects whose events say their type in the `event:` line.
    fn typed(&mut self, name: &[u8], data: &[u8], last: &str, dialect: Dialect) {
        self.known |= !name.is_empty();
        self.ended |= name == last.as_bytes();
        self.error |= name == b"error" || name == b"response.failed";
        if USAGE.is_in(data) {
            self.fields(data, dialect);
        }
    }

    /// Fields of an event, and of the object in it that carries the rest.
    fn fields(&mut self, data: &[u8], dialect: Dialect) {
        TopFields::new(FIELDS, data.len()).feed(data, |f| {
            let Some(raw) = f.raw else { return };
            if f.which < NESTED.len() {
                self.field(f.which, &raw, dialect);
            } else {
                TopFields::new(NESTED, raw.len()).feed(&raw, |inner| {
                    self.field(inner.which, inner.raw.as_deref().unwrap_or_default(), dialect);
                });
            }
        });
    }

    fn field(&mut self, which: usize, raw: &[u8], dialect: Dialect) {
        if which == 0 && raw.len() <= MAX_USAGE {
            self.counted |= self.counts.read(raw, dialect);
        } else if which == 1 && raw.len() <= 512 && self.model.is_none() {
            self.model = serde_json::from_slice(raw).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPENAI: &str = concat!(
        "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"say \\\"usage\\\": {\\\"x\\\":1}\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        ": a comment\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":40,",
        "\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n",
    );
    const ANTHROPIC: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c-1\",\"content\":[],",
        "\"usage\":{\"input_tokens\":11,\"cache_read_input_tokens\":3,\"output_tokens\":1}}}\n\n",
        "event: content_block_delta\ndata: {\"delta\":{\"text\":\"\\\"usage\\\"\"}}\n\n",
        "event: message_delta\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":40}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    const RESPONSES: &str = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"r-1\",\"usage\":null}}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"r-1\",",
        "\"output\":[{\"usage\":{\"input_tokens\":999}}],\"usage\":{\"input_tokens\":14,\"output_tokens\":40,",
        "\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens_details\":{\"reasoning_tokens\":7}}}}\n\n",
    );
    const GEMINI_EVENTS: &str = concat!(
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\\\"usageMetadata\\\"\"}]}}],\"modelVersion\":\"g-1\",",
        "\"usageMetadata\":{\"promptTokenCount\":14,\"candidatesTokenCount\":5}}\r\n\r\n",
        "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":14,",
        "\"candidatesTokenCount\":33,\"thoughtsTokenCount\":7,\"cachedContentTokenCount\":3}}\r\n\r\n",
    );
    const GEMINI_WHOLE: &str = "{\"candidates\":[{\"usageMetadata\":1}],\"usageMetadata\":{\"promptTokenCount\":10,\"toolUsePromptTokenCount\":4,\"candidatesTokenCount\":40},\"modelVersion\":\"g-2\"}";
    const WHOLE: &str = "{\"choices\":[{\"message\":{\"usage\":1}}],\"model\":\"j-1\",\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":40}}";

    /// Everything the meter says about a body in pieces.
    fn read(dialect: Dialect, shape: Shape, pieces: &[&[u8]]) -> (Tokens, bool, Option<String>, bool, bool) {
        let mut meter = Meter::new(dialect, shape);
        pieces.iter().for_each(|p| meter.feed(p));
        let (tokens, counted) = meter.tokens();
        (tokens, counted, meter.take_model(), meter.ended(), meter.is_cut())
    }

    fn tokens(input: u64, output: u64, cache_read: u64, reasoning: u64) -> Tokens {
        Tokens { input, output, cache_read, cache_write: 0, reasoning }
    }

    fn cases() -> [(Dialect, Shape, &'static str, Tokens, &'static str); 6] {
        [
            (Dialect::OpenAiChat, Shape::Events, OPENAI, tokens(11, 40, 3, 0), "m-1"),
            (Dialect::Anthropic, Shape::Events, ANTHROPIC, tokens(11, 40, 3, 0), "c-1"),
            (Dialect::OpenAiResponses, Shape::Events, RESPONSES, tokens(11, 40, 3, 7), "r-1"),
            (Dialect::OpenAiChat, Shape::Json, WHOLE, tokens(14, 40, 0, 0), "j-1"),
            (Dialect::Gemini, Shape::Events, GEMINI_EVENTS, tokens(11, 40, 3, 7), "g-1"),
            (Dialect::Gemini, Shape::Json, GEMINI_WHOLE, tokens(14, 40, 0, 0), "g-2"),
        ]
    }

    #[test]
    fn every_dialect_is_counted() {
        for (dialect, shape, body, tokens, model) in cases() {
            let ended = shape == Shape::Events;
            let want = (tokens, true, Some(model.to_owned()), ended, false);
            assert_eq!(read(dialect, shape, &[body.as_bytes()]), want, "{dialect:?}");
        }
    }

    #[test]
    fn a_stream_without_its_last_word_is_cut_and_an_unknown_one_is_believed() {
        let cut = |dialect, body: &str| read(dialect, Shape::Events, &[body.as_bytes()]).4;
        assert!(cut(Dialect::OpenAiChat, "data: {\"choices\":[{\"finish_reason\":null}]}\n\n"));
        assert!(cut(Dialect::Anthropic, "event: message_start\ndata: {}\n\n"));
        assert!(cut(Dialect::OpenAiChat, ""));
        assert!(!cut(Dialect::OpenAiChat, "data: {\"something\":\"else\"}\n\n"));
        assert!(!cut(Dialect::OpenAiChat, "data: {\"error\":{\"message\":\"no\"}}\n\n"));
        assert!(!cut(Dialect::Gemini, "data: {\"candidates\":[{}]}\n\n"));
        assert!(!cut(Dialect::Anthropic, "event: error\ndata: {\"type\":\"error\"}\n\n"));
    }

    #[test]
    fn whatever_comes_little_is_held() {
        let mut reader = EventReader::new();
        reader.feed(b"data: ", |_| {});
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..1600 {
            reader.feed(&piece, |_| {});
            assert!(reader.held_bytes() <= 1024 * 1024);
        }
    }

    proptest! {
        #[test]
        fn any_cutting_counts_the_same(which in 0usize..6, cuts in prop::collection::vec(0usize..700, 0..12)) {
            let (dialect, shape, body, ..) = cases()[which];
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(read(dialect, shape, &pieces), read(dialect, shape, &[body.as_bytes()]));
        }

        #[test]
        fn no_bytes_make_it_stumble(body in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
            let (a, b) = body.split_at(cut.min(body.len()));
            for shape in [Shape::Events, Shape::Json] {
                let _read = read(Dialect::OpenAiChat, shape, &[a, b]);
            }
        }
    }
}
