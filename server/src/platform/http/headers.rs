//! The headers every answer carries, whatever it is and whoever made it.

use api::ids::RequestId;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// The nonce of one answer: scripts that carry it may run. In a request's extensions.
#[derive(Clone, Debug)]
pub(super) struct CspNonce(pub(super) String);

impl CspNonce {
    /// A fresh one.
    pub(super) fn mint() -> Self {
        Self(crate::platform::ids::random_token("").as_str().to_owned())
    }
}

/// Where else a page may connect to while pages reload themselves during development.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    pub(super) https: bool,
    pub(super) reload_socket: Option<String>,
}

const FIXED: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), midi=(), serial=(), hid=(), \
         publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self)",
    ),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// Puts them on.
pub(super) fn dress(response: &mut Response, policy: &Policy, nonce: &CspNonce, id: RequestId) {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, content_security_policy(policy, nonce));
    set(HeaderName::from_static("x-request-id"), id.to_string());
    if policy.https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    // Pages say `same-origin` themselves, so that a form without scripts finds its way back.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn content_security_policy(policy: &Policy, nonce: &CspNonce) -> String {
    let reload = policy.reload_socket.as_ref().map(|socket| format!(" {socket}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; worker-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        nonce = nonce.0
    )
}
