//! The one outbound connector of the product: relay, key tests, later webhooks and tools dial through it.
//!
//! Responsible for where Chela may connect to. A host is checked as written (every odd form of an address is
//! normalised first) and again as resolved; all addresses must pass, and the checked address is the one that
//! is dialled. Redirects are never followed, proxy variables never read, own listeners and bot wires refused
//! even when the operator listed them. Not responsible for what is sent.

mod address;
mod base_url;
mod client;
mod dial;
mod line;
mod policy;
mod pool;
#[cfg(test)]
mod tests;
mod wire;

pub use base_url::{Allowed, BaseUrl};
pub use client::Fetched;
pub use dial::{Connector, Dial, Resolve, SystemDial, SystemResolve};
pub use policy::{EgressPolicy, Reach, Refuse};

pub(crate) use client::OutBody;
pub(crate) use line::Coming;
pub(crate) use pool::SendError;

use client::{HttpClient, Ways};
use http::{Request, Response};
use std::{io, sync::Arc};
use url::Host;

/// Why Chela does not connect. The texts are shown to operators; they hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The address is not one Chela can use.
    #[error("the address {0}")]
    Url(&'static str),
    /// Plain http to a host that the operator did not list.
    #[error("{0} needs https: only upstreams listed in CHELA_PRIVATE_UPSTREAMS may be reached by http")]
    Plaintext(String),
    /// A port that never speaks HTTP.
    #[error("port {0} is refused")]
    Port(u16),
    /// A host or one of its addresses is not on the public internet.
    #[error("{0} is not a public address; the operator can list it in CHELA_PRIVATE_UPSTREAMS")]
    Private(String),
    /// One of Chela's own listeners, or a bot's network.
    #[error("{0} belongs to Chela itself")]
    Own(String),
    /// The name has no address.
    #[error("the name {0} has no address")]
    NoAddress(String),
    /// The name did not resolve.
    #[error("the name {0} could not be resolved")]
    Resolve(String, #[source] io::Error),
    /// Nobody answered at the address.
    #[error("no connection to {0}")]
    Connect(String, #[source] io::Error),
    /// Connecting took too long.
    #[error("connecting to {0} took too long")]
    Timeout(String),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
}

impl EgressError {
    /// Whether trying again cannot help: the rules refuse it.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Plaintext(_) | Self::Port(_) | Self::Private(_) | Self::Own(_))
    }
}

impl EgressError {
    /// The same error again: hyper lends its errors and never gives them away.
    #[must_use]
    pub(crate) fn again(&self) -> Self {
        let io = |e: &io::Error| io::Error::new(e.kind(), e.to_string());
        match self {
            Self::Url(why) => Self::Url(why),
            Self::Plaintext(host) => Self::Plaintext(host.clone()),
            Self::Port(port) => Self::Port(*port),
            Self::Private(host) => Self::Private(host.clone()),
            Self::Own(host) => Self::Own(host.clone()),
            Self::NoAddress(host) => Self::NoAddress(host.clone()),
            Self::Resolve(host, e) => Self::Resolve(host.clone(), io(e)),
            Self::Connect(host, e) => Self::Connect(host.clone(), io(e)),
            Self::Timeout(host) => Self::Timeout(host.clone()),
            Self::Tls(e) => Self::Tls(e.clone()),
        }
    }
}

/// The connector with its rules and its two pools of connections: one that may reach listed private
/// upstreams and one that may not, so that no pooled connection crosses that line.
pub struct Egress {
    public: Ways,
    private: Ways,
    policy: Arc<EgressPolicy>,
}

impl Egress {
    /// Builds the connector.
    pub fn new(policy: EgressPolicy) -> Result<Self, EgressError> {
        let policy = Arc::new(policy);
        let client = |reach| client::build(Connector::new(policy.clone(), reach));
        Ok(Self { public: client(Reach::Public)?, private: client(Reach::Listed)?, policy })
    }

    /// Whether an address could be dialled, as far as that can be told without asking a resolver. For the
    /// moment a person saves a key.
    pub fn check(&self, base: &BaseUrl, reach: Reach) -> Result<(), EgressError> {
        let listed = self.policy.listed(base.host(), base.port(), reach);
        self.policy.check_scheme(base.is_https(), base.host(), listed)?;
        self.policy.check_host(base.host(), base.port(), listed)
    }

    fn ways(&self, reach: Reach) -> &Ways {
        match reach {
            Reach::Public => &self.public,
            Reach::Listed => &self.private,
        }
    }

    pub(crate) fn client(&self, reach: Reach) -> &HttpClient {
        &self.ways(reach).client
    }

    /// Passes a call on: its answer's body drives its own connection. One that asks to leave HTTP gets a connection
    /// that goes on without it.
    pub(crate) async fn send(
        &self,
        request: Request<OutBody>,
        reach: Reach,
    ) -> Result<Response<Coming>, SendError> {
        let ways = self.ways(reach);
        if request.headers().contains_key(http::header::UPGRADE) {
            return Ok(ways.client.request(request).await?.map(Coming::from));
        }
        ways.pool.request(request).await
    }
}

/// A host as people read it.
fn shown(host: &Host<String>) -> String {
    host.to_string()
}
