//! The WebSocket under a connection: opening it, and the one task that reads and writes it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::handle::CloseReason;
use super::options::ConnectOptions;
use super::queue::Queue;
use crate::clock::Clock;
use crate::connection::Signal;
use crate::endpoint::Stream;
use crate::error::{CallError, ConnectError};
use crate::protocol::{Handshake, Hello, Output, Session};

/// The longest frame we take. The largest answer we ask for is `chat.history`: ten messages, of which the
/// gateway makes none longer than 128 KiB. What a bot may send beyond (`policy.maxPayload` is 25 MiB) would
/// only be a way to our memory.
const MAX_FRAME: usize = 2 << 20;
/// Calls that may wait for an answer at one time.
const MAX_PENDING: usize = 256;

type Socket = WebSocketStream<Box<dyn Stream>>;
type Reply = oneshot::Sender<Result<Value, CallError>>;

/// What a handle asks of the task.
#[derive(Debug)]
pub(super) enum Command {
    Call { method: String, params: Value, traceparent: Option<String>, reply: Reply },
    Close,
}

type Opened = (Socket, Session<Reply>, Hello);

/// Dials, upgrades, shakes hands. The caller sets the deadline.
pub(super) async fn open(options: &ConnectOptions) -> Result<Opened, ConnectError> {
    let unreachable =
        |source: io::Error| ConnectError::Unreachable { endpoint: options.endpoint.to_string(), source };
    let stream = options.endpoint.dial().await.map_err(unreachable)?;
    let request = format!("ws://{}/", options.endpoint.host())
        .into_client_request()
        .map_err(|e| ConnectError::Protocol(e.to_string()))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
        .read_buffer_size(16 << 10)
        .write_buffer_size(0);
    let ws = |error| ws_error(options, error);
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await.map_err(ws)?;
    let mut session = Session::new(
        Handshake {
            token: options.token.expose().to_owned(),
            display_name: options.display_name.clone(),
            identity: options.identity.clone(),
        },
        options.runs.clone(),
    );
    loop {
        let message = match socket.next().await {
            Some(message) => message.map_err(ws)?,
            None => return Err(unreachable(io::ErrorKind::UnexpectedEof.into())),
        };
        let text = match message {
            Message::Text(text) => text,
            // Code 1013 is "try again later": the gateway's way to say that it is starting.
            Message::Close(Some(frame)) if u16::from(frame.code) != 1013 => {
                return Err(ConnectError::Protocol(format!("closed: {} {}", frame.code, frame.reason)));
            }
            Message::Close(_) => return Err(unreachable(io::ErrorKind::ConnectionReset.into())),
            _ => continue,
        };
        for output in session.receive(&text).map_err(|e| ConnectError::Protocol(e.to_string()))? {
            match output {
                Output::Send(frame) => socket.send(Message::text(frame)).await.map_err(ws)?,
                Output::Ready(hello) => return Ok((socket, session, *hello)),
                Output::Failed(error) => return Err(error),
                Output::Event(_) | Output::Answer(..) => {}
            }
        }
    }
}

fn ws_error(options: &ConnectOptions, error: tungstenite::Error) -> ConnectError {
    match error {
        tungstenite::Error::Io(source) => {
            ConnectError::Unreachable { endpoint: options.endpoint.to_string(), source }
        }
        // A cell's socket is there before the gateway behind it: the stream opens and just ends.
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(
            ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake,
        ) => ConnectError::Unreachable {
            endpoint: options.endpoint.to_string(),
            source: io::ErrorKind::ConnectionReset.into(),
        },
        // 503 while the gateway starts; anything else is not a gateway.
        tungstenite::Error::Http(response) if response.status().is_server_error() => {
            ConnectError::Starting { retry_after: Duration::from_millis(500) }
        }
        other => ConnectError::Protocol(other.to_string()),
    }
}

/// The task of a connection.
pub(super) struct Pump {
    pub(super) socket: Socket,
    pub(super) session: Session<Reply>,
    pub(super) inbox: mpsc::Receiver<Command>,
    pub(super) queue: Arc<Queue>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) silence: Duration,
}

impl Pump {
    /// Runs until the connection is over. Every waiting caller then gets [`CallError::Closed`].
    pub(super) async fn run(mut self) -> CloseReason {
        let mut alarm = self.clock.sleep(self.silence);
        let mut heard = self.clock.now();
        loop {
            let done = tokio::select! {
                message = self.socket.next() => {
                    heard = self.clock.now();
                    self.heard(message).await
                }
                command = self.inbox.recv() => self.command(command).await,
                () = &mut alarm => {
                    let quiet = self.clock.now().saturating_sub(heard);
                    if quiet >= self.silence {
                        Err(CloseReason::Silent)
                    } else {
                        alarm = self.clock.sleep(self.silence - quiet);
                        Ok(())
                    }
                }
            };
            if let Err(reason) = done {
                if reason == CloseReason::Ours {
                    // Politeness with a deadline: a gateway that hangs must not hold the task.
                    let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.close(None)).await;
                }
                return reason;
            }
        }
    }

    async fn heard(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), CloseReason> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                return Err(closed(frame.map(|f| (f.code.into(), f.reason.to_string()))));
            }
            // Pongs are answered by the library; binary frames are not part of the protocol.
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(CloseReason::Broken(error.to_string())),
            None => return Err(closed(None)),
        };
        let outputs = self.session.receive(&text).map_err(|e| CloseReason::Broken(e.to_string()))?;
        for output in outputs {
            match output {
                Output::Answer(reply, result) => {
                    let _ = reply.send(result.map_err(CallError::Refused));
                }
                Output::Event(event) => self.queue.push(Signal::Event(event)),
                Output::Send(frame) => self.write(frame).await?,
                Output::Ready(_) | Output::Failed(_) => {}
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: Option<Command>) -> Result<(), CloseReason> {
        let Some(Command::Call { method, params, traceparent, reply }) = command else {
            return Err(CloseReason::Ours);
        };
        if self.session.pending().count() >= MAX_PENDING {
            self.session.forget(oneshot::Sender::is_closed);
        }
        if self.session.pending().count() >= MAX_PENDING {
            let _ = reply.send(Err(CallError::Busy));
            return Ok(());
        }
        let frame = self.session.call(&method, &params, traceparent.as_deref(), reply);
        self.write(frame).await
    }

    async fn write(&mut self, frame: String) -> Result<(), CloseReason> {
        // A gateway that does not read (stopped, swapping) must not hold the task for ever.
        match tokio::time::timeout(self.silence, self.socket.send(Message::text(frame))).await {
            Ok(sent) => sent.map_err(|error| CloseReason::Broken(error.to_string())),
            Err(_elapsed) => Err(CloseReason::Silent),
        }
    }
}

fn closed(frame: Option<(u16, String)>) -> CloseReason {
    let (code, reason) = frame.unwrap_or((1006, String::new()));
    CloseReason::Gateway { code, reason }
}
