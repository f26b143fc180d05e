//! What a gateway tells us without being asked, as types. Text arrives so that whoever appends every
//! [`ChatEvent::Delta`] (or starts over where `replace` is set) holds the answer's exact text when
//! [`ChatEvent::Final`] comes: the translation from wire events guarantees it.

use serde_json::Value;

/// One event of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The course of one answer.
    Chat(RunEvent),
    /// A tool call inside an answer.
    Tool(ToolEvent),
    /// The gateway is going down; the connection closes with 1012 soon after.
    Shutdown {
        /// The gateway's reason, for instance `gateway restarting`.
        reason: String,
        /// When it expects to be back, if it restarts itself.
        restart_expected_ms: Option<u64>,
    },
    /// The reader was too slow: this many events were dropped. Reload the history of open runs.
    Lagged {
        /// How many are missing.
        dropped: u64,
    },
}

impl Event {
    /// About how many bytes it takes. Whoever keeps events counts these, not heads.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let own = match self {
            Self::Chat(run) => run.run_id.len() + run.session_key.len() + run.what.weight_bytes(),
            Self::Tool(tool) => {
                let step = match &tool.step {
                    ToolStep::Started { args } => weight_of(args),
                    ToolStep::Finished { text, .. } => text.len(),
                };
                tool.run_id.len() + tool.session_key.len() + tool.call_id.len() + tool.name.len() + step
            }
            Self::Shutdown { reason, .. } => reason.len(),
            Self::Lagged { .. } => 0,
        };
        size_of::<Self>() + own
    }
}

/// What JSON takes as a tree of values.
fn weight_of(value: &Value) -> usize {
    /// An entry of a map, with its share of the tree's node.
    const ENTRY: usize = 64;
    let own = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight_of).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| ENTRY + key.len() + weight_of(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + own
}

/// A step of one run (one answer).
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// Equals the idempotency key of the `chat.send` that started it.
    pub run_id: String,
    /// The session it belongs to.
    pub session_key: String,
    /// What happened.
    pub what: ChatEvent,
}

/// What happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// Where the run is: `preparing_workspace`, `preparing_context`, `starting_model`, `retrying`, …
    Status {
        /// The gateway's word for it.
        phase: String,
    },
    /// More text.
    Delta {
        /// Append this, or, with `replace`, this is all there is now.
        text: String,
        /// The text so far is void.
        replace: bool,
    },
    /// The answer is complete.
    Final {
        /// The whole text.
        text: String,
        /// `stop`, `length`, …
        stop_reason: Option<String>,
        /// `provider/model` that answered, where known (subscribed sessions only).
        model: Option<String>,
        /// Sum over the run's model calls, where known (subscribed sessions only).
        usage: Option<Usage>,
    },
    /// The answer failed.
    Error {
        /// The gateway's sentence for people.
        message: String,
        /// Provider, model, HTTP status and reason where the gateway gives them.
        detail: Value,
    },
    /// Somebody stopped it.
    Aborted {
        /// The text that had arrived.
        text: String,
        /// `rpc` when it was us.
        reason: Option<String>,
    },
}

impl ChatEvent {
    fn weight_bytes(&self) -> usize {
        match self {
            Self::Status { phase } => phase.len(),
            Self::Delta { text, .. } => text.len(),
            Self::Final { text, stop_reason, model, .. } => {
                text.len() + [stop_reason, model].into_iter().flatten().map(String::len).sum::<usize>()
            }
            Self::Error { message, detail } => message.len() + weight_of(detail),
            Self::Aborted { text, reason } => text.len() + reason.as_ref().map_or(0, String::len),
        }
    }

    /// True for the three that end a run.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Final { .. } | Self::Error { .. } | Self::Aborted { .. })
    }
}

/// A tool call inside a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolEvent {
    /// The run it belongs to.
    pub run_id: String,
    /// The session it belongs to.
    pub session_key: String,
    /// Ties start and result together.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// What happened.
    pub step: ToolStep,
}

/// What happened to a tool call.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolStep {
    /// It began, with these arguments.
    Started {
        /// As the model gave them.
        args: Value,
    },
    /// It ended.
    Finished {
        /// Whether the tool reported a failure.
        is_error: bool,
        /// The text parts of its result, joined by newlines.
        text: String,
    },
}

/// Tokens of one or several model calls, as the gateway counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens that were not read from a cache.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Input tokens read from a cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to a cache.
    pub cache_write_tokens: u64,
}

impl Usage {
    /// The sum of two, never overflowing.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_read_tokens: self.cache_read_tokens.saturating_add(other.cache_read_tokens),
            cache_write_tokens: self.cache_write_tokens.saturating_add(other.cache_write_tokens),
        }
    }
}
