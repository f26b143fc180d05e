//! Model calls that somebody stopped: of a bot, of a whole workspace, or to a vendor.
//!
//! A call looks here when it begins and before it asks a vendor. Those that run are woken when more is stopped: each has a
//! place with the waker of the task that writes its answer. No lock on the way of a call: places are taken and left with
//! atomics, and what is stopped is swapped as a whole.

use api::ids::{BotId, WorkspaceId};
use arc_swap::ArcSwap;
use futures::task::AtomicWaker;
use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};
use uuid::Uuid;

/// Places of one hall. Where more calls run at once, another hall is built, and stays.
const PLACES: usize = 1024;

/// What is stopped, frozen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops(HashMap<WorkspaceId, OfWorkspace>);

/// Each with the id it goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfWorkspace {
    all: Option<Uuid>,
    bots: HashMap<BotId, Uuid>,
    vendors: HashMap<String, Uuid>,
}

impl Stops {
    /// Stops all calls of a workspace.
    pub fn all(&mut self, workspace: WorkspaceId, stop: Uuid) {
        self.0.entry(workspace).or_default().all = Some(stop);
    }

    /// Stops a bot's.
    pub fn bot(&mut self, workspace: WorkspaceId, bot: BotId, stop: Uuid) {
        self.0.entry(workspace).or_default().bots.insert(bot, stop);
    }

    /// Stops those of a workspace to a vendor.
    pub fn vendor(&mut self, workspace: WorkspaceId, vendor: String, stop: Uuid) {
        self.0.entry(workspace).or_default().vendors.insert(vendor, stop);
    }

    /// What stops a call; of several the widest.
    #[must_use]
    pub fn find(&self, workspace: WorkspaceId, bot: Option<BotId>, vendor: &str) -> Option<Uuid> {
        // Nearly always nothing is.
        if self.0.is_empty() {
            return None;
        }
        let of = self.0.get(&workspace)?;
        let own = || of.bots.get(&bot?).copied();
        of.all.or_else(|| of.vendors.get(vendor).copied()).or_else(own)
    }
}

/// What is stopped now, and who is told when it changes.
#[derive(Default)]
pub(crate) struct Switch {
    stops: ArcSwap<Stops>,
    /// How often it changed.
    turns: AtomicU64,
    hall: Hall,
}

impl Switch {
    /// What stops a call now.
    pub(crate) fn find(&self, workspace: WorkspaceId, bot: Option<BotId>, vendor: &str) -> Option<Uuid> {
        self.stops.load().find(workspace, bot, vendor)
    }

    /// Whether a call is stopped now.
    pub(crate) fn has(&self, workspace: WorkspaceId, bot: Option<BotId>, vendor: &str) -> bool {
        self.find(workspace, bot, vendor).is_some()
    }

    /// How often it changed so far. What is asked of [`Switch::find`] afterwards is at least as new.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    /// Puts this in the place of what was stopped before. Calls that run are woken and look for themselves.
    pub(crate) fn set(&self, stops: Stops) {
        if *self.stops.load_full() == stops {
            return;
        }
        self.stops.store(stops.into());
        self.turns.fetch_add(1, Ordering::SeqCst);
        // A place that nobody has costs a moment, and one that is just being taken is not missed.
        self.hall.each(|place| place.waker.wake());
    }

    /// A place for a call that begins.
    pub(crate) fn enter(&self) -> usize {
        self.hall.take()
    }

    /// The task to wake for whoever has a place; asked for anew after each waking.
    pub(crate) fn wake_me(&self, place: usize, waker: &Waker) {
        if let Some(place) = self.hall.at(place) {
            place.waker.register(waker);
        }
    }

    /// Waits until something is stopped after which `is` so.
    pub(crate) async fn halts(&self, is: impl Fn() -> bool) {
        let place = Taken(self, self.enter());
        let mut looked = None;
        poll_fn(|cx| {
            loop {
                // First: what is stopped after the look wakes the task, though another stop took its waker before.
                self.wake_me(place.1, cx.waker());
                let turns = self.turns();
                if looked == Some(turns) {
                    return Poll::Pending;
                }
                if looked.replace(turns).is_some() && is() {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }

    /// Leaves a place.
    pub(crate) fn leave(&self, place: usize) {
        if let Some(place) = self.hall.at(place) {
            drop(place.waker.take());
            place.taken.store(false, Ordering::Release);
        }
    }
}

/// A place, as long as somebody waits there.
struct Taken<'a>(&'a Switch, usize);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

#[derive(Default)]
struct Place {
    taken: AtomicBool,
    waker: AtomicWaker,
}

struct Hall {
    places: Box<[Place]>,
    turn: AtomicUsize,
    next: OnceLock<Box<Hall>>,
}

impl Default for Hall {
    fn default() -> Self {
        let places = (0..PLACES).map(|_| Place::default()).collect();
        Self { places, turn: AtomicUsize::new(0), next: OnceLock::new() }
    }
}

impl Hall {
    fn take(&self) -> usize {
        let (mut hall, mut before) = (self, 0);
        loop {
            let from = hall.turn.fetch_add(1, Ordering::Relaxed) % PLACES;
            let (later, first) = hall.places.split_at(from);
            for (n, place) in first.iter().chain(later).enumerate() {
                let free = !place.taken.load(Ordering::Relaxed);
                if free && !place.taken.swap(true, Ordering::AcqRel) {
                    return before + (from + n) % PLACES;
                }
            }
            (hall, before) = (hall.next.get_or_init(Box::default), before + PLACES);
        }
    }

    fn at(&self, mut place: usize) -> Option<&Place> {
        let mut hall = self;
        while place >= PLACES {
            (hall, place) = (hall.next.get()?, place - PLACES);
        }
        hall.places.get(place)
    }

    fn each(&self, mut of: impl FnMut(&Place)) {
        let mut hall = Some(self);
        while let Some(here) = hall {
            here.places.iter().for_each(&mut of);
            hall = here.next.get().map(Box::as_ref);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        collections::HashSet,
        sync::{Arc, atomic::AtomicU32},
        task::Wake,
    };

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn workspace(n: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(n))
    }

    #[test]
    fn a_stop_is_for_those_it_names_only() {
        let bot = |n| Some(BotId(Uuid::from_u128(n)));
        let (mut stops, id) = (Stops::default(), |n| Some(Uuid::from_u128(n)));
        assert_eq!(stops.find(workspace(1), bot(1), "openai"), None);
        stops.bot(workspace(1), BotId(Uuid::from_u128(1)), Uuid::from_u128(7));
        stops.vendor(workspace(1), "groq".to_owned(), Uuid::from_u128(8));
        assert_eq!(stops.find(workspace(1), bot(1), "openai"), id(7));
        assert_eq!(stops.find(workspace(1), None, "groq"), id(8));
        assert_eq!(stops.find(workspace(1), bot(1), "groq"), id(8), "of two the wider one");
        assert_eq!(stops.find(workspace(1), bot(2), "openai"), None);
        assert_eq!(stops.find(workspace(2), bot(1), "groq"), None, "another workspace's");
        stops.all(workspace(1), Uuid::from_u128(9));
        assert_eq!(stops.find(workspace(1), None, ""), id(9));
        assert_eq!(stops.find(workspace(1), bot(2), "openai"), id(9));
    }

    #[test]
    fn everybody_in_every_hall_is_woken_and_whoever_left_is_not() {
        let (switch, count) = (Switch::default(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let places: Vec<usize> = (0..PLACES + 10).map(|_| switch.enter()).collect();
        let once: HashSet<usize> = places.iter().copied().collect();
        assert_eq!(once.len(), places.len(), "no place is given twice");
        places.iter().for_each(|place| switch.wake_me(*place, &waker));
        switch.leave(places[3]);
        switch.leave(places[PLACES + 3]);
        let before = switch.turns();
        let mut stops = Stops::default();
        stops.all(workspace(1), Uuid::from_u128(9));
        switch.set(stops.clone());
        assert_eq!(count.0.load(Ordering::Relaxed), u32::try_from(PLACES + 8).unwrap());
        assert_eq!(switch.turns(), before + 1);
        places.iter().for_each(|place| switch.wake_me(*place, &waker));
        switch.set(stops);
        assert_eq!(switch.turns(), before + 1, "nothing changed, and nobody is woken");
        assert!(once.contains(&switch.enter()), "a place that was left is given again");
    }
}
