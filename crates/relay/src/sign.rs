//! AWS signatures (version 4), for the vendors whose calls are signed with a pair of keys.
//!
//! Responsible for what is signed and for the headers that say so. Not for reading the body, nor for the time.

use crate::{egress::BaseUrl, escapes::decode, vendors::Pair};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, uri::PathAndQuery};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    time::{Duration, UNIX_EPOCH},
};

/// Where an address names no region.
const REGION: &str = "us-east-1";

/// Signs calls with one pair of keys. The pair is wiped with the last copy of it.
pub(crate) struct Signer {
    pair: Credentials,
    region: String,
    service: &'static str,
}

impl Signer {
    /// A signer for a key that is a pair; nothing for one that is sent.
    pub(crate) fn new(service: &'static str, base: &BaseUrl, key: &str) -> Option<Self> {
        let Pair { id, secret, token } = Pair::read(key).ok()??;
        let pair = Credentials::new(id, secret, token.map(str::to_owned), None, "chela");
        let host = base.host().to_string();
        Some(Self { pair, region: region(&host).unwrap_or(REGION).to_owned(), service })
    }

    /// Adds the signature of a request to its headers, and gives the address as it must be sent: every octet of its
    /// path is written in the one way in which the other side will write it again. `None`: there is something in the
    /// request that cannot be signed.
    pub(crate) fn sign(
        &self,
        (method, uri): (&Method, &Uri),
        headers: &mut HeaderMap,
        body: &[u8],
        now_ms: i64,
    ) -> Option<Uri> {
        let uri = plainly(uri)?;
        let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).ok()?);
        let identity = self.pair.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(time)
            .settings(SigningSettings::default());
        let params = params.build().ok()?.into();
        let hash = SignableBody::Precomputed(hex::encode(Sha256::digest(body)));
        let signed = headers.iter().filter(|(name, _)| is_signed(name));
        let signed = signed.map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signed: Vec<_> = signed.collect::<Option<_>>()?;
        let request =
            SignableRequest::new(method.as_str(), uri.to_string(), signed.into_iter(), hash).ok()?;
        let (told, _signature) = sign(request, &params).ok()?.into_parts();
        for (name, value) in told.headers() {
            let (name, mut value) = (HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?);
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Some(uri)
    }
}

/// Besides the host and the time: what somebody on the way has no business to change.
fn is_signed(name: &HeaderName) -> bool {
    *name == http::header::CONTENT_TYPE || name.as_str().starts_with("x-amz")
}

/// The longest query that is signed; it grows to three times that on its way.
const MOST_QUERY: usize = 8 * 1024;

/// The same address with all of its path escaped but what never needs it. A query must need none, as it is signed escaped and
/// sent as it is.
fn plainly(uri: &Uri) -> Option<Uri> {
    let unsignable = |b: u8| !(b.is_ascii_alphanumeric() || b"-._~=&%".contains(&b));
    if uri.query().is_some_and(|query| query.len() > MOST_QUERY || query.bytes().any(unsignable)) {
        return None;
    }
    let mut path = String::with_capacity(uri.path().len() + 8);
    for (n, segment) in uri.path().split('/').enumerate() {
        if n > 0 {
            path.push('/');
        }
        for &byte in decode(segment).iter() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                write!(path, "%{byte:02X}").ok()?;
            }
        }
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// The region in a host's name: `eu-west-1` in `bedrock-runtime.eu-west-1.amazonaws.com`.
fn region(host: &str) -> Option<&str> {
    let is_one = |label: &&str| {
        let mut parts = label.split('-');
        let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let first = parts.next().is_some_and(|part| part.len() == 2 && letters(part));
        let last =
            parts.next_back().is_some_and(|part| part.len() == 1 && part.bytes().all(|b| b.is_ascii_digit()));
        first && last && parts.clone().count() > 0 && parts.all(letters)
    };
    host.split('.').find(is_one)
}

#[cfg(test)]
mod tests;
