//! Looking at bots' calls as they are written, and telling people once a day.

use super::{
    super::{Budgets, store},
    track::{Call, Finding, Rules, Track},
};
use crate::{
    platform::{ctx::OpCtx, error::OpError},
    usage::Sees,
};
use api::{
    bots::Reason,
    ids::{BotId, RequestId, WorkspaceId},
    notify::NotificationKind as Kind,
};
use arc_swap::ArcSwap;
use entity::budgets::runaway;
use policy::{Granted, act};
use relay::{End, UsageRow};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

const DAY_MS: i64 = 24 * 3_600_000;
/// Bots that are remembered; beyond, whoever called longest ago is forgotten.
const BOTS: usize = 4_096;

/// Bots' calls, and word that some of them look like a runaway.
#[derive(Default)]
pub(in crate::budgets) struct Runaway {
    tracks: Mutex<HashMap<BotId, (WorkspaceId, Track)>>,
    pub(in crate::budgets) suspects: Notify,
    /// What workspaces say of it; what Chela ships for the others.
    rules: ArcSwap<HashMap<WorkspaceId, Rules>>,
    /// Whose turn it is to read them.
    pub(super) reading: tokio::sync::Mutex<()>,
}

impl Runaway {
    fn tracks(&self) -> MutexGuard<'_, HashMap<BotId, (WorkspaceId, Track)>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this holds.
    pub(super) fn go_by(&self, rules: HashMap<WorkspaceId, Rules>) {
        self.rules.store(Arc::new(rules));
    }

    fn rules(&self, of: WorkspaceId) -> Rules {
        self.rules.load().get(&of).copied().unwrap_or_default()
    }

    /// Those that look like one and of whom nobody was told today.
    fn suspected(&self) -> Vec<BotId> {
        let tracks = self.tracks();
        let all = tracks
            .iter()
            .filter(|(_, (of, track))| is_news(track) && track.finding(&self.rules(*of)).is_some());
        all.map(|(bot, _)| *bot).collect()
    }

    /// What a bot's calls look like now that it is known when somebody wrote to it last.
    fn judged(&self, bot: BotId, written_ms: Option<i64>) -> Option<(WorkspaceId, Finding, i64)> {
        let mut tracks = self.tracks();
        let (workspace, track) = tracks.get_mut(&bot)?;
        track.written_ms = written_ms.or(track.written_ms);
        Some((*workspace, track.finding(&self.rules(*workspace))?, day(track)))
    }

    /// People were told of it today.
    fn told(&self, bot: BotId, day: i64) {
        if let Some((_, track)) = self.tracks().get_mut(&bot) {
            track.told_day = Some(day);
        }
    }
}

fn day(track: &Track) -> i64 {
    track.last_ms().div_euclid(DAY_MS)
}

fn is_news(track: &Track) -> bool {
    track.told_day != Some(day(track))
}

impl Sees for Budgets {
    fn saw(&self, calls: &[UsageRow]) {
        let mut tracks = self.runaway.tracks();
        let mut suspects = false;
        // What was refused spends nothing, unless an attempt before that was charged.
        for row in calls.iter().filter(|row| row.end != End::Refused || row.cost_micro_usd > Some(0)) {
            let Some(bot) = row.bot else { continue };
            let rules = self.runaway.rules(row.workspace);
            let track = &mut tracks.entry(bot).or_insert_with(|| (row.workspace, Track::default())).1;
            let call = Call {
                at_ms: row.started_ms,
                bytes: i64::try_from(row.sent_bytes).unwrap_or(i64::MAX),
                micro_usd: row.cost_micro_usd.unwrap_or(0),
            };
            track.see(call, &rules);
            suspects |= is_news(track) && track.finding(&rules).is_some();
        }
        while tracks.len() > BOTS {
            let Some(oldest) =
                tracks.iter().min_by_key(|(_, (_, track))| track.last_ms()).map(|(bot, _)| *bot)
            else {
                break;
            };
            tracks.remove(&oldest);
        }
        if suspects {
            self.runaway.suspects.notify_one();
        }
    }
}

impl Budgets {
    /// Tells of those nobody was told of today, unless somebody wrote to them.
    pub(in crate::budgets) async fn tell_of_runaways(&self) -> Result<(), OpError> {
        for bot in self.runaway.suspected() {
            if let Err(error) = self.look_at_suspect(bot).await {
                // Deleted meanwhile, say. It keeps nobody from hearing of the others; what it does next counts anew.
                tracing::warn!(bot = %bot, error = %error, "a bot that may spend for nobody could not be told of");
                self.runaway.tracks().remove(&bot);
            }
        }
        Ok(())
    }

    async fn look_at_suspect(&self, bot: BotId) -> Result<(), OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let written_ms = self.bots.last_written_ms(&ctx, bot).await?;
        let Some((workspace, finding, day)) = self.runaway.judged(bot, written_ms) else { return Ok(()) };
        let granted = policy::check::<act::RunBudgets>(&ctx.subject)?;
        self.tell_of_runaway(&granted, (workspace, bot), finding, day).await?;
        self.runaway.told(bot, day);
        Ok(())
    }

    async fn tell_of_runaway(
        &self,
        granted: &Granted<act::RunBudgets>,
        (workspace, bot): (WorkspaceId, BotId),
        finding: Finding,
        day: i64,
    ) -> Result<(), OpError> {
        let (kind, reason) = words(finding);
        let first = self
            .platform
            .db
            .write(async |tx| {
                let model = runaway::Model { bot_id: bot, day, workspace_id: workspace };
                if !store::first_runaway(tx, granted, model).await? {
                    return Ok(false);
                }
                self.notify.budget(tx, (workspace, Some(bot)), about(bot), kind, &reason).await?;
                Ok::<_, OpError>(true)
            })
            .await?;
        if first {
            let what = if kind == Kind::HeartbeatLoop { "loop" } else { "idle" };
            metrics::counter!("chela_runaway_bots_total", "what" => what).increment(1);
            self.notify.tell_of(workspace);
        }
        Ok(())
    }

    /// Ends what is over: somebody wrote to the bot or stopped its calls, or a day has passed. Long ago is forgotten.
    pub(in crate::budgets) async fn end_runaways(
        &self,
        granted: &Granted<act::RunBudgets>,
    ) -> Result<(), OpError> {
        let now_ms = self.platform.clock.now_ms();
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now_ms, None);
        let mut going_on = Vec::new();
        for (workspace, bot, about, last_ms) in self.notify.open_runaways().await? {
            let stopped = self.routing.relay().is_stopped(workspace, Some(bot), "");
            let written = self.bots.last_written_ms(&ctx, bot).await?.is_some_and(|at| at > last_ms);
            if !stopped && !written && last_ms + DAY_MS > now_ms {
                going_on.push(about);
            }
        }
        self.notify.end_runaways(&going_on).await?;
        let before = now_ms.div_euclid(DAY_MS) - 40;
        self.platform.db.write(async |tx| store::forget_runaways(tx, granted, before).await).await
    }
}

fn about(bot: BotId) -> String {
    format!("{bot}:spending")
}

/// What happened, with figures.
fn words(finding: Finding) -> (Kind, Reason) {
    let (kind, code, message) = match finding {
        Finding::Loop { calls, apart_ms, bytes } => {
            let kb = (bytes / 1_000).max(1);
            let every = span(apart_ms);
            let message =
                format!("{calls} calls of about {kb} KB, one every {every}, and nobody wrote to it.");
            (Kind::HeartbeatLoop, "heartbeat_loop", message)
        }
        Finding::Idle { micro_usd, for_ms } => {
            let usd = format!("{}.{:02}", micro_usd / 1_000_000, micro_usd % 1_000_000 / 10_000);
            let message = format!("{usd} USD in {}, and nobody wrote to it meanwhile.", span(for_ms));
            (Kind::IdleSpend, "idle_spend", message)
        }
    };
    let hint = Some("Stop its spending, or set a budget for it: Budgets, or the bot's Usage tab.".to_owned());
    (kind, Reason { code: code.to_owned(), message, hint })
}

/// A length of time as people say it.
fn span(ms: i64) -> String {
    match ms / 1_000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}
