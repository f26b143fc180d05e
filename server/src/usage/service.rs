//! Use cases of the ledger.

use super::{
    rollup::Names,
    stopped::Stoppers,
    store::{self, Chosen},
    totals, when, whose,
};
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
    ids::{BotId, RequestId, UsageId},
    usage::*,
};
use entity::bots::bot;
use policy::{Granted, act};
use relay::UsageReceiver;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long the last rows may take.
const LAST_ROWS: Duration = Duration::from_secs(5);
/// No call takes longer.
const LONG_CALL_MS: i64 = 3_600_000;

/// Sees calls once they are written.
pub trait Sees: Send + Sync {
    /// Takes in a group of them.
    fn saw(&self, calls: &[relay::UsageRow]);
}

/// What the slice works with.
pub struct Usage {
    pub(super) platform: Arc<Platform>,
    rows: Mutex<Option<UsageReceiver>>,
    /// What bots' calls moved that nobody took yet.
    traffic: Mutex<HashMap<BotId, Traffic>>,
    pub(super) names: Mutex<Names>,
    /// Cancelled once no call runs any more.
    pub(super) ended: CancellationToken,
    ledger: TaskTracker,
    /// Who see calls once they are written.
    pub(super) sees: OnceLock<Vec<Arc<dyn Sees>>>,
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
        totals::today,
    );
    verbs.on::<SummarizeUsage, act::ReadUsage, _, _, _>(
        Rest::get("/api/usage/summary").says("Sums of a time, and of the time before."),
        usage,
        totals::summary,
    );
    verbs.on::<TrendUsage, act::ReadUsage, _, _, _>(
        Rest::get("/api/usage/trend").says("Sums by hour, day or month of a time zone."),
        usage,
        totals::trend,
    );
    verbs.on::<BreakDownUsage, act::ReadUsage, _, _, _>(
        Rest::get("/api/usage/breakdown")
            .says("Which bot, model, vendor, key, status or day has what share."),
        usage,
        totals::breakdown,
    );
    verbs.on::<ShowUsage, act::ReadUsage, _, _, _>(
        Rest::get("/api/usage/{call}").says("One call, by the id that its answer carried."),
        usage,
        show,
    );
}

impl Usage {
    /// Wires the slice.
    pub fn new(platform: Arc<Platform>, rows: UsageReceiver) -> Arc<Self> {
        Arc::new(Self {
            platform,
            rows: Mutex::new(Some(rows)),
            traffic: Mutex::default(),
            names: Mutex::default(),
            ended: CancellationToken::new(),
            ledger: TaskTracker::new(),
            sees: OnceLock::new(),
        })
    }

    /// Adds what calls moved, each once.
    pub(super) fn moved(&self, calls: impl Iterator<Item = (Option<BotId>, Traffic)>) {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        for (bot, moved) in calls.filter_map(|(bot, moved)| Some((bot?, moved))) {
            let sum = all.entry(bot).or_default();
            *sum = sum.and(moved);
        }
    }

    /// Writes what the last calls left, once none runs any more.
    pub async fn close(&self) {
        self.ended.cancel();
        self.ledger.close();
        if tokio::time::timeout(LAST_ROWS, self.ledger.wait()).await.is_err() {
            tracing::error!("the last calls' rows could not be written in time and are lost");
        }
    }

    /// Shows calls to these once they are written; who is named first stays.
    pub fn shows(&self, to: Vec<Arc<dyn Sees>>) {
        let first = self.sees.set(to);
        debug_assert!(first.is_ok(), "somebody sees them already");
    }

    /// Starts keeping the ledger; a second call does nothing.
    pub fn spawn(self: &Arc<Self>) {
        let Some(rows) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.ledger.spawn(Arc::clone(self).keep_ledger(rows));
        self.platform.tasks.spawn(Arc::clone(self).forget_old());
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
    ctx: OpCtx,
    granted: Granted<act::ReadUsage>,
    q: ListUsage,
) -> Result<Page<UsageRow>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let chosen = u.chosen(&granted, &Asked::from(q), ctx.now_ms).await?;
    u.page(&granted, &chosen, &cursor).await
}

impl Usage {
    /// Which calls are listed.
    pub(super) async fn chosen(
        &self,
        granted: &Granted<act::ReadUsage>,
        asked: &Asked,
        now_ms: i64,
    ) -> Result<Chosen, OpError> {
        let (from_ms, to_ms) = when::bounds(asked, now_ms)?;
        Ok(Chosen {
            only: whose::only(self.platform.db.read(), granted, asked, now_ms).await?,
            from_ms,
            to_ms,
        })
    }

    /// A page of calls with names.
    pub(super) async fn page(
        &self,
        granted: &Granted<act::ReadUsage>,
        chosen: &Chosen,
        cursor: &Cursor<UsageId>,
    ) -> Result<Page<UsageRow>, OpError> {
        let mut page = store::page(self.platform.db.read(), granted, chosen, cursor).await?;
        self.name(granted, &mut page.items).await?;
        Ok(page)
    }

    async fn name(&self, granted: &Granted<act::ReadUsage>, rows: &mut [UsageRow]) -> Result<(), OpError> {
        let mut ids: Vec<String> = rows.iter().filter_map(|row| Some(row.bot?.to_string())).collect();
        ids.extend(rows.iter().filter_map(|row| Some(row.key?.to_string())));
        ids.extend(rows.iter().filter_map(|row| Some(row.virtual_key?.to_string())));
        let names = audit::names(self.platform.db.read(), granted, ids.iter().map(String::as_str)).await?;
        for row in rows {
            row.bot_name = row.bot.and_then(|bot| names.get(&bot.to_string()).cloned());
            row.key_name = row.key.and_then(|key| names.get(&key.to_string()).cloned());
            row.virtual_key_name = row.virtual_key.and_then(|key| names.get(&key.to_string()).cloned());
        }
        Ok(())
    }
}

async fn show(
    u: Arc<Usage>,
    _ctx: OpCtx,
    granted: Granted<act::ReadUsage>,
    q: ShowUsage,
) -> Result<UsageCall, OpError> {
    let id = q.call.parse::<RequestId>().map(|id| id.0).or_else(|_| q.call.parse::<UsageId>().map(|id| id.0));
    let id = id.ok().or_else(|| q.call.parse().ok()).ok_or_else(ApiError::not_found)?;
    let db = u.platform.db.read();
    let mut call = store::find(db, &granted, UsageId(id)).await?.ok_or_else(ApiError::not_found)?;
    u.name(&granted, std::slice::from_mut(&mut call)).await?;
    let keys: Vec<String> = call.tries.iter().filter_map(|tried| Some(tried.key?.to_string())).collect();
    let names = audit::names(db, &granted, keys.iter().map(String::as_str)).await?;
    let name = |tried: &UsageTry| names.get(&tried.key?.to_string()).cloned();
    let stoppers = Stoppers::of(db, &granted, std::slice::from_ref(&call)).await?;
    let (stopped_by, stop) = (stoppers.budget(&call).cloned(), stoppers.stop(&call).cloned());
    Ok(UsageCall { tried: call.tries.iter().map(name).collect(), stopped_by, stop, call })
}
