//! Use cases of the ledger.

use super::store;
use crate::audit;
use crate::bots::{Calls, Traffic};
use crate::platform::{
    Platform,
    ctx::OpCtx,
    db::Cursor,
    error::OpError,
    verbs::{Rest, Verbs},
};
use api::{
    ApiError, Page,
    ids::{BotId, RequestId},
    usage::{ListUsage, UsageRow, UsageToday, UsageTotals},
};
use entity::bots::bot;
use policy::{Granted, act};
use relay::UsageReceiver;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// No call takes longer.
const LONG_CALL_MS: i64 = 3_600_000;
/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// What the slice works with.
pub struct Usage {
    pub(super) platform: Arc<Platform>,
    rows: Mutex<Option<UsageReceiver>>,
    /// What bots' calls moved that nobody took yet.
    traffic: Mutex<HashMap<BotId, Traffic>>,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, usage: &Arc<Usage>) {
    verbs.on::<ListUsage, act::ReadUsage, _, _, _>(
        Rest::get("/api/usage").says("Model calls, newest first."),
        usage,
        list,
    );
    verbs.on::<UsageToday, act::ReadUsage, _, _, _>(
        Rest::get("/api/usage/today").says("Sums of 24 hours."),
        usage,
        today,
    );
}

impl Usage {
    /// Wires the slice.
    pub fn new(platform: Arc<Platform>, rows: UsageReceiver) -> Arc<Self> {
        Arc::new(Self { platform, rows: Mutex::new(Some(rows)), traffic: Mutex::default() })
    }

    /// Adds what calls moved, each once.
    pub(super) fn moved(&self, calls: impl Iterator<Item = (Option<BotId>, Traffic)>) {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        for (bot, moved) in calls.filter_map(|(bot, moved)| Some((bot?, moved))) {
            let sum = all.entry(bot).or_default();
            *sum = sum.and(moved);
        }
    }

    /// Starts keeping the ledger; a second call does nothing.
    pub fn spawn(self: &Arc<Self>) {
        let Some(rows) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let usage = Arc::clone(self);
        self.platform.tasks.spawn(usage.keep_ledger(rows));
    }
}

#[async_trait::async_trait]
impl Calls for Usage {
    async fn last_call_ms(&self, row: &bot::Model, since_ms: i64) -> Result<Option<i64>, OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), since_ms, Some(row.workspace_id));
        let granted = policy::check::<act::ReadUsage>(&ctx.subject)?;
        // One that took long began before.
        let from_ms = since_ms.saturating_sub(LONG_CALL_MS);
        store::last_call_ms(self.platform.db.read(), &granted, row.workspace_id, row.id, from_ms).await
    }

    fn take_traffic(&self) -> HashMap<BotId, Traffic> {
        std::mem::take(&mut *self.traffic.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn list(
    u: Arc<Usage>,
    _ctx: OpCtx,
    granted: Granted<act::ReadUsage>,
    q: ListUsage,
) -> Result<Page<UsageRow>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let bot = q.bot.as_deref().map(str::parse).transpose();
    let bot = bot.map_err(|_no_id| ApiError::field("/bot", "must be a bot's id"))?;
    let mut page = store::page(u.platform.db.read(), &granted, bot, &cursor).await?;
    let mut ids: Vec<String> = page.items.iter().filter_map(|row| Some(row.bot?.to_string())).collect();
    ids.extend(page.items.iter().filter_map(|row| Some(row.key?.to_string())));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let names = audit::names(u.platform.db.read(), &granted, ids).await?;
    for row in &mut page.items {
        row.bot_name = row.bot.and_then(|bot| names.get(&bot.to_string()).cloned());
        row.key_name = row.key.and_then(|key| names.get(&key.to_string()).cloned());
    }
    Ok(page)
}

async fn today(
    u: Arc<Usage>,
    ctx: OpCtx,
    granted: Granted<act::ReadUsage>,
    _q: UsageToday,
) -> Result<UsageTotals, OpError> {
    store::totals(u.platform.db.read(), &granted, ctx.now_ms - DAY_MS).await
}
