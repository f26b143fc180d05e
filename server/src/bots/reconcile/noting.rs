//! Writing down how a bot stands, and telling the browser, when it changed.

use super::{
    Fault, Step,
    failures::{self, Death, InARow},
    marks::{ended, marks},
};
use crate::{
    bots::{
        Bots, Change, Failed, health, idle, lifecycle, lifecycle::Standing, past::Seen, postmortems, store,
        upgrade,
    },
    platform::{
        error::OpError,
        jobs::JobEnd,
        text::{from_json, json_of, name_of},
    },
};
use api::{
    bots::{BotEventKind, Desired, Health, Observed, Reason},
    ids::BotId,
};
use entity::bots::bot;

/// Up for this long, a bot is well, and its next failure is the first of a row.
const WELL_MS: i64 = 10 * 60_000;
/// Deaths that are looked back at.
const MOST_IN_A_ROW: u64 = 200;
const A_DAY_MS: i64 = 24 * 3_600_000;

impl Bots {
    /// Notes the state that belongs to `step`; writes nothing when nothing changed.
    pub(super) async fn note_step(
        &self,
        row: bot::Model,
        s: &Standing,
        step: Step,
    ) -> Result<bot::Model, OpError> {
        let (observed, stage) = lifecycle::shown(s, step);
        let now = self.platform.clock.now_ms();
        let mut next = row.clone();
        if next.observed != name_of(&observed) {
            next.since_ms = now;
        }
        next.observed = name_of(&observed);
        next.stage = stage.map(|stage| name_of(&stage));
        let ready = observed == Observed::Running;
        let (health, reason) = self.health_of(&row, observed)?;
        next.health = name_of(&health);
        if ready || observed == Observed::Stopped {
            next.next_try_at_ms = None;
        }
        // On the way back up, why it died last stays to be read.
        let back = observed != Observed::Unknown && failures::was_for(&row, health::RUNTIME_AWAY)?;
        if ready || back || observed == Observed::Stopped || reason.is_some() {
            next.reason = reason.as_ref().map(json_of).transpose()?;
        }
        // Ready is not well yet: a bot that dies whenever it has come up waits longer each time.
        if observed == Observed::Stopped || (ready && next.started_at_ms.is_some_and(|at| now - at > WELL_MS))
        {
            next.failures = 0;
        }
        if observed == Observed::Stopped {
            next.well_config_id = self.well_with(&row, now);
            next.started_at_ms = None;
        }
        let known = self.came_ready(&row, &mut next, observed, now);
        next.stages = json_of(&marks(from_json(&row.stages)?, stage, now))?;
        if next == row {
            return Ok(row);
        }
        if next.stage != row.stage {
            self.memory(row.id, |m| m.note = None);
        }
        let mut seen = (next.observed != row.observed).then(|| seen_of(observed, &row, now)).flatten();
        if known {
            seen = None;
        }
        self.write_seen(next, &row.observed, seen, None).await
    }

    /// Notes since when a bot is ready, and whether that was told in this life of it: once is enough, as a gateway that
    /// drops its connection all the time must not fill the past. What another Chela saw ready has been so all along.
    fn came_ready(&self, row: &bot::Model, next: &mut bot::Model, observed: Observed, now: i64) -> bool {
        if next.observed == row.observed {
            return false;
        }
        if observed != Observed::Running {
            let over = match observed {
                Observed::Stopped => true,
                // Another Chela may have seen it ready: this one has yet to connect.
                Observed::Starting => self.memory(row.id, |m| m.told_ready) == Some(row.generation),
                _ => false,
            };
            next.ready_at_ms = row.ready_at_ms.filter(|_| !over);
            return false;
        }
        let told = self.memory(row.id, |m| m.told_ready.replace(row.generation)) == Some(row.generation);
        next.since_ms = row.ready_at_ms.unwrap_or(now);
        next.ready_at_ms = Some(next.since_ms);
        told || row.ready_at_ms.is_some()
    }

    /// The health that belongs to a state, and why it is no better; that of a failure is in the row already.
    pub(super) fn health_of(
        &self,
        row: &bot::Model,
        observed: Observed,
    ) -> Result<(Health, Option<Reason>), OpError> {
        let was_ready = || self.memory(row.id, |m| m.was_ready) == Some(row.generation);
        Ok(match observed {
            // Not asked yet in this life of Chela: what was known holds until it is.
            Observed::Running => match (self.reach(row)?, health::of_model(row)?) {
                (health::Reach::Unknown, Some(known)) => (Health::Degraded, Some(known)),
                (reach, _) => health::of_ready(reach),
            },
            Observed::Starting if was_ready() => (Health::Degraded, Some(health::gateway_lost())),
            Observed::Failed => (Health::Unhealthy, None),
            Observed::Stopped => (Health::Unknown, idle::reason(row)),
            Observed::Unknown if row.trashed_at_ms.is_some() || row.desired == name_of(&Desired::Deleted) => {
                (Health::Unknown, Some(health::runtime_away_leaving()))
            }
            // Why it failed is not forgotten over an engine that is away.
            Observed::Unknown if row.failures == 0 || row.reason.is_none() => {
                (Health::Unknown, Some(health::runtime_away()))
            }
            _ => (Health::Unknown, None),
        })
    }

    /// Writes what was seen; what people changed meanwhile stays, and is in the row that comes back.
    pub(super) async fn write_row(&self, row: bot::Model) -> Result<bot::Model, OpError> {
        let before = row.observed.clone();
        self.write_seen(row, &before, None, None).await
    }

    /// The same, adds to the bot's past, and lets those hear it who tell people.
    async fn write_seen(
        &self,
        row: bot::Model,
        before: &str,
        seen: Option<Seen>,
        turn: Option<upgrade::Turn>,
    ) -> Result<bot::Model, OpError> {
        let granted = self.may_run()?;
        let hears = self.hears.get();
        let (stored, news) = self
            .platform
            .db
            .write(async |tx| {
                let Some(mut stored) = store::note(tx, &granted, &row).await? else {
                    return Ok((None, false));
                };
                if let Some(turn) = &turn
                    && let Some(turned) =
                        store::upgrade::turn(tx, &granted, stored.id, &turn.before, &turn.after).await?
                {
                    store::upgrade::set_openclaw(tx, &granted, stored.id, &turn.openclaw).await?;
                    stored = bot::Model { openclaw: turn.openclaw.clone(), ..turned };
                }
                if let Some(seen) = seen.as_ref().filter(|seen| !seen.again) {
                    self.remember(tx, &stored, seen).await?;
                }
                self.remember_health(tx, &stored).await?;
                let news = match hears {
                    Some(hears) => {
                        let failed = seen.as_ref().and_then(failed);
                        hears.heard(tx, Change { before, row: &stored, failed }).await?
                    }
                    None => false,
                };
                Ok((Some(stored), news))
            })
            .await?;
        let row = stored.unwrap_or(row);
        self.publish(&row);
        if let Some(hears) = hears.filter(|_| news) {
            hears.tell(row.workspace_id);
        }
        Ok(row)
    }

    /// Notes that a step failed and when it is tried again.
    pub(super) async fn note_fault(&self, id: BotId, step: Step, fault: Fault) -> Result<JobEnd, OpError> {
        let now = self.platform.clock.now_ms();
        let granted = self.may_run()?;
        let Some(mut row) = store::load(self.platform.db.read(), &granted, id).await? else {
            return Ok(JobEnd::Done);
        };
        if fault.cancelled {
            // Stopped or deleted meanwhile: the next turn does that.
            return Ok(JobEnd::Again { at_ms: now });
        }
        tracing::warn!(bot.id = %id, step = ?step, reason = fault.reason.code, error = fault.reason.message, "a step failed");
        // Tried again and again for one reason is told once.
        let known = row.reason.as_deref().map(from_json::<Reason>).transpose()?.map(|known| known.code);
        let news = known.as_ref() != Some(&fault.reason.code);
        let before = row.observed.clone();
        row.stages = json_of(&ended(from_json(&row.stages)?, now))?;
        row.failures += 1;
        let again = now + lifecycle::pause_ms(row.failures);
        row.reason = Some(json_of(&fault.reason)?);
        row.next_try_at_ms = Some(again);
        row.health = name_of(&Health::Unhealthy);
        if idle::wanted(&row)? == Desired::Running {
            row.observed = name_of(&Observed::Failed);
            row.since_ms = now;
        }
        let undone = upgrade::undo_fault(&row, &fault.reason, now)?;
        let (turn, reason) = match undone {
            Some((turn, reason)) => {
                row.generation += 1;
                row.failures = 0;
                row.next_try_at_ms = None;
                row.reason = Some(json_of(&reason)?);
                (Some(turn), reason)
            }
            None => (None, fault.reason),
        };
        let (at_ms, again) = if turn.is_some() { (now, false) } else { (again, !news) };
        let reason = Some(reason);
        let failed = Seen { kind: BotEventKind::Failed, reason, lived_ms: None, again, left: None };
        self.write_seen(row, &before, Some(failed), turn).await?;
        Ok(JobEnd::Again { at_ms })
    }

    /// Notes a death or hang: a new generation, a pause that doubles, the reason in words, and what it left.
    pub(super) async fn note_death(&self, row: &bot::Model, death: Death) -> Result<(), OpError> {
        let now = self.platform.clock.now_ms();
        let mut next = row.clone();
        // Long up before it died: that is a first failure again, not one of a row.
        let lived_ms = next.started_at_ms.map_or(0, |at| now - at);
        next.failures = if lived_ms > WELL_MS { 1 } else { next.failures + 1 };
        next.restarts += 1;
        next.generation += 1;
        let is_final = death.is_final(failures::refused_before(row)?);
        next.next_try_at_ms = (!is_final).then(|| failures::next_try(now, next.failures));
        let limit_bytes = self.limit_it_had(row).await?;
        let in_a_row = self.in_a_row(row.id, next.failures, now).await?;
        let reason = death.reason(limit_bytes, in_a_row, next.next_try_at_ms);
        let (turn, reason) = match upgrade::undo(row, &reason, now)? {
            // The old version does not wait for what the new one did.
            Some((turn, told)) => {
                next.failures = 0;
                next.next_try_at_ms = None;
                (Some(turn), told)
            }
            None => (None, reason),
        };
        next.reason = Some(json_of(&reason)?);
        next.observed = name_of(&Observed::Failed);
        next.health = name_of(&Health::Unhealthy);
        next.since_ms = now;
        next.stages = json_of(&ended(from_json(&row.stages)?, now))?;
        next.well_config_id = self.well_with(row, now);
        (next.started_at_ms, next.ready_at_ms) = (None, None);
        tracing::warn!(bot.id = %row.id, reason = reason.code, restarts = next.restarts, "a bot died");
        let exit = match &death {
            Death::Ended(exit) => Some(exit),
            Death::Hung { .. } => None,
        };
        let told = postmortems::Died { reason: &reason, exit, lived_ms, at_ms: now, limit_bytes };
        let gone = bot::Model { well_config_id: next.well_config_id, ..row.clone() };
        let left = Some(self.postmortem(&gone, told).await?);
        let (kind, lived_ms) = (BotEventKind::Died, Some(lived_ms));
        let died = Seen { kind, reason: Some(reason), lived_ms, again: false, left };
        self.write_seen(next, &row.observed, Some(died), turn).await?;
        Ok(())
    }

    /// How often it died without being well in between, this time too.
    async fn in_a_row(&self, bot: BotId, failures: i64, now: i64) -> Result<InARow, OpError> {
        let granted = self.may_run()?;
        let before = u64::try_from(failures - 1).unwrap_or_default().min(MOST_IN_A_ROW);
        let deaths = store::past::deaths(self.platform.db.read(), &granted, bot, before).await?;
        let recent = deaths.into_iter().take_while(|at| (0..=A_DAY_MS).contains(&(now - at)));
        let (count, first) = recent.fold((1, now), |(count, _), at| (count + 1, at));
        Ok(InARow { count, within_ms: now - first })
    }
}

/// What a change to this state tells of a bot.
fn seen_of(now: Observed, before: &bot::Model, now_ms: i64) -> Option<Seen> {
    let kind = match now {
        Observed::Running => BotEventKind::Ready,
        Observed::Stopped => BotEventKind::Ended,
        _ => return None,
    };
    let lived_ms = before.started_at_ms.filter(|_| kind == BotEventKind::Ended).map(|at| now_ms - at);
    Some(Seen { kind, reason: None, lived_ms, again: false, left: None })
}

/// What went wrong, as those hear it who tell people.
fn failed(seen: &Seen) -> Option<Failed<'_>> {
    let died = match seen.kind {
        BotEventKind::Died => true,
        BotEventKind::Failed => false,
        _ => return None,
    };
    Some(Failed { reason: seen.reason.as_ref()?, died })
}
