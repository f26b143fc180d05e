//! Group commit: rows are collected for 100 ms and written 500 at a time, each time in one transaction.

use super::{Usage, open::OpenCalls, store};
use crate::{
    bots::Traffic,
    platform::{ctx::OpCtx, error::OpError},
};
use api::ids::RequestId;
use policy::act;
use relay::{UsageReceiver, UsageRow, UsageTotals};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Rows of one transaction.
const GROUP: usize = 500;
/// How long the first row of a group waits for company.
const GATHER: Duration = Duration::from_millis(100);
/// When what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Rows kept while the database takes none (a full disk); beyond, the relay's counters absorb them.
const HELD: usize = 20_000;

/// What counters absorbed, with an id: written twice, it counts once.
pub(super) type Late = (Uuid, UsageTotals);

fn moved(sent: u64, received: u64) -> Traffic {
    Traffic { sent, received }
}

impl Usage {
    /// Takes rows until every sink is gone, or Chela has stopped and no call runs any more.
    pub(super) async fn keep_ledger(self: Arc<Self>, mut rows: UsageReceiver) {
        let mut group: Vec<UsageRow> = Vec::new();
        let mut absorbed: Vec<Late> = Vec::new();
        let mut open = OpenCalls::default();
        let (mut more, mut busy) = (true, false);
        while more {
            let room = HELD.saturating_sub(group.len());
            tokio::select! {
                () = rows.ready(), if room > 0 => {}
                () = tokio::time::sleep(AGAIN), if !(group.is_empty() && absorbed.is_empty() && open.is_written()) => {}
                () = self.ended.cancelled() => break,
            }
            // Company for the first row: one transaction, one fsync. Where many come, they came meanwhile.
            if !busy {
                tokio::time::sleep(GATHER).await;
            }
            let known = group.len();
            more = self.look(&mut rows, &mut group, &mut absorbed, &mut open, room);
            busy = group.len() - known >= GROUP;
            self.write(&mut group, &mut absorbed, &mut open).await;
        }
        self.look(&mut rows, &mut group, &mut absorbed, &mut open, usize::MAX);
        self.write(&mut group, &mut absorbed, &mut open).await;
    }

    /// Takes what calls put since the last look. `false`: nobody is left who could put more.
    fn look(
        &self,
        rows: &mut UsageReceiver,
        group: &mut Vec<UsageRow>,
        absorbed: &mut Vec<Late>,
        open: &mut OpenCalls,
        room: usize,
    ) -> bool {
        let known = group.len();
        let more = rows.take(group, room);
        let new = group.get(known..).unwrap_or_default();
        self.moved(new.iter().map(|row| (row.bot, moved(row.sent_bytes, row.received_bytes))));
        let uncounted = rows.drain_uncounted();
        self.take_absorbed(rows, absorbed);
        open.learn(rows, new.iter().map(|row| row.request_id).chain(uncounted));
        more
    }

    fn take_absorbed(&self, rows: &UsageReceiver, absorbed: &mut Vec<Late>) {
        let sums = rows.drain_overflow();
        self.moved(sums.iter().map(|sum| (sum.bot, moved(sum.sent_bytes, sum.received_bytes))));
        let now = self.platform.clock.now_ms();
        absorbed.extend(sums.into_iter().map(|mut sum| {
            if sum.minute_ms == 0 {
                // Where too many shared a counter it lost its minute; it was drained a moment after.
                sum.minute_ms = now - now.rem_euclid(60_000);
            }
            (self.platform.ids.uuid(), sum)
        }));
    }

    /// Writes and empties; what cannot be written stays for the next time.
    async fn write(&self, group: &mut Vec<UsageRow>, absorbed: &mut Vec<Late>, open: &mut OpenCalls) {
        // After a full disk there are many: databases bound what one statement may carry.
        while !(group.is_empty() && absorbed.is_empty() && open.is_written()) {
            let (rows, sums) = (group.len().min(GROUP), absorbed.len().min(GROUP));
            let (some, late) =
                (group.get(..rows).unwrap_or_default(), absorbed.get(..sums).unwrap_or_default());
            // A call is forgotten with its row or after it, never before.
            let last = (rows, sums) == (group.len(), absorbed.len());
            match self.write_group(some, late, last.then_some(&*open)).await {
                Ok(()) => {
                    if last {
                        open.wrote();
                    }
                    for sees in self.sees.get().into_iter().flatten() {
                        sees.saw(group.get(..rows).unwrap_or_default());
                    }
                    group.drain(..rows);
                    absorbed.drain(..sums);
                }
                Err(error) => {
                    metrics::counter!("chela_usage_write_failures_total").increment(1);
                    tracing::error!(rows = group.len(), error = %error, "the ledger cannot be written; rows are kept in memory");
                    return;
                }
            }
        }
    }

    async fn write_group(
        &self,
        group: &[UsageRow],
        absorbed: &[Late],
        open: Option<&OpenCalls>,
    ) -> Result<(), OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::WriteUsage>(&ctx.subject)?;
        self.platform
            .db
            .write(async |tx| {
                store::write(tx, &granted, group, absorbed, &self.names).await?;
                match open {
                    Some(open) => open.write(tx, &granted).await,
                    None => Ok(()),
                }
            })
            .await
    }
}
