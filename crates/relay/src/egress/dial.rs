//! From a checked host to an open connection. The address that was checked is the address that is dialled.

use super::{EgressError, EgressPolicy, Reach, base_url::tidy};
use async_trait::async_trait;
use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use url::Host;

/// One address gets this long before the next is tried.
const DIAL_LIMIT: Duration = Duration::from_secs(4);

/// Turns a name into addresses.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Opens a connection to an address.
#[async_trait]
pub trait Dial: Send + Sync {
    /// A connected stream with `TCP_NODELAY` set.
    async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream>;
}

/// The system's resolver.
pub struct SystemResolve;

#[async_trait]
impl Resolve for SystemResolve {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|a| a.ip()).collect())
    }
}

/// A plain TCP connection.
pub struct SystemDial;

#[async_trait]
impl Dial for SystemDial {
    async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The connector as hyper's clients take it.
#[derive(Clone)]
pub struct Connector {
    policy: Arc<EgressPolicy>,
    reach: Reach,
}

impl Connector {
    pub(super) fn new(policy: Arc<EgressPolicy>, reach: Reach) -> Self {
        Self { policy, reach }
    }

    /// Checks where a URI leads, and connects there.
    pub async fn connect(&self, uri: &Uri) -> Result<TcpStream, EgressError> {
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(EgressError::Url("must begin with https://")),
        };
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(EgressError::Url("must not carry a name or password"));
        }
        let bare = uri.authority().is_some_and(|a| a.as_str().len() == uri.host().map_or(0, str::len));
        if !bare && uri.port_u16().is_none() {
            return Err(EgressError::Url("has a port that no address has"));
        }
        let host =
            Host::parse(uri.host().unwrap_or_default()).map_err(|_gone| EgressError::Url("has no host"))?;
        let host = tidy(host)?;
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let listed = self.policy.listed(&host, port, self.reach);
        self.policy.check_scheme(https, &host, listed)?;
        let addresses = self.policy.addresses(&host, port, self.reach).await?;
        self.dial_first(&addresses).await
    }

    async fn dial_first(&self, addresses: &[SocketAddr]) -> Result<TcpStream, EgressError> {
        let mut last = EgressError::Url("has no address");
        for to in addresses {
            match tokio::time::timeout(DIAL_LIMIT, self.policy.dial.dial(*to)).await {
                Ok(Ok(stream)) => {
                    if let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr())
                        && self.policy.reached_self(local, peer)
                    {
                        return Err(EgressError::Own(peer.to_string()));
                    }
                    return Ok(stream);
                }
                Ok(Err(e)) => last = EgressError::Connect(to.to_string(), e),
                Err(_elapsed) => last = EgressError::Timeout(to.to_string()),
            }
        }
        Err(last)
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<Self::Response, EgressError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.connect(&uri).await.map(TokioIo::new) })
    }
}
