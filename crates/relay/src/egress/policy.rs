//! The rules: what is checked of a host, a port and an address, before and after its name is resolved.

use super::{
    Allowed, Dial, EgressError, Resolve, SystemDial, SystemResolve,
    address::{is_never, is_public},
    shown,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use url::Host;

/// Ports that never speak HTTP to us, above the ones that all need to be 80 or 443.
const BAD_PORTS: &[u16] = &[
    1433, 1521, 2049, 2181, 2222, 2375, 2376, 2377, 2379, 2380, 3306, 3389, 5432, 5900, 5984, 6379, 6443,
    6667, 7000, 9042, 9092, 9200, 9300, 10250, 11211, 15672, 27017,
];

/// A name is answered within this time or not at all.
const RESOLVE_LIMIT: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 2000 });

/// How far a caller may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The public internet only.
    Public,
    /// Also the private upstreams the operator listed.
    Listed,
}

/// What is refused even when it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuse {
    /// One of Chela's own listeners.
    Listener(SocketAddr),
    /// A network that belongs to bots: its address and prefix length.
    Net(IpAddr, u8),
}

/// The rules and the two doors to the outside, both of which tests replace.
pub struct EgressPolicy {
    /// Private upstreams the operator listed.
    pub allow_private: Vec<Allowed>,
    /// Chela's own listeners and the bots' networks.
    pub refuse: Vec<Refuse>,
    /// Turns names into addresses.
    pub resolver: Arc<dyn Resolve>,
    /// Opens connections.
    pub dial: Arc<dyn Dial>,
}

impl Default for EgressPolicy {
    fn default() -> Self {
        let (resolver, dial) = (Arc::new(SystemResolve), Arc::new(SystemDial));
        Self { allow_private: Vec::new(), refuse: Vec::new(), resolver, dial }
    }
}

impl EgressPolicy {
    pub(super) fn listed(&self, host: &Host<String>, port: u16, reach: Reach) -> bool {
        reach == Reach::Listed && self.allow_private.iter().any(|a| a.host == *host && a.port == port)
    }

    pub(super) fn check_scheme(
        &self,
        https: bool,
        host: &Host<String>,
        listed: bool,
    ) -> Result<(), EgressError> {
        if https || listed { Ok(()) } else { Err(EgressError::Plaintext(shown(host))) }
    }

    /// All that can be said before a name is resolved.
    pub(super) fn check_host(&self, host: &Host<String>, port: u16, listed: bool) -> Result<(), EgressError> {
        let speaks_http = port == 443 || port == 80 || (port >= 1024 && !BAD_PORTS.contains(&port));
        if !(listed || speaks_http) {
            return Err(EgressError::Port(port));
        }
        match host {
            Host::Ipv4(ip) => self.check_ip(IpAddr::V4(*ip), port, listed),
            Host::Ipv6(ip) => self.check_ip(IpAddr::V6(*ip), port, listed),
            Host::Domain(name) if !listed && is_local_name(name) => Err(EgressError::Private(name.clone())),
            Host::Domain(_) => Ok(()),
        }
    }

    /// One address, as written or as resolved.
    pub(super) fn check_ip(&self, ip: IpAddr, port: u16, listed: bool) -> Result<(), EgressError> {
        let seen = ip.to_canonical();
        if self.refuse.iter().any(|r| r.covers(seen, port)) {
            return Err(EgressError::Own(format!("{ip} port {port}")));
        }
        let fine = if listed { !is_never(ip) } else { is_public(ip) };
        if fine { Ok(()) } else { Err(EgressError::Private(ip.to_string())) }
    }

    /// The addresses to dial: every one of them checked, or none at all.
    pub(super) async fn addresses(
        &self,
        host: &Host<String>,
        port: u16,
        reach: Reach,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let listed = self.listed(host, port, reach);
        self.check_host(host, port, listed)?;
        let ips = match host {
            Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
            Host::Domain(name) => tokio::time::timeout(RESOLVE_LIMIT, self.resolver.resolve(name))
                .await
                .map_err(|_gone| EgressError::Timeout(name.clone()))?
                .map_err(|e| EgressError::Resolve(name.clone(), e))?,
        };
        if ips.is_empty() {
            return Err(EgressError::NoAddress(shown(host)));
        }
        ips.iter().try_for_each(|ip| self.check_ip(*ip, port, listed))?;
        Ok(ips.into_iter().take(8).map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Whether a connection that was made ends at one of our own listeners, seen from inside: it reached this
    /// machine, by whatever address.
    pub(super) fn reached_self(&self, local: SocketAddr, peer: SocketAddr) -> bool {
        let own_port = |r: &Refuse| matches!(r, Refuse::Listener(at) if at.port() == peer.port());
        local.ip() == peer.ip() && !peer.ip().is_loopback() && self.refuse.iter().any(own_port)
    }
}

impl Refuse {
    fn covers(self, ip: IpAddr, port: u16) -> bool {
        match self {
            Self::Listener(at) if at.port() != port => false,
            Self::Listener(at) => {
                let own = at.ip().to_canonical();
                // A listener on all addresses is behind every local one; one on loopback behind 0.0.0.0 too.
                own == ip || ip.is_unspecified() || (own.is_unspecified() && !is_public(ip))
            }
            Self::Net(net, bits) => match (net, ip) {
                (IpAddr::V4(n), IpAddr::V4(i)) => {
                    let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
                    n.to_bits() & mask == i.to_bits() & mask
                }
                (IpAddr::V6(n), IpAddr::V6(i)) => {
                    let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
                    n.to_bits() & mask == i.to_bits() & mask
                }
                _ => false,
            },
        }
    }
}

/// Names that mean this machine, its network or its cloud, whatever a resolver says about them.
fn is_local_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    !name.contains('.') || ["localhost", "local", "internal", "lan", "home", "localdomain"].contains(&last)
}
