//! The accept loop: HTTP/1 with bounds on everything a stranger decides.
//!
//! Not responsible for what is answered, nor for TLS (a proxy's matter).

use super::{client::PeerAddr, problem::Problem};
use api::{ApiError, Code};
use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
    serve::Listener,
};
use http::{HeaderValue, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use relay::guarded::{Guarded, Watch};
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Most connections of a listener, however many files may be open: each open tab is one.
const MOST_CONNECTIONS: usize = 16_384;

/// Bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once, upgraded ones included; more wait in the kernel's queue.
    pub connections: usize,
    /// Most headers of a request.
    pub headers: usize,
    /// Longest request line and headers together, in bytes.
    pub head_bytes: usize,
    /// How long a request's head may take, and how long an idle connection is kept.
    pub head_deadline: Duration,
    /// How long the other side may read nothing.
    pub stall: Duration,
    /// How long requests may go on after the shutdown began.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: connections(),
            headers: 99,
            head_bytes: 48 * 1024,
            head_deadline: Duration::from_secs(20),
            stall: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}

/// As many as leave files for the rest: databases, bots, calls to vendors.
fn connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files / 4 * 3).unwrap_or(usize::MAX).clamp(256, MOST_CONNECTIONS)
}

/// What can be accepted: a stream that may be tuned for small writes.
pub trait Wire {
    /// Sends small pieces at once.
    fn send_at_once(&self);
}
impl Wire for TcpStream {
    fn send_at_once(&self) {
        if let Err(error) = self.set_nodelay(true) {
            tracing::debug!(error = %error, "TCP_NODELAY");
        }
    }
}
impl Wire for UnixStream {
    fn send_at_once(&self) {}
}

/// The other end of a connection, as far as it has an address.
pub trait Peer {
    /// Its IP address.
    fn ip(&self) -> Option<IpAddr>;
}
impl Peer for SocketAddr {
    fn ip(&self) -> Option<IpAddr> {
        Some(SocketAddr::ip(self))
    }
}
impl Peer for tokio::net::unix::SocketAddr {
    fn ip(&self) -> Option<IpAddr> {
        None
    }
}

/// Serves `router` until `shutdown`, then lets running requests end within the grace.
pub async fn serve<L>(mut listener: L, router: Router, limits: Limits, shutdown: CancellationToken)
where
    L: Listener,
    L::Io: Wire,
    L::Addr: Peer,
{
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    loop {
        let accepted = async {
            let permit = Arc::clone(&places).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, (io, addr)) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => accepted,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { break };
        io.send_at_once();
        let guarded = Guarded::upgradable(io, limits.stall, permit);
        connections.spawn(connection(guarded, PeerAddr(addr.ip()), router.clone(), limits, shutdown.clone()));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut at shutdown");
    }
}

async fn connection<Io>(
    io: Guarded<Io, OwnedSemaphorePermit>,
    peer: PeerAddr,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let watch = io.watch();
    let service =
        service_fn(move |request: Request<Incoming>| answer(router.clone(), request, peer, watch.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_deadline)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.grace, connection).await {
                Ok(ended) => ended,
                Err(_cut) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "connection ended badly");
    }
}

async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    peer: PeerAddr,
    watch: Watch,
) -> Result<Response, Infallible> {
    if watch.badly_framed() {
        let text = "The request says its length in two ways, or in one that cannot be followed.";
        return Ok(closing(Problem(ApiError::new(Code::Malformed, text)).into_response()));
    }
    let upgrade = request.headers().contains_key(header::UPGRADE);
    request.extensions_mut().insert(peer);
    let response = router.oneshot(request.map(Body::new)).await?;
    // A refused upgrade leaves bytes that the framing guard no longer follows.
    let stays = !upgrade || response.status() == StatusCode::SWITCHING_PROTOCOLS;
    Ok(if stays { response } else { closing(response) })
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
