//! Every row of the vendor table against a fake upstream: where it is asked, what it sees, that bytes pass.

mod cases;
mod proofs;
mod testing;

use crate::support::*;
use async_trait::async_trait;
use relay::{
    Egress, EgressPolicy, UpstreamKey,
    egress::{Allowed, BaseUrl, Dial, Resolve},
    vendors::{self, Vendor},
};
use std::{io, net::IpAddr, net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;

/// Every name leads to this machine, and every connection to the fake.
struct Fake(SocketAddr);

#[async_trait]
impl Resolve for Fake {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![self.0.ip()])
    }
}

#[async_trait]
impl Dial for Fake {
    async fn dial(&self, _: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(self.0).await
    }
}

/// The fake speaks no TLS: the same address by plain HTTP.
fn plain(address: &str) -> BaseUrl {
    BaseUrl::parse(&address.replacen("https:", "http:", 1)).unwrap()
}

/// A way out on which these addresses are the fake.
fn egress<'a>(fake: SocketAddr, bases: impl Iterator<Item = &'a str>) -> Egress {
    let listed = bases.map(plain).map(|b| Allowed::parse(&format!("{}:{}", b.host(), b.port())).unwrap());
    let (resolver, dial) = (Arc::new(Fake(fake)), Arc::new(Fake(fake)));
    Egress::new(EgressPolicy { allow_private: listed.collect(), refuse: Vec::new(), resolver, dial }).unwrap()
}

fn key(vendor: &'static Vendor, base: &str, secret: &str) -> UpstreamKey {
    let id = api::ids::KeyId(uuid::Uuid::from_u128(1));
    UpstreamKey::new(id, vendor, plain(base), secret.to_owned().into(), true)
}

/// The lines of a file that say something, cut at `|`.
fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let said = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    said.map(|l| l.split('|').map(str::trim).collect())
}

/// `vendor`, `vendor@region` or `vendor=address`.
fn address(who: &'static str) -> (&'static Vendor, &'static str) {
    if let Some((id, base)) = who.split_once('=') {
        return (vendors::find(id).expect("a vendor"), base);
    }
    let (vendor, region) = vendors::find_region(who).expect(who);
    (vendor, region.map(|r| r.base_url).or(vendor.base_url).expect("an address"))
}

/// A relay whose only way out leads to the fake.
async fn house_for(bases: &[&'static str]) -> House {
    let script = testkit::vendor::Script { key: "real-key-00001".into(), ..Default::default() };
    let listed = bases.to_vec();
    house_out(script, short(), move |fake| egress(fake, listed.iter().copied())).await
}
