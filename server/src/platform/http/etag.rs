//! Versions of objects as `ETag`, and `If-Match` as the version a writer had read.

use crate::platform::verbs::Entry;
use api::ApiError;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value};

/// The field of a command that `If-Match` fills.
const EXPECTED: &str = "expected_version";

/// The tag of an object that has a version.
pub(super) fn of(object: &Value) -> Option<HeaderValue> {
    let version = object.get("version")?.as_i64()?;
    HeaderValue::from_str(&format!("\"v{version}\"")).ok()
}

/// Whether the reader already has this version.
pub(super) fn unchanged(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|given| {
        let Ok(given) = given.to_str() else { return false };
        given.split(',').any(|one| one.trim().trim_start_matches("W/").as_bytes() == tag.as_bytes())
    })
}

/// Puts the version of `If-Match` into the command.
///
/// # Errors
/// `invalid` for a tag that is none of ours, contradicts the body, or is sent where nothing has a version.
pub(super) fn expect(
    entry: &Entry,
    headers: &HeaderMap,
    input: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    let mut given = headers.get_all(header::IF_MATCH).iter();
    let Some(tag) = given.next() else { return Ok(()) };
    if tag == "*" {
        return Ok(());
    }
    let pointer = format!("/{EXPECTED}");
    let version = tag.to_str().ok().and_then(|tag| {
        tag.trim_start_matches("W/").strip_prefix("\"v")?.strip_suffix('"')?.parse::<i64>().ok()
    });
    let Some(version) = version.filter(|_| given.next().is_none()) else {
        return Err(ApiError::field(pointer, "If-Match must be one ETag that this address gave out"));
    };
    let versioned = entry.input.get("properties").and_then(|p| p.get(EXPECTED)).is_some();
    if !versioned {
        return Err(ApiError::field("", "If-Match: what is written here has no version"));
    }
    match input.insert(EXPECTED.to_owned(), Value::from(version)) {
        Some(Value::Null) | None => Ok(()),
        Some(said) if said == version => Ok(()),
        Some(_) => Err(ApiError::field(pointer, "the body and If-Match name different versions")),
    }
}
