//! Bots that nobody needs for a while are put to sleep, and woken by who needs them.
//!
//! Asleep is apart from what people want: `desired` stays `running`, `asleep_since_ms` says that it is down until it is
//! needed. The reconciler is told that it is wanted stopped.

use super::{Bots, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::OpError,
        text::{name_of, named},
    },
};
use api::{
    ApiError,
    bots::{BotEventKind, Desired, Reason},
    ids::{BotId, RequestId},
};
use entity::bots::bot;
use openclaw::Gateway;
use std::{collections::HashMap, sync::Arc};

/// How often it is looked whether somebody can sleep.
const LOOK_MS: i64 = 60_000;
const MINUTE_MS: i64 = 60_000;
/// Minutes without work after which a bot may be put to sleep.
const MINUTES: std::ops::RangeInclusive<u32> = 5..=10_080;
/// Acts of this module, as audit and past name them.
const SLEEP: &str = "bots.sleep";
const WAKE: &str = "bots.wake";

/// What is under way with a bot in chats, and when it last was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    pub busy: bool,
    pub last_ms: Option<i64>,
}

/// Tells of bots' model calls; the usage slice provides it.
#[async_trait::async_trait]
pub trait Calls: Send + Sync {
    /// When the last call ended that began after `since_ms`.
    async fn last_call_ms(&self, row: &bot::Model, since_ms: i64) -> Result<Option<i64>, OpError>;

    /// What calls moved that ended since this was asked last.
    fn take_traffic(&self) -> HashMap<BotId, Traffic>;
}

/// Bytes that a bot's model calls sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub sent: u64,
    pub received: u64,
}

impl Traffic {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
        }
    }
}

/// What a bot's row makes of a setting: 0 is never.
///
/// # Errors
/// `invalid` for what is out of range.
pub(super) fn minutes(asked: u32) -> Result<Option<i64>, ApiError> {
    match asked {
        0 => Ok(None),
        n if MINUTES.contains(&n) => Ok(Some(i64::from(n))),
        _ => Err(ApiError::field("/idle_stop_minutes", "must be 0 (never), or 5 to 10080 minutes")),
    }
}

/// Whether it sleeps.
pub(super) fn is_asleep(row: &bot::Model) -> bool {
    row.asleep_since_ms.is_some() && row.desired == name_of(&Desired::Running)
}

/// What the reconciler is to bring about.
pub(super) fn wanted(row: &bot::Model) -> Result<Desired, OpError> {
    if is_asleep(row) { Ok(Desired::Stopped) } else { named(&row.desired) }
}

/// It sleeps no more, whatever is wanted of it now. Whether it did.
pub(super) fn rouse(row: &mut bot::Model) -> bool {
    let slept = row.asleep_since_ms.take().is_some();
    if slept {
        row.reason = None;
    }
    slept
}

/// Why a bot is down that sleeps.
pub(super) fn reason(row: &bot::Model) -> Option<Reason> {
    is_asleep(row).then(|| Reason {
        code: "idle".to_owned(),
        message: "Asleep: it wakes on a message.".to_owned(),
        hint: Some("Nobody needed it for as long as its settings say.".to_owned()),
    })
}

impl Bots {
    /// Puts to sleep whom nobody needs, until Chela stops.
    pub(super) async fn tend_idle(self: Arc<Self>) {
        loop {
            if let Err(error) = self.sleep_the_idle().await {
                tracing::warn!(error = %error, "bots that nobody needs stay awake");
            }
            let next = self.platform.clock.now_ms() + LOOK_MS;
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = self.platform.clock.wait_until(next) => {}
            }
        }
    }

    async fn sleep_the_idle(&self) -> Result<(), OpError> {
        for row in store::idle::candidates(self.platform.db.read(), &self.may_run()?).await? {
            if self.is_idle(&row).await? {
                self.put_to_sleep(&row).await?;
            }
        }
        Ok(())
    }

    async fn activity(&self, bot: BotId) -> Result<Activity, OpError> {
        match self.threads.get() {
            Some(chats) => chats.activity(&self.system(), bot).await,
            None => Ok(Activity::default()),
        }
    }

    async fn is_idle(&self, row: &bot::Model) -> Result<bool, OpError> {
        let Some(minutes) = row.idle_stop_minutes else { return Ok(false) };
        // A new version that must be well for a while is not idle meanwhile.
        if super::upgrade::is_swapping(row) {
            return Ok(false);
        }
        let since = self.platform.clock.now_ms() - minutes.saturating_mul(MINUTE_MS);
        // It was just started, or became ready.
        if row.since_ms.max(row.started_at_ms.unwrap_or(0)) > since {
            return Ok(false);
        }
        let chats = self.activity(row.id).await?;
        if chats.busy || chats.last_ms.is_some_and(|at| at > since) {
            return Ok(false);
        }
        let called = match self.calls.get() {
            Some(calls) => calls.last_call_ms(row, since).await?,
            None => None,
        };
        Ok(called.is_none_or(|at| at <= since))
    }

    async fn put_to_sleep(&self, row: &bot::Model) -> Result<(), OpError> {
        let (granted, now) = (self.may_run()?, self.platform.clock.now_ms());
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now, Some(row.workspace_id));
        let slept = self.platform.db.write(async |tx| {
            let Some(slept) = store::idle::sleep(tx, &granted, row, now).await? else { return Ok(None) };
            let target = Some(row.id.to_string());
            audit::record(tx, self.platform.ids.as_ref(), &ctx, SLEEP, target).await?;
            self.remember_kind(tx, &slept, BotEventKind::Slept, None, now).await?;
            Ok(Some(slept))
        });
        let Some(slept) = slept.await? else { return Ok(()) };
        // Who sends a message takes a turn first, and looks then whether the bot sleeps: one of both sees the other.
        if self.activity(row.id).await?.busy {
            return self.rise(&ctx, row.id, false).await;
        }
        tracing::info!(bot.id = %row.id, "nobody needs it: put to sleep");
        self.publish(&slept);
        self.poke(row.id).await;
        Ok(())
    }

    /// Wakes a bot that sleeps. One that does not is left as it is.
    ///
    /// # Errors
    /// It may not run any more where it ran; what the database says.
    pub async fn wake(&self, ctx: &OpCtx, id: BotId) -> Result<(), OpError> {
        self.rise(ctx, id, true).await
    }

    /// Awake again: in a new life, or in the one that was not ended yet.
    async fn rise(&self, ctx: &OpCtx, id: BotId, anew: bool) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let woken = self.platform.db.write(async |tx| {
            let Some(mut row) = store::load(tx, &granted, id).await? else { return Ok(None) };
            if !is_asleep(&row) || row.trashed_at_ms.is_some() {
                return Ok(None);
            }
            self.admit(tx, row.workspace_id, named(&row.runtime)?).await?;
            rouse(&mut row);
            row.generation += i64::from(anew);
            row.failures = 0;
            row.next_try_at_ms = None;
            let row = store::update(tx, &granted, row).await?;
            audit::record(tx, self.platform.ids.as_ref(), ctx, WAKE, Some(id.to_string())).await?;
            let actor = Some(ctx.actor().to_string());
            self.remember_kind(tx, &row, BotEventKind::Woke, actor, self.platform.clock.now_ms()).await?;
            self.look(tx, id, self.platform.clock.now_ms()).await?;
            Ok(Some(row))
        });
        if let Some(row) = woken.await? {
            self.platform.jobs.wake();
            self.publish(&row);
        }
        Ok(())
    }

    /// Whether a bot sleeps now. In doubt it does not.
    pub async fn is_asleep(&self, id: BotId) -> bool {
        let Ok(granted) = self.may_run() else { return false };
        let row = store::load(self.platform.db.read(), &granted, id).await;
        row.ok().flatten().is_some_and(|row| is_asleep(&row))
    }

    /// Whether a message to a bot without a gateway can wait for it: it sleeps, or is on its way up from that.
    pub fn may_wait(&self, row: &bot::Model) -> bool {
        let coming =
            matches!(row.observed.as_str(), "absent" | "creating" | "starting" | "stopping" | "stopped");
        row.idle_stop_minutes.is_some()
            && row.desired == name_of(&Desired::Running)
            && row.trashed_at_ms.is_none()
            && (row.asleep_since_ms.is_some() || coming)
    }

    /// The gateway of a bot that is awake, in its present life: not that of one on its way down or about to be replaced.
    ///
    /// # Errors
    /// What the database says.
    pub async fn awake_gateway(&self, id: BotId) -> Result<Option<Gateway>, OpError> {
        let row = store::load(self.platform.db.read(), &self.may_run()?, id).await?;
        let awake = row.filter(|row| row.desired == name_of(&Desired::Running) && !is_asleep(row));
        Ok(awake.and_then(|row| self.links.gateway_of(id, row.generation)))
    }

    /// Why a message waits in vain, if it does.
    ///
    /// # Errors
    /// What the database says.
    pub async fn waits_in_vain(&self, id: BotId) -> Result<Option<String>, OpError> {
        let row = store::load(self.platform.db.read(), &self.may_run()?, id).await?;
        Ok(match row {
            Some(row) if row.desired != name_of(&Desired::Running) => Some("it was stopped".to_owned()),
            None => Some("it was deleted".to_owned()),
            Some(row) if super::reconcile::is_parked(&row) => {
                Some("it cannot start; its page says why".to_owned())
            }
            Some(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_sleeps_after_five_minutes_to_a_week_or_never() {
        assert_eq!(minutes(0).unwrap(), None);
        assert_eq!((minutes(5).unwrap(), minutes(10_080).unwrap()), (Some(5), Some(10_080)));
        assert!(minutes(4).is_err() && minutes(10_081).is_err());
    }
}
