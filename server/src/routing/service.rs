//! Building and swapping snapshots; the bots' own wires.

use super::{
    chains, key_limits, store,
    turns::{Turns, aside},
};
use crate::{
    bots::{AskedChain, KeyAnswer, KeyVerdict, ModelCheck, Wires},
    budgets, keys,
    platform::{
        Platform,
        ctx::OpCtx,
        error::OpError,
        text::{from_json, named},
    },
    prices::Book,
    virtual_keys,
};
use api::{
    bots::RuntimeKind,
    ids::{BotId, BudgetId, KeyId, RequestId, WorkspaceId},
    keys::{KeyRest, KeyRestWhy},
};
use arc_swap::ArcSwap;
use entity::virtual_keys::virtual_key;
use policy::act;
use relay::{
    AllowedModels, Caller, CallerKind, Egress, Limit, Limits, ProbeError, Relay, RelayConfig, Snapshot,
    SnapshotBuilder, UpstreamKey, UsageReceiver, UsageSink, Wire, egress::BaseUrl, health::Rest,
    limits::Standing, snapshot::TokenHash, vendors,
};
use std::{
    collections::HashMap,
    os::unix::net::UnixListener,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Usage rows that may wait for the ledger; more are absorbed by counters.
const USAGE_QUEUE: usize = 16_384;

/// The relay and what it knows.
pub struct Routing {
    platform: Arc<Platform>,
    relay: Relay,
    egress: Arc<Egress>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    wires: Mutex<HashMap<BotId, CancellationToken>>,
    /// Snapshots are built in turns; a change that many make at once needs few.
    building: Turns,
    /// The same of what is stopped, which waits for no snapshot.
    stopping: tokio::sync::Mutex<()>,
    /// Told when a budget is nearly or wholly used.
    news: Arc<Notify>,
}

/// The relay measures with the wall clock, outside any injected one: figures, never decisions.
pub(super) fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

impl Routing {
    /// Builds the relay; the receiver is the ledger's.
    pub fn new(platform: Arc<Platform>, egress: Arc<Egress>) -> (Arc<Self>, UsageReceiver) {
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let (usage, rows) = UsageSink::channel(USAGE_QUEUE);
        let config = RelayConfig {
            snapshot: Arc::clone(&snapshot),
            egress: Arc::clone(&egress),
            usage,
            limits: Limits::default(),
            now_ms: wall_ms,
        };
        let relay = Relay::new(config);
        let (wires, news) = (Mutex::default(), Arc::default());
        let (building, stopping) = Default::default();
        (Arc::new(Self { platform, relay, egress, snapshot, wires, building, stopping, news }), rows)
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// What calls know just now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The relay.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Sees to it that the relay knows what the database says now; calls that began keep what they knew.
    ///
    /// # Errors
    /// What the database says; the old snapshot stays then.
    pub async fn refresh(&self) -> Result<(), OpError> {
        self.read_stops().await?;
        self.building.ask(async || self.build().await).await
    }

    /// Builds a snapshot and puts it in place.
    async fn build(&self) -> Result<(), OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::UseKeys>(&ctx.subject)?;
        let db = self.platform.db.read();
        let mut builder = Snapshot::builder();
        let before = self.snapshot.load();
        let budgets = budgets::build(db, &granted, (&before, &self.news), self.now()).await?;
        builder = budgets.all().fold(builder, |builder, limit| builder.limit(Arc::clone(limit)));
        let bots = store::bots(db, &granted).await?;
        builder = aside(|| bots.iter().try_fold(builder, |builder, bot| add_bot(builder, bot, &budgets)))?;
        for key in virtual_keys::all(db, &granted).await? {
            let tags: Vec<String> = from_json(&key.tags)?;
            let limits = budgets.of(key.workspace_id, (None, Some(key.id)), &tags);
            let add = |b: SnapshotBuilder, (hash, caller)| b.tagged(hash, caller, tags.clone());
            builder = programs(key, limits)?.into_iter().fold(builder, add);
        }
        builder = builder.prices(Arc::new(Book::read(db, &granted).await?));
        let places: HashMap<WorkspaceId, _> = store::workspaces(db, &granted)
            .await?
            .into_iter()
            .map(|w| (w.id, (w.slug, w.time_zone)))
            .collect();
        for key in keys::open_all(db, &self.platform.vault, &granted).await? {
            let (slug, zone) = places.get(&key.workspace).map_or(("", ""), |(slug, zone)| (slug, zone));
            let limits = key_limits::limits(db, &key, zone, (&before, &self.news), wall_ms()).await?;
            builder = self.add_key(builder, (key, limits), slug, &before);
        }
        for chain in store::chains(db, &granted).await? {
            match chains::ready(&chain) {
                Ok(ready) => builder = builder.chain(chain.workspace_id, ready),
                Err(error) => {
                    tracing::error!(chain.name = %chain.name, %error, "a chain cannot be read and is not used");
                }
            }
        }
        self.snapshot.store(Arc::new(aside(|| builder.build())));
        // There may be more of a budget now, or none of it.
        self.news.notify_one();
        Ok(())
    }

    /// Makes the relay hold to what is stopped now; calls that run and are among it end at once.
    ///
    /// # Errors
    /// What the database says; what was stopped before stays so.
    pub async fn read_stops(&self) -> Result<(), OpError> {
        // One reader at a time: what an older one read must not come after what a newer one did.
        let _one = self.stopping.lock().await;
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::UseKeys>(&ctx.subject)?;
        self.relay.stop(budgets::stops(self.platform.db.read(), &granted).await?);
        Ok(())
    }

    /// The moment of which it says how budgets stand.
    pub fn now(&self) -> budgets::Now {
        budgets::Now(wall_ms())
    }

    /// How a budget stands, and the moment this is said of.
    pub fn standing(&self, budget: BudgetId) -> (Option<Standing>, i64) {
        let now_ms = wall_ms();
        (self.snapshot.load().limit(budget.0).map(|limit| limit.standing(now_ms)), now_ms)
    }

    /// Whether it is known what a model costs.
    pub fn has_price(&self, workspace: WorkspaceId, vendor: &str, model: &str) -> bool {
        let snapshot = self.snapshot.load();
        snapshot.prices().is_some_and(|book| book.price(workspace, vendor, model, wall_ms(), 0).is_some())
    }

    /// Every budget as calls meet it.
    pub fn limits(&self) -> Vec<Arc<Limit>> {
        self.snapshot.load().limits().cloned().collect()
    }

    /// Told when a budget is nearly or wholly used.
    pub fn budget_news(&self) -> Arc<Notify> {
        Arc::clone(&self.news)
    }

    /// Why calls leave a key alone just now.
    pub fn rests(&self, key: KeyId) -> Vec<KeyRest> {
        let snapshot = self.snapshot.load();
        let Some(key) = snapshot.key(key) else { return Vec::new() };
        let rest = |rest: relay::health::RestNow| KeyRest {
            why: match rest.resting.why {
                Rest::Slow => KeyRestWhy::SlowDown,
                Rest::Refused => KeyRestWhy::Refused,
                Rest::Failing => KeyRestWhy::Failing,
                Rest::Full => KeyRestWhy::OverLimit,
            },
            model: rest.model,
            until_ms: rest.resting.until_ms,
            since_ms: rest.since_ms,
            streak: i64::from(rest.streak),
            status: rest.heard.status,
            message: rest.heard.words,
        };
        let now_ms = wall_ms();
        let standings = key.limits.iter().map(|limit| (limit, limit.standing(now_ms)));
        let full = standings.filter(|(_, standing)| standing.spent).map(|(limit, standing)| KeyRest {
            why: KeyRestWhy::OverLimit,
            model: None,
            until_ms: standing.span.1,
            since_ms: standing.span.0,
            streak: 0,
            status: None,
            message: Some(key_limits::in_words(limit, &standing)),
        });
        key.health.resting(now_ms).into_iter().map(rest).chain(full).collect()
    }

    /// A test found that the vendor takes a key: calls need not wait to find that out.
    pub fn accepted(&self, key: KeyId) {
        if let Some(key) = self.snapshot.load().key(key) {
            key.health.accepted(wall_ms());
        }
    }

    fn add_key(
        &self,
        builder: SnapshotBuilder,
        (key, limits): (keys::OpenKey, Vec<Arc<Limit>>),
        slug: &str,
        before: &Snapshot,
    ) -> SnapshotBuilder {
        let (Some(vendor), Ok(base)) = (vendors::find(&key.vendor), BaseUrl::parse(&key.base_url)) else {
            tracing::error!(key.id = %key.id, "a provider key has an unknown vendor or address and is not used");
            return builder;
        };
        let private = self.platform.config.may_reach_private(&base, Some(slug));
        let opened = UpstreamKey::new(key.id, vendor, base, key.secret, private)
            .with_models(key.models)
            .with_choice(key.tags, key.allowed_models)
            .with_limits(limits);
        builder.key(key.workspace, Arc::new(opened.as_in(before)))
    }
}

/// A virtual key's secret, and the one before it while it works on.
fn programs(key: virtual_key::Model, limits: Vec<Arc<Limit>>) -> Result<Vec<(TokenHash, Caller)>, OpError> {
    let models: Vec<String> = from_json(&key.models)?;
    let caller = Caller {
        models: (!models.is_empty()).then(|| Arc::new(AllowedModels::new(models))),
        expires_ms: key.expires_at_ms,
        ..Caller::new(key.id.0, key.workspace_id, CallerKind::Program, Wire::Tcp).with_limits(limits)
    };
    let until = [key.expires_at_ms, key.former_until_ms].into_iter().flatten().min();
    let former = key.former_hash.map(|hash| (hash, Caller { expires_ms: until, ..caller.clone() }));
    let both = [Some((key.secret_hash, caller)), former].into_iter().flatten();
    Ok(both.filter_map(|(hash, caller)| Some((hash.try_into().ok()?, caller))).collect())
}

#[async_trait::async_trait]
impl ModelCheck for Routing {
    fn keys(&self, workspace: WorkspaceId, vendor: &str, tags: Vec<String>) -> Vec<KeyId> {
        let snapshot = self.snapshot.load();
        let order = snapshot.order(workspace, tags);
        let pool = vendors::find(vendor).and_then(|vendor| snapshot.pool_in(workspace, vendor, order));
        pool.map_or_else(Vec::new, |pool| pool.keys().map(|key| key.id).collect())
    }

    fn serves(&self, key: KeyId, model: &str) -> bool {
        let name = model.split_once('/').map_or(model, |(_, name)| name);
        self.snapshot.load().key(key).is_none_or(|key| key.serves(name))
    }

    fn chain(&self, workspace: WorkspaceId, name: &str) -> Option<AskedChain> {
        chains::asked(&self.snapshot.load(), workspace, name)
    }

    fn chains(&self, workspace: WorkspaceId) -> Vec<String> {
        chains::served(&self.snapshot.load(), workspace)
    }

    async fn ask(&self, _workspace: WorkspaceId, vendor: &str, key: KeyId) -> Option<KeyAnswer> {
        // One that `keys` gave: also of another address than those without tags have.
        let known = self.snapshot.load().key(key).map(Arc::clone);
        let key =
            known.filter(|known| vendors::find(vendor).is_some_and(|vendor| vendor.id == known.vendor.id))?;
        let begun = std::time::Instant::now();
        let asked = relay::probe(&self.egress, &key, self.platform.clock.now_ms()).await;
        let latency_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let verdict = match asked {
            Ok(probed) => {
                // What rested because it was refused is asked with again at once.
                key.health.accepted(wall_ms());
                KeyVerdict::Works {
                    models: probed.models.iter().map(|id| format!("{}/{id}", key.vendor.id)).collect(),
                }
            }
            // Anything else says nothing of the key.
            Err(ProbeError::Refused { status: status @ (401..=403), words }) => {
                KeyVerdict::Refused(if words.is_empty() { format!("it answered {status}") } else { words })
            }
            Err(error @ ProbeError::BadSecret) => KeyVerdict::Refused(error.to_string()),
            Err(error) => KeyVerdict::Silent(error.to_string()),
        };
        Some(KeyAnswer { verdict, latency_ms })
    }
}

/// A bot whose calls are let through.
fn add_bot(
    builder: SnapshotBuilder,
    bot: &store::BotCaller,
    budgets: &budgets::Built,
) -> Result<SnapshotBuilder, OpError> {
    let Ok(hash) = <[u8; 32]>::try_from(bot.relay_hash.as_slice()) else { return Ok(builder) };
    let wire = match named(&bot.runtime)? {
        RuntimeKind::Process => Wire::Tcp,
        RuntimeKind::Docker => Wire::Bot(bot.id),
    };
    let tags: Vec<String> = from_json(&bot.tags)?;
    let caller = Caller::new(bot.id.0, bot.workspace_id, CallerKind::Bot(bot.id), wire)
        .with_limits(budgets.of(bot.workspace_id, (Some(bot.id), None), &tags));
    Ok(builder.tagged(hash, caller, tags))
}

#[async_trait::async_trait]
impl Wires for Routing {
    async fn refresh(&self) -> Result<(), OpError> {
        Self::refresh(self).await
    }

    fn open(&self, bot: BotId, listener: UnixListener) -> Result<(), OpError> {
        let fail = |e: std::io::Error| OpError::internal("opening a bot's relay socket", e);
        listener.set_nonblocking(true).map_err(fail)?;
        let listener = tokio::net::UnixListener::from_std(listener).map_err(fail)?;
        let stop = self.platform.shutdown.child_token();
        let former = self.wires.lock().unwrap_or_else(PoisonError::into_inner).insert(bot, stop.clone());
        if let Some(former) = former {
            former.cancel();
        }
        let relay = self.relay.clone();
        self.platform.tasks.spawn(async move { relay.serve_unix(listener, Wire::Bot(bot), stop).await });
        Ok(())
    }

    fn close(&self, bot: BotId) {
        if let Some(stop) = self.wires.lock().unwrap_or_else(PoisonError::into_inner).remove(&bot) {
            stop.cancel();
        }
    }

    fn is_open(&self, bot: BotId) -> bool {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&bot)
    }
}
