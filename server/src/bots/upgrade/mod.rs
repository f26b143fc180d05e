//! Use cases of giving a bot another OpenClaw, safely: the new version comes up with a copy of the state while the old
//! one serves (`rehearse`), takes over with the state from before kept, and is undone if it is not well (`swap`).

mod rehearse;
mod swap;

pub(super) use swap::{Turn, is_swapping, keep, rehearses, undo, undo_fault, wants_its_job};

use super::{Bots, store};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    jobs::{JobKind, NewJob},
    text::{from_json, json_of, named},
    verbs::{Rest, Verbs},
};
use api::{
    ApiError, Code, Verb,
    bots::*,
    ids::{BotId, RequestId},
};
use entity::bots::bot;
use policy::{Granted, act};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// The job that takes an upgrade up to where the reconciler takes over.
pub(super) const UPGRADE: &str = "bots.upgrade";

/// An upgrade as its row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    #[serde(flatten)]
    pub shown: Upgrade,
    /// Under which id the new version is rehearsed: to its runtime a bot like any other.
    pub trial: BotId,
    /// A state from before an upgrade lies beside the present one: of this upgrade, or of the last one that took hold.
    pub kept: bool,
    /// Nothing of the rehearsal is left.
    #[serde(default)]
    pub cleared: bool,
}

impl Plan {
    /// The last upgrade of a bot.
    pub fn of(row: &bot::Model) -> Result<Option<Self>, OpError> {
        row.upgrade.as_deref().map(from_json).transpose()
    }

    /// The one that has not ended.
    pub fn going(row: &bot::Model) -> Result<Option<Self>, OpError> {
        Ok(Self::of(row)?.filter(|plan| plan.shown.phase.goes_on()))
    }

    /// Whether something of its rehearsal may be there.
    pub(super) const fn may_have_trial(&self) -> bool {
        !self.cleared && !self.shown.phase.swaps() && !matches!(self.shown.phase, UpgradePhase::Done)
    }

    /// The same with another phase, ended where that is one to end in.
    fn turned(mut self, phase: UpgradePhase, reason: Option<Reason>, now_ms: i64) -> Self {
        self.shown.phase = phase;
        self.shown.ended_at_ms = (!phase.goes_on()).then_some(now_ms);
        if reason.is_some() {
            self.shown.reason = reason;
        }
        self
    }
}

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<UpgradeBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/upgrade")
            .says("Gives it another OpenClaw, rehearsed first, undone if it is not well."),
        bots,
        upgrade,
    );
    verbs.on::<ReturnBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/upgrade/return")
            .says("Brings back the OpenClaw and the state from before the upgrade."),
        bots,
        give_back,
    );
    verbs.on::<CancelUpgrade, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/upgrade/cancel").says("Ends an upgrade that has not taken over yet."),
        bots,
        cancel,
    );
}

/// Registers the job. Call once.
pub(super) fn spawn(bots: &Arc<Bots>) {
    let weak = Arc::downgrade(bots);
    // An installation may take its time; what is not wanted any more ends by itself.
    let kind = JobKind { name: UPGRADE, deadline: Duration::from_secs(3_600), breaks_off: false };
    bots.platform.jobs.on(kind, move |payload| {
        let weak = weak.clone();
        async move {
            let Some(bots) = weak.upgrade() else { return Ok(crate::platform::jobs::JobEnd::Done) };
            let id = payload.parse::<BotId>().map_err(|e| OpError::internal("a job names no bot", e))?;
            bots.take_up(id).await
        }
    });
}

async fn upgrade(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: UpgradeBot,
) -> Result<BotDetail, OpError> {
    let rehearse = q.rehearse.unwrap_or(true);
    let detail = b
        .change(&ctx, &granted, &q.bot, None, UpgradeBot::NAME, async |tx, row| {
            let last = Plan::of(row)?;
            if last.as_ref().is_some_and(|last| last.shown.phase.goes_on() || last.may_have_trial()) {
                return Err(under_way().into());
            }
            let (from, offers) = (b.openclaw_of(row), b.offers(row));
            let to = match q.to.as_deref().or_else(|| offers.first().map(String::as_str)) {
                Some(to) if offers.iter().any(|offer| offer == to) => to.to_owned(),
                Some(to) if to == from => return Ok(false),
                Some(_) => return Err(not_offered(&offers).into()),
                // The newest there is.
                None => return Ok(false),
            };
            if rehearse {
                let kind: RuntimeKind = named(&row.runtime)?;
                let settings: BotSettings = from_json(&row.settings)?;
                b.runtimes.room(settings.limits).map_err(no_room)?;
                row.trial_uid = b.runtimes.uid(kind, &store::uids(tx).await?)?;
            }
            // The way back of the last one stays until this one takes over.
            let last = last.filter(|last| last.kept);
            let plan = Plan {
                shown: Upgrade {
                    from: from.clone(),
                    to,
                    phase: UpgradePhase::Queued,
                    began_at_ms: ctx.now_ms,
                    ended_at_ms: None,
                    reason: None,
                    rehearse,
                    kept_until_ms: last.as_ref().and_then(|last| last.shown.kept_until_ms),
                    kept_version: last.as_ref().and_then(|last| last.shown.kept_version.clone()),
                },
                trial: BotId(b.platform.ids.uuid()),
                kept: last.is_some(),
                cleared: false,
            };
            row.openclaw = from;
            row.upgrade = Some(json_of(&plan)?);
            b.look_upgrade(tx, row.id, ctx.now_ms).await?;
            Ok(true)
        })
        .await?;
    Ok(detail)
}

async fn give_back(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: ReturnBot,
) -> Result<BotDetail, OpError> {
    b.change(&ctx, &granted, &q.bot, None, ReturnBot::NAME, async |_tx, row| {
        let Some(plan) = Plan::of(row)?.filter(|p| p.kept && p.shown.phase != UpgradePhase::Returning) else {
            let error =
                ApiError::new(Code::Conflict, "There is no state from before an upgrade to go back to.");
            return Err(error.with_hint("It is kept for seven days after an upgrade.").into());
        };
        if plan.may_have_trial() || (plan.shown.phase.goes_on() && plan.shown.phase != UpgradePhase::Proving)
        {
            return Err(under_way().into());
        }
        let back = plan.shown.kept_version.clone().unwrap_or_else(|| plan.shown.from.clone());
        let message = format!("{} asked for OpenClaw {back} back.", ctx.actor());
        let reason = Reason { code: "upgrade_returned".to_owned(), message, hint: None };
        let mut plan = plan.turned(UpgradePhase::Returning, Some(reason), ctx.now_ms);
        plan.shown.to = std::mem::replace(&mut row.openclaw, back.clone());
        plan.shown.from = back;
        (plan.shown.kept_version, plan.shown.kept_until_ms) = (None, None);
        row.upgrade = Some(json_of(&plan)?);
        row.generation += 1;
        row.failures = 0;
        row.next_try_at_ms = None;
        Ok(true)
    })
    .await
}

async fn cancel(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: CancelUpgrade,
) -> Result<BotDetail, OpError> {
    let detail = b
        .change(&ctx, &granted, &q.bot, None, CancelUpgrade::NAME, async |tx, row| {
            let Some(plan) = Plan::going(row)? else { return Ok(false) };
            // One that has taken over a bot that is down has not been started yet.
            let unused = plan.shown.phase == UpgradePhase::Proving
                && !plan.kept
                && super::idle::wanted(row)? != Desired::Running;
            if plan.shown.phase.swaps() && !unused {
                let error = ApiError::new(Code::Conflict, "The new version has taken over already.");
                return Err(error.with_hint("Go back to the version before it instead.").into());
            }
            let message = format!("{} cancelled the upgrade to OpenClaw {}.", ctx.actor(), plan.shown.to);
            let reason = Reason { code: "upgrade_cancelled".to_owned(), message, hint: None };
            if unused {
                row.openclaw.clone_from(&plan.shown.from);
                row.generation += 1;
            }
            row.upgrade = Some(json_of(&plan.turned(UpgradePhase::Failed, Some(reason), ctx.now_ms))?);
            // What the rehearsal left is taken away by the job.
            b.look_upgrade(tx, row.id, ctx.now_ms).await?;
            Ok(true)
        })
        .await?;
    b.cancel(detail.summary.id);
    Ok(detail)
}

fn under_way() -> ApiError {
    ApiError::new(Code::Conflict, "An upgrade of this bot is under way.")
        .with_hint("Wait for its end, or cancel it.")
}

fn not_offered(offers: &[String]) -> ApiError {
    ApiError::field("/to", format!("must be one of: {}", offers.join(", ")))
}

fn no_room(mut error: ApiError) -> ApiError {
    error.hint = Some("Free some, or upgrade without a rehearsal (rehearse: false).".to_owned());
    error
}

impl Bots {
    /// Which OpenClaw a bot runs with.
    pub(super) fn openclaw_of(&self, row: &bot::Model) -> String {
        self.runtimes.openclaw_of(row)
    }

    /// The versions a bot can be given.
    pub(super) fn offers(&self, row: &bot::Model) -> Vec<String> {
        let (now, mut offers) = (self.openclaw_of(row), self.runtimes.offers(row));
        // A state is not given to an older version than the one that wrote it.
        offers.retain(|offer| *offer != now && !runtime::is_older(offer, &now));
        offers
    }

    /// Refuses a change that an upgrade in the middle of its swap would not survive.
    pub(super) fn no_swap(row: &bot::Model) -> Result<(), OpError> {
        match Plan::going(row)? {
            Some(plan) if plan.shown.phase.swaps() && super::idle::wanted(row)? == Desired::Running => {
                Err(under_way().into())
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn look_upgrade<C: sea_orm::ConnectionTrait>(
        &self,
        tx: &C,
        bot: BotId,
        at_ms: i64,
    ) -> Result<(), OpError> {
        let unique_key = Some(format!("{UPGRADE}:{bot}"));
        let job = NewJob { kind: UPGRADE, payload: bot.to_string(), unique_key, run_at_ms: at_ms };
        self.platform.jobs.add(tx, job).await
    }

    /// Has a job for every upgrade that needs one, whatever became of the one before.
    pub(super) async fn look_upgrades<'a>(
        &self,
        rows: impl Iterator<Item = &'a bot::Model>,
    ) -> Result<(), OpError> {
        let bots: Vec<BotId> = rows.map(|row| row.id).collect();
        if bots.is_empty() {
            return Ok(());
        }
        let now = self.platform.clock.now_ms();
        let look = async |tx: &_| {
            for bot in &bots {
                self.look_upgrade(tx, *bot, now).await?;
            }
            Ok(())
        };
        self.platform.db.write(look).await?;
        self.platform.jobs.wake();
        Ok(())
    }

    fn upgrade_ctx(&self, row: &bot::Model) -> OpCtx {
        let id = RequestId(self.platform.ids.uuid());
        OpCtx::system(id, self.platform.clock.now_ms(), Some(row.workspace_id))
    }
}
