//! The vendor as a running server.

use super::{
    answer::{self, Content},
    hostile,
    http::{Connection, Request},
    script::{Call, Change, Mode, Script},
};
use serde_json::{Value, json};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// More calls than this are not remembered.
const MAX_CALLS: usize = 10_000;

/// The running vendor. Stops when it is dropped.
pub struct FakeVendor {
    at: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    calls: Mutex<Vec<Call>>,
    seen: watch::Sender<usize>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeVendor {
    /// Starts one on a free port of loopback.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::start_on(0, script).await
    }

    /// Starts one on this port of loopback.
    pub async fn start_on(port: u16, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let at = listener.local_addr()?;
        let (script, calls) = (Mutex::new(script), Mutex::default());
        let shared = Arc::new(Shared { script, calls, seen: watch::Sender::new(0) });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { at, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// `host:port`, as the list of private upstreams wants it.
    #[must_use]
    pub fn listed(&self) -> String {
        self.at.to_string()
    }

    /// The base URL of its key.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.at)
    }

    /// Its part as it is now.
    #[must_use]
    pub fn script(&self) -> Script {
        locked(&self.shared.script).clone()
    }

    /// Changes its part.
    pub fn play(&self, mode: Mode) {
        locked(&self.shared.script).mode = mode;
    }

    /// Answers calls with this key so from now on.
    pub fn answer_with(&self, key: &str, mode: Mode) {
        locked(&self.shared.script).others.insert(key.to_owned(), mode);
    }

    /// Takes this key from now on; an empty one is none at all.
    pub fn expect_key(&self, key: &str) {
        key.clone_into(&mut locked(&self.shared.script).key);
    }

    /// The answer to `ask:<token>`.
    #[must_use]
    pub fn answer_to(&self, token: &str) -> String {
        answer::digest(&self.script().nonce, token)
    }

    /// What it has seen.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.shared.calls).clone()
    }

    /// Waits until it has seen this many calls.
    pub async fn seen(&self, calls: usize) {
        let mut seen = self.shared.seen.subscribe();
        let _alive = seen.wait_for(|n| *n >= calls).await;
    }

    /// Runs until it is killed; for the program of its own.
    pub async fn run(mut self) {
        let _ended = (&mut self.task).await;
    }
}

impl Drop for FakeVendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while open.try_join_next().is_some() {}
        open.spawn(serve(stream, shared.clone()));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(request) = connection.request().await? {
        if !shared.reply(&mut connection, request).await? {
            break;
        }
    }
    Ok(())
}

impl Shared {
    /// Answers one request; `false` closes the connection.
    async fn reply(&self, connection: &mut Connection, request: Request) -> io::Result<bool> {
        let json = "application/json";
        match request.path.as_str() {
            "/__control" => {
                let change = serde_json::from_slice::<Change>(&request.body);
                let (status, body) = match change {
                    Ok(change) => {
                        locked(&self.script).change(change);
                        (200, json!({"ok": true}))
                    }
                    Err(error) => (400, json!({"error": error.to_string()})),
                };
                return connection.answer(status, json, body.to_string().as_bytes()).await.map(|()| true);
            }
            "/__calls" => {
                let calls = serde_json::to_vec(&*locked(&self.calls)).map_err(io::Error::other)?;
                return connection.answer(200, json, &calls).await.map(|()| true);
            }
            _ => {}
        }
        let mut script = locked(&self.script).clone();
        let place = self.remember(&request);
        let places = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
        let other = places.iter().filter_map(|name| request.headers.get(*name)).find_map(|value| {
            let key = value.strip_prefix("Bearer ").unwrap_or(value);
            script.others.get_key_value(key).map(|(key, mode)| (key.clone(), mode.clone()))
        });
        if let Some((key, mode)) = other {
            (script.key, script.mode) = (key, mode);
        }
        let known = [format!("Bearer {}", script.key), script.key.clone()];
        let mut sent = places.iter().filter_map(|n| request.headers.get(*n));
        let welcome = match script.key.as_str() {
            "" => sent.next().is_none(),
            _ => sent.any(|v| known.contains(v)),
        };
        if !welcome {
            self.answered(place, 401);
            let body = json!({"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error",
                                        "code": "invalid_api_key"}});
            return connection.answer(401, json, body.to_string().as_bytes()).await.map(|()| true);
        }
        if let Mode::SlowDown { after } = &script.mode {
            self.answered(place, 429);
            let body = json!({"error": {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit"}});
            return connection.slow_down(after, body.to_string().as_bytes()).await.map(|()| true);
        }
        if let Mode::Status { status, body } = &script.mode {
            self.answered(place, *status);
            return connection.answer(*status, json, body.as_bytes()).await.map(|()| true);
        }
        if script.mode == Mode::Echo {
            self.answered(place, 200);
            let kind = request.headers.get("content-type").map_or("application/octet-stream", String::as_str);
            return connection.answer(200, kind, &request.body).await.map(|()| true);
        }
        let models = request.path.split('?').next().is_some_and(|p| p.ends_with("/models"));
        if models && !matches!(script.mode, Mode::Events { .. }) {
            self.answered(place, 200);
            let body = json!({"object": "list", "data": [{"id": script.model, "object": "model"}]});
            return connection.answer(200, json, body.to_string().as_bytes()).await.map(|()| true);
        }
        self.answered(place, 200);
        talk(connection, &script, &request).await
    }

    fn remember(&self, request: &Request) -> usize {
        let mut calls = locked(&self.calls);
        if calls.len() < MAX_CALLS {
            calls.push(Call {
                method: request.method.clone(),
                path: request.path.clone(),
                headers: request.headers.clone(),
                body: String::from_utf8_lossy(&request.body).into_owned(),
                status: None,
            });
        }
        self.seen.send_replace(calls.len());
        calls.len() - 1
    }

    fn answered(&self, place: usize, status: u16) {
        if let Some(call) = locked(&self.calls).get_mut(place) {
            call.status = Some(status);
        }
    }
}

/// A model's answer to a good call.
async fn talk(connection: &mut Connection, script: &Script, request: &Request) -> io::Result<bool> {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let content = match &script.mode {
        Mode::Tool { name, arguments } if !answer::has_result(&body) => {
            Content::Tool { name: name.clone(), arguments: arguments.clone() }
        }
        _ => Content::Text(answer::digest(&script.nonce, &answer::asked(&body))),
    };
    let model = body["model"].as_str().unwrap_or(&script.model);
    let anthropic = request.path.split('?').next().is_some_and(|p| p.ends_with("/messages"));
    let usage = body["stream_options"]["include_usage"] == true;
    let events = if anthropic {
        answer::anthropic_events(model, &content)
    } else {
        answer::openai_events(model, &content, usage)
    };
    match &script.mode {
        Mode::Json { body } => {
            connection.answer(200, "application/json", body.as_bytes()).await.map(|()| true)
        }
        Mode::Answer | Mode::Tool { .. } if body["stream"] == true => {
            stream(connection, &events, script.delay_ms).await.map(|()| true)
        }
        Mode::Answer | Mode::Tool { .. } => {
            let whole = if anthropic {
                answer::anthropic_json(model, &content)
            } else {
                answer::openai_json(model, &content)
            };
            connection.answer(200, "application/json", whole.to_string().as_bytes()).await.map(|()| true)
        }
        _ => hostile::play(connection, script, &events).await,
    }
}

async fn stream(connection: &mut Connection, events: &[String], delay_ms: u64) -> io::Result<()> {
    connection.head("text/event-stream").await?;
    for event in events {
        connection.piece(event.as_bytes()).await?;
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
    }
    connection.end().await
}
