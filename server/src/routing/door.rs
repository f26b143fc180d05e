//! The relay's tree on the panel's listener: `/api/v1`, `/api/v1beta`, for virtual keys only. No cookie opens it, and the panel's
//! gate stands beside it: who calls is what the token says.

use super::Routing;
use axum::{Router, body::Body, extract::State, response::Response, routing::any};
use http::{HeaderMap, HeaderValue, Request, Uri, header, uri::PathAndQuery};
use relay::Wire;
use std::sync::Arc;

/// Header lines that speak for the panel's whole origin.
const UNWELCOME: [&str; 5] =
    ["clear-site-data", "strict-transport-security", "refresh", "service-worker-allowed", "set-cookie"];

/// The tree's routes.
pub fn routes(routing: &Arc<Routing>) -> Router {
    Router::new()
        .route("/api/v1/{*path}", any(call))
        .route("/api/v1beta/{*path}", any(call))
        .with_state(Arc::clone(routing))
}

async fn call(State(routing): State<Arc<Routing>>, mut request: Request<Body>) -> Response {
    if let Some(uri) = below(request.uri()) {
        *request.uri_mut() = uri;
    }
    request.headers_mut().remove(header::COOKIE);
    let mut answer = routing.relay().handle(Wire::Panel, request).await.map(Body::new);
    dress(answer.headers_mut());
    answer
}

/// What a vendor sends is data, never a page of the panel's: it stands on the panel's origin.
fn dress(headers: &mut HeaderMap) {
    for name in UNWELCOME {
        headers.remove(name);
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The same address without `/api`.
fn below(uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix("/api")?;
    Some(PathAndQuery::try_from(rest).ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_the_relays_own_below_api() {
        let of = |uri: &str| below(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(of("http://h/api/v1/openai/x?key=1&b"), Some("/v1/openai/x?key=1&b".to_owned()));
        assert_eq!(of("/api/v1beta/models"), Some("/v1beta/models".to_owned()));
        assert_eq!(of("/v1/x"), None);
    }
}
