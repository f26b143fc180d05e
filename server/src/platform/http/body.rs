//! Reading a request's body: bounded, with a deadline, as strict JSON.

use super::{json, problem::Problem};
use api::{ApiError, Code};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest body on the panel, in bytes.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// The body is over the limit.
pub(super) fn too_large() -> ApiError {
    ApiError::new(Code::TooLarge, "The body is larger than 1 MiB.")
}

/// The body is not JSON by its own word.
pub(super) fn not_json() -> ApiError {
    ApiError::new(Code::UnsupportedMediaType, "Send the body as application/json.")
}

/// Where a body may be longer, as it is a file: how long, in bytes.
const FILES: [(&str, u64); 1] = [(crate::bots::IMPORT, crate::bots::MOST_IMPORT)];

/// Whether the headers announce a body over the limit of this path.
pub(super) fn announced_too_large(path: &str, headers: &HeaderMap) -> bool {
    let limit = FILES.iter().find(|(of, _)| *of == path).map_or(BODY_LIMIT as u64, |(_, limit)| *limit);
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    length.is_some_and(|length| length > limit)
}

/// Reads the whole body.
///
/// # Errors
/// `too_large` over the limit, `timeout` when it trickles in, `malformed` when it breaks off.
pub(super) async fn read(body: Body) -> Result<Bytes, ApiError> {
    let read = async {
        let mut body = body;
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_cut| ApiError::new(Code::Malformed, "The body broke off."))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > BODY_LIMIT {
                return Err(too_large());
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    };
    match tokio::time::timeout(BODY_DEADLINE, read).await {
        Ok(read) => read,
        Err(_elapsed) => Err(ApiError::new(Code::Timeout, "The body did not arrive in time.")),
    }
}

/// The media type of a body, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// A JSON body read strictly (no duplicate key, no NUL, no unknown depth) into a word.
pub struct StrictJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(not_json().into());
        }
        let bytes = read(request.into_body()).await?;
        let value = json::read(&bytes)?;
        let word = serde_path_to_error::deserialize(value)
            .map_err(|error| crate::platform::verbs::bad_field(&error))?;
        Ok(Self(word))
    }
}
