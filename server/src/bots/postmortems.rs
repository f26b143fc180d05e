//! Use cases of what a bot left when it died: its last words, how it ended, and what was changed since it was well.
//!
//! Kept in the database, not among the bot's files: it is written in the transaction of the death that it tells, no
//! bot can reach it, and a backup has it.

use super::{Bots, redact::redacted, runtimes, runtimes::Exit, settings, store};
use crate::platform::{
    ctx::OpCtx,
    db::Cursor,
    error::OpError,
    text::{from_json, json_of},
    verbs::{Rest, Verbs},
};
use api::{
    Page,
    bots::*,
    ids::{BotConfigId, PostmortemId},
};
use entity::bots::{bot, bot_postmortem};
use policy::{Granted, act};
use runtime::{LogQuery, LogRead};
use std::{sync::Arc, time::Duration};

/// Last lines that are kept.
const LINES: usize = 500;
/// Text of them that is kept.
const BYTES: usize = 128 << 10;
/// Letters of a setting that are kept.
const LETTERS: usize = 4_000;
/// A runtime that does not give a dead bot's output by then keeps nobody from starting it again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Up for this long, a bot was well with its settings.
const WELL_MS: i64 = 60_000;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<ListPostmortems, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/postmortems").says("Its deaths, newest first; the newest 20 are kept."),
        bots,
        list,
    );
    verbs.on::<ReadPostmortem, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/postmortems/{postmortem}").says("What it left when it died."),
        bots,
        read,
    );
}

/// What is told of a death.
pub(super) struct Died<'a> {
    pub reason: &'a Reason,
    pub exit: Option<&'a Exit>,
    pub lived_ms: i64,
    pub at_ms: i64,
    /// Memory it was allowed.
    pub limit_bytes: u64,
}

impl Bots {
    /// The settings that a bot was well with: those of its present life, where that has lasted long enough with them.
    pub(super) fn well_with(&self, row: &bot::Model, now_ms: i64) -> Option<BotConfigId> {
        let written = self
            .memory(row.id, |m| m.configured)
            .filter(|(config, _)| Some(*config) == row.running_config_id);
        let since = row.started_at_ms.map(|at| written.map_or(at, |(_, written)| at.max(written)));
        // Long alive is not well: a gateway that never came was not.
        let came = row.ready_at_ms.is_some() || self.memory(row.id, |m| m.was_ready) == Some(row.generation);
        let well = since.filter(|at| came && now_ms - at >= WELL_MS);
        well.and(row.running_config_id).or(row.well_config_id)
    }

    /// Gathers what a bot leaves. What cannot be had is left out: a death is noted all the same.
    pub(super) async fn postmortem(
        &self,
        row: &bot::Model,
        died: Died<'_>,
    ) -> Result<bot_postmortem::Model, OpError> {
        let read = self.last_words(row).await;
        let line = |line: runtime::LogLine| LogLine {
            at_ms: line.at_ms,
            level: super::logs::level(line.level()),
            text: redacted(&line.plain()),
        };
        let summary = PostmortemSummary {
            id: PostmortemId(self.platform.ids.uuid()),
            at_ms: died.at_ms,
            reason: died.reason.clone(),
            generation: row.generation,
            lived_ms: died.lived_ms,
            exit_code: died.exit.and_then(|exit| exit.code),
            out_of_memory: died.exit.is_some_and(|exit| exit.out_of_memory),
        };
        let bundle = Postmortem {
            memory_limit_bytes: died.limit_bytes,
            changes: self.changes(row).await?,
            well_config: row.well_config_id,
            lines: read.lines.into_iter().map(line).collect(),
            cut: read.skipped,
            answers: Answers::default(),
            summary,
        };
        Ok(bot_postmortem::Model {
            id: bundle.summary.id,
            workspace_id: row.workspace_id,
            bot_id: row.id,
            at_ms: died.at_ms,
            summary: json_of(&bundle.summary)?,
            bundle: json_of(&bundle)?,
        })
    }

    /// What it wrote last, secrets taken out where they are shown.
    pub(super) async fn last_words(&self, row: &bot::Model) -> LogRead {
        let query = LogQuery { lines: LINES, bytes: BYTES, ..LogQuery::default() };
        let read = async { self.runtimes.of_row(row)?.logs(row.id, &query).await };
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                tracing::warn!(bot.id = %row.id, error = %error, "a dead bot's output cannot be read");
                LogRead::default()
            }
            Err(_late) => LogRead::default(),
        }
    }

    /// What it runs with against what it was well with.
    async fn changes(&self, row: &bot::Model) -> Result<Vec<SettingChange>, OpError> {
        let (Some(well), Some(now)) = (row.well_config_id, row.running_config_id) else {
            return Ok(Vec::new());
        };
        if well == now {
            return Ok(Vec::new());
        }
        match (self.settings_of(row, well).await?, self.settings_of(row, now).await?) {
            (Some(well), Some(now)) => Ok(settings::differences(&well, &now, LETTERS)),
            _ => Ok(Vec::new()),
        }
    }

    /// Memory a bot was allowed that runs, or ran last.
    pub(super) async fn limit_it_had(&self, row: &bot::Model) -> Result<u64, OpError> {
        let had = match row.running_config_id {
            Some(config) if config != row.config_id => self.settings_of(row, config).await?,
            _ => None,
        };
        let settings = had.map_or_else(|| from_json(&row.settings), Ok)?;
        Ok(runtimes::memory_bytes(settings.limits))
    }

    /// A version of its settings.
    async fn settings_of(
        &self,
        row: &bot::Model,
        config: BotConfigId,
    ) -> Result<Option<BotSettings>, OpError> {
        let found = store::configs::find(self.platform.db.read(), &self.may_run()?, row.id, config).await?;
        found.map(|config| from_json(&config.settings)).transpose()
    }
}

async fn list(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ListPostmortems,
) -> Result<Page<PostmortemSummary>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let row = b.find(&granted, &q.bot).await?;
    let page = store::postmortems::page(b.platform.db.read(), &granted, row.id, &cursor).await?;
    let items = page.items.iter().map(|(_, summary)| from_json(summary)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

async fn read(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadPostmortem,
) -> Result<Postmortem, OpError> {
    let row = b.find(&granted, &q.bot).await?;
    let found = store::postmortems::find(b.platform.db.read(), &granted, row.id, q.postmortem).await?;
    let mut told: Postmortem = from_json(&found.bundle)?;
    let limit_bytes = told.summary.out_of_memory.then_some(told.memory_limit_bytes);
    told.answers = b.answers(&granted, &row, limit_bytes).await?;
    Ok(told)
}
