//! The account of one call: a row that is delivered exactly once, whatever ends the call.

use super::{
    Shared,
    account::{self, Rate, Reckoned},
    charges::Charges,
    guess::{self, Guess},
    trouble::Trouble,
    upload::Notes,
};
use crate::{
    Caller, End, OpenCall, Snapshot, Tokens, UsageRow,
    guarded::Watch,
    limits::{Need, Reserved},
    pool::Order,
    stops::Switch,
    usage::Try,
    vendors::Vendor,
};
use api::ids::{BotId, WorkspaceId};
use http::{HeaderMap, HeaderName, StatusCode};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};
use uuid::Uuid;

/// What a stop goes by: workspace, bot, vendor.
type Whose = (WorkspaceId, Option<BotId>, &'static str);

/// The connection a call came in on, as far as its answer cares.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) shared: Arc<LineShared>,
    /// Tells when what was written is out.
    pub(super) watch: Option<Watch>,
}

#[derive(Debug, Default)]
pub(super) struct LineShared {
    /// Set when its listener stops: running answers then end at once.
    stopping: AtomicBool,
    /// Whose answer is on its way: a stop may have to end it while nobody reads it.
    whose: Mutex<Option<Whose>>,
    /// What the connection has become, where it speaks another protocol now.
    talk: Mutex<Option<JoinHandle<()>>>,
}

impl Line {
    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the answer on its way is one that an operator stopped.
    pub(super) fn is_halted(&self, switch: &Switch) -> bool {
        let whose = *self.shared.whose.lock().unwrap_or_else(PoisonError::into_inner);
        whose.is_some_and(|(workspace, bot, vendor)| switch.has(workspace, bot, vendor))
    }

    /// Keeps the connection counted while its talk goes on.
    pub(super) fn keep(&self, talk: JoinHandle<()>) {
        *self.shared.talk.lock().unwrap_or_else(PoisonError::into_inner) = Some(talk);
    }

    /// The talk that the connection has become.
    pub(super) fn talk(&self) -> Option<JoinHandle<()>> {
        self.shared.talk.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The open account. Dropping it closes it.
pub(super) struct Guard {
    pub(super) shared: Arc<Shared>,
    /// What was known when the call began.
    pub(super) snapshot: Arc<Snapshot>,
    /// What its limits hold for it.
    pub(super) reserved: Reserved,
    /// What the limits of the key that is asked hold for it.
    pub(super) of_key: Reserved,
    /// In which order its caller's calls ask with keys.
    pub(super) order: Order,
    pub(super) guess: Guess,
    pub(super) held: Need,
    /// What attempts before the last one cost: nearly no call has such.
    pub(super) charges: Option<Box<Charges>>,
    /// It computes nothing that is charged.
    pub(super) free: bool,
    /// Its answer says nothing of tokens.
    pub(super) vague: bool,
    /// About how many tokens came in a stream's events.
    pub(super) streamed: Option<u64>,
    /// What its vendor says that it costs, micro-USD.
    pub(super) said_cost: Option<i64>,
    /// What the caller is told of its rate.
    pub(super) rate: Option<Rate>,
    /// In a box: it is moved on with every step of the call.
    row: Option<Box<UsageRow>>,
    begun: Instant,
    pub(super) line: Line,
    /// What the request's body tells on its way, which may be longer than that of the answer.
    pub(super) upload: Arc<Notes>,
    /// Where it is woken when operators stop calls.
    place: usize,
    /// What was stopped when it looked last.
    seen: AtomicU64,
    /// The last stop that it met.
    stop: Mutex<Option<Uuid>>,
}

impl Guard {
    /// Opens the account of a call that is allowed to happen.
    pub(super) fn open(
        (shared, snapshot): (&Arc<Shared>, &Arc<Snapshot>),
        caller: &Caller,
        vendor: Option<&'static Vendor>,
        headers: &HeaderMap,
        line: Line,
    ) -> Self {
        let (trace_id, parent_span_id) = trace(headers).unzip();
        // Before anybody looks whether the call is stopped: what is stopped afterwards wakes it.
        let (place, seen) = (shared.switch.enter(), shared.switch.turns().into());
        let row = UsageRow {
            bot: caller.bot(),
            vendor: vendor.map_or("", |v| v.id),
            trace_id,
            parent_span_id,
            ..UsageRow::begun(Uuid::now_v7(), caller.workspace, caller.id, (shared.config.now_ms)())
        };
        Self {
            shared: Arc::clone(shared),
            snapshot: Arc::clone(snapshot),
            reserved: Reserved::default(),
            of_key: Reserved::default(),
            order: caller.order,
            guess: Guess::default(),
            held: Need::default(),
            charges: None,
            free: false,
            vague: false,
            streamed: None,
            said_cost: None,
            rate: None,
            row: Some(Box::new(row)),
            begun: Instant::now(),
            line,
            upload: Arc::default(),
            place,
            seen,
            stop: Mutex::default(),
        }
    }

    /// Says that its vendor is asked now: from here on it may cost.
    pub(super) fn begins(&self) {
        let Some(row) = &self.row else { return };
        let held = i64::try_from(self.held.money).ok().filter(|cost| *cost > 0);
        let cost = if self.free { Some(0) } else { held };
        let used = if self.free { Need::default() } else { self.held };
        let used = Need { requests: self.requests(1), ..used };
        self.shared.config.usage.begins(OpenCall {
            request_id: row.request_id,
            workspace: row.workspace,
            caller: row.caller,
            bot: row.bot,
            key: row.key,
            asked: row.asked,
            chain: row.chain.clone(),
            vendor: row.vendor.into(),
            model: row.model.clone(),
            tokens: if self.free { Tokens::default() } else { self.guess.tokens() },
            cost_micro_usd: cost.zip(self.charged_before()).map(|(cost, before)| cost.saturating_add(before)),
            started_ms: row.started_ms,
            // Of a caller without limits, nothing: that takes no room.
            counts: row.counts.iter().copied().chain(self.reserved.counts(used)).collect(),
        });
    }

    /// Changes the row while it is open.
    pub(super) fn note(&mut self, change: impl FnOnce(&mut UsageRow)) {
        if let Some(row) = &mut self.row {
            change(row);
        }
    }

    fn reckoned(&self) -> Reckoned {
        let Self { guess, held, free, vague, streamed, said_cost, .. } = *self;
        Reckoned { guess, held, free, vague, streamed, said_cost }
    }

    /// The id the caller sees.
    pub(super) fn request_id(&self) -> Uuid {
        self.row.as_ref().map_or(Uuid::nil(), |r| r.request_id)
    }

    /// The tenant.
    pub(super) fn workspace(&self) -> WorkspaceId {
        self.row.as_ref().map_or(WorkspaceId(Uuid::nil()), |r| r.workspace)
    }

    /// The vendor's id.
    pub(super) fn vendor(&self) -> &'static str {
        self.row.as_ref().map_or("", |r| r.vendor)
    }

    /// How often somebody was asked.
    pub(super) fn attempts(&self) -> usize {
        self.row.as_ref().map_or(0, |r| r.attempts())
    }

    /// How many could not serve it, or were not asked.
    pub(super) fn tries(&self) -> usize {
        self.row.as_ref().map_or(0, |row| row.tries.len())
    }

    /// When it began.
    pub(super) fn started_ms(&self) -> i64 {
        self.row.as_ref().map_or(0, |row| row.started_ms)
    }

    /// Tokens that went up, about.
    pub(super) fn sent_tokens(&self) -> u64 {
        guess::of_bytes(self.upload.sent_bytes.load(Ordering::Relaxed))
    }

    /// Remembers who could not serve the call.
    pub(super) fn tried(&mut self, tried: Try) {
        self.note(|row| row.tries.push(tried));
    }

    /// The model as sent on.
    pub(super) fn model(&self) -> &str {
        self.row.as_ref().map_or("", |r| &r.model)
    }

    /// Whether the caller is a bot.
    pub(super) fn is_bot(&self) -> bool {
        self.row.as_ref().is_some_and(|r| r.bot.is_some())
    }

    /// An answer is on its way over the connection, or no longer.
    pub(super) fn is_on_its_way(&self, is: bool) {
        let whose = self.row.as_ref().filter(|_| is).map(|row| (row.workspace, row.bot, row.vendor));
        *self.line.shared.whose.lock().unwrap_or_else(PoisonError::into_inner) = whose;
    }

    /// Refuses what an operator stopped.
    pub(super) fn unless_stopped(&self, vendor: &str) -> Result<(), Trouble> {
        let bot = self.row.as_ref().and_then(|row| row.bot);
        let Some(stop) = self.shared.switch.find(self.workspace(), bot, vendor) else { return Ok(()) };
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        Err(self.stopped_as())
    }

    /// What a caller hears whose calls are stopped.
    fn stopped_as(&self) -> Trouble {
        if self.is_bot() { Trouble::Stopped } else { Trouble::Switched }
    }

    /// What it is ended with, if an operator has stopped it since it began.
    pub(super) fn halted(&self) -> Option<Trouble> {
        let turns = self.shared.switch.turns();
        if self.seen.load(Ordering::Relaxed) == turns {
            return None;
        }
        self.seen.store(turns, Ordering::Relaxed);
        self.unless_stopped(self.vendor()).err()
    }

    /// The same; the task is woken when there is news.
    pub(super) fn poll_halted(&self, cx: &Context<'_>) -> Poll<Trouble> {
        // In this order: who is stopped after the look is woken.
        self.shared.switch.wake_me(self.place, cx.waker());
        self.halted().map_or(Poll::Pending, Poll::Ready)
    }

    /// The limit that had no room for it.
    pub(super) fn refused_by(&self) -> Option<Uuid> {
        self.row.as_ref().and_then(|row| row.limit)
    }

    /// The model that was asked for, where a cheaper one is asked instead.
    pub(super) fn asked_model(&self) -> Option<&str> {
        self.row.as_ref().and_then(|row| row.asked_model.as_deref())
    }

    /// Time since the call began.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The same at a moment.
    pub(super) fn elapsed_at(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.begun)
    }

    /// When the call must be over.
    pub(super) fn deadline(&self) -> Instant {
        self.begun + self.shared.config.limits.total
    }

    /// The longest silence.
    pub(super) fn idle(&self) -> Duration {
        self.shared.config.limits.idle
    }

    /// Remembers how the call ends; the first reason stays.
    pub(super) fn ends(&mut self, end: End) {
        self.note(|row| {
            if row.end == End::ClientGone {
                row.end = end;
            }
        });
    }

    /// Remembers that the call ends in trouble of ours.
    pub(super) fn fails(&mut self, trouble: Trouble, note: Option<String>) {
        self.ends(trouble.end());
        self.note(|row| {
            if matches!(trouble.end(), End::Refused | End::Stopped) {
                row.reason = row.reason.or(Some(trouble.code()));
            }
            row.note = row.note.take().or(note).or_else(|| Some(trouble.words().into_owned()));
        });
    }

    /// Remembers the length of an answer that is whole already.
    pub(super) fn hands_over(&mut self, body: &impl http_body::Body) {
        self.note(|row| row.received_bytes = body.size_hint().exact().unwrap_or(0));
    }

    /// Remembers the status the caller sees.
    pub(super) fn answers(&mut self, status: StatusCode) {
        self.note(|row| row.status = status.as_u16())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let halted = self.halted();
        self.shared.switch.leave(self.place);
        let Some(mut row) = self.row.take() else { return };
        row.latency_ms = millis(self.begun.elapsed());
        row.sent_bytes = self.upload.sent_bytes.load(Ordering::Relaxed);
        if row.end == End::ClientGone && self.line.is_stopping() {
            row.end = End::Stopped;
        }
        // Its answer was not read, and could not be told.
        if let Some(trouble) = halted.filter(|_| row.end == End::ClientGone) {
            (row.end, row.reason) = (End::Halted, Some(trouble.code()));
            row.note = Some(trouble.words().into_owned());
        }
        // A chain may have passed over what is stopped.
        if row.reason == Some(Trouble::Switched.code()) {
            row.stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let told = self.comes_back().filter(|_| !row.is_exact() && !self.free);
        let mut used = account::reckon(&mut row, &self.reckoned(), &self.snapshot);
        if let Some((charge, tokens, need)) = told {
            (row.tokens, row.cost_micro_usd, row.estimated) = (tokens, charge.cost_micro_usd, false);
            used = need;
        }
        let of_key = used;
        used.requests = self.requests(used.requests);
        let kept = self.charges.as_ref().map_or(used.money, |charges| charges.add_to(&mut row, used.money));
        if row.cost_micro_usd.is_none() && kept > 0 {
            row.held_micro_usd = Some(i64::try_from(kept).unwrap_or(i64::MAX));
        }
        let counts = std::mem::take(&mut self.reserved).settle(used);
        // Those of a chain's links before it are there already.
        if row.counts.is_empty() {
            row.counts = counts
        } else {
            row.counts.extend(counts)
        }
        std::mem::take(&mut self.of_key).settle(of_key);
        self.shared.config.usage.put(*row);
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Trace and span of a well-formed `traceparent`.
fn trace(headers: &HeaderMap) -> Option<(String, String)> {
    static TRACE: HeaderName = HeaderName::from_static("traceparent");
    let text = headers.get(&TRACE)?.to_str().ok()?;
    let mut parts = text.split('-');
    let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |s: &str, len: usize| s.len() == len && s.bytes().all(|b| b.is_ascii_hexdigit());
    (hex(trace, 32) && hex(span, 16)).then(|| (trace.to_ascii_lowercase(), span.to_ascii_lowercase()))
}
