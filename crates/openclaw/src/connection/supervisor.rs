//! The task that keeps a connection up, and the handles on it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::backoff::Backoff;
use crate::clock::Clock;
use crate::error::ConnectError;
use crate::event::Event;
use crate::gateway::{CloseReason, ConnectOptions, Gateway, Queue};
use crate::protocol::Hello;

/// What a supervised connection tells, in order.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A try begins.
    Connecting {
        /// Tries since the last connection, from 1.
        attempt: u32,
    },
    /// Connected. Subscriptions of earlier connections are gone.
    Ready {
        /// What the gateway said about itself; compare `server.boot_id` to know a restart.
        hello: Arc<Hello>,
        /// For calls, as long as this connection lasts.
        gateway: Gateway,
    },
    /// A try failed, or a connection ended. The next `Connecting` follows after a pause.
    Lost {
        /// Why.
        why: Lost,
    },
    /// Something happened on the gateway.
    Event(Event),
}

/// Equality is for tests and ignores which connection a [`Signal::Ready`] belongs to.
impl PartialEq for Signal {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Connecting { attempt: a }, Self::Connecting { attempt: b }) => a == b,
            (Self::Ready { hello: a, .. }, Self::Ready { hello: b, .. }) => a == b,
            (Self::Lost { why: a }, Self::Lost { why: b }) => a == b,
            (Self::Event(a), Self::Event(b)) => a == b,
            _ => false,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// The gateway is not up yet; normal for a young bot.
    Starting {
        /// The particulars, for the log.
        detail: String,
    },
    /// A try failed in a way that waiting alone may not mend.
    Refused {
        /// The particulars.
        detail: String,
    },
    /// A connection that stood has ended.
    Closed(CloseReason),
}

/// Keeps the connection up while it is held.
#[derive(Debug)]
pub struct Connection {
    current: watch::Receiver<Option<Gateway>>,
    _stop: DropGuard,
}

impl Connection {
    /// The gateway, while connected.
    #[must_use]
    pub fn gateway(&self) -> Option<Gateway> {
        self.current.borrow().clone()
    }
}

/// The stream of signals.
#[derive(Debug)]
pub struct Signals(Arc<Queue>);

impl Signals {
    /// The next signal; none after the [`Connection`] was dropped. Cancel-safe.
    pub async fn next(&mut self) -> Option<Signal> {
        self.0.next().await
    }
}

/// Connects now and whenever the connection is lost, until the [`Connection`] is dropped.
#[must_use]
pub fn supervise(options: ConnectOptions, clock: Arc<dyn Clock>) -> (Connection, Signals) {
    let queue = Arc::new(Queue::default());
    let (current, watched) = watch::channel(None);
    let stop = CancellationToken::new();
    let task = Supervisor { options, clock, queue: Arc::clone(&queue), current };
    let stopped = stop.clone();
    tokio::spawn(async move {
        let (queue, current) = (Arc::clone(&task.queue), task.current.clone());
        tokio::select! {
            () = stopped.cancelled() => {}
            () = task.run() => {}
        }
        queue.end();
        // Whoever still holds a handle holds a closed one: a bot that is gone has no connection.
        let last = current.borrow().clone();
        if let Some(gateway) = last {
            gateway.close().await;
        }
    });
    (Connection { current: watched, _stop: stop.drop_guard() }, Signals(queue))
}

struct Supervisor {
    options: ConnectOptions,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    current: watch::Sender<Option<Gateway>>,
}

impl Supervisor {
    async fn run(self) {
        let mut backoff = Backoff::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.queue.push(Signal::Connecting { attempt });
            let pause = match self.connect().await {
                Ok(gateway) => {
                    self.stand(gateway).await;
                    attempt = 0;
                    backoff.reset();
                    // The gateway may be restarting: begin as with a young one.
                    backoff.next(true)
                }
                Err(error) => {
                    let starting = error.is_starting();
                    let detail = error.to_string();
                    let why = if starting { Lost::Starting { detail } } else { Lost::Refused { detail } };
                    self.queue.push(Signal::Lost { why });
                    backoff.next(starting)
                }
            };
            self.clock.sleep(pause).await;
        }
    }

    async fn connect(&self) -> Result<Gateway, ConnectError> {
        Gateway::connect_into(&self.options, Arc::clone(&self.queue), Arc::clone(&self.clock)).await
    }

    /// Returns when the connection has ended.
    async fn stand(&self, gateway: Gateway) {
        let mut closing = gateway.closing();
        let _ = self.current.send(Some(gateway.clone()));
        self.queue.push(Signal::Ready { hello: gateway.hello_shared(), gateway });
        let reason = closing.wait_for(Option::is_some).await.map_or(None, |reason| reason.clone());
        let _ = self.current.send(None);
        self.queue.push(Signal::Lost { why: Lost::Closed(reason.unwrap_or(CloseReason::Ours)) });
    }
}
