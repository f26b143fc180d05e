//! The two ends that a caller holds: [`Gateway`] for calls, [`Events`] for what comes unasked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::options::ConnectOptions;
use super::queue::Queue;
use super::socket::{self, Command};
use crate::clock::{Clock, SystemClock};
use crate::connection::Signal;
use crate::error::{CallError, ConnectError};
use crate::event::Event;
use crate::protocol::Hello;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The gateway closed it, with this WebSocket code (1012 when it stops or restarts).
    Gateway {
        /// The WebSocket close code; 1006 where the stream just ended.
        code: u16,
        /// The gateway's words.
        reason: String,
    },
    /// Nothing was heard for twice the tick interval.
    Silent,
    /// The stream broke, or something came that is not protocol v4.
    Broken(String),
    /// All handles were dropped, or [`Gateway::close`] was called.
    Ours,
}

/// A watch on a connection's end.
pub(crate) type Closing = watch::Receiver<Option<CloseReason>>;

/// A connected gateway. Clones share the connection; it closes when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub(super) commands: mpsc::Sender<Command>,
    hello: Arc<Hello>,
    closing: Closing,
}

/// What a connected gateway tells without being asked.
#[derive(Debug)]
pub struct Events(Arc<Queue>);

impl Events {
    /// The next event, or none when the connection is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Signal::Event(event) = self.0.next().await? {
                return Some(event);
            }
        }
    }
}

impl Gateway {
    /// Connects once. For a connection that comes back by itself see [`crate::supervise`].
    pub async fn connect(options: ConnectOptions) -> Result<(Self, Events), ConnectError> {
        let queue = Arc::new(Queue::default());
        let gateway =
            Self::connect_into(&options, Arc::clone(&queue), Arc::new(SystemClock::default())).await?;
        let (ending, mut closing) = (Arc::clone(&queue), gateway.closing());
        tokio::spawn(async move {
            let _ = closing.wait_for(Option::is_some).await;
            ending.end();
        });
        Ok((gateway, Events(queue)))
    }

    pub(crate) async fn connect_into(
        options: &ConnectOptions,
        queue: Arc<Queue>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let opening = socket::open(options);
        let (socket, session, hello) = tokio::select! {
            opened = opening => opened?,
            () = clock.sleep(options.deadline) => {
                return Err(ConnectError::Timeout {
                    endpoint: options.endpoint.to_string(),
                    after: options.deadline,
                });
            }
        };
        let silence = Duration::from_millis(hello.policy.tick_interval_ms.clamp(1_000, 120_000) * 2);
        let (commands, inbox) = mpsc::channel(64);
        let (closed, closing) = watch::channel(None);
        let pump = socket::Pump { socket, session, inbox, queue, clock, silence };
        tokio::spawn(async move {
            let reason = pump.run().await;
            let _ = closed.send(Some(reason));
        });
        Ok(Self { commands, hello: Arc::new(hello), closing })
    }

    /// What the gateway said about itself.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    pub(crate) fn hello_shared(&self) -> Arc<Hello> {
        Arc::clone(&self.hello)
    }

    /// Why the connection ended, if it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.closing.borrow().clone()
    }

    pub(crate) fn closing(&self) -> Closing {
        self.closing.clone()
    }

    /// Closes the connection for every clone.
    pub async fn close(&self) {
        let _ = self.commands.send(Command::Close).await;
    }

    /// Calls any method. The answer is the raw payload.
    pub async fn call(&self, method: &str, params: Value, deadline: Duration) -> Result<Value, CallError> {
        self.call_traced(method, params, None, deadline).await
    }

    /// [`Gateway::call`] with a W3C `traceparent`, which the gateway carries on to the model call.
    pub async fn call_traced(
        &self,
        method: &str,
        params: Value,
        traceparent: Option<&str>,
        deadline: Duration,
    ) -> Result<Value, CallError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Call {
            method: method.to_owned(),
            params,
            traceparent: traceparent.map(str::to_owned),
            reply,
        };
        let exchange = async {
            self.commands.send(command).await.map_err(|_gone| CallError::Closed)?;
            answer.await.unwrap_or(Err(CallError::Closed))
        };
        timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_late| Err(CallError::Timeout { method: method.to_owned(), after: deadline }))
    }
}
