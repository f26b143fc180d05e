//! What the relay knows, as one immutable value: who may call, and with which key.
//!
//! The server builds a new one after every change and swaps it in; a call reads the one it started with.

use crate::{
    Dialect,
    chains::{self, Chain, Link, Skip},
    egress::BaseUrl,
    health::KeyHealth,
    limits::{Limit, Unit},
    price::Prices,
    vendors::{Auth, Vendor},
    wire::Wire,
};
use api::ids::{BotId, KeyId, WorkspaceId};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use uuid::Uuid;
use zeroize::Zeroizing;

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
        Self { id, workspace, kind, wire, limits: Arc::default(), models: None, expires_ms: None }
    }

    /// The same with what holds for its calls.
    #[must_use]
    pub fn with_limits(self, limits: Vec<Arc<Limit>>) -> Self {
        Self { limits: limits.into(), ..self }
    }

    /// Whether something holds for some models only: then a body must say which, and once.
    #[must_use]
    pub fn is_held_to_models(&self) -> bool {
        let held = |limit: &Arc<Limit>| {
            limit.model.is_some() || limit.instead.is_some() || limit.unit == Unit::Money
        };
        self.models.is_some() || self.limits.iter().any(held)
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

/// A provider key, ready to use. The secret is wiped when the last snapshot that holds it goes.
pub struct UpstreamKey {
    /// Its id in the store.
    pub id: KeyId,
    /// Its vendor.
    pub vendor: &'static Vendor,
    /// Where it is used; fixed together with the secret.
    pub base_url: BaseUrl,
    /// How it is sent.
    pub auth: Auth,
    /// Header lines that go with it.
    pub extra: &'static [(&'static str, &'static str)],
    /// Whether its workspace may use the private upstreams the operator listed.
    pub private_ok: bool,
    /// The models it was found to reach, as a JSON list of `vendor/model`. Read only when somebody asks: a
    /// snapshot is built often, and of many keys.
    pub models: String,
    /// How it does; goes over to the next snapshot.
    pub health: Arc<KeyHealth>,
    pub(crate) secret: Zeroizing<String>,
}

impl UpstreamKey {
    /// A key in its vendor's own auth style, or that of keys of its shape.
    #[must_use]
    pub fn new(
        id: KeyId,
        vendor: &'static Vendor,
        base_url: BaseUrl,
        secret: Zeroizing<String>,
        private_ok: bool,
    ) -> Self {
        let style = vendor.key_auths.iter().find(|style| secret.starts_with(style.prefix));
        let (auth, extra) = style.map_or((vendor.auth, &[][..]), |style| (style.auth, style.headers));
        let (models, health) = (String::new(), Arc::default());
        Self { id, vendor, base_url, auth, extra, private_ok, models, health, secret }
    }

    /// The same key with the models it reaches, as a JSON list.
    #[must_use]
    pub fn with_models(self, models: String) -> Self {
        Self { models, ..self }
    }

    /// The same key with what is known of it: whatever changed elsewhere, it is as well or as tired as before.
    #[must_use]
    pub fn as_in(self, before: &Snapshot) -> Self {
        let same = |known: &&Arc<Self>| known.secret == self.secret && known.base_url == self.base_url;
        match before.keys.get(&self.id).filter(same).map(|known| Arc::clone(&known.health)) {
            Some(health) => Self { health, ..self },
            None => self,
        }
    }
}

impl fmt::Debug for UpstreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamKey")
            .field("id", &self.id)
            .field("vendor", &self.vendor.id)
            .finish_non_exhaustive()
    }
}

/// The usable keys of one vendor in one workspace, in order, taken in turn.
#[derive(Debug)]
pub struct KeyPool {
    keys: Vec<Arc<UpstreamKey>>,
    turn: AtomicUsize,
}

impl KeyPool {
    /// Keys of the first key's address only: two custom upstreams are two services, not two keys of one.
    fn new(mut keys: Vec<Arc<UpstreamKey>>) -> Self {
        if let Some(first) = keys.first().cloned() {
            keys.retain(|k| k.base_url == first.base_url);
        }
        Self { keys, turn: AtomicUsize::new(0) }
    }

    /// The keys in the order in which a call asks with them, the one whose turn it is first.
    pub fn in_turn(&self) -> impl Iterator<Item = &Arc<UpstreamKey>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.keys.split_at(turn.checked_rem(self.keys.len()).unwrap_or(0));
        from.iter().chain(before)
    }

    /// The keys that take turns.
    #[must_use]
    pub fn keys(&self) -> &[Arc<UpstreamKey>] {
        &self.keys
    }

    /// How many keys take turns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Everything a call needs to know, frozen.
#[derive(Default)]
pub struct Snapshot {
    callers: HashMap<TokenHash, Caller, BuildHasherDefault<Hashed>>,
    pools: HashMap<(WorkspaceId, &'static str), KeyPool>,
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

    /// The keys of a vendor in a workspace.
    #[must_use]
    pub fn pool(&self, workspace: WorkspaceId, vendor: &Vendor) -> Option<&KeyPool> {
        self.pools.get(&(workspace, vendor.id))
    }

    /// Whether a workspace has a key for a vendor.
    #[must_use]
    pub fn has_keys(&self, workspace: WorkspaceId, vendor: &Vendor) -> bool {
        self.pool(workspace, vendor).is_some_and(|pool| !pool.is_empty())
    }

    /// What a workspace can ask for: `vendor/model` with its vendor, in order, each once.
    #[must_use]
    pub fn models(&self, workspace: WorkspaceId) -> BTreeMap<String, &'static Vendor> {
        let pools = self.pools.iter().filter(|((of, _), _)| *of == workspace);
        let keys = pools.flat_map(|(_, pool)| pool.keys());
        let read = |key: &UpstreamKey| serde_json::from_str::<Vec<String>>(&key.models).unwrap_or_default();
        keys.flat_map(|key| read(key).into_iter().map(|model| (model, key.vendor))).collect()
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
        for key in pool.keys() {
            rests.push(key.health.left_alone(link.model(), now_ms)?);
        }
        rests.into_iter().min_by_key(|rest| rest.until_ms).map(Skip::Rests)
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

/// Collects callers and keys.
#[derive(Default)]
pub struct SnapshotBuilder {
    callers: HashMap<TokenHash, Caller, BuildHasherDefault<Hashed>>,
    keys: HashMap<(WorkspaceId, &'static str), Vec<Arc<UpstreamKey>>>,
    prices: Option<Arc<dyn Prices>>,
    limits: HashMap<Uuid, Arc<Limit>>,
    chains: HashMap<WorkspaceId, BTreeMap<String, Arc<Chain>>>,
}

impl SnapshotBuilder {
    /// Makes a token good for a caller.
    #[must_use]
    pub fn caller(mut self, token: TokenHash, caller: Caller) -> Self {
        self.callers.insert(token, caller);
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
        let pools = self.keys.into_iter().map(|(at, keys)| (at, KeyPool::new(keys))).collect();
        let Self { callers, prices, limits, chains, .. } = self;
        Snapshot { callers, pools, keys, prices, limits, chains }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors;

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
