//! What the vendor does next, and what it has seen.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How calls are answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// The digest.
    #[default]
    Answer,
    /// First a call of this tool; the digest once its result is in the messages.
    Tool {
        /// The tool, e.g. `exec`.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A status with a body.
    Status {
        /// The status.
        status: u16,
        /// The body, as JSON.
        body: String,
    },
    /// 429, and how long to wait as a header says it.
    SlowDown {
        /// The value of `retry-after`.
        after: String,
    },
    /// A body of one's own, as events.
    Events {
        /// Sent as it is.
        body: String,
        /// Whether the transfer ends properly.
        whole: bool,
    },
    /// The request's own body, with its content type.
    Echo,
    /// So many bytes that are no text, in pieces; [`binary`](super::binary) tells which.
    Binary {
        /// How many.
        bytes: usize,
    },
    /// 200 with one JSON body of one's own.
    Json {
        /// Sent as it is.
        body: String,
    },
    /// Reads the request and says nothing.
    Hang,
    /// Closes the connection instead of answering.
    Close,
    /// Sends this many pieces of the digest, then nothing more.
    HangAfter {
        /// Pieces sent.
        pieces: usize,
    },
    /// Sends this many pieces, then closes the connection.
    CutAfter {
        /// Pieces sent.
        pieces: usize,
    },
    /// Sends this many pieces, then ends the transfer properly, without the dialect's last word.
    EndAfter {
        /// Pieces sent.
        pieces: usize,
    },
    /// A header line of this many bytes.
    HugeHeader {
        /// Its length.
        bytes: u64,
    },
    /// More header lines than anybody needs.
    ManyHeaders,
    /// What is no HTTP at all.
    Garbage,
    /// A compressed body that nobody asked for and that grows without end.
    GzipBomb,
    /// Events whose text is not UTF-8.
    BadUtf8,
    /// Events whose lines end in CRLF, every byte in a piece of its own.
    SplitCrlf,
    /// One event that never ends, of this many bytes.
    EndlessLine {
        /// Its length.
        bytes: u64,
    },
    /// A redirect.
    Redirect {
        /// Where to.
        location: String,
    },
    /// These bytes, head and all.
    Raw {
        /// Sent as they are.
        bytes: String,
        /// And then.
        then: Then,
    },
}

/// What comes after raw bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Then {
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing, for ever.
    Hang,
    /// This, again and again, for ever.
    Forever {
        /// Sent as it is.
        piece: String,
        /// Between two of them; 0: as fast as it goes.
        every_ms: u64,
    },
}

/// The vendor's part.
#[derive(Clone, Debug)]
pub struct Script {
    /// The only key it takes; where it is empty, it takes calls without any.
    pub key: String,
    /// Other keys it takes, and how calls with them are answered.
    pub others: BTreeMap<String, Mode>,
    /// The secret half of every digest.
    pub nonce: String,
    /// The one model it lists.
    pub model: String,
    /// Between two pieces of a stream.
    pub delay_ms: u64,
    /// How calls are answered.
    pub mode: Mode,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            key: "sk-fake-real-key-0001".into(),
            others: BTreeMap::new(),
            nonce: "nonce".into(),
            model: "fake-model".into(),
            delay_ms: 0,
            mode: Mode::Answer,
        }
    }
}

/// A call it has seen.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case; repeated ones joined with a comma.
    pub headers: BTreeMap<String, String>,
    /// The body, as text.
    pub body: String,
    /// The status it was answered with; absent where it never was.
    pub status: Option<u16>,
}

/// What `POST /__control` changes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    key: Option<String>,
    nonce: Option<String>,
    model: Option<String>,
    delay_ms: Option<u64>,
    mode: Option<Mode>,
    /// One more key that it takes, while its own is still good.
    also: Option<String>,
}

impl Script {
    pub(super) fn change(&mut self, change: Change) {
        let Change { key, nonce, model, delay_ms, mode, also } = change;
        self.others.extend(also.map(|key| (key, Mode::Answer)));
        self.key = key.unwrap_or_else(|| std::mem::take(&mut self.key));
        self.nonce = nonce.unwrap_or_else(|| std::mem::take(&mut self.nonce));
        self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
        self.delay_ms = delay_ms.unwrap_or(self.delay_ms);
        self.mode = mode.unwrap_or_else(|| std::mem::take(&mut self.mode));
    }
}
