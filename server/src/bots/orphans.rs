//! What belongs to no bot any more: things in runtimes that carry this instance's mark, and files.
//!
//! Things in runtimes go by themselves once two sweeps in a row have seen them without a row. Files never do: a database
//! brought back from an older backup knows less than the disk. What carries another instance's mark is shown only.

use super::{Bots, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::OpError,
        text::name_of,
        verbs::{Rest, Verbs},
    },
};
use api::{Verb, bots::RuntimeKind, ids::BotId, orphans::*};
use policy::{Granted, act};
use runtime::{Observation, Runtime};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Two sweeps closer together than this count as one: an engine that comes back asks for several.
const APART_MS: i64 = 20_000;
/// How long asking other instances' things may take.
const LOOK: Duration = Duration::from_secs(20);

/// Since when each thing is seen without a row, in every sweep.
pub(super) type Left = Mutex<HashMap<(RuntimeKind, BotId), i64>>;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    let rest = Rest::get("/api/orphans").says("What belongs to no bot any more; nothing is changed.");
    verbs.on::<ListOrphans, act::ReadOrphans, _, _, _>(rest, bots, list);
    let rest = Rest::post("/api/orphans/remove").says("Removes what is this instance's of it.");
    verbs.on::<RemoveOrphans, act::RemoveOrphans, _, _, _>(rest, bots, remove);
}

async fn list(
    b: Arc<Bots>,
    _ctx: OpCtx,
    _: Granted<act::ReadOrphans>,
    _q: ListOrphans,
) -> Result<Orphans, OpError> {
    b.orphans().await
}

async fn remove(
    b: Arc<Bots>,
    ctx: OpCtx,
    _: Granted<act::RemoveOrphans>,
    q: RemoveOrphans,
) -> Result<OrphansRemoved, OpError> {
    let found = b.orphans().await?.items.into_iter().filter(|orphan| orphan.foreign.is_none());
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    for orphan in found {
        let Some(bot) = orphan.bot else { continue };
        if q.bots.as_ref().is_some_and(|bots| !bots.contains(&bot)) {
            continue;
        }
        match b.remove_orphan(&ctx, orphan.place, bot).await {
            Ok(true) => removed.push(orphan),
            Ok(false) => {}
            Err(why) => failed.push(OrphanFailed { orphan, why: why.to_string() }),
        }
    }
    Ok(OrphansRemoved { removed, failed })
}

const fn place_of(kind: RuntimeKind) -> OrphanPlace {
    match kind {
        RuntimeKind::Docker => OrphanPlace::Docker,
        RuntimeKind::Process => OrphanPlace::Process,
    }
}

/// Its name for people, since when it is there, and whether it lives.
fn seen(bot: BotId, seen: &Observation) -> (String, Option<i64>, bool) {
    match seen {
        Observation::Running { handle, started_at_ms, .. } => (handle.clone(), Some(*started_at_ms), true),
        Observation::Exited { at_ms, .. } => (bot.to_string(), *at_ms, false),
        Observation::Created { .. } | Observation::Absent => (bot.to_string(), None, false),
    }
}

impl Bots {
    /// Everything without a bot, and what is foreign.
    async fn orphans(&self) -> Result<Orphans, OpError> {
        let (mut items, mut silent) = (Vec::new(), Vec::new());
        for (kind, runtime) in self.runtimes.all() {
            let look =
                async { Ok::<_, runtime::RuntimeError>((runtime.list().await?, runtime.foreign().await?)) };
            let (found, foreign) = match tokio::time::timeout(LOOK, look).await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => {
                    tracing::info!(runtime = ?kind, error = %error, "a runtime does not say what it holds");
                    silent.push(kind);
                    continue;
                }
                Err(_late) => {
                    silent.push(kind);
                    continue;
                }
            };
            items.extend(found.into_iter().map(|thing| {
                let (name, since_ms, running) = seen(thing.bot, &thing.seen);
                let first = self.left().get(&(kind, thing.bot)).copied();
                let (place, bot) = (place_of(kind), Some(thing.bot));
                Orphan { place, name, bot, foreign: None, since_ms: since_ms.or(first), running }
            }));
            items.extend(foreign.into_iter().map(|thing| Orphan {
                place: place_of(kind),
                name: thing.handle,
                bot: None,
                foreign: Some(thing.instance),
                since_ms: thing.since_ms,
                running: true,
            }));
        }
        items.extend(self.runtimes.files().await?.into_iter().map(|(bot, since_ms)| Orphan {
            place: OrphanPlace::Files,
            name: format!("bots/{bot}"),
            bot: Some(bot),
            foreign: None,
            since_ms,
            running: false,
        }));
        // Rows are read last: what was found before and has none is left over.
        let mut known = store::ids(self.platform.db.read(), &self.may_run()?).await?;
        known.extend(self.rehearsals().await?);
        items.retain(|orphan| orphan.bot.is_none_or(|bot| !known.contains(&bot)));
        Ok(Orphans { items, silent })
    }

    fn left(&self) -> std::sync::MutexGuard<'_, HashMap<(RuntimeKind, BotId), i64>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of `now_left` that an earlier sweep has seen, and every one since.
    fn left_again(&self, now_left: &HashSet<(RuntimeKind, BotId)>) -> Vec<(RuntimeKind, BotId)> {
        let now = self.platform.clock.now_ms();
        let mut left = self.left();
        left.retain(|thing, _| now_left.contains(thing));
        for thing in now_left {
            left.entry(*thing).or_insert(now);
        }
        left.iter().filter(|(_, since)| now - **since >= APART_MS).map(|(thing, _)| *thing).collect()
    }

    /// Removes things in runtimes that no row knows: what a crash between purge and removal leaves.
    pub(super) async fn remove_orphans(&self, now_left: HashSet<(RuntimeKind, BotId)>) {
        for (kind, bot) in self.left_again(&now_left) {
            tracing::warn!(bot.id = %bot, runtime = ?kind, "removing what is left of a deleted bot");
            if let Err(error) = self.remove_orphan(&self.system(), place_of(kind), bot).await {
                tracing::warn!(bot.id = %bot, error = %error, "cannot remove it");
            }
        }
    }

    /// Removes one thing, unless it has a row after all. It is in the audit log.
    async fn remove_orphan(&self, ctx: &OpCtx, place: OrphanPlace, bot: BotId) -> Result<bool, OpError> {
        // Whoever makes files with their row in one transaction is waited for.
        let granted = self.may_run()?;
        let load = async |tx: &_| store::load(tx, &granted, bot).await;
        let has_row = self.platform.db.write(load).await?.is_some();
        if has_row || self.rehearsals().await?.contains(&bot) {
            return Ok(false);
        }
        let removed = match place {
            OrphanPlace::Files => self.runtimes.remove_files(bot).await,
            OrphanPlace::Docker => self.remove_thing(RuntimeKind::Docker, bot).await,
            OrphanPlace::Process => self.remove_thing(RuntimeKind::Process, bot).await,
        };
        removed.map_err(|e| OpError::internal("removing an orphan", e))?;
        let target = Some(format!("{}:{bot}", name_of(&place)));
        let written = self.platform.db.write(async |tx| {
            audit::record(tx, self.platform.ids.as_ref(), ctx, RemoveOrphans::NAME, target).await
        });
        written.await?;
        Ok(true)
    }

    async fn remove_thing(&self, kind: RuntimeKind, bot: BotId) -> Result<(), runtime::RuntimeError> {
        let runtime: Option<&Arc<dyn Runtime>> =
            self.runtimes.all().find(|(of, _)| *of == kind).map(|(_, runtime)| runtime);
        match runtime {
            Some(runtime) => runtime.remove(bot).await,
            None => Ok(()),
        }
    }
}
