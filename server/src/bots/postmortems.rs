//! Use cases of what a bot left when it died: its last words, how it ended, and what was changed since it was well.
//!
//! Kept in the database, not among the bot's files: it is written in the transaction of the death that it tells, no
//! bot can reach it, and a backup has it.

use super::{Bots, redact::redacted, runtimes::Exit, store};
use crate::platform::{
    ctx::OpCtx,
    db::Cursor,
    error::OpError,
    text::{from_json, json_of, name_of},
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
}

impl Bots {
    /// The settings that a bot was well with: those of its present life, where that has lasted long enough with them.
    pub(super) fn well_with(&self, row: &bot::Model, now_ms: i64) -> Option<BotConfigId> {
        let written = self
            .memory(row.id, |m| m.configured)
            .filter(|(config, _)| Some(*config) == row.running_config_id);
        let since = row.started_at_ms.map(|at| written.map_or(at, |(_, written)| at.max(written)));
        // Long alive is not well: a gateway that never came was not.
        let came = self.memory(row.id, |m| m.was_ready) == Some(row.generation);
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
            memory_limit_bytes: super::runtimes::memory_limit_bytes(),
            changes: self.changes(row).await?,
            well_config: row.well_config_id,
            lines: read.lines.into_iter().map(line).collect(),
            cut: read.skipped,
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
        let granted = self.may_run()?;
        let db = self.platform.db.read();
        let (well, now) = (
            store::postmortems::config(db, &granted, row.id, well).await?,
            store::postmortems::config(db, &granted, row.id, now).await?,
        );
        match (well, now) {
            (Some(well), Some(now)) => Ok(changed(&from_json(&well.settings)?, &from_json(&now.settings)?)),
            _ => Ok(Vec::new()),
        }
    }
}

fn changed(before: &BotSettings, after: &BotSettings) -> Vec<SettingChange> {
    let short = |text: &str| text.chars().take(LETTERS).collect::<String>();
    let settings = [
        ("name", before.name.clone(), after.name.clone()),
        ("model", before.model.clone(), after.model.clone()),
        ("prompt", before.prompt.clone(), after.prompt.clone()),
        ("profile", name_of(&before.profile), name_of(&after.profile)),
    ];
    let differ = settings.into_iter().filter(|(_, before, after)| before != after);
    differ
        .map(|(setting, before, after)| SettingChange {
            setting: setting.to_owned(),
            before: short(&before),
            after: short(&after),
        })
        .collect()
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
    from_json(&found.bundle)
}
