//! The keys of a vendor in the order in which a caller's calls ask with them: those with its first tag, those with its second
//! and so on, then those without a tag, then any other. All of it is sorted when a snapshot is built; a call takes one list.

use crate::key::UpstreamKey;
use api::ids::WorkspaceId;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// An order of tags in a workspace, as a number of one snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Order(u32);

/// Keys that are as good as each other for a caller, taken in turn.
#[derive(Debug)]
struct Tier {
    keys: Vec<Arc<UpstreamKey>>,
    turn: AtomicUsize,
}

impl Tier {
    /// The one whose turn it is first.
    fn in_turn(&self) -> impl Iterator<Item = &Arc<UpstreamKey>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.keys.split_at(turn.checked_rem(self.keys.len()).unwrap_or(0));
        from.iter().chain(before)
    }
}

/// The usable keys of one vendor in one workspace, in one order.
#[derive(Debug)]
pub struct KeyPool {
    tiers: Vec<Tier>,
    len: usize,
}

impl KeyPool {
    /// Keys of one service only, that of the first: two custom upstreams are two, a vendor's own regions are one.
    fn new<T: AsRef<str>>(keys: &[Arc<UpstreamKey>], tags: &[T]) -> Self {
        let mut left = keys.to_vec();
        let mut tiers = Vec::with_capacity(tags.len() + 2);
        let mut tier = |wants: &dyn Fn(&UpstreamKey) -> bool| {
            let (of_it, others) = std::mem::take(&mut left).into_iter().partition(|key| wants(key));
            left = others;
            tiers.push(of_it);
        };
        for tag in tags {
            tier(&|key| key.tags.iter().any(|other| other == tag.as_ref()));
        }
        tier(&|key| key.tags.is_empty());
        tier(&|_any| true);
        let first: Option<Arc<UpstreamKey>> = tiers.iter().flatten().next().map(Arc::clone);
        let tiers: Vec<Tier> = tiers
            .into_iter()
            .map(|mut keys: Vec<_>| {
                keys.retain(|key: &Arc<UpstreamKey>| {
                    first.as_ref().is_some_and(|first| first.stands_for(key))
                });
                Tier { keys, turn: AtomicUsize::new(0) }
            })
            .filter(|tier| !tier.keys.is_empty())
            .collect();
        let len = tiers.iter().map(|tier| tier.keys.len()).sum();
        Self { tiers, len }
    }

    /// The keys in the order in which a call asks with them: of each tier the one whose turn it is first. A tier that is not
    /// reached turns for nobody.
    pub fn in_turn(&self) -> impl Iterator<Item = &Arc<UpstreamKey>> {
        self.tiers.iter().flat_map(Tier::in_turn)
    }

    /// The keys, whoever's turn it is.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<UpstreamKey>> {
        self.tiers.iter().flat_map(|tier| &tier.keys)
    }

    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

type OfVendor = (&'static str, Vec<Arc<UpstreamKey>>);
type Keys = HashMap<(WorkspaceId, &'static str), Vec<Arc<UpstreamKey>>>;

/// Every list of keys that some caller asks with.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    /// Where a vendor's keys have none of an order's tags, the list of no tags is the one.
    lists: HashMap<(WorkspaceId, &'static str, Order), Arc<KeyPool>>,
    orders: HashMap<(WorkspaceId, Vec<String>), Order>,
    /// Lists by the tags that make a difference, so that callers who differ in others share their turns.
    shared: HashMap<(WorkspaceId, &'static str, Vec<String>), Arc<KeyPool>>,
    tags: HashMap<WorkspaceId, HashSet<String>>,
    keys: HashMap<WorkspaceId, Vec<OfVendor>>,
}

impl Pools {
    /// The lists of who has no tags.
    pub(crate) fn new(keys: Keys) -> Self {
        let mut all = Self::default();
        for ((workspace, vendor), keys) in keys {
            all.lists
                .insert((workspace, vendor, Order::default()), Arc::new(KeyPool::new::<&str>(&keys, &[])));
            let tags = all.tags.entry(workspace).or_default();
            tags.extend(keys.iter().flat_map(|key| &key.tags).cloned());
            all.keys.entry(workspace).or_default().push((vendor, keys));
        }
        all
    }

    /// Of tags those that some key has: most tags of bots are no key's.
    fn telling(&self, workspace: WorkspaceId, mut tags: Vec<String>) -> Vec<String> {
        tags.retain(|tag| self.tags.get(&workspace).is_some_and(|known| known.contains(tag)));
        tags
    }

    /// The order of a caller's tags, if some caller has it.
    pub(crate) fn known(&self, workspace: WorkspaceId, tags: Vec<String>) -> Order {
        let tags = self.telling(workspace, tags);
        self.orders.get(&(workspace, tags)).copied().unwrap_or_default()
    }

    /// The order of a caller's tags; its lists are made where nobody has it yet.
    pub(crate) fn order(&mut self, workspace: WorkspaceId, tags: Vec<String>) -> Order {
        let tags = self.telling(workspace, tags);
        if tags.is_empty() {
            return Order::default();
        }
        let next = Order(u32::try_from(self.orders.len() + 1).unwrap_or(0));
        let order = *self.orders.entry((workspace, tags.clone())).or_insert(next);
        if order == next {
            self.add(workspace, order, &tags);
        }
        order
    }

    fn add(&mut self, workspace: WorkspaceId, order: Order, tags: &[String]) {
        for (vendor, keys) in self.keys.get(&workspace).into_iter().flatten() {
            let is_of = |tag: &&String| keys.iter().any(|key| key.tags.contains(tag));
            let tags: Vec<String> = tags.iter().filter(is_of).cloned().collect();
            if tags.is_empty() {
                continue;
            }
            let pool = self.shared.entry((workspace, vendor, tags));
            let pool = pool.or_insert_with_key(|(_, _, tags)| Arc::new(KeyPool::new(keys, tags)));
            self.lists.insert((workspace, vendor, order), Arc::clone(pool));
        }
    }

    /// The list of a vendor in an order.
    pub(crate) fn of(&self, workspace: WorkspaceId, vendor: &'static str, order: Order) -> Option<&KeyPool> {
        let list = |order| self.lists.get(&(workspace, vendor, order));
        let found = if order == Order::default() { None } else { list(order) };
        found.or_else(|| list(Order::default())).map(Arc::as_ref)
    }

    /// The lists of all vendors in an order.
    pub(crate) fn all_of(&self, workspace: WorkspaceId, order: Order) -> impl Iterator<Item = &KeyPool> {
        let vendors = self.keys.get(&workspace).into_iter().flatten().map(|(vendor, _)| *vendor);
        vendors.filter_map(move |vendor| self.of(workspace, vendor, order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caller, CallerKind, Snapshot, Wire, egress::BaseUrl, snapshot::token_hash, vendors};
    use api::ids::KeyId;
    use uuid::Uuid;

    fn key(n: u128, base: &str, tags: &[&str]) -> Arc<UpstreamKey> {
        let vendor = vendors::find("custom").unwrap();
        let base = BaseUrl::parse(base).unwrap();
        let key = UpstreamKey::new(KeyId(Uuid::from_u128(n)), vendor, base, "s".to_owned().into(), false);
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Arc::new(key.with_choice(tags, Vec::new()))
    }

    fn ids<'a>(keys: impl Iterator<Item = &'a Arc<UpstreamKey>>) -> Vec<u128> {
        keys.map(|key| key.id.0.as_u128()).collect()
    }

    const A: &str = "https://a.example/v1";

    #[test]
    fn keys_come_by_the_first_tag_then_the_next_then_untagged_then_any_each_once() {
        let keys = [
            key(1, A, &[]),
            key(2, A, &["eu", "cheap"]),
            key(3, A, &["eu"]),
            key(4, A, &["us"]),
            key(5, A, &[]),
        ];
        let pool = KeyPool::new(&keys, &["cheap", "eu"]);
        assert_eq!(ids(pool.in_turn()), [2, 3, 1, 5, 4]);
        assert_eq!(ids(pool.in_turn()), [2, 3, 5, 1, 4], "turns are taken within a tier");
        assert_eq!(pool.in_turn().next().unwrap().id.0.as_u128(), 2);
        assert_eq!(ids(pool.in_turn()), [2, 3, 1, 5, 4], "a tier that is not reached does not turn");
        assert_eq!(ids(KeyPool::new::<&str>(&keys, &[]).in_turn()), [1, 5, 2, 3, 4]);
        assert_eq!(pool.len(), 5);
    }

    #[test]
    fn a_tag_leads_to_another_address_and_never_to_two() {
        let b = "https://b.example/v1";
        let keys = [key(1, A, &[]), key(2, b, &["eu"]), key(3, b, &[]), key(4, A, &["us"])];
        assert_eq!(ids(KeyPool::new(&keys, &["eu"]).keys()), [2, 3]);
        assert_eq!(ids(KeyPool::new::<&str>(&keys, &[]).keys()), [1, 4]);
    }

    #[test]
    fn keys_of_a_vendors_own_regions_and_of_a_customers_own_addresses_stand_in_for_each_other() {
        let of = |n: u128, vendor: &str, base: &str| {
            let (vendor, base) = (vendors::find(vendor).unwrap(), BaseUrl::parse(base).unwrap());
            Arc::new(UpstreamKey::new(KeyId(Uuid::from_u128(n)), vendor, base, "s".to_owned().into(), false))
        };
        let all = |keys: &[Arc<UpstreamKey>]| ids(KeyPool::new::<&str>(keys, &[]).keys());
        let (eu, own) = ("https://eu.api.openai.com/v1", "https://gateway.example/v1");
        let openai = "https://api.openai.com/v1";
        assert_eq!(all(&[of(1, "openai", openai), of(2, "openai", eu), of(3, "openai", own)]), [1, 2]);
        assert_eq!(all(&[of(1, "openai", own), of(2, "openai", eu), of(3, "openai", own)]), [1, 3]);
        let azure = |n, name: &str| of(n, "azure", &format!("https://{name}.openai.azure.com/openai/v1"));
        assert_eq!(all(&[azure(1, "here"), azure(2, "there")]), [1, 2]);
    }

    #[test]
    fn callers_who_differ_in_tags_of_no_key_share_their_turns() {
        let (ws, other) = (WorkspaceId(Uuid::nil()), WorkspaceId(Uuid::from_u128(1)));
        let caller = |of| Caller::new(Uuid::nil(), of, CallerKind::Program, Wire::Tcp);
        let tags = |all: &[&str]| all.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let snapshot = Snapshot::builder()
            .key(ws, key(1, A, &[]))
            .key(ws, key(2, A, &["eu"]))
            .key(ws, key(3, A, &["eu"]))
            .key(other, key(9, A, &["customer-7"]))
            .tagged(token_hash(b"a"), caller(ws), tags(&["customer-7", "eu"]))
            .tagged(token_hash(b"b"), caller(ws), tags(&["eu", "customer-8"]))
            .tagged(token_hash(b"c"), caller(ws), tags(&["customer-8"]))
            .tagged(token_hash(b"d"), caller(other), tags(&["eu", "customer-7"]))
            .build();
        let vendor = vendors::find("custom").unwrap();
        let next = |token: &[u8]| {
            let caller = snapshot.caller(token, Wire::Tcp).unwrap();
            ids(snapshot.pool_in(caller.workspace, vendor, caller.order).unwrap().in_turn())[0]
        };
        assert_eq!([next(b"a"), next(b"b"), next(b"a")], [2, 3, 2]);
        assert_eq!([next(b"c"), next(b"d")], [1, 9]);
    }
}
