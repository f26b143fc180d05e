//! How a failure leaves: `application/problem+json`, the same shape everywhere.

use super::gate::Area;
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

/// Writes the failure in a response again, now with its request id and for its area; answers of others
/// that failed without saying so in our words are given words here.
pub(super) fn finish(response: Response, id: RequestId, area: Area) -> Response {
    let told = response.extensions().get::<Problem>().cloned();
    let mut error = match told {
        Some(Problem(error)) => error,
        None if area.is_api() && foreign(&response) => stand_in(response.status()),
        None => return response,
    };
    error.request_id.get_or_insert_with(|| id.to_string());
    let mut written = render(&error, area);
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
