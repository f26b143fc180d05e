//! The hop rules: which headers stay behind on either side.

use crate::{UpstreamKey, key::header_value, vendors::Door};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONNECTION};

/// Of this hop only, in both directions; and nobody but the relay says `x-chela-…`.
fn ends_here(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) || name.starts_with("x-chela-")
}

/// Not for the vendor: who calls, from where, and what hyper writes anew.
fn is_the_callers(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "authorization"
            | "x-api-key"
            | "x-goog-api-key"
            | "api-key"
            | "cookie"
            | "content-length"
            | "accept-encoding"
            | "expect"
            | "forwarded"
            | "via"
            | "origin"
            | "referer"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-forwarded-port"
            | "x-real-ip"
    )
}

/// Not for the caller.
fn is_the_vendors(name: &str) -> bool {
    matches!(name, "set-cookie" | "alt-svc")
}

/// Turns a caller's headers into what the vendor gets, with the key. `None`: the key fits no header.
pub(super) fn towards_vendor(
    mut headers: HeaderMap,
    key: &UpstreamKey,
    door: Option<&Door>,
    now_ms: i64,
) -> Option<HeaderMap> {
    drop_all(&mut headers, is_the_callers);
    if key.vendor.signing.is_some() {
        // A signature of the caller's own, in all its parts.
        for name in ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"] {
            headers.remove(name);
        }
    }
    for (name, value) in key.vendor.headers {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    add_key(&mut headers, key, door, now_ms)?;
    Some(headers)
}

/// Adds the key in the style its vendor wants at this door; nothing where there is no key.
/// The time is that of a token that is signed in its place.
pub(crate) fn add_key(
    headers: &mut HeaderMap,
    key: &UpstreamKey,
    door: Option<&Door>,
    now_ms: i64,
) -> Option<()> {
    for (name, value) in key.extra {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if key.secret.is_empty() {
        return Some(());
    }
    if key.is_pair() {
        return is_signed(key).then_some(());
    }
    let of_door = door.and_then(|d| d.auth);
    let (name, before) = of_door.unwrap_or(key.auth).header();
    let value = match (&key.mint, of_door) {
        (Some(mint), _) => header_value(before, &mint.token(now_ms)?.text)?,
        (None, Some(_)) => header_value(before, &key.secret)?,
        (None, None) => key.line()?.clone(),
    };
    headers.insert(name, value);
    Some(())
}

/// Whether a signature is added where the rest of the call is known.
fn is_signed(key: &UpstreamKey) -> bool {
    #[cfg(feature = "bedrock")]
    return key.signer.is_some();
    #[cfg(not(feature = "bedrock"))]
    return key.secret.is_empty();
}

/// Takes from a vendor's headers what ends here.
pub(super) fn towards_caller(headers: &mut HeaderMap) {
    drop_all(headers, is_the_vendors);
}

/// Takes out what ends here: what is of this hop, what `Connection` names, and what one side keeps for itself.
fn drop_all(headers: &mut HeaderMap, kept_back: fn(&str) -> bool) {
    let said = headers.get_all(CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let named = said.flat_map(|v| v.split(',')).filter_map(|name| name.trim().parse().ok());
    let ours = headers.keys().filter(|name| ends_here(name.as_str()) || kept_back(name.as_str()));
    let gone: Vec<HeaderName> = named.chain(ours.cloned()).collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{egress::BaseUrl, vendors};

    fn map(text: &[(&'static str, &'static str)]) -> HeaderMap {
        text.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn sent(vendor: &str, headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let (id, vendor) = (api::ids::KeyId(uuid::Uuid::nil()), vendors::find(vendor).unwrap());
        let base = BaseUrl::parse("https://a.example").unwrap();
        let key = UpstreamKey::new(id, vendor, base, "real".to_owned().into(), false);
        towards_vendor(map(headers), &key, None, 0).unwrap()
    }

    #[test]
    fn the_vendor_sees_the_key_and_nothing_of_the_caller() {
        let got = sent(
            "openai",
            &[
                ("host", "127.0.0.1:3100"),
                ("connection", "keep-alive, x-secret-hop"),
                ("x-secret-hop", "1"),
                ("authorization", "Bearer chela_bot_x"),
                ("x-api-key", "chela_bot_x"),
                ("x-goog-api-key", "chela_bot_x"),
                ("api-key", "chela_bot_x"),
                ("cookie", "a=b"),
                ("content-length", "4"),
                ("accept-encoding", "gzip"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-chela-vendor", "spoof"),
                ("te", "trailers"),
            ],
        );
        assert_eq!(got, map(&[("authorization", "Bearer real")]));
    }

    #[test]
    fn what_the_vendor_needs_goes_on() {
        let kept = [
            ("content-type", "application/json"),
            ("accept", "text/event-stream"),
            ("user-agent", "x"),
            ("anthropic-version", "2024-01-01"),
            ("anthropic-beta", "b"),
            ("openai-beta", "c"),
            ("idempotency-key", "d"),
            ("traceparent", "00-aa-bb-01"),
        ];
        let mut want = map(&kept);
        want.insert("x-api-key", HeaderValue::from_static("real"));
        assert_eq!(sent("anthropic", &kept), want);
        assert_eq!(sent("anthropic", &[]).get("anthropic-version").unwrap(), "2023-06-01");
    }

    #[test]
    fn the_caller_sees_no_cookie_and_no_hop() {
        let mut got = map(&[
            ("set-cookie", "a=b"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-chela-vendor", "spoof"),
            ("content-type", "text/plain"),
            ("x-request-id", "r"),
        ]);
        towards_caller(&mut got);
        assert_eq!(got, map(&[("content-type", "text/plain"), ("x-request-id", "r")]));
    }
}
