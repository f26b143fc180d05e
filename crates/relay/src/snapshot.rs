//! What the relay knows, as one immutable value: who may call, and with which key.
//!
//! The server builds a new one after every change and swaps it in; a call reads the one it started with.

use crate::{
    Dialect,
    chains::{self, Chain, Link, Skip},
    health::{Rest, Resting},
    key::UpstreamKey,
    limits::{Limit, Unit},
    pool::{KeyPool, Order, Pools},
    price::Prices,
    vendors::Vendor,
    wire::Wire,
};
use api::ids::{BotId, KeyId, WorkspaceId};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};
use uuid::Uuid;

/// SHA-256 of a token: all that is ever kept of one.
pub type TokenHash = [u8; 32];

/// Of what is a hash already, a part is as good as another hash.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, hash: &[u8]) {
        self.0 = hash.first_chunk().map_or(0, |part| u64::from_le_bytes(*part));
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hash under which a token is looked up.
#[must_use]
pub fn token_hash(token: &[u8]) -> TokenHash {
    Sha256::digest(token).into()
}

/// Who stands behind a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The id of the credential: a bot's generation, a virtual key.
    pub id: Uuid,
    /// The tenant whose keys are used.
    pub workspace: WorkspaceId,
    /// A bot or a program: errors are worded differently for them.
    pub kind: CallerKind,
    /// The only wire on which the token is good; what is good on the loopback port is good on the panel's, if it is a program's.
    pub wire: Wire,
    /// What holds for its calls.
    pub limits: Arc<[Arc<Limit>]>,
    /// The models it may ask for; all where it says nothing.
    pub models: Option<Arc<Allowed>>,
    /// When its token ends, ms UTC.
    pub expires_ms: Option<i64>,
    /// In which order its calls ask with the keys of a vendor; the snapshot says it.
    pub order: Order,
    /// What holds for keys it may be asked with; the snapshot says it.
    pub keys_hold: Hold,
}

/// What holds for some key of a workspace, so that its calls must tell it in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// Models, or money: a body must say its model, and once.
    pub models: bool,
    /// Tokens, or money: what a call may use is reckoned before it is sent.
    pub amounts: bool,
}

/// Models that a caller may ask for: `vendor/model`, or `vendor/*` for all of a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Vec<String>);

impl Allowed {
    /// From names as people write them.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Whether a model of a vendor is among them. A call that names no model needs the whole vendor.
    #[must_use]
    pub fn has(&self, vendor: &str, model: &str) -> bool {
        self.0.iter().any(|name| {
            let rest = name.strip_prefix(vendor).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some_and(|rest| rest == "*" || (rest == model && !model.is_empty()))
        })
    }
}

/// What kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// A bot: never shown 401, 402, 403 or billing words for trouble that is not its own.
    Bot(BotId),
    /// A person's program: sees the vendor's answer as it is.
    Program,
}

impl Caller {
    /// A caller whom nothing limits.
    #[must_use]
    pub fn new(id: Uuid, workspace: WorkspaceId, kind: CallerKind, wire: Wire) -> Self {
        let (order, keys_hold) = (Order::default(), Hold::default());
        Self {
            id,
            workspace,
            kind,
            wire,
            limits: Arc::default(),
            models: None,
            expires_ms: None,
            order,
            keys_hold,
        }
    }

    /// The same with what holds for its calls. What somebody stopped comes before limits that are used up.
    #[must_use]
    pub fn with_limits(self, mut limits: Vec<Arc<Limit>>) -> Self {
        limits.sort_by_key(|limit| limit.most != 0);
        Self { limits: limits.into(), ..self }
    }

    /// Whether something holds for some models only: then a body must say which, and once.
    #[must_use]
    pub fn is_held_to_models(&self) -> bool {
        let held = |limit: &Arc<Limit>| {
            limit.model.is_some() || limit.instead.is_some() || limit.unit == Unit::Money
        };
        self.keys_hold.models || self.models.is_some() || self.limits.iter().any(held)
    }

    /// Whether it is reckoned before a call is sent what it may use.
    #[must_use]
    pub fn is_reckoned(&self) -> bool {
        self.keys_hold.amounts || !self.limits.is_empty()
    }

    /// Whether its token is good on a wire.
    fn is_good_on(&self, wire: Wire) -> bool {
        self.wire == wire
            || (wire == Wire::Panel && self.wire == Wire::Tcp && self.kind == CallerKind::Program)
    }

    /// The bot, where it is one.
    #[must_use]
    pub fn bot(&self) -> Option<BotId> {
        match self.kind {
            CallerKind::Bot(id) => Some(id),
            CallerKind::Program => None,
        }
    }
}

/// Everything a call needs to know, frozen.
#[derive(Default)]
pub struct Snapshot {
    callers: HashMap<TokenHash, Caller, BuildHasherDefault<Hashed>>,
    pools: Pools,
    keys: HashMap<KeyId, Arc<UpstreamKey>>,
    prices: Option<Arc<dyn Prices>>,
    limits: HashMap<Uuid, Arc<Limit>>,
    chains: HashMap<WorkspaceId, BTreeMap<String, Arc<Chain>>>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("callers", &self.callers.len())
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Starts an empty one.
    #[must_use]
    pub fn builder() -> SnapshotBuilder {
        SnapshotBuilder::default()
    }

    /// Who calls with this token on this wire. A token on a foreign wire is as unknown as any other.
    #[must_use]
    pub fn caller(&self, token: &[u8], wire: Wire) -> Option<&Caller> {
        self.callers.get(&token_hash(token)).filter(|c| c.is_good_on(wire))
    }

    /// What models cost, as far as it was said.
    #[must_use]
    pub fn prices(&self) -> Option<&dyn Prices> {
        self.prices.as_deref()
    }

    /// A limit by its id.
    #[must_use]
    pub fn limit(&self, id: Uuid) -> Option<&Arc<Limit>> {
        self.limits.get(&id)
    }

    /// Every limit.
    pub fn limits(&self) -> impl Iterator<Item = &Arc<Limit>> {
        self.limits.values()
    }

    /// The keys of a vendor in a workspace, for who has no tags.
    #[must_use]
    pub fn pool(&self, workspace: WorkspaceId, vendor: &Vendor) -> Option<&KeyPool> {
        self.pool_in(workspace, vendor, Order::default())
    }

    /// The keys of a vendor in a workspace, in the order of a caller's tags.
    #[must_use]
    pub fn pool_in(&self, workspace: WorkspaceId, vendor: &Vendor, order: Order) -> Option<&KeyPool> {
        self.pools.of(workspace, vendor.id, order)
    }

    /// In which order the calls of who has these tags ask with keys.
    #[must_use]
    pub fn order(&self, workspace: WorkspaceId, tags: Vec<String>) -> Order {
        self.pools.known(workspace, tags)
    }

    /// Whether a workspace has a key for a vendor.
    #[must_use]
    pub fn has_keys(&self, workspace: WorkspaceId, vendor: &Vendor) -> bool {
        self.pool(workspace, vendor).is_some_and(|pool| !pool.is_empty())
    }

    /// What a caller's keys reach: `vendor/model` with its vendor, in order, each once.
    #[must_use]
    pub fn models(&self, caller: &Caller) -> BTreeMap<String, &'static Vendor> {
        let pools = self.pools.all_of(caller.workspace, caller.order);
        pools
            .flat_map(|pool| pool.keys())
            .flat_map(|key| key.reaches().map(|model| (model, key.vendor)))
            .collect()
    }

    /// The chain of a name: a workspace's own, else the shipped one.
    #[must_use]
    pub fn chain(&self, workspace: WorkspaceId, name: &str) -> Option<&Arc<Chain>> {
        let own = self.chains.get(&workspace).and_then(|own| own.get(name));
        own.or_else(|| chains::shipped().get(name))
    }

    /// All chains of a workspace, by name, each once.
    pub fn chains(&self, workspace: WorkspaceId) -> impl Iterator<Item = &Arc<Chain>> {
        let shipped = chains::shipped().iter().map(|(name, chain)| (*name, chain));
        let own = self.chains.get(&workspace).into_iter().flatten();
        let all: BTreeMap<&str, _> = shipped.chain(own.map(|(name, chain)| (name.as_str(), chain))).collect();
        all.into_values()
    }

    /// The dialect in which a caller that speaks them all asks a chain: what most of its links speak that a key of the
    /// workspace is for, or most of all where no key is for any; of two alike OpenAI's chat. None where no link speaks one.
    #[must_use]
    pub fn chain_dialect(&self, workspace: WorkspaceId, chain: &Chain) -> Option<Dialect> {
        let links = chain.links.iter();
        let (with, without): (Vec<_>, Vec<_>) = links.partition(|link| self.is_for(workspace, link));
        let most = |links: &[&Link]| {
            let count = |dialect: Dialect| links.iter().filter(|link| link.speaks(dialect)).count();
            // Of those alike the last one is taken.
            let all = [Dialect::Gemini, Dialect::Anthropic, Dialect::OpenAiChat];
            let counted = all.map(|dialect| (count(dialect), dialect));
            counted.into_iter().filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n).map(|(_, dialect)| dialect)
        };
        most(&with).or_else(|| most(&without))
    }

    /// Whether a key of the workspace is for a link's model.
    #[must_use]
    pub fn is_for(&self, workspace: WorkspaceId, link: &Link) -> bool {
        let pool = link.vendor.and_then(|vendor| self.pool(workspace, vendor));
        pool.is_some_and(|pool| pool.keys().any(|key| key.serves(link.model())))
    }

    /// Why a call would not ask a link now; a call of any dialect, where none is named.
    #[must_use]
    pub fn skips(
        &self,
        workspace: WorkspaceId,
        link: &Link,
        dialect: Option<Dialect>,
        now_ms: i64,
    ) -> Option<Skip> {
        let Some(vendor) = link.vendor else { return Some(Skip::NoVendor) };
        if dialect.is_some_and(|dialect| !link.speaks(dialect)) {
            return Some(Skip::OtherDialect);
        }
        let Some(pool) = self.pool(workspace, vendor).filter(|pool| !pool.is_empty()) else {
            return Some(Skip::NoKey);
        };
        let mut rests = Vec::with_capacity(pool.len());
        for key in pool.keys().filter(|key| key.serves(link.model())) {
            rests.push(key.health.left_alone(link.model(), now_ms).or_else(|| full(key, now_ms))?);
        }
        Some(rests.into_iter().min_by_key(|rest| rest.until_ms).map_or(Skip::NoKeyForModel, Skip::Rests))
    }

    /// A key, also one that takes no turns.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&Arc<UpstreamKey>> {
        self.keys.get(&id)
    }

    /// How many tokens are known.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.callers.len()
    }
}

/// That a key's own limit is used up.
fn full(key: &UpstreamKey, now_ms: i64) -> Option<Resting> {
    let standings = key.limits.iter().map(|limit| limit.standing(now_ms));
    let spent = standings.filter(|standing| standing.spent).map(|standing| standing.span.1).max();
    spent.map(|until_ms| Resting { why: Rest::Full, until_ms, told: true })
}

/// Collects callers and keys.
#[derive(Default)]
pub struct SnapshotBuilder {
    callers: HashMap<TokenHash, (Caller, Vec<String>)>,
    keys: HashMap<(WorkspaceId, &'static str), Vec<Arc<UpstreamKey>>>,
    prices: Option<Arc<dyn Prices>>,
    limits: HashMap<Uuid, Arc<Limit>>,
    chains: HashMap<WorkspaceId, BTreeMap<String, Arc<Chain>>>,
}

impl SnapshotBuilder {
    /// Makes a token good for a caller.
    #[must_use]
    pub fn caller(self, token: TokenHash, caller: Caller) -> Self {
        self.tagged(token, caller, Vec::new())
    }

    /// Makes a token good for a caller whose calls prefer keys by these tags, the first one first.
    #[must_use]
    pub fn tagged(mut self, token: TokenHash, caller: Caller, tags: Vec<String>) -> Self {
        self.callers.insert(token, (caller, tags));
        self
    }

    /// Adds a usable key; the order of adding is the order of use.
    #[must_use]
    pub fn key(mut self, workspace: WorkspaceId, key: Arc<UpstreamKey>) -> Self {
        self.keys.entry((workspace, key.vendor.id)).or_default().push(key);
        self
    }

    /// Says what models cost.
    #[must_use]
    pub fn prices(mut self, prices: Arc<dyn Prices>) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Adds a chain of a workspace's own.
    #[must_use]
    pub fn chain(mut self, workspace: WorkspaceId, chain: Chain) -> Self {
        self.chains.entry(workspace).or_default().insert(chain.name.clone(), Arc::new(chain));
        self
    }

    /// Adds a limit, so that it can be asked how it stands; callers hold those that are for them.
    #[must_use]
    pub fn limit(mut self, limit: Arc<Limit>) -> Self {
        self.limits.insert(limit.id, limit);
        self
    }

    /// Freezes it.
    #[must_use]
    pub fn build(self) -> Snapshot {
        let keys = self.keys.values().flatten().map(|key| (key.id, Arc::clone(key))).collect();
        let mut holds: HashMap<WorkspaceId, Hold> = HashMap::new();
        for ((workspace, _), keys) in &self.keys {
            let hold = holds.entry(*workspace).or_default();
            hold.models |= keys.iter().any(|key| key.is_held_to_models());
            hold.amounts |= keys.iter().any(|key| key.is_reckoned());
        }
        let mut pools = Pools::new(self.keys);
        let placed = |(token, (caller, tags)): (TokenHash, (Caller, Vec<String>))| {
            let order = pools.order(caller.workspace, tags);
            let keys_hold = holds.get(&caller.workspace).copied().unwrap_or_default();
            (token, Caller { order, keys_hold, ..caller })
        };
        let callers = self.callers.into_iter().map(placed).collect();
        let Self { prices, limits, chains, .. } = self;
        Snapshot { callers, pools, keys, prices, limits, chains }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{egress::BaseUrl, vendors};

    fn key(n: u128, base: &str) -> Arc<UpstreamKey> {
        let vendor = vendors::find("custom").unwrap();
        let base = BaseUrl::parse(base).unwrap();
        Arc::new(UpstreamKey::new(KeyId(Uuid::from_u128(n)), vendor, base, "s".to_owned().into(), false))
    }

    #[test]
    fn keys_of_one_address_take_turns_and_another_address_waits() {
        let ws = WorkspaceId(Uuid::nil());
        let a = "https://a.example/v1";
        let snapshot = Snapshot::builder()
            .key(ws, key(1, a))
            .key(ws, key(2, "https://b.example/v1"))
            .key(ws, key(3, a))
            .build();
        let pool = snapshot.pool(ws, vendors::find("custom").unwrap()).unwrap();
        let turns: Vec<u128> =
            (0..4).filter_map(|_| pool.in_turn().next()).map(|k| k.id.0.as_u128()).collect();
        assert_eq!(turns, [1, 3, 1, 3]);
        assert!(snapshot.pool(ws, vendors::find("openai").unwrap()).is_none());
    }

    #[test]
    fn a_token_is_good_on_its_own_wire_only() {
        let bot = BotId(Uuid::from_u128(9));
        let caller = Caller::new(Uuid::nil(), WorkspaceId(Uuid::nil()), CallerKind::Bot(bot), Wire::Bot(bot));
        let snapshot = Snapshot::builder().caller(token_hash(b"t"), caller).build();
        assert!(snapshot.caller(b"t", Wire::Bot(bot)).is_some());
        assert!(snapshot.caller(b"t", Wire::Tcp).is_none());
        assert!(snapshot.caller(b"t", Wire::Bot(BotId(Uuid::nil()))).is_none());
        assert!(snapshot.caller(b"u", Wire::Bot(bot)).is_none());
    }

    #[test]
    fn a_key_prints_no_secret() {
        let shown = format!(
            "{:?}",
            UpstreamKey::new(
                KeyId(Uuid::nil()),
                vendors::find("openai").unwrap(),
                BaseUrl::parse("https://a.example").unwrap(),
                "sk-very-secret".to_owned().into(),
                false,
            )
        );
        assert!(!shown.contains("very"));
    }
}
