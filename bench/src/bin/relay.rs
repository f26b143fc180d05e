//! Chela's relay alone: token check, three budgets (requests, tokens, money), price, key choice, model splice, metering and usage
//! rows on, one thread.
//!
//! Environment: `RELAY_UPSTREAM` (default 127.0.0.1:9100). Prints `LISTEN http://host:port`.

use std::{env, error::Error, sync::Arc, time::Duration};

use api::ids::{KeyId, WorkspaceId};
use arc_swap::ArcSwap;
use relay::{
    Caller, CallerKind, Egress, EgressPolicy, Limit, Limits, Price, Prices, Relay, RelayConfig, Snapshot, Unit, UpstreamKey,
    UsageRow, UsageSink, Wire,
    egress::{Allowed, BaseUrl},
    limits::Counter,
    snapshot::token_hash,
    vendors,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TOKEN: &[u8] = b"chela_vk_bench";

const PRICE: Price = Price { input: 1, output: 1, cache_read: Some(1), cache_write: Some(1), thinking: None };

/// One price for everything.
struct Flat;

impl Prices for Flat {
    fn cost(&self, call: &UsageRow) -> Option<i64> {
        PRICE.cost(&call.tokens)
    }

    fn price(&self, _: WorkspaceId, _: &str, _: &str, _: i64, _: u64) -> Option<Price> {
        Some(PRICE)
    }
}

/// One of each kind, with room for everything.
fn limits() -> Vec<Arc<Limit>> {
    let limit = |unit| {
        let (windows, most) = (Arc::new(|_: i64| (0, i64::MAX)), u64::MAX / 2);
        let counter = Arc::new(Counter::new((0, i64::MAX), 0, Arc::default()));
        let (id, identity) = (Uuid::nil(), String::new());
        let (vendor, model, instead) = (None, None, None);
        Arc::new(Limit { id, identity, unit, most, hard: true, vendor, model, instead, windows, counter })
    };
    [Unit::Requests, Unit::Tokens, Unit::Money].map(limit).into()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = env::var("RELAY_UPSTREAM").unwrap_or_else(|_| "127.0.0.1:9100".into());
    let workspace = WorkspaceId(Uuid::from_u128(1));
    let vendor = vendors::find("openai").ok_or("no such vendor")?;
    let base = BaseUrl::parse(&format!("http://{upstream}/v1"))?;
    let key = UpstreamKey::new(KeyId(Uuid::from_u128(2)), vendor, base, "upstream-key".to_owned().into(), true);
    let caller = Caller::new(Uuid::from_u128(3), workspace, CallerKind::Program, Wire::Tcp).with_limits(limits());
    let snapshot = Snapshot::builder().caller(token_hash(TOKEN), caller).key(workspace, Arc::new(key)).prices(Arc::new(Flat)).build();
    let policy = EgressPolicy { allow_private: vec![Allowed::parse(&upstream)?], ..EgressPolicy::default() };
    let (usage, mut rows) = UsageSink::channel(8192);
    let relay = Relay::new(RelayConfig {
        snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
        egress: Arc::new(Egress::new(policy)?),
        usage,
        limits: Limits::default(),
        now_ms: || std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_millis() as i64),
    });
    tokio::spawn(async move {
        // As the ledger takes them, without its database.
        let mut batch = Vec::new();
        while rows.take(&mut batch, 20_000) {
            batch.clear();
            while rows.begun().is_some() {}
            rows.ready().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("LISTEN http://{}", listener.local_addr()?);
    relay.serve_tcp(listener, CancellationToken::new()).await;
    Ok(())
}
