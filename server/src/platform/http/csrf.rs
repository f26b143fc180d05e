//! No other site acts in a person's name: what changes something must come from our own pages.

use api::{ApiError, Code};
use http::{HeaderMap, Method, header};

fn refused() -> ApiError {
    ApiError::new(Code::Forbidden, "This request does not come from Chela's own pages.")
        .with_hint("Open Chela at its public address; programs send Authorization: Bearer.")
}

/// Refuses a changing request that carries no bearer token and was not sent by a page of `origin`.
///
/// # Errors
/// `forbidden` for a foreign or missing origin.
pub(super) fn check(method: &Method, headers: &HeaderMap, origin: &str) -> Result<(), ApiError> {
    if method.is_safe() || headers.contains_key(header::AUTHORIZATION) {
        // Browsers never add this header by themselves, and with it the cookie is ignored.
        return Ok(());
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next().map(|o| o.as_bytes()), origins.next()) {
        (Some(given), None) if given == origin.as_bytes() => Ok(()),
        // A form post from a page that sends no referrer says `null`; then only the browser's own word counts.
        (None | Some(b"null"), None) if same_origin(headers) => Ok(()),
        _ => Err(refused()),
    }
}

fn same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: &Method, given: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().expect("header"));
        }
        check(method, &headers, "https://chela.example").is_ok()
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        assert!(passes(&Method::GET, &[]));
        assert!(passes(&Method::POST, &[("origin", "https://chela.example")]));
        assert!(passes(&Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(passes(&Method::POST, &[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(passes(
            &Method::DELETE,
            &[("authorization", "Bearer x"), ("origin", "https://evil.example")]
        ));
    }

    #[test]
    fn everybody_else_is_refused() {
        for wrong in [
            "https://evil.example",
            "null",
            "https://chela.example.evil",
            "http://chela.example",
            "https://chela.example:8443",
            "https://evil-chela.example",
        ] {
            assert!(!passes(&Method::POST, &[("origin", wrong)]), "{wrong}");
            assert!(
                wrong == "null"
                    || !passes(&Method::POST, &[("origin", wrong), ("sec-fetch-site", "same-origin")]),
                "{wrong}"
            );
        }
        for site in ["cross-site", "same-site", "none"] {
            assert!(!passes(&Method::POST, &[("sec-fetch-site", site)]), "{site}");
        }
        assert!(!passes(&Method::POST, &[]));
        assert!(!passes(
            &Method::POST,
            &[("origin", "https://chela.example"), ("origin", "https://evil.example")]
        ));
    }
}
