//! Which address a request really came from. `X-Forwarded-For` counts only behind a proxy we trust.

use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

/// The caller's address, in a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The address at the other end of the connection, as the listener saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerAddr(pub(super) Option<IpAddr>);

/// Proxies whose word about the caller counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(pub(super) Vec<(IpAddr, u8)>);

impl Proxies {
    /// Whether `ip` is one of them.
    pub(super) fn trust(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|(network, prefix)| within(ip.to_canonical(), *network, *prefix))
    }

    /// Follows `X-Forwarded-For` from the nearest proxy outwards, as long as trusted proxies wrote it.
    pub(super) fn client(&self, peer: Option<PeerAddr>, headers: &HeaderMap) -> ClientAddr {
        let peer =
            peer.and_then(|peer| peer.0).map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ip| ip.to_canonical());
        let mut client = peer;
        let lines: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trust(client) {
                break;
            }
            let Some(ip) = address(hop.trim()) else { break };
            client = ip.to_canonical();
        }
        ClientAddr(client)
    }
}

/// An address with or without port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.split_once(']')).map_or(text, |(inside, _)| inside);
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()))
}

fn within(ip: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let (ip, network, width) = match (ip, network.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    let free = width - u32::from(prefix).min(width);
    ip.checked_shr(free) == network.checked_shr(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies(vec![("10.0.0.0".parse().expect("ip"), 8), ("::1".parse().expect("ip"), 128)]);
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("header"));
        }
        proxies.client(Some(PeerAddr(peer.parse().ok())), &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(client("10.1.1.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("::ffff:10.1.1.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn what_the_caller_wrote_before_the_last_untrusted_hop_is_ignored() {
        assert_eq!(client("10.1.1.1", &["6.6.6.6, 1.2.3.4, 10.2.2.2"]), "1.2.3.4");
        assert_eq!(client("10.1.1.1", &["6.6.6.6", "1.2.3.4:5000"]), "1.2.3.4");
        assert_eq!(client("::1", &["[2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(client("10.1.1.1", &["1.2.3.4, rubbish"]), "10.1.1.1");
    }
}
