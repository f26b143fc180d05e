//! What a page learns from the request that asked for it, and what it may tell the answer.
//!
//! Everything here is absent-tolerant: routes are listed without a request.

use http::{HeaderMap, StatusCode, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

/// A header of the request as text.
pub fn header_text(name: header::HeaderName) -> Option<String> {
    let parts = use_context::<Parts>()?;
    text_of(&parts.headers, name)
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// A cookie of the request.
pub fn cookie(name: &str) -> Option<String> {
    let all = header_text(header::COOKIE)?;
    all.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

/// Answers the page with this status.
pub fn status(code: u16) {
    if let (Some(options), Ok(code)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(code)) {
        options.set_status(code);
    }
}

/// Leads a plain form post elsewhere than back to where it came from; a script's call is left alone.
pub fn lead_form_to(path: &str) {
    if header_text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html")) {
        leptos_axum::redirect(path);
    }
}

/// Leads a plain form post back to its page, without the query: what it named is gone.
pub fn lead_form_back_to_path() {
    let referer = header_text(header::REFERER).unwrap_or_default();
    let path = referer.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let path = path.and_then(|path| path.split(['?', '#']).next()).unwrap_or("/");
    lead_form_to(path);
}
