//! Testing a key: the vendor's list of models, asked for with that key, and before it what only a good key is
//! answered where the list is open to anybody. Never anything that costs.
//!
//! Responsible for one small question and its honest answer. Not for storing what comes of it.

use crate::{
    Egress, EgressError, UpstreamKey,
    egress::{Fetched, Reach},
    relay::{add_key, excerpt, way},
    vendors::Proof,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
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

/// A list of models in any of the shapes vendors use.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Within {
        #[serde(alias = "models")]
        data: Vec<Model>,
    },
    Bare(Vec<Model>),
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

impl Model {
    /// Its id; Gemini's are names that begin with `models/`.
    fn named(self) -> String {
        if !self.id.is_empty() {
            return self.id;
        }
        self.name.strip_prefix("models/").map(str::to_owned).unwrap_or(self.name)
    }
}

/// Asks a vendor whether it knows a key, and for its models. The time is what a signature names.
pub async fn probe(egress: &Egress, key: &UpstreamKey, now_ms: i64) -> Result<Probed, ProbeError> {
    let begun = Instant::now();
    let since = |begun: Instant| u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(proof) = key.vendor.test.proof {
        let (path, body) = match proof {
            Proof::Get(path) => (path, None),
            Proof::Empty(path) => (path, Some(Bytes::from_static(b"{}"))),
        };
        let question = body.is_some();
        let answer = ask(egress, key, (path, body), now_ms).await?;
        let status = answer.status;
        // To a good key an empty question is a bad one; only what is said of the key counts.
        let known = question && status.is_client_error() && !matches!(status.as_u16(), 401..=403 | 407 | 429);
        if !(status.is_success() || known) {
            return Err(refused(&answer, key));
        }
    }
    let latency_ms = since(begun);
    let Some(path) = key.vendor.test.models else { return Ok(Probed { latency_ms, models: Vec::new() }) };
    let begun = Instant::now();
    let answer = ask(egress, key, (path, None), now_ms).await?;
    let latency_ms = since(begun);
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(Probed { latency_ms, models: Vec::new() });
    }
    if !answer.status.is_success() {
        return Err(refused(&answer, key));
    }
    let list = serde_json::from_slice::<List>(&answer.body);
    let (List::Within { data } | List::Bare(data)) =
        list.map_err(|e| ProbeError::BadAnswer(e.to_string()))?;
    let mut models: Vec<String> = data.into_iter().map(Model::named).collect();
    models.retain(|id| !id.is_empty() && id.len() <= 200 && !id.chars().any(char::is_control));
    models.truncate(MAX_MODELS);
    Ok(Probed { latency_ms, models })
}

/// One small exchange at the path a caller would write.
async fn ask(
    egress: &Egress,
    key: &UpstreamKey,
    (path, body): (&str, Option<Bytes>),
    now_ms: i64,
) -> Result<Fetched, ProbeError> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in key.vendor.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let (rest, query) = path.split_once('?').map_or((path, None), |(rest, query)| (rest, Some(query)));
    let way = way(key.vendor, &key.base_url, (rest, query), key.vendor.dialect(rest))
        .map_err(ProbeError::Egress)?;
    add_key(&mut headers, key, way.door, now_ms).ok_or(ProbeError::BadSecret)?;
    let reach = if key.private_ok { Reach::Listed } else { Reach::Public };
    if body.is_some() {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let uri = signed(key, (way.uri, &body), &mut headers, now_ms).ok_or(ProbeError::BadSecret)?;
    let asked = egress.fetch(uri, (headers, body), reach, (LIMIT, MAX_ANSWER)).await;
    asked.map_err(|error| explain(&*error))
}

/// The address as it must be sent, and in the headers a signature where the key signs.
#[cfg_attr(
    not(feature = "bedrock"),
    expect(clippy::unnecessary_wraps, reason = "no key signs in this build")
)]
fn signed(
    key: &UpstreamKey,
    (uri, body): (Uri, &Option<Bytes>),
    headers: &mut HeaderMap,
    now_ms: i64,
) -> Option<Uri> {
    #[cfg(feature = "bedrock")]
    if let Some(signer) = &key.signer {
        use http::Method;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        return signer.sign((&method, &uri), headers, body.as_deref().unwrap_or_default(), now_ms);
    }
    let _nothing_to_sign = (key, body, headers, now_ms);
    Some(uri)
}

fn refused(answer: &Fetched, key: &UpstreamKey) -> ProbeError {
    ProbeError::Refused { status: answer.status.as_u16(), words: words(&answer.body, key) }
}

/// What is text in it: a message of AWS's streams, which begins with a length, has its JSON inside.
fn spoken(body: &[u8]) -> &[u8] {
    let inner = || body.get(memchr::memchr(b'{', body)?..=memchr::memrchr(b'}', body)?);
    if body.first() == Some(&0) { inner().unwrap_or(body) } else { body }
}

/// The vendor's message out of its error object, or the beginning of whatever it sent.
pub(crate) fn words(body: &[u8], key: &UpstreamKey) -> String {
    let body = spoken(body);
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = value.as_ref().and_then(|v| v.pointer("/error/message")?.as_str());
    excerpt(message.map_or(body, str::as_bytes), key).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{egress::BaseUrl, scan::exception, vendors};

    #[test]
    fn a_vendors_words_are_found_in_json_in_a_binary_message_and_in_plain_text() {
        let (id, base) =
            (api::ids::KeyId(uuid::Uuid::nil()), BaseUrl::parse("https://a.example").expect("an address"));
        let vendor = vendors::find("openai").expect("a vendor");
        let key = UpstreamKey::new(id, vendor, base, "sk-secret".to_owned().into(), false);
        assert_eq!(words(br#"{"error":{"message":"no, sk-secret"}}"#, &key), "no, ***");
        assert_eq!(words(b"plainly no", &key), "plainly no");
        let message = exception("throttlingException", br#"{"message":"Too many"}"#);
        assert_eq!(words(&message, &key), r#"{"message":"Too many"}"#);
        assert!(!words(&message[..20], &key).contains('{'));
    }
}
