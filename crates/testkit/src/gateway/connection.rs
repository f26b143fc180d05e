//! One WebSocket of a fake gateway: challenge, connect, then calls and events.

use std::sync::{Arc, atomic::Ordering};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::state::{Outgoing, Run, State};
use super::{chat, shapes};

/// Speaks until one side closes.
pub(super) async fn serve(state: Arc<State>, mut socket: WebSocket) {
    let (outbox, mut events) = mpsc::channel::<Outgoing>(4096);
    let id = state.join(outbox);
    let mut connection = Connection { state: Arc::clone(&state), id, seq: 0, connected: false };
    let mut tick = tokio::time::interval(state.options.tick);
    tick.tick().await;
    let mut cut = state.cut.subscribe();
    let hello = json!({ "type": "event", "event": "connect.challenge", "payload": shapes::challenge() });
    let mut going = socket.send(text(&hello)).await.is_ok();
    while going {
        going = tokio::select! {
            message = socket.recv() => connection.heard(&mut socket, message).await,
            event = events.recv() => match event {
                Some((name, payload)) => connection.event(&mut socket, &name, &payload).await,
                None => false,
            },
            _ = tick.tick() => connection.event(&mut socket, "tick", &json!({ "ts": shapes::now_ms() })).await,
            _ = cut.changed() => false,
            () = state.stop.cancelled() => {
                let bye = json!({ "reason": "gateway stopping" });
                connection.event(&mut socket, "shutdown", &bye).await;
                let frame = CloseFrame { code: 1012, reason: "service restart".into() };
                let _ = socket.send(Message::Close(Some(frame))).await;
                false
            }
        };
    }
    state.leave(id);
}

fn text(frame: &Value) -> Message {
    Message::Text(frame.to_string().into())
}

struct Connection {
    state: Arc<State>,
    id: u64,
    seq: u64,
    connected: bool,
}

impl Connection {
    async fn event(&mut self, socket: &mut WebSocket, name: &str, payload: &Value) -> bool {
        if !self.connected {
            return true;
        }
        self.seq += 1;
        let frame = json!({ "type": "event", "event": name, "payload": payload, "seq": self.seq });
        socket.send(text(&frame)).await.is_ok()
    }

    async fn heard(&mut self, socket: &mut WebSocket, message: Option<Result<Message, axum::Error>>) -> bool {
        let request: Value = match message {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap_or_default(),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => return true,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
        };
        let method = request["method"].as_str().unwrap_or_default();
        if self.state.options.deaf_to == Some(method) {
            self.state.unanswered.fetch_add(1, Ordering::SeqCst);
            return true;
        }
        let was_connected = self.connected;
        let result = if was_connected {
            self.call(method, &request)
        } else {
            self.connect(method, &request["params"])
        };
        let refused = result.is_err();
        let frame = match result {
            Ok(payload) => json!({ "type": "res", "id": request["id"], "ok": true, "payload": payload }),
            Err(error) => json!({ "type": "res", "id": request["id"], "ok": false, "error": error }),
        };
        let sent = socket.send(text(&frame)).await.is_ok();
        if refused && !was_connected {
            let starting = self.state.is_starting();
            let code = if starting { 1013 } else { 1008 };
            let _ =
                socket.send(Message::Close(Some(CloseFrame { code, reason: "connect failed".into() }))).await;
            return false;
        }
        sent
    }

    fn connect(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let state = &self.state;
        if method != "connect" {
            return Err(shapes::error("INVALID_REQUEST", "first request must be connect", Value::Null));
        }
        if state.is_starting() {
            return Err(shapes::starting());
        }
        if params["auth"]["token"].as_str() != Some(&state.options.token) {
            let details = json!({ "code": "AUTH_TOKEN_MISMATCH" });
            return Err(shapes::error("INVALID_REQUEST", "unauthorized: gateway token mismatch", details));
        }
        let spans = (params["minProtocol"].as_u64(), params["maxProtocol"].as_u64());
        if !matches!(spans, (Some(min), Some(max)) if min <= 4 && 4 <= max) {
            let details = json!({ "code": "PROTOCOL_MISMATCH", "expectedProtocol": 4 });
            return Err(shapes::error("INVALID_REQUEST", "protocol mismatch", details));
        }
        self.connected = true;
        let tick_ms = u64::try_from(state.options.tick.as_millis()).unwrap_or(30_000);
        Ok(shapes::hello(&state.boot_id, self.id, &params["scopes"], tick_ms))
    }

    fn call(&self, method: &str, request: &Value) -> Result<Value, Value> {
        let params = &request["params"];
        let session = params["sessionKey"].as_str().or(params["key"].as_str()).unwrap_or_default();
        match method {
            "health" => Ok(shapes::health()),
            "chat.send" => self.send(session, params, request["traceparent"].as_str()),
            "chat.abort" => {
                let stopped = self.state.abort(session, params["runId"].as_str());
                Ok(json!({ "ok": true, "aborted": !stopped.is_empty(), "runIds": stopped }))
            }
            "chat.history" => {
                let limit = params["limit"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(200);
                Ok(self.state.history(session, limit))
            }
            "sessions.delete" => Ok(self.state.delete(session)),
            "sessions.messages.subscribe" => {
                self.state.subscribe(self.id, session);
                Ok(json!({ "subscribed": true, "key": session }))
            }
            "tools.effective" if self.state.exists(session) => Ok(shapes::tools()),
            "tools.effective" => {
                let message = format!("unknown session key {session:?}");
                Err(shapes::error("INVALID_REQUEST", &message, Value::Null))
            }
            _ => Err(shapes::error("INVALID_REQUEST", &format!("unknown method: {method}"), Value::Null)),
        }
    }

    fn send(&self, session: &str, params: &Value, trace: Option<&str>) -> Result<Value, Value> {
        let (Some(prompt), Some(run_id)) = (params["message"].as_str(), params["idempotencyKey"].as_str())
        else {
            return Err(shapes::error("INVALID_REQUEST", "invalid chat.send params", Value::Null));
        };
        if session.is_empty() {
            let details = json!({ "code": "SESSION_MUTATION_TARGET_REQUIRED", "method": "chat.send" });
            return Err(shapes::error("INVALID_REQUEST", "session mutation target is unavailable", details));
        }
        let run = Run {
            id: run_id.to_owned(),
            owner: self.id,
            text: String::new(),
            stop: CancellationToken::new(),
        };
        let fresh = self.state.begin(session, run.clone());
        if fresh {
            let state = Arc::clone(&self.state);
            let trace = trace.map(str::to_owned);
            tokio::spawn(chat::play(state, session.to_owned(), run, prompt.to_owned(), trace));
        }
        Ok(json!({ "runId": run_id, "status": if fresh { "started" } else { "in_flight" } }))
    }
}
