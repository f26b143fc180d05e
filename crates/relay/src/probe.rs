//! Testing a key: the vendor's list of models, asked for with that key.
//!
//! Responsible for one small question and its honest answer. Not for storing what comes of it.

use crate::{
    Egress, EgressError, UpstreamKey,
    egress::Reach,
    relay::{add_key, excerpt, joined},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(15);
const MAX_ANSWER: usize = 1024 * 1024;
/// The longest list that is kept.
const MAX_MODELS: usize = 1000;

/// A key that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// How long the vendor took.
    pub latency_ms: u64,
    /// The ids of its models, as it names them; empty where it keeps no list.
    pub models: Vec<String>,
}

/// A key that does not, and why.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The vendor answered, and refused; its own words, without the key.
    #[error("the vendor answered {status}: {words}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its words; empty where it gave none.
        words: String,
    },
    /// The rules for outbound connections refuse the address, or nobody answers there.
    #[error(transparent)]
    Egress(EgressError),
    /// The secret has characters that no key has.
    #[error("the key has characters that no key has")]
    BadSecret,
    /// The answer could not be understood.
    #[error("the vendor's answer could not be understood: {0}")]
    BadAnswer(String),
}

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Asks a vendor for its models with a key.
pub async fn probe(egress: &Egress, key: &UpstreamKey) -> Result<Probed, ProbeError> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in key.vendor.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    add_key(&mut headers, key).ok_or(ProbeError::BadSecret)?;
    let rest = joined(key.vendor, key.base_url.path(), key.vendor.models_path);
    let reach = if key.private_ok { Reach::Listed } else { Reach::Public };
    let begun = Instant::now();
    let fetched = egress.get(&key.base_url, &rest, headers, reach, (LIMIT, MAX_ANSWER)).await;
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let answer = fetched.map_err(|error| explain(&*error))?;
    if !answer.status.is_success() && answer.status != StatusCode::NOT_FOUND {
        let words = words(&answer.body, &key.secret);
        return Err(ProbeError::Refused { status: answer.status.as_u16(), words });
    }
    let list = serde_json::from_slice::<List>(&answer.body);
    let mut models: Vec<String> = match list {
        Ok(list) => list.data.into_iter().map(|m| m.id).take(MAX_MODELS).collect(),
        Err(_no_list) if answer.status == StatusCode::NOT_FOUND => Vec::new(),
        Err(error) => return Err(ProbeError::BadAnswer(error.to_string())),
    };
    models.retain(|id| !id.is_empty() && id.len() <= 200 && !id.chars().any(char::is_control));
    Ok(Probed { latency_ms, models })
}

/// The vendor's message out of its error object, or the beginning of whatever it sent.
fn words(body: &[u8], secret: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = value.as_ref().and_then(|v| v.pointer("/error/message")?.as_str());
    excerpt(message.map_or(body, str::as_bytes), secret).unwrap_or_default()
}

fn explain(error: &(dyn std::error::Error + Send + Sync + 'static)) -> ProbeError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(e) = next {
        if let Some(egress) = e.downcast_ref::<EgressError>() {
            return ProbeError::Egress(egress.again());
        }
        last = e.to_string();
        next = e.source();
    }
    ProbeError::BadAnswer(last)
}
