//! The relay's own listeners: the loopback port and the bots' sockets.
//!
//! Every connection has `TCP_NODELAY`, a deadline for its head, limits on head and count; a stop lets running
//! answers go on for the grace time, then ends them with an event of their dialect.

use super::{Relay, RelayBody, guard::Line};
use crate::{Guarded, Wire, guarded::Watch};
use futures::future::BoxFuture;
use http::{
    HeaderValue, StatusCode,
    header::{CONNECTION, UPGRADE},
};
use hyper::{
    Request, Response,
    body::Incoming,
    server::conn::http1::{self, UpgradeableConnection},
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// A request's head must be whole by then; also how long a connection may rest between calls.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// The most that is read of a connection at once: a long prompt in one piece costs half of one in pieces of 64 KiB.
/// Heads beyond it are refused by hyper, smaller ones are measured in `call`.
const READ_BYTES: usize = 192 * 1024;
/// The most header lines.
const MAX_HEADERS: usize = 99;
/// After the grace time, the last event of a stream has this long to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

pub(super) enum Peer {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Peer> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Peer::Tcp(stream))
            }
            Self::Unix(listener) => Ok(Peer::Unix(listener.accept().await?.0)),
        }
    }
}

impl Relay {
    /// Serves the loopback listener until `shutdown`, then lets running answers end within the grace time.
    pub async fn serve_tcp(&self, listener: TcpListener, shutdown: CancellationToken) {
        self.serve(Listener::Tcp(listener), Wire::Tcp, shutdown).await;
    }

    /// Serves one bot's socket in the same way.
    pub async fn serve_unix(&self, listener: UnixListener, wire: Wire, shutdown: CancellationToken) {
        self.serve(Listener::Unix(listener), wire, shutdown).await;
    }

    async fn serve(&self, listener: Listener, wire: Wire, shutdown: CancellationToken) {
        let limits = self.shared.config.limits;
        let most = match wire {
            Wire::Tcp | Wire::Panel => limits.connections,
            Wire::Bot(_) => limits.bot_connections,
        };
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {}
            let full = open.len() >= most;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ended = open.join_next(), if full => {}
                peer = listener.accept(), if !full => match peer {
                    Ok(Peer::Tcp(stream)) => {
                        open.spawn(self.clone().connection(stream, wire, shutdown.clone()));
                    }
                    Ok(Peer::Unix(stream)) => {
                        open.spawn(self.clone().connection(stream, wire, shutdown.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the relay could not accept a connection");
                        // Out of handles: one that ends frees one.
                        let _freed = timeout(Duration::from_millis(100), open.join_next()).await;
                    }
                },
            }
        }
        drop(listener);
        while open.join_next().await.is_some() {}
    }

    /// Kept small: there is one for every open connection, however long that rests.
    async fn connection<S>(self, stream: S, wire: Wire, shutdown: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (shared, line) = (Arc::clone(&self.shared), Line::default());
        let calls = Calls { relay: self, wire, line: line.clone() };
        let mut connection = pin!(calls.over(stream));
        let grace = || shared.config.limits.grace;
        tokio::select! {
            _ended = connection.as_mut() => return Box::pin(talk(&line, grace(), &shutdown)).await,
            () = shutdown.cancelled() => {}
            () = shared.switch.halts(|| line.is_halted(&shared.switch)) => {
                // Its answer says so, unless its caller does not read: then it is left.
                let _late = Box::pin(timeout(LAST_WORDS, connection)).await;
                return;
            }
        }
        connection.as_mut().graceful_shutdown();
        if Box::pin(timeout(grace(), connection.as_mut())).await.is_err() {
            line.stop();
            let _late = Box::pin(timeout(LAST_WORDS, connection)).await;
        }
        Box::pin(talk(&line, Duration::ZERO, &shutdown)).await;
    }
}

/// What answers the calls of one connection.
struct Calls {
    relay: Relay,
    wire: Wire,
    line: Line,
}

impl Calls {
    fn over<S>(mut self, stream: S) -> UpgradeableConnection<TokioIo<Guarded<S>>, Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = Guarded::upgradable(stream, self.relay.shared.config.limits.idle, ());
        self.line.watch = Some(stream.watch());
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .max_buf_size(READ_BYTES)
            .max_headers(MAX_HEADERS);
        builder.serve_connection(TokioIo::new(stream), self).with_upgrades()
    }
}

impl Service<Request<Incoming>> for Calls {
    type Response = Response<RelayBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (relay, wire, line) = (self.relay.clone(), self.wire, self.line.clone());
        let badly_framed = line.watch.as_ref().is_some_and(Watch::badly_framed);
        if let Some(watch) = &line.watch {
            // A body is not asked for more while its caller does not read: its deadline holds here too.
            watch.set_due(Instant::now() + relay.shared.config.limits.total + LAST_WORDS);
        }
        // After such a request the framing is not watched: its connection talks on, or ends.
        let last = request.headers().contains_key(UPGRADE);
        // hyper keeps room for this in every connection, for as long as it lasts: a box gives it back.
        Box::pin(async move {
            let mut answer = if badly_framed {
                Relay::refuse_framing(&request)
            } else {
                relay.handle_on(wire, line, request).await
            };
            if last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}

/// What the connection has become counts as long as it lasts; a stop leaves it the grace time.
async fn talk(line: &Line, grace: Duration, shutdown: &CancellationToken) {
    let Some(mut talk) = line.talk() else { return };
    tokio::select! {
        _over = &mut talk => return,
        () = shutdown.cancelled() => {}
    }
    if timeout(grace, &mut talk).await.is_err() {
        line.stop();
        talk.abort();
        let _gone = talk.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{Dial, SystemDial};

    #[tokio::test]
    async fn both_sides_of_the_relay_send_small_writes_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let listener = Listener::Tcp(listener);
        let (peer, dialled) = tokio::join!(listener.accept(), SystemDial.dial(at));
        let Ok(Peer::Tcp(accepted)) = peer else { panic!("no connection") };
        assert!(accepted.nodelay().unwrap());
        assert!(dialled.unwrap().nodelay().unwrap());
    }
}
