//! The part of an upgrade that changes the bot: what the reconciler asks on its way, and how it ends.

use super::Plan;
use crate::{
    bots::{Bots, Change, Failed, lifecycle::Keep, past::Seen, store},
    platform::{
        error::OpError,
        text::{json_of, name_of},
    },
};
use api::bots::{BotEventKind, Desired, KEPT_STATE_MS, Observed, Reason, UpgradePhase};
use api::ids::BotId;
use entity::bots::bot;

/// How long the new version must be well.
const PROVES_MS: i64 = 60_000;
/// Steps on the way up that may fail in a row before the old version is brought back.
const FAULTS: i64 = 3;

/// What the past says of an upgrade that is over without having taken hold.
pub(super) const UNDONE: BotEventKind = BotEventKind::UpgradeUndone;

/// Where a row is turned to by something that the reconciler saw.
#[derive(Clone, Debug)]
pub(in crate::bots) struct Turn {
    pub before: String,
    pub after: String,
    pub openclaw: String,
}

/// What is to be done with a bot's state before it is made.
pub(in crate::bots) fn keep(row: &bot::Model) -> Result<Keep, OpError> {
    Ok(match Plan::going(row)? {
        Some(plan) if plan.shown.phase == UpgradePhase::Proving && !plan.kept => Keep::Take,
        Some(plan) if plan.shown.phase == UpgradePhase::Returning && plan.kept => Keep::Return,
        _ => Keep::Nothing,
    })
}

/// Whether a bot's upgrade still has something to become of it.
pub(in crate::bots) fn is_swapping(row: &bot::Model) -> bool {
    Plan::going(row).ok().flatten().is_some_and(|plan| plan.shown.phase.swaps())
}

/// Whether an upgrade is taken further by its job, and not by the reconciler.
pub(in crate::bots) fn wants_its_job(row: &bot::Model) -> bool {
    let plan = Plan::of(row).ok().flatten();
    plan.is_some_and(|plan| plan.may_have_trial() && plan.shown.phase != UpgradePhase::Returned)
}

/// Under which id a bot's upgrade rehearses now, if it does.
pub(in crate::bots) fn rehearses(row: &bot::Model) -> Option<BotId> {
    let plan = Plan::going(row).ok().flatten()?;
    (plan.shown.phase == UpgradePhase::Rehearsing).then_some(plan.trial)
}

/// The turn back that a failure of the new version makes, with what people are told.
pub(in crate::bots) fn undo(
    row: &bot::Model,
    why: &Reason,
    now_ms: i64,
) -> Result<Option<(Turn, Reason)>, OpError> {
    let Some(plan) = Plan::going(row)?.filter(|plan| plan.shown.phase == UpgradePhase::Proving) else {
        return Ok(None);
    };
    let (from, to) = (plan.shown.from.clone(), plan.shown.to.clone());
    let kept = if plan.kept { " with the state it had before" } else { "" };
    let reason = Reason {
        code: "upgrade_undone".to_owned(),
        message: format!("OpenClaw {to} was not well: {} Chela goes back to {from}{kept}.", why.message),
        hint: Some("The post-mortem shows what it wrote last.".to_owned()),
    };
    let next = plan.clone().turned(UpgradePhase::Returning, Some(reason.clone()), now_ms);
    Ok(Some((Turn { before: json_of(&plan)?, after: json_of(&next)?, openclaw: from }, reason)))
}

/// The same for a step on the way up that fails again and again.
pub(in crate::bots) fn undo_fault(
    row: &bot::Model,
    why: &Reason,
    now_ms: i64,
) -> Result<Option<(Turn, Reason)>, OpError> {
    if row.failures < FAULTS { Ok(None) } else { undo(row, why, now_ms) }
}

impl Bots {
    /// Keeps the state from before, or brings it back.
    pub(in crate::bots) async fn keep_state(
        &self,
        row: &bot::Model,
    ) -> Result<(), crate::bots::reconcile::Fault> {
        let Some(plan) = Plan::going(row)? else { return Ok(()) };
        let take = plan.shown.phase == UpgradePhase::Proving;
        if take {
            self.runtimes.keep_state(row).await?;
        } else {
            self.runtimes.bring_state_back(row).await?;
        }
        let next = Plan { kept: take, ..plan.clone() };
        self.turn_to(row, &plan, &next).await?;
        Ok(())
    }

    /// A bot that runs with a new version is looked at until it has been well for a minute; one that is back with its
    /// old version has its upgrade behind it. When to look again, if so.
    pub(in crate::bots) async fn prove(&self, row: &bot::Model) -> Result<Option<i64>, OpError> {
        let Some(plan) = Plan::going(row)? else { return Ok(None) };
        let now = self.platform.clock.now_ms();
        // Not one that sleeps.
        let running =
            row.desired == name_of(&Desired::Running) && row.observed == name_of(&Observed::Running);
        match plan.shown.phase {
            UpgradePhase::Proving if running => {
                let well_at = row.since_ms.max(row.started_at_ms.unwrap_or(now)) + PROVES_MS;
                // A clock that was set back makes nobody wait for hours.
                if (1..=PROVES_MS).contains(&(well_at - now)) {
                    return Ok(Some(well_at));
                }
                let mut next = plan.clone().turned(UpgradePhase::Done, None, now);
                if next.kept {
                    next.shown.kept_until_ms = Some(now + KEPT_STATE_MS);
                    next.shown.kept_version = Some(next.shown.from.clone());
                }
                self.ended_so(row, &plan, &next, BotEventKind::Upgraded).await?;
            }
            // Stopped or running, its state is back.
            UpgradePhase::Returning if !plan.kept => {
                let next = plan.clone().turned(UpgradePhase::Returned, None, now);
                self.ended_so(row, &plan, &next, UNDONE).await?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Writes the end of an upgrade, into the bot's past too, and lets those hear it who tell people.
    pub(super) async fn ended_so(
        &self,
        row: &bot::Model,
        plan: &Plan,
        next: &Plan,
        kind: BotEventKind,
    ) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let (before, after) = (json_of(plan)?, json_of(next)?);
        let failed = next.shown.reason.as_ref().filter(|reason| reason.code == "upgrade_failed");
        let ctx = self.upgrade_ctx(row);
        let (written, news) = self
            .platform
            .db
            .write(async |tx| {
                let Some(row) = store::upgrade::turn(tx, &granted, row.id, &before, &after).await? else {
                    return Ok((None, false));
                };
                let (reason, again) = (next.shown.reason.clone(), false);
                self.remember(tx, &row, &Seen { kind, reason, lived_ms: None, again, left: None }).await?;
                store::upgrade::forget_trial_uid(tx, &granted, row.id).await?;
                let action = format!("bots.{}", name_of(&kind));
                crate::audit::record(tx, self.platform.ids.as_ref(), &ctx, &action, Some(row.id.to_string()))
                    .await?;
                let news = match (self.hears.get(), failed) {
                    (Some(hears), Some(reason)) => {
                        let failed = Some(Failed { reason, died: false });
                        hears.heard(tx, Change { before: &row.observed, row: &row, failed }).await?
                    }
                    _ => false,
                };
                Ok((Some(row), news))
            })
            .await?;
        if let Some(row) = written {
            self.publish(&row);
            if let Some(hears) = self.hears.get().filter(|_| news) {
                hears.tell(row.workspace_id);
            }
        }
        Ok(())
    }

    /// Under which ids upgrades rehearse now: no orphans.
    pub(in crate::bots) async fn rehearsals(&self) -> Result<Vec<BotId>, OpError> {
        let rows = store::upgrade::rehearsing(self.platform.db.read(), &self.may_run()?).await?;
        Ok(rows.iter().filter_map(rehearses).collect())
    }

    /// Gives up states from before upgrades of long ago.
    pub(in crate::bots) async fn forget_kept_states(&self) -> Result<(), OpError> {
        let (granted, now) = (self.may_run()?, self.platform.clock.now_ms());
        for row in store::upgrade::done(self.platform.db.read(), &granted).await? {
            let Some(plan) = Plan::of(&row)? else { continue };
            let due = plan.kept && plan.shown.kept_until_ms.is_some_and(|until| until <= now);
            if !due || plan.shown.phase.goes_on() {
                continue;
            }
            let mut next = Plan { kept: false, ..plan.clone() };
            (next.shown.kept_version, next.shown.kept_until_ms) = (None, None);
            // The row first: what is offered must be there.
            if self.turn_to(&row, &plan, &next).await? {
                let gone = self.runtimes.forget_kept_state(&row).await;
                gone.map_err(|e| OpError::internal("giving up a state from before an upgrade", e))?;
            }
        }
        Ok(())
    }
}
