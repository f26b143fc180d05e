//! The state machine of one connection: challenge, connect, hello, then calls and events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use super::frame::{Incoming, Request};
use super::{CAPS, CLIENT_ID, CLIENT_MODE, Hello, ROLE, Runs, SCOPES, VERSION, translate};
use crate::error::{ConnectError, RpcError};
use crate::event::Event;
use crate::identity::{Challenge, Identity};

/// The events that are read: the handshake's and those of [`translate`].
const LISTENED: [&str; 5] = ["connect.challenge", "chat", "agent", "session.message", "shutdown"];

/// What the other side did that protocol v4 does not know. The connection is not worth keeping.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ProtocolError(String);

/// What we say of ourselves.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The gateway's shared token.
    pub token: String,
    /// How the gateway shall name us in its logs.
    pub display_name: String,
    /// Signs the challenge, where the wire asks for a device.
    pub identity: Option<Arc<dyn Identity>>,
}

/// What a frame leads to.
#[derive(Debug)]
pub enum Output<T> {
    /// Write this frame.
    Send(String),
    /// The handshake is done.
    Ready(Box<Hello>),
    /// The handshake failed; nothing more will come.
    Failed(ConnectError),
    /// The answer to the call that was made with this ticket.
    Answer(T, Result<Value, RpcError>),
    /// Something to tell.
    Event(Event),
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Challenge,
    Hello,
    Ready,
    Failed,
}

/// One connection. `T` is whatever the caller needs back with an answer.
#[derive(Debug)]
pub struct Session<T> {
    handshake: Handshake,
    state: State,
    next_id: u64,
    connect_id: u64,
    pending: HashMap<u64, T>,
    runs: Runs,
}

impl<T> Session<T> {
    /// A connection whose stream was just opened.
    #[must_use]
    pub fn new(handshake: Handshake, runs: Runs) -> Self {
        Self { handshake, state: State::Challenge, next_id: 1, connect_id: 0, pending: HashMap::new(), runs }
    }

    /// Calls that wait for an answer.
    pub fn pending(&self) -> impl Iterator<Item = &T> {
        self.pending.values()
    }

    /// Forgets calls whose caller has gone.
    pub fn forget(&mut self, gone: impl Fn(&T) -> bool) {
        self.pending.retain(|_, ticket| !gone(ticket));
    }

    /// The frame of a new call. Only after [`Output::Ready`].
    pub fn call(&mut self, method: &str, params: &Value, traceparent: Option<&str>, ticket: T) -> String {
        let (id, frame) = self.request(method, params, traceparent);
        self.pending.insert(id, ticket);
        frame
    }

    /// Takes one text frame in.
    pub fn receive(&mut self, text: &str) -> Result<Vec<Output<T>>, ProtocolError> {
        let frame =
            Incoming::read(text, &LISTENED).map_err(|e| ProtocolError(format!("unreadable frame: {e}")))?;
        match frame {
            Incoming::Event { event, payload } if event == "connect.challenge" => self.challenged(&payload),
            // Before the greeting nothing is meant for us.
            Incoming::Event { .. } if self.state != State::Ready => Ok(Vec::new()),
            Incoming::Event { event, payload } => {
                Ok(translate::events(&self.runs, &event, &payload).into_iter().map(Output::Event).collect())
            }
            Incoming::Res { id, result } => {
                self.answered(&id, result.map_err(|error| error.unwrap_or_else(nameless)))
            }
            Incoming::Unread => Ok(Vec::new()),
        }
    }

    fn request(&mut self, method: &str, params: &Value, traceparent: Option<&str>) -> (u64, String) {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request::new(id, method, params, traceparent);
        // Serialising a `Value` into a string has no way to fail.
        (id, serde_json::to_string(&request).unwrap_or_default())
    }

    fn challenged(&mut self, payload: &Value) -> Result<Vec<Output<T>>, ProtocolError> {
        if self.state != State::Challenge {
            return Err(ProtocolError("a second challenge".to_owned()));
        }
        let Some(nonce) = payload["nonce"].as_str() else {
            return Err(ProtocolError("a challenge without a nonce".to_owned()));
        };
        let params = self.connect_params(nonce, payload["ts"].as_i64().unwrap_or(0));
        let (id, frame) = self.request("connect", &params, None);
        self.connect_id = id;
        self.state = State::Hello;
        Ok(vec![Output::Send(frame)])
    }

    fn connect_params(&self, nonce: &str, signed_at_ms: i64) -> Value {
        let platform = std::env::consts::OS;
        let mut params = json!({
            "minProtocol": VERSION,
            "maxProtocol": VERSION,
            "client": {
                "id": CLIENT_ID,
                "displayName": self.handshake.display_name,
                "version": env!("CARGO_PKG_VERSION"),
                "platform": platform,
                "mode": CLIENT_MODE,
            },
            "role": ROLE,
            "scopes": SCOPES,
            "caps": CAPS,
            "auth": { "token": self.handshake.token },
        });
        if let Some(identity) = &self.handshake.identity {
            let device = identity.sign(&Challenge {
                nonce,
                signed_at_ms,
                client_id: CLIENT_ID,
                client_mode: CLIENT_MODE,
                role: ROLE,
                scopes: &SCOPES,
                token: &self.handshake.token,
                platform,
            });
            params["device"] = json!(device);
        }
        params
    }

    fn answered(
        &mut self,
        id: &str,
        result: Result<Value, RpcError>,
    ) -> Result<Vec<Output<T>>, ProtocolError> {
        let Ok(id) = id.parse::<u64>() else { return Ok(Vec::new()) };
        if self.state == State::Hello && id == self.connect_id {
            return Ok(vec![self.greeted(result)]);
        }
        // An answer without a caller is one whose caller stopped waiting.
        Ok(self.pending.remove(&id).map(|ticket| Output::Answer(ticket, result)).into_iter().collect())
    }

    fn greeted(&mut self, result: Result<Value, RpcError>) -> Output<T> {
        let outcome = result.map_err(refusal).and_then(|payload| {
            serde_json::from_value::<Hello>(payload)
                .map_err(|e| ConnectError::Protocol(format!("hello: {e}")))
        });
        match outcome.and_then(check) {
            Ok(hello) => {
                self.state = State::Ready;
                Output::Ready(Box::new(hello))
            }
            Err(error) => {
                self.state = State::Failed;
                Output::Failed(error)
            }
        }
    }
}

fn refusal(error: RpcError) -> ConnectError {
    if error.is_starting() {
        ConnectError::Starting { retry_after: Duration::from_millis(error.retry_after_ms.unwrap_or(500)) }
    } else {
        ConnectError::Refused(error)
    }
}

fn check(hello: Hello) -> Result<Hello, ConnectError> {
    if hello.protocol != VERSION {
        return Err(ConnectError::Protocol(format!("version {}", hello.protocol)));
    }
    if hello.auth.scopes.iter().any(|scope| scope == "operator.admin") {
        Ok(hello)
    } else {
        Err(ConnectError::MissingScopes { granted: hello.auth.scopes.join(", ") })
    }
}

fn nameless() -> RpcError {
    RpcError {
        code: "UNKNOWN".to_owned(),
        message: "the gateway gave no reason".to_owned(),
        details: Value::Null,
        retryable: false,
        retry_after_ms: None,
    }
}
