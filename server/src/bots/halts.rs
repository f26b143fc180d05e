//! Stopping and deleting while nothing can be written (a full disk, a read-only database): done at once, kept in a journal that was allocated ahead of
//! need, and written down as soon as that works. A restart of Chela in between forgets nothing.

use super::{Bots, store};
use crate::{
    audit,
    platform::{ctx::OpCtx, error::OpError, journal::Journal, text::name_of},
};
use api::{
    ApiError, Verb,
    bots::{BotDetail, DeleteBot, Desired, Observed, StopBot},
    ids::{AuditId, BotId, WorkspaceId},
    verb::Done,
};
use entity::bots::bot;
use policy::{Granted, act};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a bot may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// A bot that was stopped or deleted although its row could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Halt {
    /// Of the audit row.
    id: AuditId,
    at_ms: i64,
    workspace: WorkspaceId,
    actor: String,
    bot: BotId,
    deleted: bool,
}

#[derive(Debug)]
struct Held {
    /// Also what no longer fits into the journal.
    waiting: Vec<Halt>,
    journal: Option<Journal<Halt>>,
}

/// What waits to be written down. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Halts(Arc<Mutex<Held>>);

impl Halts {
    /// Takes in what an earlier Chela left. Without a file it goes on, and a restart forgets.
    pub(super) fn open(path: &Path) -> Self {
        let journal = Journal::open(path).map_err(|error| {
            tracing::warn!(%error, "no journal of bots: what is stopped while nothing can be written is forgotten by a restart");
        });
        let journal = journal.ok();
        let waiting = journal.as_ref().map(|j: &Journal<Halt>| j.entries().to_vec()).unwrap_or_default();
        Self(Arc::new(Mutex::new(Held { waiting, journal })))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bots(&self) -> Vec<BotId> {
        self.held().waiting.iter().map(|halt| halt.bot).collect()
    }

    fn of(&self, bot: BotId) -> Vec<Halt> {
        self.held().waiting.iter().filter(|halt| halt.bot == bot).cloned().collect()
    }

    /// Whether something about a bot is to be written down yet.
    pub(super) fn waits(&self, bot: BotId) -> bool {
        self.held().waiting.iter().any(|halt| halt.bot == bot)
    }

    /// A row as it will be once this is written; none where the bot is deleted.
    pub(super) fn shown(&self, mut row: bot::Model) -> Option<bot::Model> {
        for halt in self.of(row.id) {
            if halt.deleted {
                return None;
            }
            row.desired = name_of(&Desired::Stopped);
            row.observed = name_of(&Observed::Stopped);
        }
        Some(row)
    }

    async fn add(&self, halt: Halt) {
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut held = this.held();
            if held.waiting.iter().any(|known| (known.bot, known.deleted) == (halt.bot, halt.deleted)) {
                return Ok(true);
            }
            held.waiting.push(halt.clone());
            held.journal.as_mut().map_or(Ok(false), |journal| journal.append(halt))
        });
        match written.await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => tracing::error!("no room in the journal of bots: a restart forgets this stop"),
            Ok(Err(error)) => tracing::error!(%error, "the journal of bots cannot be written"),
            Err(error) => tracing::error!(%error, "the journal of bots was cut off"),
        }
    }

    async fn done(&self, written: Vec<Halt>) {
        let this = self.clone();
        let forgotten = tokio::task::spawn_blocking(move || {
            let mut held = this.held();
            held.waiting.retain(|halt| !written.contains(halt));
            held.journal.as_mut().map_or(Ok(()), |journal| journal.keep(|halt| !written.contains(halt)))
        });
        if let Ok(Err(error)) = forgotten.await {
            // Written again later: harmless.
            tracing::warn!(%error, "the journal of bots could not be emptied");
        }
    }
}

impl Bots {
    /// Stops a bot although nothing can be written: stopping must always work.
    pub(super) async fn stop_unwritten(
        &self,
        ctx: &OpCtx,
        granted: &Granted<act::WriteBots>,
        bot: &str,
    ) -> Result<BotDetail, OpError> {
        let row = self.find(granted, bot).await?;
        self.halt(ctx, &row, false).await?;
        let row = self.halts.shown(row).ok_or_else(ApiError::not_found)?;
        self.publish(&row);
        self.detail(&row)
    }

    /// Deletes a bot although nothing can be written. Its files go at once: that makes room.
    pub(super) async fn delete_unwritten(
        &self,
        ctx: &OpCtx,
        granted: &Granted<act::WriteBots>,
        bot: &str,
    ) -> Result<Done, OpError> {
        let row = store::many::find_any(self.platform.db.read(), granted, bot).await?;
        let row = self.halts.shown(row).ok_or_else(ApiError::not_found)?;
        self.halt(ctx, &row, true).await?;
        self.publish_gone(&row);
        // No turn of the reconciler, which may be in the middle of making it.
        let turn = self.memory(row.id, |m| m.turn());
        let turn = turn.lock().await;
        let runtime = self.runtimes.of(&row).map_err(|e| OpError::internal("a bot's runtime", e))?;
        runtime
            .remove(row.id)
            .await
            .map_err(|e| OpError::internal("removing a bot while nothing can be written", e))?;
        self.wires.close(row.id);
        let gone = self.runtimes.delete_files(&row).await;
        gone.map_err(|e| OpError::internal("removing a bot's files while nothing can be written", e))?;
        drop(turn);
        match self.write_halts(row.id).await {
            Ok(_) => self.poke(row.id).await,
            Err(error) => tracing::info!(bot.id = %row.id, %error, "a deletion waits to be written down"),
        }
        Ok(Done {})
    }

    async fn halt(&self, ctx: &OpCtx, row: &bot::Model, deleted: bool) -> Result<(), OpError> {
        tracing::warn!(bot.id = %row.id, deleted, "stopping a bot while nothing can be written");
        let id = AuditId(self.platform.ids.uuid());
        let (actor, workspace) = (ctx.actor().to_string(), row.workspace_id);
        self.halts.add(Halt { id, at_ms: ctx.now_ms, workspace, actor, bot: row.id, deleted }).await;
        self.cancel(row.id);
        self.links.close(row.id);
        let runtime = self.runtimes.of(row).map_err(|e| OpError::internal("a bot's runtime", e))?;
        let ended = runtime.stop(row.id, GRACE).await;
        ended.map_err(|e| OpError::internal("stopping a bot while nothing can be written", e))
    }

    /// Writes down what waits for a bot. `false` where nothing did.
    pub(super) async fn write_halts(&self, id: BotId) -> Result<bool, OpError> {
        let halts = self.halts.of(id);
        if halts.is_empty() {
            return Ok(false);
        }
        let granted = self.may_run()?;
        self.platform
            .db
            .write(async |tx| {
                for halt in &halts {
                    let (wanted, act) = match halt.deleted {
                        true => (Desired::Deleted, DeleteBot::NAME),
                        false => (Desired::Stopped, StopBot::NAME),
                    };
                    store::halt(tx, &granted, id, wanted).await?;
                    let target = id.to_string();
                    audit::record_late(tx, halt.id, halt.at_ms, halt.workspace, &halt.actor, act, target)
                        .await?;
                    if let Some(row) = store::load(tx, &granted, id).await? {
                        self.remember_act(tx, &row, act, &halt.actor, halt.at_ms).await?;
                    }
                }
                Ok(())
            })
            .await?;
        self.halts.done(halts).await;
        Ok(true)
    }

    /// Writes down what waits for any bot: what people want next comes after it.
    pub(super) async fn write_all_halts(&self) -> Result<(), OpError> {
        for bot in self.halts.bots() {
            self.write_halts(bot).await?;
        }
        Ok(())
    }
}
