//! Makes what is what is wanted: looks, decides by `lifecycle`, does one step, looks again.
//!
//! One turn per bot at a time. A turn ends when nothing is left to do or when it must wait; what it waits
//! for (gateway, runtime, time) pokes it, and a resync looks at every bot anyway.

mod act;
mod failures;
mod faults;
mod look;
mod marks;
mod noting;
mod sweep;
pub(super) mod wakers;

pub(super) use failures::is_parked;
pub(super) use faults::Fault;

use super::{Bots, lifecycle, lifecycle::Step, store};
use crate::platform::{ctx::OpCtx, error::OpError, jobs::JobEnd};
use api::ids::{BotConfigId, BotId, RequestId};
use policy::{Granted, act as actions};
use std::sync::{Arc, PoisonError};
use tokio_util::sync::CancellationToken;

/// How long a fresh process may take until its gateway answers (25 s were seen on a busy machine).
pub(super) const FIRST_READY_MS: i64 = 180_000;
/// How long a gateway that was connected may be away before it counts as hung.
pub(super) const BACK_READY_MS: i64 = 60_000;
/// Steps in one turn; the pure core needs at most 12 from anywhere.
const STEPS: usize = 24;

/// What Chela remembers of a bot between turns; losing it costs time, nothing else.
#[derive(Clone, Default)]
pub struct Memory {
    /// How far the present stage has come.
    pub note: Option<String>,
    /// Cancels long work (installing, pulling) when the bot is stopped or deleted.
    pub(super) cancel: CancellationToken,
    /// Since when the gateway is awaited, and for which generation.
    pub(super) awaiting: Option<(i64, i64)>,
    /// Whether this generation's gateway was connected once.
    pub(super) was_ready: Option<i64>,
    /// The generation that this Chela saw ready.
    pub(super) told_ready: Option<i64>,
    /// Settings that were written for the running gateway to pick up, and when.
    pub(super) configured: Option<(BotConfigId, i64)>,
    /// The dialect in which its written settings let it ask for its model; what an earlier Chela wrote is not known.
    pub(super) dialect: Option<openclaw::config::Dialect>,
    /// The generation that hangs: asking it to end is of no use.
    pub(super) hung: Option<i64>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Memory {
    /// Held by whoever acts on the bot.
    pub(super) fn turn(&self) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.turn)
    }
}

/// What follows a step.
pub(super) enum Next {
    /// Look again at once.
    Go,
    /// The turn is over.
    End(JobEnd),
}

impl Bots {
    /// Reads or changes what is remembered of a bot.
    pub(super) fn memory<T>(&self, bot: BotId, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(self.state.lock().unwrap_or_else(PoisonError::into_inner).entry(bot).or_default())
    }

    /// Stops long work for a bot; its next turn sees what is wanted now.
    pub(super) fn cancel(&self, bot: BotId) {
        self.memory(bot, |m| std::mem::take(&mut m.cancel).cancel());
    }

    /// Chela stops: connections and long work end, the bots go on.
    pub fn wind_down(&self) {
        self.links.close_all();
        for memory in self.state.lock().unwrap_or_else(PoisonError::into_inner).values() {
            memory.cancel.cancel();
        }
    }

    pub(super) fn system(&self) -> OpCtx {
        OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None)
    }

    pub(super) fn may_run(&self) -> Result<Granted<actions::RunBots>, OpError> {
        Ok(policy::check::<actions::RunBots>(&self.system().subject)?)
    }

    /// One turn.
    pub(super) async fn reconcile(self: Arc<Self>, id: BotId) -> Result<JobEnd, OpError> {
        let turn = self.memory(id, |m| m.turn());
        let _turn = turn.lock().await;
        let granted = self.may_run()?;
        let mut prepared = false;
        for _ in 0..STEPS {
            if self.platform.shutdown.is_cancelled() {
                break;
            }
            // Taken before the row: who stops the bot after the row was read cancels this one.
            let cancel = self.memory(id, |m| m.cancel.clone());
            // Stopped or deleted while nothing could be written: that is what is wanted, and nothing else is done.
            self.write_halts(id).await?;
            let Some(row) = store::load(self.platform.db.read(), &granted, id).await? else {
                self.links.close(id);
                self.state.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                return Ok(JobEnd::Done);
            };
            let (standing, exit) = self.look_at(&row, prepared).await?;
            let step = lifecycle::next(&standing);
            let row = self.note_step(row, &standing, step).await?;
            // The row comes back as it is now: what was decided for another life of it is decided anew.
            if row.generation != standing.generation {
                continue;
            }
            tracing::debug!(bot.id = %id, step = ?step, "reconciling");
            match self.act(&row, step, exit, &cancel).await {
                Ok(Next::Go) => prepared |= step == Step::Prepare,
                Ok(Next::End(end)) => return Ok(end),
                Err(fault) => return self.note_fault(id, step, fault).await,
            }
        }
        // Chela stops, or something undoes every step: try again later rather than spin.
        Ok(JobEnd::Again { at_ms: self.platform.clock.now_ms() + 5_000 })
    }
}
