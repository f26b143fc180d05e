//! The listener of a fake gateway: health paths and the WebSocket on one port or socket.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, atomic::Ordering};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use openclaw::Endpoint;
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use super::state::{Options, State};
use super::{connection, shapes};

/// Where a fake gateway listens.
#[derive(Debug, Clone)]
pub enum Listen {
    /// A loopback address; port 0 for any.
    Tcp(SocketAddr),
    /// A socket file; one left over is replaced.
    Unix(PathBuf),
}

/// A running fake gateway; stops when dropped.
#[derive(Debug)]
pub struct FakeGateway {
    endpoint: Endpoint,
    state: Arc<State>,
    kill: CancellationToken,
}

impl FakeGateway {
    /// Starts on any free loopback port.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        Self::start_on(Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))), options).await
    }

    /// Starts there.
    pub async fn start_on(listen: Listen, options: Options) -> std::io::Result<Self> {
        let state = State::new(options);
        let kill = CancellationToken::new();
        let router = Router::new()
            .route("/startupz", get(startupz))
            .route("/healthz", get(healthz))
            .route("/health", get(healthz))
            .route("/readyz", get(readyz))
            .fallback(rest)
            .with_state(Arc::clone(&state));
        let endpoint = match listen {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                let endpoint = Endpoint::Tcp(listener.local_addr()?);
                // As Node's WebSocket server does: small frames do not wait for one another.
                let listener = listener.tap_io(|stream| {
                    let _ = stream.set_nodelay(true);
                });
                let serving = axum::serve(listener, router).into_future();
                tokio::spawn(kill.clone().run_until_cancelled_owned(serving));
                endpoint
            }
            Listen::Unix(path) => {
                let _ = std::fs::remove_file(&path);
                let listener = UnixListener::bind(&path)?;
                let serving = axum::serve(listener, router).into_future();
                tokio::spawn(kill.clone().run_until_cancelled_owned(serving));
                Endpoint::Unix(path)
            }
        };
        Ok(Self { endpoint, state, kill })
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The token it expects.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.state.options.token
    }

    /// Sends any event to every connection.
    pub fn emit(&self, event: &str, payload: &serde_json::Value) {
        self.state.tell_all(event, payload);
    }

    /// Ends every connection of the moment; new ones are taken.
    pub fn cut(&self) {
        self.state.cut.send_replace(());
    }

    /// How many calls it left unanswered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.state.unanswered.load(Ordering::SeqCst)
    }

    /// Says goodbye (`shutdown`, close 1012) on every connection and takes no new ones.
    pub fn shut_down(&self) {
        self.state.stop.cancel();
        self.kill.cancel();
    }
}

impl Drop for FakeGateway {
    fn drop(&mut self) {
        self.shut_down();
    }
}

async fn startupz(Shared(state): Shared<Arc<State>>) -> Response {
    let started = !state.is_starting();
    let status = if started { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(shapes::startupz(started, state.started.elapsed().as_millis()))).into_response()
}

async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "ok": true, "status": "live" }))
}

async fn readyz(Shared(state): Shared<Arc<State>>) -> Json<serde_json::Value> {
    let uptime = u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Json(json!({ "ready": !state.is_starting(), "failing": [], "uptimeMs": uptime }))
}

/// Any path takes a WebSocket; without one it is a web page with status 200, as with the real one.
async fn rest(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &state).await {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| connection::serve(state, socket)),
        Err(_not_a_socket) => Html("<!doctype html><title>OpenClaw</title>").into_response(),
    }
}
