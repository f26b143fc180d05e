//! Use cases of the versions of a bot's settings: making one, going back to one, and what may help a bot that died.
//!
//! History is only ever added to: going back makes a new version that equals an old one.

use super::{Bots, idle, reconcile::is_parked, settings, store};
use crate::platform::{
    ctx::OpCtx,
    db::Cursor,
    error::OpError,
    text::{from_json, json_of, named},
    verbs::{Rest, Verbs},
};
use api::{ApiError, Code, Page, Verb, bots::*, ids::BotConfigId};
use entity::bots::{bot, bot_config};
use policy::{Granted, act};
use std::sync::Arc;

/// Letters of a setting that a list shows.
const LETTERS: usize = 400;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<ListBotConfigs, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/configs")
            .says("Versions of its settings, newest first, each with what it changed."),
        bots,
        list,
    );
    verbs.on::<SetLimits, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/limits")
            .says("Changes what it may use, at once; a running bot is restarted."),
        bots,
        set_limits,
    );
    verbs.on::<RollbackBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/rollback")
            .says("Goes back to an older version of its settings, by making a new one that equals it."),
        bots,
        rollback,
    );
}

impl Bots {
    /// Makes `settings` those that a bot runs with, as a new version.
    pub(super) async fn put_settings(
        &self,
        tx: &sea_orm::DatabaseTransaction,
        ctx: &OpCtx,
        granted: &Granted<act::WriteBots>,
        row: &mut bot::Model,
        settings: &BotSettings,
    ) -> Result<(), OpError> {
        Self::no_swap(row)?;
        let before: BotSettings = from_json(&row.settings)?;
        self.runtimes.room_for_more(before.limits, settings.limits)?;
        // What runs may be about to end: that it was well with its settings is not to be lost.
        row.well_config_id = self.well_with(row, ctx.now_ms);
        let config = self.config_row(ctx, row, settings)?;
        row.config_id = config.id;
        row.name.clone_from(&settings.name);
        row.settings = json_of(settings)?;
        store::configs::add(tx, granted, config).await?;
        // One that sleeps wakes with them.
        if settings.limits != before.limits && idle::wanted(row)? == Desired::Running {
            self.admit(tx, row.workspace_id, named(&row.runtime)?).await?;
            // A process or container keeps the limits it was made with.
            row.generation += 1;
            go_on(row);
            self.remember_act(tx, row, RestartBot::NAME, &ctx.actor().to_string(), ctx.now_ms).await?;
        }
        Ok(())
    }

    /// What may help a bot that died: `limit_bytes` is what it had where it wanted more.
    pub(super) async fn answers(
        &self,
        granted: &Granted<impl policy::Action>,
        row: &bot::Model,
        limit_bytes: Option<u64>,
    ) -> Result<Answers, OpError> {
        let now: BotSettings = from_json(&row.settings)?;
        let has_bytes = super::runtimes::memory_bytes(now.limits);
        // Raised already, it is first to be seen whether that is enough.
        let more = limit_bytes.filter(|had| *had >= has_bytes).and_then(|_| now.limits.more_memory_mb());
        let raise_memory_mb = more.filter(|memory_mb| {
            let after = BotLimits { memory_mb: *memory_mb, ..now.limits };
            self.runtimes.room_for_more(now.limits, after).is_ok()
        });
        let mut rollback = None;
        if let Some(well) = row.well_config_id.filter(|well| *well != row.config_id)
            && let Some(config) = store::configs::find(self.platform.db.read(), granted, row.id, well).await?
        {
            let changes = settings::differences(&now, &from_json(&config.settings)?, LETTERS);
            rollback = (!changes.is_empty()).then_some(RollbackTo { config_id: well, changes });
        }
        Ok(Answers { raise_memory_mb, rollback })
    }
}

/// A person who changed something does not wait for the pause of a failure.
fn go_on(row: &mut bot::Model) {
    row.next_try_at_ms = None;
    row.failures = 0;
}

async fn set_limits(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: SetLimits,
) -> Result<BotDetail, OpError> {
    let change = ChangeLimits { memory_mb: q.memory_mb, cpu_milli: q.cpu_milli, pids: q.pids };
    b.change(&ctx, &granted, &q.bot, q.expected_version, SetLimits::NAME, async |tx, row| {
        let now: BotSettings = from_json(&row.settings)?;
        let next = BotSettings { limits: now.limits.with(change), ..now.clone() };
        settings::check_limits(next.limits, "")?;
        if next == now {
            return Ok(false);
        }
        b.put_settings(tx, &ctx, &granted, row, &next).await?;
        if let Some(pending) = &row.pending {
            let pending: BotSettings = from_json(pending)?;
            let pending = BotSettings { limits: pending.limits.with(change), ..pending };
            row.pending = if pending == next { None } else { Some(json_of(&pending)?) };
        }
        Ok(true)
    })
    .await
}

async fn rollback(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: RollbackBot,
) -> Result<BotDetail, OpError> {
    b.change(&ctx, &granted, &q.bot, q.expected_version, RollbackBot::NAME, async |tx, row| {
        let Some(id) = q.config_id.or(row.well_config_id) else {
            let error =
                ApiError::new(Code::Conflict, "It is not known with which settings this bot was well.");
            return Err(error
                .with_hint("Choose a version: `GET /api/bots/{bot}/configs` lists them.")
                .into());
        };
        let Some(config) = store::configs::find(tx, &granted, row.id, id).await? else {
            return Err(ApiError::field("/config_id", "must be a version of this bot's settings").into());
        };
        let then: BotSettings = from_json(&config.settings)?;
        if then == from_json(&row.settings)? {
            return Ok(false);
        }
        // Rules may have changed since, and so may the names of others.
        settings::check(&then, named(&row.runtime)?, &b.against_chain(row.workspace_id))?;
        if store::name_taken(tx, row.workspace_id, &then.name, Some(row.id)).await? {
            let text = format!("Another bot is called {} now.", then.name);
            return Err(ApiError::new(Code::Conflict, text).with_hint("Rename that one first.").into());
        }
        let waits = row.next_try_at_ms.is_some() || is_parked(row);
        b.put_settings(tx, &ctx, &granted, row, &then).await?;
        if waits {
            go_on(row);
        }
        if row.pending.as_ref().map(|it| from_json::<BotSettings>(it)).transpose()? == Some(then) {
            row.pending = None;
        }
        Ok(true)
    })
    .await
}

async fn list(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ListBotConfigs,
) -> Result<Page<BotConfigVersion>, OpError> {
    let cursor: Cursor<BotConfigId> = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let row = b.find(&granted, &q.bot).await?;
    let rows = store::configs::rows(b.platform.db.read(), &granted, row.id, &cursor).await?;
    let now: BotSettings = from_json(&row.settings)?;
    let all = rows.iter().map(|it| from_json(&it.settings)).collect::<Result<Vec<BotSettings>, _>>()?;
    let by = rows.iter().map(|row| row.created_by.as_str());
    let names = crate::audit::names(b.platform.db.read(), &granted, by).await?;
    let word = |(config, (it, before)): (bot_config::Model, (&BotSettings, Option<&BotSettings>))| {
        BotConfigVersion {
            id: config.id,
            at_ms: config.created_at_ms,
            author_name: names.get(&config.created_by).cloned(),
            author: config.created_by,
            current: config.id == row.config_id,
            well: Some(config.id) == row.well_config_id,
            changes: before.map(|before| settings::differences(before, it, LETTERS)).unwrap_or_default(),
            rollback: settings::differences(&now, it, LETTERS),
        }
    };
    let befores = all.iter().skip(1).map(Some).chain([None]);
    let rows = rows.into_iter().zip(all.iter().zip(befores)).collect();
    Ok(cursor.page(rows, |(config, _)| config.id, word))
}
