//! How long things are kept: rows 90 days, sums by quarter 400, sums by day for ever.

use super::{
    Usage,
    spans::{DAY_MS, forgotten_before},
    store::{self, Old},
};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::ids::RequestId;
use policy::act;
use std::sync::Arc;

/// How often what is too old is deleted.
const AGAIN_MS: i64 = 3_600_000;
/// How long rows are kept.
const ROWS_KEPT_MS: i64 = 90 * DAY_MS;
/// How long it is kept what budgets counted: longer than any of their windows, whatever the zone.
const COUNTS_KEPT_MS: i64 = 40 * DAY_MS;
/// Transactions of one time, so that a backlog does not hold others up for long.
const MOST_TIMES: usize = 500;
/// Rows of one transaction.
const ROWS_AT_ONCE: u32 = 2_000;
/// Quarters of one transaction.
const QUARTERS_AT_ONCE: u32 = 100;

impl Usage {
    /// Deletes what is too old every hour, until Chela stops.
    pub(super) async fn forget_old(self: Arc<Self>) {
        loop {
            if let Err(error) = self.forget_old_once().await {
                tracing::warn!(error = %error, "old usage could not be deleted");
            }
            let next = self.platform.clock.now_ms() + AGAIN_MS;
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = self.platform.clock.wait_until(next) => {}
            }
        }
    }

    pub(super) async fn forget_old_once(&self) -> Result<(), OpError> {
        let now_ms = self.platform.clock.now_ms();
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now_ms, None);
        let granted = policy::check::<act::WriteUsage>(&ctx.subject)?;
        let rows_before = now_ms - ROWS_KEPT_MS;
        for (what, before_ms, most) in [
            (Old::Rows, rows_before, ROWS_AT_ONCE),
            (Old::Absorbed, rows_before, ROWS_AT_ONCE),
            (Old::Counts, now_ms - COUNTS_KEPT_MS, ROWS_AT_ONCE),
            (Old::Minutes, now_ms - DAY_MS, ROWS_AT_ONCE),
            (Old::Quarters, forgotten_before(now_ms), QUARTERS_AT_ONCE),
        ] {
            for _ in 0..MOST_TIMES {
                let forget = async |tx: &_| store::forget(tx, &granted, what, before_ms, most).await;
                if self.platform.db.write(forget).await? == 0 || self.platform.shutdown.is_cancelled() {
                    break;
                }
            }
        }
        Ok(())
    }
}
