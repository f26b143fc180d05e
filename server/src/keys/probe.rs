//! The outbound connector as this instance's settings want it, and a vendor's verdict on a key.

use crate::platform::config::Config;
use relay::{
    Egress, EgressPolicy, ProbeError, UpstreamKey,
    egress::{Allowed, EgressError, Refuse, SystemDial, SystemResolve},
};
use std::sync::Arc;

/// Models kept of a vendor's list.
const MOST_MODELS: usize = 500;

/// What the vendor said.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It lists these models, as `vendor/model`.
    Works { models: Vec<String>, latency_ms: i64 },
    /// It does not; what happened, with its words and without the key. `busy`: it may have meant the moment.
    Fails { words: String, busy: bool },
    /// It said nothing of the key: nobody answered, or not as a vendor does.
    Unasked { why: String },
}

/// The product's one outbound connector.
///
/// # Errors
/// TLS cannot be set up, or a listed upstream is not `host:port`.
pub fn egress(config: &Config) -> Result<Arc<Egress>, EgressError> {
    let listed = config.private_upstreams.iter().map(|u| Allowed::parse(&u.authority));
    let own = [config.listen, config.relay_listen, config.metrics_listen];
    let policy = EgressPolicy {
        allow_private: listed.collect::<Result<Vec<_>, _>>()?,
        refuse: own.into_iter().map(Refuse::Listener).collect(),
        resolver: Arc::new(SystemResolve),
        dial: Arc::new(SystemDial),
    };
    Ok(Arc::new(Egress::new(policy)?))
}

/// Asks.
pub(super) async fn ask(egress: &Egress, key: &UpstreamKey, now_ms: i64) -> Verdict {
    match relay::probe(egress, key, now_ms).await {
        Ok(probed) => {
            let models = probed.models.into_iter().map(|id| format!("{}/{id}", key.vendor.id));
            Verdict::Works {
                models: models.filter(|m| api::validate::is_model(m)).take(MOST_MODELS).collect(),
                latency_ms: i64::try_from(probed.latency_ms).unwrap_or(i64::MAX),
            }
        }
        Err(ProbeError::Refused { status, words }) => Verdict::Fails {
            words: if words.is_empty() { format!("it answered {status}") } else { words },
            busy: !matches!(status, 400..=403),
        },
        Err(error @ ProbeError::BadSecret) => Verdict::Fails { words: error.to_string(), busy: false },
        Err(error) => Verdict::Unasked { why: error.to_string() },
    }
}
