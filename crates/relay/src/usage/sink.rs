//! The bounded way of rows to the ledger. A full channel never loses money: the row is added to counters.
//!
//! The counters' lock is taken only when the channel is full or closed, never on a call's usual path. Nor does a call wake the
//! ledger, which is another core's work and dear: the first after its last look rings a bell, and it comes when it likes.

use super::{End, OpenCall, Tokens, UsageRow};
use crate::limits::Count;
use api::ids::{BotId, KeyId, WorkspaceId};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// Distinct counters kept while the channel is full; beyond it rows share one counter per workspace and key.
const MAX_COUNTERS: usize = 4096;

/// What rows absorbed by counters share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shared {
    workspace: WorkspaceId,
    caller: Option<Uuid>,
    bot: Option<BotId>,
    key: Option<KeyId>,
    vendor: &'static str,
    model: String,
    minute: i64,
}

/// Several calls in one: what is left of rows that found the channel full.
#[derive(Clone, Debug)]
pub struct UsageTotals {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who called; `None` where too many callers had to share.
    pub caller: Option<Uuid>,
    /// The bot, where the caller is one.
    pub bot: Option<BotId>,
    /// The provider key.
    pub key: Option<KeyId>,
    /// The vendor's id.
    pub vendor: &'static str,
    /// The model asked for; empty where too many had to share.
    pub model: String,
    /// The minute in which the calls began, ms UTC.
    pub minute_ms: i64,
    /// How many calls.
    pub calls: u64,
    /// How many of them did not end complete.
    pub failed: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// Bytes of their requests' bodies.
    pub sent_bytes: u64,
    /// Bytes of their answers' bodies.
    pub received_bytes: u64,
    /// What their limits counted them with, one of a limit and slot.
    pub counts: Vec<Count>,
}

#[derive(Clone, Default)]
struct Sum {
    calls: u64,
    failed: u64,
    tokens: Tokens,
    sent_bytes: u64,
    received_bytes: u64,
    counts: HashMap<(Uuid, i64), u64>,
}

/// Ids of calls whose rows were absorbed.
type Uncounted = Arc<Mutex<Vec<Uuid>>>;
/// So many ids wait at most.
const MAX_UNCOUNTED: usize = 100_000;

type Overflow = Arc<Mutex<HashMap<Shared, Sum>>>;

/// Tells the ledger once that something is there, however much comes before it looks.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    heard: Notify,
}

impl Bell {
    /// After something was put. Both sides exchange the flag, so that who finds it set knows that the other one, taking it
    /// back, sees what was put.
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.heard.notify_one();
        }
    }

    /// Before looking.
    fn rest(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}

/// A sink's hold of the bell, let go after its channels.
#[derive(Clone)]
struct Rope(Arc<Bell>);

impl Drop for Rope {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// Where calls put their rows. Cheap to clone.
#[derive(Clone)]
pub struct UsageSink {
    rows: mpsc::Sender<UsageRow>,
    begun: mpsc::Sender<OpenCall>,
    overflow: Overflow,
    uncounted: Uncounted,
    // The last field: who hears it finds the channels closed.
    bell: Rope,
}

/// Where the ledger takes them.
pub struct UsageReceiver {
    rows: mpsc::Receiver<UsageRow>,
    begun: mpsc::Receiver<OpenCall>,
    overflow: Overflow,
    uncounted: Uncounted,
    bell: Arc<Bell>,
}

impl UsageSink {
    /// A channel that holds `capacity` rows.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, UsageReceiver) {
        let (tx, rx) = mpsc::channel(capacity.max(1));
        let (begins, begun) = mpsc::channel(capacity.max(1));
        let (overflow, uncounted, bell) = (Overflow::default(), Uncounted::default(), Arc::<Bell>::default());
        let receiver = UsageReceiver {
            rows: rx,
            begun,
            overflow: overflow.clone(),
            uncounted: uncounted.clone(),
            bell: Arc::clone(&bell),
        };
        (Self { rows: tx, begun: begins, overflow, uncounted, bell: Rope(bell) }, receiver)
    }

    /// Says that a vendor is asked, never waiting. Where that finds no room, a call that dies with Chela is not known of.
    pub fn begins(&self, call: OpenCall) {
        let _full = self.begun.try_send(call);
        self.bell.0.ring();
    }

    /// Hands a row over, never waiting; a full or closed channel absorbs it into the counters.
    pub fn put(&self, row: UsageRow) {
        let row = match self.rows.try_send(row) {
            Ok(()) => return self.bell.0.ring(),
            Err(mpsc::error::TrySendError::Full(row) | mpsc::error::TrySendError::Closed(row)) => row,
        };
        let id = row.request_id;
        let mut counters = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shared = Shared {
            workspace: row.workspace,
            caller: Some(row.caller),
            bot: row.bot,
            key: row.key,
            vendor: row.vendor,
            model: row.model,
            minute: row.started_ms.div_euclid(60_000) * 60_000,
        };
        if counters.len() >= MAX_COUNTERS && !counters.contains_key(&shared) {
            shared = Shared { caller: None, bot: None, model: String::new(), minute: 0, ..shared };
        }
        let sum = counters.entry(shared).or_default();
        sum.calls += 1;
        sum.failed += u64::from(row.end != End::Complete);
        sum.tokens.add(row.tokens);
        sum.sent_bytes = sum.sent_bytes.saturating_add(row.sent_bytes);
        sum.received_bytes = sum.received_bytes.saturating_add(row.received_bytes);
        for Count { limit, slot_ms, amount } in row.counts {
            let counted = sum.counts.entry((limit, slot_ms)).or_default();
            *counted = counted.saturating_add(amount);
        }
        drop(counters);
        // After its sum, and read before it: a call that is known to have ended is never without one.
        let mut ended = self.uncounted.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() < MAX_UNCOUNTED {
            ended.push(id);
        }
        drop(ended);
        self.bell.0.ring();
    }

    /// Takes what the counters absorbed. For the time when the receiver is gone: the last drain at shutdown.
    #[must_use]
    pub fn drain_overflow(&self) -> Vec<UsageTotals> {
        drain(&self.overflow)
    }
}

impl UsageReceiver {
    /// Waits until something was put since the last look, or a sink is gone. Cancel-safe.
    pub async fn ready(&self) {
        self.bell.heard.notified().await;
    }

    /// Looks: moves up to `limit` rows that are there to `into`. `false`: all sinks are gone, and so is every row.
    pub fn take(&mut self, into: &mut Vec<UsageRow>, limit: usize) -> bool {
        self.bell.rest();
        for _ in 0..limit {
            match self.rows.try_recv() {
                Ok(row) => into.push(row),
                Err(gone) => return gone != mpsc::error::TryRecvError::Disconnected,
            }
        }
        // There may be more: who looks again finds it without being told.
        self.bell.ring();
        true
    }

    /// Waits for rows and moves up to `limit` of them to `into`. Zero: all sinks are gone.
    pub async fn recv_many(&mut self, into: &mut Vec<UsageRow>, limit: usize) -> usize {
        let before = into.len();
        while self.take(into, limit) && into.len() == before {
            self.ready().await;
        }
        into.len() - before
    }

    /// The next call that began. It was said before the call's row was put.
    pub fn begun(&mut self) -> Option<OpenCall> {
        self.begun.try_recv().ok()
    }

    /// Calls that ended and whose rows the counters absorbed. Before [`UsageReceiver::drain_overflow`], which has their sums.
    #[must_use]
    pub fn drain_uncounted(&self) -> Vec<Uuid> {
        std::mem::take(&mut *self.uncounted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A row that is already there.
    pub fn try_recv(&mut self) -> Option<UsageRow> {
        self.rows.try_recv().ok()
    }

    /// Takes what the counters absorbed since the last time. Call it with every batch.
    #[must_use]
    pub fn drain_overflow(&self) -> Vec<UsageTotals> {
        drain(&self.overflow)
    }
}

fn drain(overflow: &Overflow) -> Vec<UsageTotals> {
    let taken = std::mem::take(&mut *overflow.lock().unwrap_or_else(PoisonError::into_inner));
    let total = |(s, n): (Shared, Sum)| UsageTotals {
        workspace: s.workspace,
        caller: s.caller,
        bot: s.bot,
        key: s.key,
        vendor: s.vendor,
        model: s.model,
        minute_ms: s.minute,
        calls: n.calls,
        failed: n.failed,
        tokens: n.tokens,
        sent_bytes: n.sent_bytes,
        received_bytes: n.received_bytes,
        counts: n
            .counts
            .into_iter()
            .map(|((limit, slot_ms), amount)| Count { limit, slot_ms, amount })
            .collect(),
    };
    taken.into_iter().map(total).collect()
}

impl Tokens {
    /// Adds another call's tokens; a hostile number saturates instead of wrapping.
    pub fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn row(input: u64) -> UsageRow {
        UsageRow {
            vendor: "openai",
            model: "m".into(),
            status: 200,
            upstream_status: Some(200),
            tokens: Tokens { input, ..Tokens::default() },
            counted: true,
            sent_bytes: 10,
            received_bytes: 100,
            latency_ms: 1,
            end: End::Complete,
            ..UsageRow::begun(Uuid::nil(), WorkspaceId(Uuid::nil()), Uuid::nil(), 61_000)
        }
    }

    #[test]
    fn a_full_channel_loses_no_token() {
        let (sink, mut rx) = UsageSink::channel(1);
        let limit = Uuid::from_u128(9);
        for n in 1..=4 {
            let count = Count { limit, slot_ms: 0, amount: n };
            sink.put(UsageRow { counts: vec![count, Count { slot_ms: 900_000, ..count }], ..row(n) });
        }
        assert_eq!(rx.try_recv().map(|r| r.tokens.input), Some(1));
        assert!(rx.try_recv().is_none());
        let totals = rx.drain_overflow();
        assert_eq!(totals.len(), 1);
        assert_eq!((totals[0].calls, totals[0].tokens.input, totals[0].minute_ms), (3, 9, 60_000));
        assert_eq!((totals[0].sent_bytes, totals[0].received_bytes), (30, 300));
        let mut counted: Vec<_> =
            totals[0].counts.iter().map(|count| (count.slot_ms, count.amount)).collect();
        counted.sort_unstable();
        assert_eq!(counted, [(0, 9), (900_000, 9)], "and no count of a limit");
        assert!(rx.drain_overflow().is_empty());
    }

    #[tokio::test]
    async fn what_was_put_between_looks_is_told_once_and_the_last_sink_too() {
        let told = |rx: &UsageReceiver| rx.ready().now_or_never().is_some();
        let (sink, mut rx) = UsageSink::channel(8);
        assert!(!told(&rx));
        sink.put(row(1));
        sink.put(row(2));
        assert!(told(&rx) && !told(&rx), "one bell for both");
        let mut rows = Vec::new();
        assert!(rx.take(&mut rows, 1) && rows.len() == 1);
        assert!(told(&rx), "one is left");
        assert!(rx.take(&mut rows, 8) && rows.len() == 2);
        sink.put(row(3));
        drop(sink);
        assert!(told(&rx));
        assert!(!rx.take(&mut rows, 8), "all sinks are gone");
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn rows_after_the_receiver_is_gone_are_still_counted() {
        let (sink, rx) = UsageSink::channel(8);
        drop(rx);
        sink.put(row(u64::MAX));
        sink.put(row(5));
        assert_eq!(sink.drain_overflow()[0].tokens.input, u64::MAX);
    }
}
