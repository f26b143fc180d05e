//! The caller's token: where it may stand, and that there is only one.

use crate::escapes::decode;
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

/// Headers that carry a bare token.
static BARE: [HeaderName; 3] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("api-key"),
];

/// What a request says about its caller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// No token anywhere.
    Missing,
    /// One token, possibly in several places.
    Token(Vec<u8>),
    /// Two different ones.
    Two,
}

/// Reads the token from the headers and from `?key=`.
pub(super) fn read(headers: &HeaderMap, query: Option<&str>) -> Claim {
    let bearer = headers.get_all(AUTHORIZATION).iter().filter_map(|v| {
        let (scheme, token) = v.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii().to_vec())
    });
    let bare = BARE.iter().flat_map(|name| headers.get_all(name)).map(|v| v.as_bytes().trim_ascii().to_vec());
    let keys = query.unwrap_or_default().split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        is_key(name).then(|| decode(value).into_owned())
    });
    let mut claim = Claim::Missing;
    for token in bearer.chain(bare).chain(keys).filter(|t| !t.is_empty()) {
        match &claim {
            Claim::Missing => claim = Claim::Token(token),
            Claim::Token(first) if *first == token => {}
            Claim::Token(_) | Claim::Two => return Claim::Two,
        }
    }
    claim
}

/// The query without the token.
pub(super) fn strip_key(query: &str) -> String {
    let kept = query.split('&').filter(|pair| !is_key(pair.split('=').next().unwrap_or_default()));
    kept.collect::<Vec<_>>().join("&")
}

fn is_key(name: &str) -> bool {
    *decode(name) == *b"key"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(headers: &[(&'static str, &str)], query: Option<&str>) -> Claim {
        let pairs = headers.iter().map(|(n, v)| (HeaderName::from_static(n), v.parse().unwrap()));
        read(&pairs.collect(), query)
    }

    #[test]
    fn a_token_is_read_from_any_of_its_places() {
        let token = Claim::Token(b"t".to_vec());
        assert_eq!(claim(&[("authorization", "bEaReR t")], None), token);
        for name in &BARE {
            let headers = HeaderMap::from_iter([(name.clone(), http::HeaderValue::from_static("t"))]);
            assert_eq!(read(&headers, None), token);
        }
        assert_eq!(claim(&[], Some("alt=sse&key=t")), token);
        assert_eq!(claim(&[], Some("%6bey=%74")), token);
        assert_eq!(claim(&[("authorization", "Bearer t"), ("x-api-key", "t")], Some("key=t")), token);
    }

    #[test]
    fn two_tokens_are_refused_and_none_is_none() {
        assert_eq!(claim(&[("authorization", "Bearer t"), ("x-api-key", "u")], None), Claim::Two);
        assert_eq!(claim(&[("x-api-key", "t")], Some("key=u")), Claim::Two);
        assert_eq!(claim(&[("authorization", "Basic t"), ("api-key", " ")], Some("x=1")), Claim::Missing);
    }

    #[test]
    fn the_query_goes_on_without_the_token() {
        assert_eq!(strip_key("a=1&key=t&b&%6Bey=u&c=%20"), "a=1&b&c=%20");
        assert_eq!(strip_key("key=t"), "");
    }
}
