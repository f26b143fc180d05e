//! The connections to the gateways of running bots: one each, kept up, told to who listens.

use api::ids::BotId;
use openclaw::{ConnectOptions, Connection, Event, Gateway, Lost, Signal, clock::Clock};
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// What a bot's events may weigh that listeners have not let go of yet, in KiB. Beyond, they wait in the
/// connection's own queue, which is bounded and joins or drops what nobody takes.
const UNHEARD_KIB: u32 = 4096;
/// The least an event counts, so that small ones do not fill the listeners' queues either.
const LEAST_KIB: usize = 16;

/// An event, shared by all listeners.
#[derive(Debug, Clone)]
pub struct Said {
    event: Arc<(Event, Option<OwnedSemaphorePermit>)>,
}

impl Deref for Said {
    type Target = Event;
    fn deref(&self) -> &Event {
        &self.event.0
    }
}

impl Said {
    /// Waits until listeners have let go of enough of what the bot said before.
    async fn admit(event: Event, unheard: &Arc<Semaphore>) -> Self {
        let kib = u32::try_from((event.weight_bytes() / 1024).max(LEAST_KIB)).unwrap_or(UNHEARD_KIB);
        // The semaphore is never closed.
        let permit = Arc::clone(unheard).acquire_many_owned(kib.min(UNHEARD_KIB)).await.ok();
        Self { event: Arc::new((event, permit)) }
    }
}

/// What happened on a bot's connection.
#[derive(Debug, Clone)]
pub enum LinkEvent {
    /// Connected: subscriptions of before are gone, answers may have gone on meanwhile.
    Ready(Gateway),
    /// Not connected any more, or a try failed.
    Lost(Lost),
    /// The gateway said something.
    Said(Said),
    /// We gave the connection up: the bot is being stopped, replaced or deleted.
    Ended,
}

/// Who is told; must not block.
pub type Listener = Arc<dyn Fn(BotId, LinkEvent) + Send + Sync>;

struct Link {
    generation: i64,
    connection: Connection,
}

/// All connections of this Chela.
pub struct Links {
    /// `None` once Chela stops: no new ones are made then.
    links: Mutex<Option<HashMap<BotId, Link>>>,
    listeners: Mutex<Vec<Listener>>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl Links {
    /// No connections.
    pub fn new(clock: Arc<dyn Clock>, tasks: TaskTracker) -> Arc<Self> {
        let links = Mutex::new(Some(HashMap::new()));
        Arc::new(Self { links, listeners: Mutex::default(), clock, tasks })
    }

    /// Adds a listener; connections made later tell it.
    pub fn listen(&self, listener: Listener) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// The gateway of a bot, while connected.
    pub fn gateway(&self, bot: BotId) -> Option<Gateway> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.as_ref()?.get(&bot).and_then(|link| link.connection.gateway())
    }

    /// The same, where it is that of this generation.
    pub(super) fn gateway_of(&self, bot: BotId, generation: i64) -> Option<Gateway> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let link = links.as_ref()?.get(&bot).filter(|link| link.generation == generation);
        link.and_then(|link| link.connection.gateway())
    }

    /// Whether a bot's connection is being kept up, connected or not.
    pub fn has(&self, bot: BotId) -> bool {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.as_ref().is_some_and(|links| links.contains_key(&bot))
    }

    /// Connects to this generation of a bot, unless it is being done already.
    pub(super) fn open(self: &Arc<Self>, bot: BotId, generation: i64, options: ConnectOptions) {
        let mut guard = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(links) = guard.as_mut() else { return };
        if links.get(&bot).is_some_and(|link| link.generation == generation) {
            return;
        }
        let (connection, mut signals) = openclaw::supervise(options, Arc::clone(&self.clock));
        links.insert(bot, Link { generation, connection });
        drop(guard);
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.tasks.spawn(async move {
            let unheard = Arc::new(Semaphore::new(usize::try_from(UNHEARD_KIB).unwrap_or(usize::MAX)));
            while let Some(signal) = signals.next().await {
                let event = match signal {
                    Signal::Connecting { .. } => continue,
                    Signal::Ready { gateway, .. } => LinkEvent::Ready(gateway),
                    Signal::Lost { why } => LinkEvent::Lost(why),
                    Signal::Event(event) => LinkEvent::Said(Said::admit(event, &unheard).await),
                };
                tell(&listeners, bot, &event);
            }
            tell(&listeners, bot, &LinkEvent::Ended);
        });
    }

    /// Ends the connection of a bot; listeners are told by its last `Lost`, if one stood.
    pub(super) fn close(&self, bot: BotId) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        drop(links.as_mut().and_then(|links| links.remove(&bot)));
    }

    /// Ends all connections, for good.
    pub(super) fn close_all(&self) {
        drop(self.links.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn tell(listeners: &[Listener], bot: BotId, event: &LinkEvent) {
    for listener in listeners {
        listener(bot, event.clone());
    }
}
