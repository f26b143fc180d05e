//! From `/v1/{vendor}/{rest}?{query}` to what is asked of the vendor.

use super::token::{decode, strip_key};
use crate::{
    EgressError, UpstreamKey,
    vendors::{self, Vendor},
};
use http::Uri;

/// A path that leads to a vendor.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) vendor: &'static Vendor,
    /// After `/v1/{vendor}/`.
    pub(super) rest: &'a str,
    query: Option<&'a str>,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// No such endpoint or vendor.
    Unknown,
    /// It tries to leave its place.
    Crooked,
}

impl<'a> Target<'a> {
    /// Reads a path. `.` and `..` are refused in every spelling: no caller leaves the base of a key.
    pub(super) fn read(uri: &'a Uri) -> Result<Self, Lost> {
        let below = uri.path().strip_prefix("/v1/").ok_or(Lost::Unknown)?;
        let (id, rest) = below.split_once('/').ok_or(Lost::Unknown)?;
        let vendor = vendors::find(id).ok_or(Lost::Unknown)?;
        let crooked = |segment: &str| {
            let plain = decode(segment);
            segment.is_empty()
                || plain == b"."
                || plain == b".."
                || plain.iter().any(|b| b"/\\".contains(b) || *b < b' ')
        };
        let trimmed = rest.strip_suffix('/').unwrap_or(rest);
        if trimmed.split('/').any(crooked) {
            return Err(Lost::Crooked);
        }
        Ok(Self { vendor, rest, query: uri.query() })
    }

    /// The address to ask with a key.
    pub(super) fn address(&self, key: &UpstreamKey) -> Result<Uri, EgressError> {
        let mut path = joined(self.vendor, key.base_url.path(), self.rest);
        if let Some(query) = self.query.map(strip_key).filter(|q| !q.is_empty()) {
            path.push('?');
            path.push_str(&query);
        }
        key.base_url.join(&path)
    }
}

/// The rest of a path as it is put below a base, by the vendor's rule.
pub(crate) fn joined(vendor: &Vendor, base_path: &str, rest: &str) -> String {
    let said = |segment: &str| base_path.rsplit('/').next() == Some(segment);
    let bare = vendor.path.strip.and_then(|s| rest.strip_prefix(s)?.strip_prefix('/')).unwrap_or(rest);
    match vendor.path.prefix.filter(|p| !said(p)) {
        Some(prefix) => format!("{prefix}/{bare}"),
        None => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::BaseUrl;
    use api::ids::KeyId;

    fn address(path: &str, base: &str) -> Result<String, Lost> {
        let uri: Uri = path.parse().unwrap();
        let target = Target::read(&uri)?;
        let id = KeyId(uuid::Uuid::nil());
        let base = BaseUrl::parse(base).unwrap();
        let key = UpstreamKey::new(id, target.vendor, base, String::new().into(), false);
        Ok(target.address(&key).unwrap().to_string())
    }

    #[test]
    fn every_vendor_is_asked_at_its_own_path() {
        let (o, a, c) =
            ("https://api.openai.com/v1", "https://api.anthropic.com", "http://10.0.0.1:8000/x/v1/");
        for (path, base, want) in [
            ("/v1/openai/chat/completions", o, "https://api.openai.com/v1/chat/completions"),
            ("/v1/openai/v1/chat/completions", o, "https://api.openai.com/v1/chat/completions"),
            ("/v1/openai/models?limit=2&key=t", o, "https://api.openai.com/v1/models?limit=2"),
            ("/v1/anthropic/v1/messages", a, "https://api.anthropic.com/v1/messages"),
            ("/v1/anthropic/messages?beta=true", a, "https://api.anthropic.com/v1/messages?beta=true"),
            ("/v1/anthropic/messages", "https://proxy.example/a/v1", "https://proxy.example/a/v1/messages"),
            ("/v1/custom/chat/completions", c, "http://10.0.0.1:8000/x/v1/chat/completions"),
            ("/v1/custom/v1/chat", c, "http://10.0.0.1:8000/x/v1/v1/chat"),
        ] {
            assert_eq!(address(path, base), Ok(want.to_owned()), "{path}");
        }
    }

    #[test]
    fn no_path_leaves_its_base() {
        for path in [
            "/v1/custom/../x",
            "/v1/custom/a/..",
            "/v1/custom/./x",
            "/v1/custom/%2e%2e/x",
            "/v1/custom/.%2E/x",
            "/v1/custom//x",
            "/v1/custom/",
            "/v1/custom/a%2f..%2fb",
            "/v1/custom/a%5cb",
            "/v1/custom/a%0d%0ab",
        ] {
            assert_eq!(address(path, "https://a.example/v1"), Err(Lost::Crooked), "{path}");
        }
        for path in ["/v1/nobody/x", "/v1/openai", "/v2/openai/x", "/", "/v1/"] {
            assert_eq!(address(path, "https://a.example/v1"), Err(Lost::Unknown), "{path}");
        }
    }
}
