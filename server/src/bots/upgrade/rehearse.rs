//! The part of an upgrade that the bot does not notice: installing the new version, and seeing it come up with a copy of
//! the bot's state. The copy is a bot of its own to the runtime, has no row, no token of the relay, and leaves nothing.

use super::{Plan, swap};
use crate::{
    bots::{
        Bots, idle, lifecycle::Seen, past::Seen as Told, reconcile::Fault, reconcile::wakers::Telling,
        redact::redacted, runtimes, store,
    },
    platform::{
        error::OpError,
        ids::random_token,
        jobs::JobEnd,
        text::{from_json, json_of, name_of},
    },
};
use api::{
    bots::{BotEventKind, BotSettings, Desired, Reason, UpgradePhase},
    ids::BotId,
};
use entity::bots::bot;
use openclaw::{ConnectOptions, Signal};
use runtime::{Hint, Hints, RuntimeError};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How long the new version may take to come up.
const COMES_UP_MS: i64 = 180_000;
/// How soon a rehearsal that waits for another one looks again, if nothing wakes it earlier.
const AGAIN_MS: i64 = 5_000;
/// How long the copy may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// How a rehearsal ended that did not go well.
enum Bad {
    /// Stopped from outside: the row tells what is wanted now.
    Cancelled,
    /// It would not do.
    Unfit(Reason),
    /// Not tried in earnest: Chela's own trouble, tried again.
    Ours(OpError),
}

impl From<OpError> for Bad {
    fn from(error: OpError) -> Self {
        Self::Ours(error)
    }
}

impl From<RuntimeError> for Bad {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Cancelled => Self::Cancelled,
            error => Self::Unfit(Reason {
                code: error.code().to_owned(),
                message: error.to_string(),
                hint: error.hint().map(str::to_owned),
            }),
        }
    }
}

impl Bots {
    /// One turn of an upgrade's job: up to the swap, or to its end.
    pub(super) async fn take_up(self: &Arc<Self>, id: BotId) -> Result<JobEnd, OpError> {
        // One at a time: each is a gateway more on this host.
        let Ok(_turn) = self.rehearsing.try_lock() else {
            return Ok(JobEnd::Again { at_ms: self.platform.clock.now_ms() + AGAIN_MS });
        };
        let granted = self.may_run()?;
        let cancel = self.memory(id, |m| m.cancel.clone());
        let Some(row) = store::load(self.platform.db.read(), &granted, id).await? else {
            return Ok(JobEnd::Done);
        };
        let Some(plan) = Plan::of(&row)? else { return Ok(JobEnd::Done) };
        // An engine that is away is waited for: a rehearsal that may still run is not forgotten.
        let later = JobEnd::Again { at_ms: self.platform.clock.now_ms() + AGAIN_MS };
        if !self.is_cleared(&row, &plan).await {
            return Ok(later);
        }
        if !plan.shown.phase.goes_on() {
            self.note_cleared(&row, &plan).await?;
        }
        if !plan.shown.phase.goes_on() || plan.shown.phase.swaps() {
            return Ok(JobEnd::Done);
        }
        let gone = row.desired == name_of(&Desired::Deleted) || row.trashed_at_ms.is_some();
        let done = if gone { Err(Bad::Unfit(put_away())) } else { self.rehearse(&row, &plan, &cancel).await };
        if !self.is_cleared(&row, &plan).await {
            return Ok(later);
        }
        let end = match done {
            Ok(()) => self.swap(id).await.map(|()| JobEnd::Done),
            Err(Bad::Unfit(reason)) => self.give_up(id, reason).await.map(|()| JobEnd::Done),
            // Stopped, started or cancelled meanwhile: the row is read again.
            Err(Bad::Cancelled) => Ok(JobEnd::Again { at_ms: self.platform.clock.now_ms() }),
            Err(Bad::Ours(error)) => Err(error),
        };
        drop(_turn);
        if end.is_ok() {
            self.platform.jobs.hasten(&format!("{}:", super::UPGRADE)).await?;
        }
        end
    }

    async fn rehearse(
        self: &Arc<Self>,
        row: &bot::Model,
        plan: &Plan,
        cancel: &CancellationToken,
    ) -> Result<(), Bad> {
        let runtime = self.runtimes.of(row)?;
        let plan = self.phase(row, plan, UpgradePhase::Preparing).await?;
        let progress = Telling { bots: self, row, furthest: AtomicU64::new(0) };
        runtime.prepare(&plan.shown.to, &progress, cancel).await?;
        if !plan.shown.rehearse {
            return Ok(());
        }
        let plan = self.phase(row, &plan, UpgradePhase::Rehearsing).await?;
        let mut trial = bot::Model {
            id: plan.trial,
            generation: 1,
            openclaw: plan.shown.to.clone(),
            uid: row.trial_uid,
            ..row.clone()
        };
        trial.gateway_port = self.runtimes.free_port(&trial).await?;
        // Heard from before it starts: no end of it is missed.
        let hints = runtime.watch();
        self.runtimes.copy_state(row, &trial).await?;
        let settings: BotSettings = from_json(&row.settings)?;
        let (gateway, nothing) = (random_token(""), random_token(""));
        let said = (&settings, self.dialect_of(row.workspace_id, &settings.model));
        self.runtimes.lay_out(&trial, said, &nothing, &gateway, &nothing).await?;
        self.runtimes.create(&trial, settings.limits, false).await?;
        runtime.start(trial.id, trial.generation).await?;
        let options =
            ConnectOptions::new(self.runtimes.endpoint(&trial)?, openclaw::Token::new(gateway.as_str()));
        self.comes_up(&trial, options, hints, cancel).await
    }

    /// Waits until the copy's gateway lets us in, or the copy ends, or its time is up.
    async fn comes_up(
        &self,
        trial: &bot::Model,
        options: ConnectOptions,
        mut hints: Hints,
        cancel: &CancellationToken,
    ) -> Result<(), Bad> {
        let clock = Arc::new(openclaw::clock::SystemClock::default());
        let deadline = self.platform.clock.now_ms() + COMES_UP_MS;
        let (_connection, mut signals) = openclaw::supervise(options, clock);
        loop {
            let look = tokio::select! {
                () = cancel.cancelled() => return Err(Bad::Cancelled),
                () = self.platform.shutdown.cancelled() => return Err(Bad::Cancelled),
                () = self.platform.clock.wait_until(deadline) => return Err(Bad::Unfit(late(&trial.openclaw))),
                signal = signals.next() => match signal {
                    Some(Signal::Ready { hello, .. }) => return self.is_that(trial, &hello.server.version),
                    Some(Signal::Lost { .. }) => true,
                    Some(_) => false,
                    None => return Err(Bad::Unfit(late(&trial.openclaw))),
                },
                hint = hints.next() => match hint {
                    Some(Hint::Bot(bot)) => bot == trial.id,
                    Some(Hint::All) | None => true,
                },
            };
            if look && let (Seen::Exited { .. }, exit) = self.runtimes.inspect(trial).await? {
                return Err(Bad::Unfit(self.ended(trial, exit).await));
            }
        }
    }

    /// A gateway that calls itself another version is not the one that was to be tried.
    fn is_that(&self, trial: &bot::Model, says: &str) -> Result<(), Bad> {
        let wanted = &trial.openclaw;
        if self.runtimes.runs_a_command() || !runtime::is_version(wanted) || says == wanted || says.is_empty()
        {
            return Ok(());
        }
        let message = format!("What came up as OpenClaw {wanted} says that it is {says}.");
        Err(Bad::Unfit(Reason { code: "other_version".to_owned(), message, hint: None }))
    }

    async fn ended(&self, trial: &bot::Model, exit: Option<runtimes::Exit>) -> Reason {
        let how = match exit.and_then(|exit| exit.code) {
            Some(78) => "refused its configuration (exit 78)".to_owned(),
            Some(code) => format!("ended with code {code}"),
            None => "ended".to_owned(),
        };
        let read = self.last_words(trial).await;
        let line = read.lines.iter().rev().find(|line| !line.text.trim().is_empty());
        let said = line.map_or_else(String::new, |line| {
            let words: String = redacted(&line.text).chars().take(300).collect();
            format!(" It said last: {words}")
        });
        Reason {
            code: "rehearsal_failed".to_owned(),
            message: format!("OpenClaw {} {how} with a copy of this bot's state.{said}", trial.openclaw),
            hint: None,
        }
    }

    /// Takes away whatever a rehearsal left: process or container, and files. Whether nothing is left.
    pub(in crate::bots) async fn is_cleared(&self, row: &bot::Model, plan: &Plan) -> bool {
        let trial = bot::Model { id: plan.trial, uid: row.trial_uid, ..row.clone() };
        let clear = async {
            let runtime = self.runtimes.of(row)?;
            runtime.stop(trial.id, GRACE).await?;
            runtime.remove(trial.id).await?;
            self.runtimes.delete_files(&trial).await
        };
        let cleared: Result<(), RuntimeError> = clear.await;
        if let Err(error) = &cleared {
            tracing::warn!(bot.id = %row.id, error = %error, "a rehearsal cannot be taken away now");
        }
        cleared.is_ok()
    }

    /// An upgrade that is over has left nothing, and another one may begin.
    async fn note_cleared(&self, row: &bot::Model, plan: &Plan) -> Result<(), OpError> {
        if plan.cleared {
            return Ok(());
        }
        let next = Plan { cleared: true, ..plan.clone() };
        if self.turn_to(row, plan, &next).await? {
            let granted = self.may_run()?;
            let forget = async |tx: &_| store::upgrade::forget_trial_uid(tx, &granted, row.id).await;
            self.platform.db.write(forget).await?;
        }
        Ok(())
    }

    async fn phase(&self, row: &bot::Model, plan: &Plan, phase: UpgradePhase) -> Result<Plan, Bad> {
        let mut next = plan.clone();
        next.shown.phase = phase;
        self.turn_to(row, plan, &next).await?.then_some(next).ok_or(Bad::Cancelled)
    }

    /// Writes how far it has come, unless somebody turned it meanwhile.
    pub(super) async fn turn_to(&self, row: &bot::Model, plan: &Plan, next: &Plan) -> Result<bool, OpError> {
        let granted = self.may_run()?;
        let (before, after) = (json_of(plan)?, json_of(next)?);
        let written = self
            .platform
            .db
            .write(async |tx| store::upgrade::turn(tx, &granted, row.id, &before, &after).await);
        let written = written.await?;
        if let Some(row) = &written {
            self.publish(row);
        }
        Ok(written.is_some())
    }

    /// It came to nothing, and the bot did not notice.
    async fn give_up(&self, id: BotId, reason: Reason) -> Result<(), OpError> {
        let Some((row, plan)) = self.going(id).await? else { return Ok(()) };
        let message =
            format!("The upgrade to OpenClaw {} came to nothing: {}", plan.shown.to, reason.message);
        let hint = format!("The bot goes on with OpenClaw {}.", plan.shown.from);
        tracing::warn!(bot.id = %id, reason = reason.code, error = reason.message, "an upgrade came to nothing");
        let reason = Reason { code: "upgrade_failed".to_owned(), message, hint: Some(hint) };
        let mut next = plan.clone().turned(UpgradePhase::Failed, Some(reason), self.platform.clock.now_ms());
        next.cleared = true;
        self.ended_so(&row, &plan, &next, swap::UNDONE).await
    }

    /// The bot and its upgrade, where that goes on.
    async fn going(&self, id: BotId) -> Result<Option<(bot::Model, Plan)>, OpError> {
        let granted = self.may_run()?;
        let row = store::load(self.platform.db.read(), &granted, id).await?;
        Ok(match row {
            Some(row) => Plan::going(&row)?.map(|plan| (row, plan)),
            None => None,
        })
    }

    /// The new version takes over: the reconciler stops the old one, keeps its state, and makes the new one.
    async fn swap(&self, id: BotId) -> Result<(), OpError> {
        let Some((row, plan)) = self.going(id).await? else { return Ok(()) };
        let mut next = plan.clone().turned(UpgradePhase::Proving, None, self.platform.clock.now_ms());
        // Its own state takes the place of what was kept before.
        (next.cleared, next.kept) = (true, false);
        (next.shown.kept_version, next.shown.kept_until_ms) = (None, None);
        let granted = self.may_run()?;
        let (before, after) = (json_of(&plan)?, json_of(&next)?);
        let now = self.platform.clock.now_ms();
        let written = self.platform.db.write(async |tx| {
            let row = store::upgrade::turn(tx, &granted, row.id, &before, &after).await?;
            let Some(mut row) = row else { return Ok(None) };
            // To its uptime a restart.
            let runs = idle::wanted(&row)? == Desired::Running;
            let restart =
                Told { kind: BotEventKind::Restart, reason: None, lived_ms: None, again: false, left: None };
            if runs {
                self.remember(tx, &row, &restart).await?;
            }
            row.openclaw.clone_from(&next.shown.to);
            row.trial_uid = None;
            row.generation += 1;
            row.failures = 0;
            row.next_try_at_ms = None;
            let row = store::update(tx, &granted, row).await?;
            self.look(tx, row.id, now).await?;
            Ok(Some(row))
        });
        if let Some(row) = written.await? {
            self.platform.jobs.wake();
            self.publish(&row);
        }
        Ok(())
    }
}

fn late(version: &str) -> Reason {
    Reason {
        code: "rehearsal_late".to_owned(),
        message: format!(
            "OpenClaw {version} did not come up within {} s with a copy of this bot's state.",
            COMES_UP_MS / 1000
        ),
        hint: None,
    }
}

fn put_away() -> Reason {
    Reason { code: "bot_gone".to_owned(), message: "the bot was put away meanwhile".to_owned(), hint: None }
}

impl From<Fault> for Bad {
    fn from(fault: Fault) -> Self {
        if fault.cancelled { Self::Cancelled } else { Self::Unfit(fault.reason) }
    }
}
