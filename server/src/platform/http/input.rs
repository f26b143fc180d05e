//! A REST request as one JSON object: what the path says, then the query or the body.
//!
//! The object goes to the verb's own reader, which knows required and unknown fields. This file only makes
//! texts of path and query into the types the verb's schema names.

use super::{body, json};
use crate::platform::verbs::Entry;
use api::ApiError;
use axum::extract::Request;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

/// Longest query, in bytes.
const MAX_QUERY: usize = 8 * 1024;

/// Merges path, query and body.
///
/// # Errors
/// `not_found` for an id in the path that cannot exist; `malformed`, `invalid`, `unsupported_media_type`
/// or `too_large` for query and body.
pub(super) async fn read(
    entry: &Entry,
    path: Vec<(String, String)>,
    request: Request,
) -> Result<(HeaderMap, Map<String, Value>), ApiError> {
    let (parts, stream) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let by_query = entry.rest.method == Method::GET || entry.rest.method == Method::DELETE;
    let mut input = if by_query { queried(entry, query)? } else { sent(&parts.headers, stream).await? };
    if !by_query && !query.is_empty() {
        return Err(ApiError::field("", "this address takes its fields in the body, not in the query"));
    }
    for (name, text) in path {
        let typed = typed(property(entry, &name), &text);
        if !could_be(entry, &name, &text) {
            return Err(ApiError::not_found());
        }
        if input.insert(name.clone(), typed).is_some() {
            return Err(ApiError::field(format!("/{name}"), "this field stands in the path already"));
        }
    }
    Ok((parts.headers, input))
}

/// The JSON object of a body; no body is an object without fields.
async fn sent(headers: &HeaderMap, stream: axum::body::Body) -> Result<Map<String, Value>, ApiError> {
    let bytes = body::read(stream).await?;
    let media = body::media_type(headers);
    if bytes.is_empty() && media.as_deref().is_none_or(|media| media == "application/json") {
        return Ok(Map::new());
    }
    if media.as_deref() != Some("application/json") {
        return Err(body::not_json());
    }
    match json::read(&bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(ApiError::field("", "must be a JSON object")),
    }
}

/// The fields of a query, each at most once.
fn queried(entry: &Entry, query: &str) -> Result<Map<String, Value>, ApiError> {
    if query.len() > MAX_QUERY {
        return Err(ApiError::field("", format!("the query is longer than {MAX_QUERY} bytes")));
    }
    let mut fields = Map::new();
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        if name.contains('\0') || text.contains('\0') {
            return Err(ApiError::field(pointer(&name), "it holds a NUL character"));
        }
        let value = typed(property(entry, &name), &text);
        if fields.insert(name.to_string(), value).is_some() {
            return Err(ApiError::field(pointer(&name), "this field stands there twice"));
        }
    }
    Ok(fields)
}

fn pointer(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The schema of a field, references followed.
fn property<'a>(entry: &'a Entry, name: &str) -> Option<&'a Value> {
    let schema = entry.input.get("properties")?.get(name)?;
    Some(resolved(entry, schema))
}

fn resolved<'a>(entry: &'a Entry, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/$defs/"));
    target.and_then(|name| entry.input.get("$defs")?.get(name)).unwrap_or(schema)
}

/// A text as the type its schema names; what does not fit stays a text, and the verb's reader says so.
fn typed(schema: Option<&Value>, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    let Some(schema) = schema else { return as_text() };
    let is = |kind: &str| match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    if is("integer") {
        let number = text.parse::<i64>().ok().map(Value::from);
        number.or_else(|| text.parse::<u64>().ok().map(Value::from)).unwrap_or_else(as_text)
    } else if is("boolean") {
        text.parse::<bool>().map_or_else(|_neither| as_text(), Value::Bool)
    } else {
        as_text()
    }
}

/// Whether a path's text has the shape of the id its field wants. What can never exist is `not_found`, the
/// same as what does not exist.
fn could_be(entry: &Entry, name: &str, text: &str) -> bool {
    if text.contains('\0') {
        return false;
    }
    let pattern = property(entry, name).and_then(|schema| schema.get("pattern")).and_then(Value::as_str);
    let Some(prefix) =
        pattern.and_then(|p| p.strip_prefix('^')).and_then(|p| p.strip_suffix("[0-9a-z]{26}$"))
    else {
        return true;
    };
    text.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == 26 && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
    })
}
