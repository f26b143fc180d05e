//! How a failure leaves: `application/problem+json`, the same shape everywhere.

use super::{docs::escaped, gate::Area};
use api::{ApiError, Code, ids::RequestId};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// Media type of a failure.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A failure as a handler's answer. The gate adds the request id on the way out.
#[derive(Clone, Debug)]
pub struct Problem(pub ApiError);

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}
impl From<crate::platform::error::OpError> for Problem {
    fn from(error: crate::platform::error::OpError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = render(&self.0, Area::Api);
        response.extensions_mut().insert(self);
        response
    }
}

/// Who reads an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A program, or a page's own script.
    Program,
    /// Somebody whose browser asked for a page.
    Person,
}

/// A failure as a page that needs nothing of what may have failed: static, with the looks of the one for being offline.
fn page(error: &ApiError) -> String {
    let said = [Some(&error.message), error.hint.as_ref()].into_iter().flatten();
    let said: String = said.map(|words| format!("<p>{}</p>", escaped(words))).collect();
    let id = error.request_id.as_deref().map(|id| format!("<p><code>{}</code></p>", escaped(id)));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/><title>{title} · Chela</title>\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"/favicon.svg\"/><link rel=\"stylesheet\" href=\"/offline.css\"/>\
         </head><body><main><h1>{title}</h1>{said}<p lang=\"zh-CN\">此页面暂时无法显示，请重新加载。</p>{}\
         <p><a href=\"\">Try again · 重试</a> · <a href=\"/\">Home · 首页</a></p></main></body></html>",
        id.unwrap_or_default(),
        title = "This page cannot be shown",
    )
}

/// Writes the failure in a response again, now with its request id and for its area; answers of others
/// that failed without saying so in our words are given words here.
pub(super) fn finish(response: Response, id: RequestId, area: Area, reader: Reader) -> Response {
    let told = response.extensions().get::<Problem>().cloned();
    let mut error = match told {
        Some(Problem(error)) => error,
        None if area.is_api() && foreign(&response) => stand_in(response.status()),
        None => return response,
    };
    error.request_id.get_or_insert_with(|| id.to_string());
    let mut written = render(&error, area);
    if reader == Reader::Person {
        written
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        *written.body_mut() = Body::from(page(&error));
    }
    for name in [header::ALLOW, header::CONNECTION, header::SET_COOKIE, header::WWW_AUTHENTICATE] {
        for value in response.headers().get_all(&name) {
            written.headers_mut().append(name.clone(), value.clone());
        }
    }
    written
}

/// A failure that is not written as a problem: an extractor's or a router's own text.
fn foreign(response: &Response) -> bool {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    (status.is_client_error() || status.is_server_error()) && kind != Some(PROBLEM_JSON.as_bytes())
}

fn stand_in(status: StatusCode) -> ApiError {
    let new = |code, text: &str| ApiError::new(code, text);
    match status.as_u16() {
        401 => ApiError::unauthenticated(),
        403 => ApiError::forbidden(),
        404 => ApiError::not_found(),
        405 => new(Code::MethodNotAllowed, "This address does not take this method."),
        413 => super::body::too_large(),
        415 => super::body::not_json(),
        422 => new(Code::Invalid, "The request does not have the fields this address takes."),
        429 => new(Code::RateLimited, "Too many requests."),
        502 => new(Code::Upstream, "Another system answered wrongly."),
        503 => new(Code::Unavailable, "Not available at the moment."),
        504 => new(Code::Timeout, "This took too long."),
        400..=499 => new(Code::Malformed, "The request could not be read."),
        _ => ApiError::internal(),
    }
}

/// The name of a code as it stands on the wire.
pub(super) fn code_name(code: Code) -> String {
    crate::platform::text::name_of(&code)
}

fn render(error: &ApiError, area: Area) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Value::Object(members(error, status, area)).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(ms) = error.retry_after_ms {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000).max(1)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the body is not read, so nothing more can come over this connection.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn members(error: &ApiError, status: StatusCode, area: Area) -> Map<String, Value> {
    let name = code_name(error.code);
    let mut members = Map::new();
    let mut put = |key: &str, value: Value| {
        members.insert(key.to_owned(), value);
    };
    put("type", json!(format!("/api/docs#code-{name}")));
    put("title", json!(status.canonical_reason().unwrap_or("Error")));
    put("status", json!(status.as_u16()));
    put("detail", json!(error.message));
    put("code", json!(name));
    if !error.fields.is_empty() {
        put("errors", json!(error.fields));
    }
    if let Some(hint) = &error.hint {
        put("hint", json!(hint));
    }
    if let Some(ms) = error.retry_after_ms {
        put("retry_after_ms", json!(ms));
    }
    if let Some(versions) = &error.versions {
        put("versions", json!(versions));
    }
    if let Some(id) = &error.request_id {
        put("instance", json!(format!("urn:chela:{id}")));
        put("request_id", json!(id));
    }
    if area == Area::ServerFn {
        // A page reads the words of `ApiError` itself.
        put("message", json!(error.message));
        put("fields", json!(error.fields));
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(reader: Reader, area: Area) -> (Response, String) {
        let late = ApiError::new(Code::Timeout, "This <page> took too long.").with_hint("Load it again.");
        let id = RequestId(uuid::Uuid::nil());
        let (head, body) = finish(Problem(late).into_response(), id, area, reader).into_parts();
        let bytes = axum::body::to_bytes(body, 10_000).await.expect("a body");
        (Response::from_parts(head, Body::empty()), String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn a_page_that_was_given_up_is_a_page_for_who_asked_for_one_and_a_problem_for_programs() {
        let (head, text) = read(Reader::Person, Area::Page).await;
        assert_eq!(head.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(head.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        for part in ["<h1>", "This &lt;page&gt; took too long.", "Load it again.", "/offline.css", "req_"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("<script") && !text.contains("<style"), "nothing that needs a nonce: {text}");
        let (head, text) = read(Reader::Program, Area::Page).await;
        assert_eq!(head.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        assert!(text.contains("\"code\":\"timeout\""), "{text}");
    }
}
