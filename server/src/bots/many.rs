//! Use cases of many bots: narrowing and counting the list, acting on several, making one like another.

use super::{Bots, acts, create, rows, settings, store::many, trash};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    text::{from_json, name_of},
    verbs::{Rest, Verbs},
};
use api::{ApiError, Page, bots::*, validate::Check};
use policy::{Granted, act};
use std::{collections::BTreeMap, sync::Arc};

/// Tags told of a workspace.
const MOST_TAGS: usize = 100;
/// Longest text that is looked for.
const MOST_WORDS: usize = 200;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<ListBots, act::ReadBots, _, _, _>(
        Rest::get("/api/bots").says("Bots of the workspace, narrowed and sorted."),
        bots,
        list,
    );
    verbs.on::<ReadBotStats, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/stats").says("Counts them by how they stand, and their tags."),
        bots,
        stats,
    );
    verbs.on::<BulkBots, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/bulk").says("Acts on up to 200 bots; says of each what became of it."),
        bots,
        bulk,
    );
    verbs.on::<CloneBot, act::WriteBots, _, _, _>(
        Rest::create("/api/bots/{bot}/clone").says("Makes another bot with the settings of this one."),
        bots,
        clone,
    );
}

/// Refuses what cannot be looked for.
fn words(q: Option<&str>, tag: Option<&str>) -> Result<(), ApiError> {
    let is_tag = tag.is_none_or(settings::is_tag);
    Check::new().text(q.unwrap_or_default(), MOST_WORDS, "/q").rule(is_tag, "/tag", "is no tag").done()
}

async fn list(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ListBots,
) -> Result<Page<BotSummary>, OpError> {
    let place = many::Place::parse(q.sort.as_deref(), q.limit, q.cursor.as_deref())?;
    let trashed = q.trashed.unwrap_or(false);
    words(q.q.as_deref(), q.tag.as_deref())?;
    let narrow = many::Narrow { q: q.q, tag: q.tag, runtime: q.runtime, state: q.state, trashed };
    let page = many::page(b.platform.db.read(), &granted, &narrow, &place).await?;
    let shown = page.items.into_iter().filter_map(|row| b.halts.shown(row));
    let items = shown.map(|row| rows::summary(&row)).collect::<Result<_, _>>()?;
    Ok(Page { items, next: page.next })
}

async fn stats(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadBotStats,
) -> Result<BotStats, OpError> {
    let db = b.platform.db.read();
    words(q.q.as_deref(), q.tag.as_deref())?;
    let words = many::Narrow { q: q.q, tag: q.tag, runtime: q.runtime, state: None, trashed: false };
    let [total, running, changing, stopped, attention] = many::standings(db, &granted, &words).await?;
    let mut tags = BTreeMap::<String, u64>::new();
    for of_one in many::tags(db, &granted).await? {
        for tag in from_json::<Vec<String>>(&of_one)? {
            *tags.entry(tag).or_default() += 1;
        }
    }
    let mut tags: Vec<_> = tags.into_iter().map(|(tag, bots)| TagCount { tag, bots }).collect();
    tags.sort_by_key(|tag| std::cmp::Reverse(tag.bots));
    tags.truncate(MOST_TAGS);
    let trash = many::Narrow { trashed: true, ..many::Narrow::default() };
    let trashed = many::count(db, &granted, &trash).await?;
    Ok(BotStats { total, running, changing, stopped, attention, trashed, tags })
}

async fn bulk(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: BulkBots,
) -> Result<BulkDone, OpError> {
    if !(1..=MOST_AT_ONCE).contains(&q.bots.len()) {
        return Err(ApiError::field("/bots", format!("must name 1 to {MOST_AT_ONCE} bots")).into());
    }
    let mut results = Vec::with_capacity(q.bots.len());
    for bot in q.bots {
        results.push(match one(&b, ctx.clone(), granted, q.act, bot.clone()).await {
            Ok(changed) => BulkResult { bot, ok: true, changed, error: None },
            Err(error) => BulkResult { bot, ok: false, changed: false, error: Some(error.into()) },
        });
    }
    Ok(BulkDone { act: q.act, results })
}

/// Acts on one; whether that changed anything.
async fn one(
    b: &Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    act: BulkAct,
    bot: String,
) -> Result<bool, OpError> {
    let before = many::find_any(b.platform.db.read(), &granted, &bot).await?;
    let b = Arc::clone(b);
    let detail = match act {
        BulkAct::Start => acts::start(b, ctx, granted, StartBot { bot }).await?,
        BulkAct::Stop => acts::stop(b, ctx, granted, StopBot { bot }).await?,
        BulkAct::Restart => acts::restart(b, ctx, granted, RestartBot { bot }).await?,
        BulkAct::Restore => trash::restore(b, ctx, granted, RestoreBot { bot }).await?,
        BulkAct::Trash => trash::trash(b, ctx, granted, TrashBot { bot }).await?,
        BulkAct::Delete => {
            acts::delete(b, ctx, granted, DeleteBot { bot, confirm: None }).await?;
            return Ok(true);
        }
    };
    Ok(match act {
        // *Start* ends a pause of a bot that is wanted running already: nothing that an undo may take back.
        BulkAct::Start | BulkAct::Stop => {
            name_of(&detail.summary.desired) != before.desired || super::idle::is_asleep(&before)
        }
        _ => detail.summary.version != before.version,
    })
}

async fn clone(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: CloneBot,
) -> Result<BotCreated, OpError> {
    let row = b.find(&granted, &q.bot).await?;
    let like = rows::detail(&row)?;
    let new = CreateBot {
        name: q.name,
        model: like.settings.model,
        prompt: Some(like.settings.prompt),
        profile: Some(like.settings.profile),
        runtime: Some(like.summary.runtime),
        tags: Some(like.summary.tags),
        idle_stop_minutes: like.idle_stop_minutes,
        limits: Some(ChangeLimits {
            memory_mb: Some(like.settings.limits.memory_mb),
            cpu_milli: Some(like.settings.limits.cpu_milli),
            pids: Some(like.settings.limits.pids),
        }),
    };
    create::create(b, ctx, granted, new).await
}
