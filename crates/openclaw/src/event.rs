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
    /// A message was written to a session's transcript (only for subscribed sessions).
    Message(SessionMessage),
    /// The gateway is going down; the connection closes with 1012 soon after.
    Shutdown {
        /// The gateway's reason, for instance `gateway restarting`.
        reason: String,
        /// When it expects to be back, if it restarts itself.
        restart_expected_ms: Option<u64>,
    },
    /// A sign of life.
    Tick,
    /// The reader was too slow: this many events were dropped. Reload the history of open runs.
    Lagged {
        /// How many are missing.
        dropped: u64,
    },
    /// Any event that has no type here.
    Raw {
        /// The event's name, for instance `sessions.changed`.
        event: String,
        /// Its payload, untouched.
        payload: Value,
    },
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
    /// It said something before its end.
    Progress {
        /// As the tool gave it.
        partial: Value,
    },
    /// It ended.
    Finished {
        /// Whether the tool reported a failure.
        is_error: bool,
        /// The text parts of its result, joined by newlines.
        text: String,
        /// The whole result.
        result: Value,
    },
}

/// A line of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionMessage {
    /// The session.
    pub session_key: String,
    /// The run that wrote it, where it was one.
    pub run_id: Option<String>,
    /// `user`, `assistant` or `toolResult`.
    pub role: String,
    /// Its text parts, joined.
    pub text: String,
    /// `provider/model`, for an assistant's message.
    pub model: Option<String>,
    /// Tokens, for an assistant's message.
    pub usage: Option<Usage>,
    /// Position in the transcript.
    pub seq: Option<u64>,
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
