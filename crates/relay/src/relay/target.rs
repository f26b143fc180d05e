//! From `/v1/{vendor}/{rest}?{query}` to what is asked of the vendor.

use super::token::{decode, strip_key};
use crate::{
    Dialect, EgressError, UpstreamKey,
    egress::BaseUrl,
    vendors::{self, Door, Vendor, stripped},
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

    /// Where to ask with a key, and how.
    pub(super) fn way(&self, key: &UpstreamKey, dialect: Dialect) -> Result<Way, EgressError> {
        way(self.vendor, &key.base_url, (self.rest, self.query), dialect)
    }
}

/// An address at a vendor, and the door it goes through.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) uri: Uri,
    pub(crate) door: Option<&'static Door>,
}

/// A path as a caller writes it, put below a base by the vendor's rule.
pub(crate) fn way(
    vendor: &'static Vendor,
    base: &BaseUrl,
    (rest, query): (&str, Option<&str>),
    dialect: Dialect,
) -> Result<Way, EgressError> {
    let door = vendor.door(rest, dialect);
    let trunk = || base.path().strip_suffix(vendor.path.tail).and_then(|b| b.strip_suffix('/'));
    let (begin, middle, rest) = match door {
        Some(door) => (trunk(), door.path, stripped(rest, door.strip)),
        None if vendor.path.fill => (trunk(), vendor.path.tail, stripped(rest, vendor.path.strip)),
        None => (None, "", stripped(rest, vendor.path.strip)),
    };
    let begin = begin.unwrap_or(base.path());
    let mut path =
        String::with_capacity(begin.len() + middle.len() + rest.len() + query.map_or(0, str::len) + 4);
    path.push_str(begin);
    for part in [middle, rest].into_iter().filter(|p| !p.is_empty()) {
        path.push('/');
        path.push_str(part);
    }
    let query = query.map(strip_key).unwrap_or_default();
    let said = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let added = door.and_then(|d| d.query).filter(|(name, _)| !said(name));
    let mut mark = '?';
    if !query.is_empty() {
        path.push(mark);
        path.push_str(&query);
        mark = '&';
    }
    if let Some((name, value)) = added {
        path.push(mark);
        path.extend([name, "=", value]);
    }
    Ok(Way { uri: base.at(path)?, door })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::KeyId;

    fn address(path: &str, base: &str) -> Result<String, Lost> {
        let uri: Uri = path.parse().unwrap();
        let target = Target::read(&uri)?;
        let (id, base) = (KeyId(uuid::Uuid::nil()), BaseUrl::parse(base).unwrap());
        let key = UpstreamKey::new(id, target.vendor, base, String::new().into(), false);
        let dialect = target.vendor.dialect(target.rest);
        Ok(target.way(&key, dialect).unwrap().uri.to_string())
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
