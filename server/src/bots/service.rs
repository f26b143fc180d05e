//! Use cases of bots.

use super::{
    Links, acts, configs, create, diagnose, health, many, past, postmortems, rows, settings, store, trash,
    unisolated,
};
use crate::{
    audit,
    platform::{
        Platform,
        ctx::OpCtx,
        error::OpError,
        jobs::NewJob,
        text::json_of,
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Code, Verb, bots::*, chat::ThreadSummary, ids::*};
use entity::bots::{bot, bot_config};
use policy::{Granted, act};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicBool},
};

/// Lists the threads of a bot for its snapshot; the chat slice provides it.
#[async_trait::async_trait]
pub trait ThreadList: Send + Sync {
    /// The newest threads of a bot.
    async fn threads(&self, ctx: &OpCtx, bot: BotId) -> Result<Vec<ThreadSummary>, OpError>;
    /// What is under way with a bot, and when it last was.
    async fn activity(&self, ctx: &OpCtx, bot: BotId) -> Result<super::Activity, OpError>;
    /// When a person last wrote to a bot.
    async fn last_written_ms(&self, ctx: &OpCtx, bot: BotId) -> Result<Option<i64>, OpError>;
    /// When a bot last finished an answer.
    async fn last_answer_ms(&self, ctx: &OpCtx, bot: BotId) -> Result<Option<i64>, OpError>;
}

/// Which models the workspace's keys give; the keys slice provides it.
#[async_trait::async_trait]
pub trait ModelList: Send + Sync {
    /// Models to choose from, the best first.
    async fn models(&self, ctx: &OpCtx) -> Result<Vec<ModelChoice>, OpError>;
}

/// What the slice works with.
pub struct Bots {
    pub(super) platform: Arc<Platform>,
    pub(super) runtimes: super::Runtimes,
    pub(super) links: Arc<Links>,
    pub(super) wires: Arc<dyn super::Wires>,
    /// The relay could not be told of a change.
    pub(super) wires_stale: AtomicBool,
    pub(super) models: Arc<dyn ModelList>,
    pub(super) vendors: Arc<dyn super::ModelCheck>,
    /// What vendors said last.
    pub(super) probes: health::Probes,
    /// Set once by the composition: chats stand on bots, not bots on chats.
    pub threads: OnceLock<Arc<dyn ThreadList>>,
    /// Who knows of model calls; set once by the composition.
    pub calls: OnceLock<Arc<dyn super::Calls>>,
    /// Who is told what becomes of bots; set once by the composition.
    pub hears: OnceLock<Arc<dyn super::Hears>>,
    /// Held by the upgrade that rehearses.
    pub(super) rehearsing: tokio::sync::Mutex<()>,
    pub(super) state: Mutex<HashMap<BotId, super::reconcile::Memory>>,
    /// What sweeps have seen that has no row.
    pub(super) left: super::orphans::Left,
    /// Held while somebody counts a bot's files.
    pub(super) counting: tokio::sync::Mutex<()>,
    pub(super) meters: super::metrics::Meters,
    /// Bots whose files were counted, the one of longest ago first.
    pub(super) counted: Mutex<Vec<BotId>>,
    /// Stops and deletions that wait until they can be written.
    pub(super) halts: super::halts::Halts,
}

/// The job that brings a bot to what is wanted.
pub(super) const RECONCILE: &str = "bots.reconcile";

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<GetBot, act::ReadBots, _, _, _>(Rest::get("/api/bots/{bot}").says("One bot."), bots, get);
    verbs.on::<BotOptions, act::ReadBots, _, _, _>(
        Rest::get("/api/bot-options").says("Models and runtimes to choose from."),
        bots,
        options,
    );
    verbs.on::<ReadLogs, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/logs").says("Output of a bot; with a cursor, what came since."),
        bots,
        super::logs::read,
    );
    verbs.on::<ReadStorage, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/storage").says("Counts what a bot keeps, up to a limit."),
        bots,
        storage,
    );
    create::register(verbs, bots);
    acts::register(verbs, bots);
    unisolated::register(verbs, bots);
    many::register(verbs, bots);
    trash::register(verbs, bots);
    super::upgrade::register(verbs, bots);
    past::register(verbs, bots);
    super::metrics::register(verbs, bots);
    health::register(verbs, bots);
    postmortems::register(verbs, bots);
    configs::register(verbs, bots);
    diagnose::register(verbs, bots);
    super::orphans::register(verbs, bots);
    verbs.on::<UpdateBot, act::WriteBots, _, _, _>(
        Rest::patch("/api/bots/{bot}").says("Saves a pending change."),
        bots,
        update,
    );
    verbs.on::<ApplyBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/apply").says("Applies the pending change."),
        bots,
        apply,
    );
    verbs.on::<DiscardBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/discard").says("Drops the pending change."),
        bots,
        discard,
    );
}

impl Bots {
    /// Wires the slice; nothing runs before [`Bots::spawn_wakers`].
    pub fn new(
        platform: Arc<Platform>,
        runtimes: super::Runtimes,
        wires: Arc<dyn super::Wires>,
        models: Arc<dyn ModelList>,
        vendors: Arc<dyn super::ModelCheck>,
    ) -> Arc<Self> {
        let clock = Arc::new(openclaw::clock::SystemClock::default());
        let links = Links::new(clock, platform.tasks.clone());
        let (threads, hears, state) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        let halts = super::halts::Halts::open(&platform.config.data_dir.join("bots.journal"));
        Arc::new(Self {
            platform,
            runtimes,
            links,
            wires,
            wires_stale: AtomicBool::new(false),
            models,
            vendors,
            probes: Default::default(),
            threads,
            calls: OnceLock::new(),
            hears,
            rehearsing: Default::default(),
            state,
            left: Default::default(),
            counting: Default::default(),
            meters: Default::default(),
            counted: Default::default(),
            halts,
        })
    }

    /// The connections to gateways.
    pub fn links(&self) -> &Arc<Links> {
        &self.links
    }

    /// The runtimes.
    pub fn runtimes(&self) -> &super::Runtimes {
        &self.runtimes
    }

    /// How far the present stage of a bot has come.
    pub(super) fn note(&self, bot: BotId) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).get(&bot).and_then(|m| m.note.clone())
    }

    pub(super) async fn threads_of(&self, ctx: &OpCtx, bot: BotId) -> Result<Vec<ThreadSummary>, OpError> {
        match self.threads.get() {
            Some(list) => list.threads(ctx, bot).await,
            None => Ok(Vec::new()),
        }
    }

    /// When a bot last finished an answer.
    pub(super) async fn last_answer(&self, ctx: &OpCtx, bot: BotId) -> Result<Option<i64>, OpError> {
        match self.threads.get() {
            Some(list) => list.last_answer_ms(ctx, bot).await,
            None => Ok(None),
        }
    }

    /// When a person last wrote to a bot; what it says by itself is not that.
    ///
    /// # Errors
    /// What the database says.
    pub async fn last_written_ms(&self, ctx: &OpCtx, bot: BotId) -> Result<Option<i64>, OpError> {
        match self.threads.get() {
            Some(list) => list.last_written_ms(ctx, bot).await,
            None => Ok(None),
        }
    }

    /// The bot behind an id or slug, for other slices.
    ///
    /// # Errors
    /// `not_found` where the caller may not see it.
    pub async fn find(
        &self,
        granted: &Granted<impl policy::Action>,
        bot: &str,
    ) -> Result<bot::Model, OpError> {
        let row = store::find(self.platform.db.read(), granted, bot).await?;
        self.halts.shown(row).ok_or_else(|| ApiError::not_found().into())
    }

    /// The bot of an id, also one in the trash: it may come back.
    ///
    /// # Errors
    /// `not_found` where it is deleted, or the caller may not see it.
    pub async fn find_kept(
        &self,
        granted: &Granted<impl policy::Action>,
        bot: BotId,
    ) -> Result<bot::Model, OpError> {
        let row = store::many::find_any(self.platform.db.read(), granted, &bot.to_string()).await?;
        self.halts.shown(row).ok_or_else(|| ApiError::not_found().into())
    }

    /// The gateway of a running bot.
    ///
    /// # Errors
    /// `unavailable` in words a person understands, where it is not ready.
    pub fn gateway(&self, row: &bot::Model) -> Result<openclaw::Gateway, ApiError> {
        self.links.gateway(row.id).ok_or_else(|| {
            let error = ApiError::new(Code::Unavailable, format!("{} is not ready yet.", row.name));
            match row.desired.as_str() {
                "running" => error.with_hint("It is starting; send again in a moment.").retry_after(2_000),
                _ => error.with_hint("Start it first."),
            }
        })
    }

    /// Removes what a bot keeps of a forgotten session.
    ///
    /// # Errors
    /// The files cannot be reached.
    pub async fn forget_files(&self, row: &bot::Model, named: &[String]) -> Result<(), OpError> {
        let done = self.runtimes.delete_state_files(row, named).await;
        done.map_err(|e| OpError::internal("removing a forgotten transcript", e))
    }

    /// A job that looks at this bot, as part of `tx`.
    pub(super) async fn look<C: sea_orm::ConnectionTrait>(
        &self,
        tx: &C,
        bot: BotId,
        now_ms: i64,
    ) -> Result<(), OpError> {
        let job = NewJob {
            kind: RECONCILE,
            payload: bot.to_string(),
            unique_key: Some(format!("{RECONCILE}:{bot}")),
            run_at_ms: now_ms,
        };
        self.platform.jobs.add(tx, job).await
    }

    /// Looks at a bot soon: something about it changed outside.
    pub(super) async fn poke(&self, bot: BotId) {
        let now = self.platform.clock.now_ms();
        match self.platform.db.write(async |tx| self.look(tx, bot, now).await).await {
            Ok(()) => self.platform.jobs.wake(),
            // The resync looks at it within half a minute anyway.
            Err(error) => {
                tracing::warn!(bot.id = %bot, error = %error, "cannot note that a bot needs a look")
            }
        }
    }

    /// Changes a bot's row in one transaction with audit and job, then tells everybody.
    pub(super) async fn change(
        &self,
        ctx: &OpCtx,
        granted: &Granted<act::WriteBots>,
        bot: &str,
        expected: Option<i64>,
        act: &'static str,
        work: impl AsyncFnOnce(&sea_orm::DatabaseTransaction, &mut bot::Model) -> Result<bool, OpError>,
    ) -> Result<BotDetail, OpError> {
        self.write_all_halts().await?;
        let row = self
            .platform
            .db
            .write(async |tx| {
                let mut row = store::many::find_any(tx, granted, bot).await?;
                // What is in the trash can be deleted for good, and nothing else.
                if row.trashed_at_ms.is_some() && act != DeleteBot::NAME {
                    return Err(ApiError::not_found().into());
                }
                if let Some(expected) = expected.filter(|e| *e != row.version) {
                    return Err(ApiError::stale(expected, row.version).into());
                }
                if !work(tx, &mut row).await? {
                    return Ok(row);
                }
                let row = store::update(tx, granted, row).await?;
                audit::record(tx, self.platform.ids.as_ref(), ctx, act, Some(row.id.to_string())).await?;
                self.remember_act(tx, &row, act, &ctx.actor().to_string(), ctx.now_ms).await?;
                self.look(tx, row.id, ctx.now_ms).await?;
                Ok(row)
            })
            .await?;
        self.platform.jobs.wake();
        self.publish(&row);
        self.detail(&row)
    }

    pub(super) fn config_row(
        &self,
        ctx: &OpCtx,
        row: &bot::Model,
        settings: &BotSettings,
    ) -> Result<bot_config::Model, OpError> {
        Ok(bot_config::Model {
            id: BotConfigId(self.platform.ids.uuid()),
            workspace_id: row.workspace_id,
            bot_id: row.id,
            settings: json_of(settings)?,
            created_by: ctx.actor().to_string(),
            created_at_ms: ctx.now_ms,
        })
    }
}

async fn get(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: GetBot,
) -> Result<BotDetail, OpError> {
    let row = b.find(&granted, &q.bot).await?;
    b.detail(&row)
}

async fn storage(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadStorage,
) -> Result<Storage, OpError> {
    let row = b.find(&granted, &q.bot).await?;
    // One at a time: each may keep the disk busy for seconds.
    let _turn = b.counting.lock().await;
    let parts = b.runtimes.survey(&row).await;
    Ok(Storage { parts: parts.map_err(|e| OpError::internal("counting a bot's files", e))? })
}

async fn options(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    _q: BotOptions,
) -> Result<BotChoices, OpError> {
    b.look_at_runtimes().await?;
    let workspace = granted.workspace();
    let (runtimes, unisolated) = (b.runtimes.choices(workspace), b.runtimes.unisolated(workspace));
    let mut models = b.models.models(&ctx).await?;
    // Behind them: a chain without any model to fall back on is none.
    if let (false, Some(workspace)) = (models.is_empty(), workspace) {
        models.extend(b.chain_choices(workspace));
    }
    Ok(BotChoices { models, runtimes, unisolated })
}

pub(super) async fn update(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: UpdateBot,
) -> Result<BotDetail, OpError> {
    let retagged = q.tags.is_some();
    let changed = b
        .change(&ctx, &granted, &q.bot, q.expected_version, UpdateBot::NAME, async |tx, row| {
            if let Some(tags) = &q.tags {
                row.tags = json_of(&settings::tags(tags)?)?;
            }
            if let Some(asked) = q.idle_stop_minutes {
                row.idle_stop_minutes = super::idle::minutes(asked)?;
            }
            let now = rows::detail(row)?;
            let base = now.pending.as_ref().unwrap_or(&now.settings);
            let next = settings::changed(base, &q, now.summary.runtime, &b.against_chain(row.workspace_id))?;
            b.runtimes.room_for_more(base.limits, next.limits)?;
            if store::name_taken(tx, row.workspace_id, &next.name, Some(row.id)).await? {
                return Err(ApiError::field("/name", "must be unique: another bot has this name").into());
            }
            row.pending = if next == now.settings { None } else { Some(json_of(&next)?) };
            Ok(true)
        })
        .await?;
    // They say with which provider keys its calls are made, and whose budgets they share. Also where they are as they were:
    // whoever asks again may have been told that this failed.
    if retagged {
        b.wires.refresh().await?;
    }
    Ok(changed)
}

async fn apply(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: ApplyBot,
) -> Result<BotDetail, OpError> {
    b.change(&ctx, &granted, &q.bot, q.expected_version, ApplyBot::NAME, async |tx, row| {
        let Some(settings) = rows::detail(row)?.pending else { return Ok(false) };
        b.put_settings(tx, &ctx, &granted, row, &settings).await?;
        row.pending = None;
        Ok(true)
    })
    .await
}

async fn discard(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: DiscardBot,
) -> Result<BotDetail, OpError> {
    let drop_pending = async |_tx: &_, row: &mut bot::Model| Ok(row.pending.take().is_some());
    b.change(&ctx, &granted, &q.bot, q.expected_version, DiscardBot::NAME, drop_pending).await
}
