//! One row per model call.

use crate::limits::Count;
use api::ids::{BotId, KeyId, WorkspaceId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use uuid::Uuid;

/// Tokens by kind, as the vendor said them. `input` is what was billed at the full input price: cached
/// tokens are counted apart, for every vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Input tokens that came from no cache.
    pub input: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Input tokens read from the vendor's cache.
    pub cache_read: u64,
    /// Input tokens written to the vendor's cache.
    pub cache_write: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The whole answer passed.
    Complete,
    /// The vendor answered with an error of its own (status 400 and up, or an error event).
    VendorError,
    /// The vendor refused the key or the account behind it (401, 402, 403, billing).
    KeyRefused,
    /// Chela refused before anything left (no key, body too large, bad path …).
    Refused,
    /// The caller went away.
    ClientGone,
    /// The vendor cut the answer short.
    UpstreamCut,
    /// The vendor could not be reached.
    Unreachable,
    /// A deadline passed: connect, headers, idle or total.
    TimedOut,
    /// The vendor's answer broke HTTP or our limits.
    BadAnswer,
    /// Chela stopped.
    Stopped,
    /// Chela died while it ran: nobody saw its end.
    Lost,
    /// An operator stopped it while it ran.
    Halted,
}

impl End {
    /// The name in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::VendorError => "vendor_error",
            Self::KeyRefused => "key_refused",
            Self::Refused => "refused",
            Self::ClientGone => "client_gone",
            Self::UpstreamCut => "upstream_cut",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::BadAnswer => "bad_answer",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
            Self::Halted => "halted",
        }
    }
}

/// A key that could not serve a call, or a link of a chain that was not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Which; none where a link was skipped.
    pub key: Option<KeyId>,
    /// The link of a chain, as `vendor/model`.
    pub link: Option<String>,
    /// The status its vendor gave, if it gave one.
    pub status: Option<u16>,
    /// What that means: `slow_down`, `refused`, `forbidden`, `unreachable`, `failed`, `no_model`,
    /// `context_length_exceeded`, `tool_error`; of a link that was skipped, what [`crate::chains::Skip`] says.
    pub why: &'static str,
    /// How long it took.
    pub took_ms: u64,
    /// What its vendor charges for it, where it is not the call's own outcome.
    pub charge: Option<Charge>,
}

/// What a vendor charges for an answer that nobody got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Tokens of every kind.
    pub tokens: u64,
    /// In micro-USD; nothing where nobody said what its model costs.
    pub cost_micro_usd: Option<i64>,
    /// Whether the vendor did not say what was used: it may charge as much as was held back, or nothing.
    pub estimated: bool,
}

impl UsageRow {
    /// A call that begins now (ms UTC), of which nothing is known yet; its caller is gone until something else is said.
    #[must_use]
    pub fn begun(request_id: Uuid, workspace: WorkspaceId, caller: Uuid, started_ms: i64) -> Self {
        Self {
            request_id,
            workspace,
            caller,
            bot: None,
            key: None,
            asked: 0,
            tries: Vec::new(),
            chain: None,
            vendor: "",
            model: String::new(),
            asked_model: None,
            model_answered: None,
            cost_micro_usd: None,
            estimated: false,
            limit: None,
            stop: None,
            counts: Vec::new(),
            held_micro_usd: None,
            reason: None,
            status: 0,
            upstream_status: None,
            tokens: Tokens::default(),
            counted: false,
            sent_bytes: 0,
            received_bytes: 0,
            latency_ms: 0,
            first_event_ms: None,
            stream: false,
            end: End::ClientGone,
            note: None,
            trace_id: None,
            parent_span_id: None,
            started_ms,
        }
    }

    /// The virtual key, where the caller is a program.
    #[must_use]
    pub fn virtual_key(&self) -> Option<Uuid> {
        self.bot.is_none().then_some(self.caller)
    }

    /// Whether no vendor took the call: that is free, and known to be.
    #[must_use]
    pub fn is_unserved(&self) -> bool {
        match self.end {
            End::Refused | End::Unreachable => true,
            // Not the end of an answer that had begun.
            End::KeyRefused => self.upstream_status.is_none_or(|status| status >= 400),
            End::VendorError => self.upstream_status.is_some_and(|status| status >= 400),
            // The caller left before anybody was asked.
            _ => self.key.is_none(),
        }
    }

    /// Whether the vendor said all that its answer used. What those before it charge, [`Try::charge`] says.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        if self.counted { self.end == End::Complete } else { self.is_unserved() }
    }

    /// How often somebody was asked.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.asked
    }
}

/// What one call was and used. Made when an authenticated call begins, delivered exactly once when it ends,
/// however it ends.
#[derive(Clone, Debug)]
pub struct UsageRow {
    /// Also the answer's `x-chela-request-id`, and the row's id in the ledger.
    pub request_id: Uuid,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who called: the id behind the token (a bot's generation, a virtual key).
    pub caller: Uuid,
    /// The bot, where the caller is one.
    pub bot: Option<BotId>,
    /// The provider key that was used; none where the call ended before one was chosen.
    pub key: Option<KeyId>,
    /// How often somebody was asked, with whatever key and model.
    pub asked: usize,
    /// The keys that could not serve it, in their order; links of a chain that were skipped among them.
    pub tries: Vec<Try>,
    /// The chain that was asked for, where it was one.
    pub chain: Option<String>,
    /// The vendor's id.
    pub vendor: &'static str,
    /// The model asked for, as sent upstream; empty if the request named none.
    pub model: String,
    /// The model the caller asked for, where a cheaper one was asked instead.
    pub asked_model: Option<String>,
    /// The model the vendor says it used.
    pub model_answered: Option<String>,
    /// What it cost in micro-USD, at the prices of the moment it began; nothing where that is not known.
    pub cost_micro_usd: Option<i64>,
    /// What the limits of money keep for it where its cost is not known, in micro-USD: what they held back.
    pub held_micro_usd: Option<i64>,
    /// Whether the cost is an estimate: the vendor did not say what was used.
    pub estimated: bool,
    /// The limit that had no room for it.
    pub limit: Option<Uuid>,
    /// What somebody stopped, where that refused it or ended it.
    pub stop: Option<Uuid>,
    /// What its limits counted it with.
    pub counts: Vec<Count>,
    /// Why Chela refused or broke it off, as the code that its answer to programs carries (`price_unknown`); nothing where it did
    /// not.
    pub reason: Option<&'static str>,
    /// The status the caller saw.
    pub status: u16,
    /// The status the vendor gave, if it gave one.
    pub upstream_status: Option<u16>,
    /// Tokens seen until the end.
    pub tokens: Tokens,
    /// Whether the vendor said a usage at all (otherwise `tokens` is zero and unknown).
    pub counted: bool,
    /// Bytes of the request's body that came from the caller.
    pub sent_bytes: u64,
    /// Bytes of the answer's body that were handed to the caller.
    pub received_bytes: u64,
    /// When the call began, ms UTC.
    pub started_ms: i64,
    /// How long it took.
    pub latency_ms: u64,
    /// Time to the first byte of the answer's body.
    pub first_event_ms: Option<u64>,
    /// Whether the answer was a stream of events.
    pub stream: bool,
    /// Why it ended.
    pub end: End,
    /// The vendor's or our own words about a failure, at most 400 bytes, never the key.
    pub note: Option<String>,
    /// 32 hex digits of the caller's `traceparent`.
    pub trace_id: Option<String>,
    /// 16 hex digits: the caller's span.
    pub parent_span_id: Option<String>,
}

/// A call whose vendor is asked now: what is known of it before it ends. Should nobody see its end, this is what stands in the
/// ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenCall {
    /// The id its row will have.
    pub request_id: Uuid,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who called.
    pub caller: Uuid,
    /// The bot, where the caller is one.
    pub bot: Option<BotId>,
    /// The provider key it is asked with.
    pub key: Option<KeyId>,
    /// How often somebody was asked by now.
    pub asked: usize,
    /// The chain that was asked for, where it was one.
    pub chain: Option<String>,
    /// The vendor's id.
    pub vendor: Cow<'static, str>,
    /// The model, as sent upstream.
    pub model: String,
    /// What it may use: what was held back for it.
    pub tokens: Tokens,
    /// What that costs, in micro-USD, where that is known.
    pub cost_micro_usd: Option<i64>,
    /// When it began, ms UTC.
    pub started_ms: i64,
    /// What its limits count it with then. (Calls noted by versions that did not say so have none.)
    #[serde(default)]
    pub counts: Vec<Count>,
}

impl OpenCall {
    /// Its row, at what was held back for it.
    #[must_use]
    pub fn lost(self, vendor: &'static str) -> UsageRow {
        UsageRow {
            bot: self.bot,
            key: self.key,
            asked: self.asked,
            chain: self.chain,
            vendor,
            model: self.model,
            cost_micro_usd: self.cost_micro_usd,
            estimated: true,
            counts: self.counts,
            tokens: self.tokens,
            end: End::Lost,
            ..UsageRow::begun(self.request_id, self.workspace, self.caller, self.started_ms)
        }
    }
}
