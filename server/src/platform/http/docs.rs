//! `/api/openapi.json` and the page a person reads. Plain HTML with a style of its own; no script.

use super::{openapi, problem::code_name};
use crate::platform::verbs::{Entry, Verbs};
use api::{ApiError, Code};
use axum::{Router, response::IntoResponse, routing::get};
use bytes::Bytes;
use http::header;
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write};

/// Every code, in the order of statuses.
pub(super) const CODES: [Code; 21] = [
    Code::Malformed,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::Conflict,
    Code::Stale,
    Code::InFlight,
    Code::InDoubt,
    Code::Gone,
    Code::TooLarge,
    Code::UnsupportedMediaType,
    Code::Invalid,
    Code::KeyRejected,
    Code::IdempotencyMismatch,
    Code::RateLimited,
    Code::Internal,
    Code::Upstream,
    Code::Unavailable,
    Code::Timeout,
    Code::StorageFull,
];

/// The document, the page and its style; all made once.
pub(super) fn routes(verbs: &Verbs) -> Router {
    let document = Bytes::from(openapi::document(verbs).to_string());
    let page = Bytes::from(page(verbs));
    let style = Bytes::from_static(include_bytes!("docs.css"));
    let serve = |kind: &'static str, body: Bytes| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], body).into_response() })
    };
    Router::new()
        .route("/api/openapi.json", serve("application/json", document))
        .route("/api/docs", serve("text/html; charset=utf-8", page))
        .route("/api/docs.css", serve("text/css; charset=utf-8", style))
}

fn page(verbs: &Verbs) -> String {
    let mut slices: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in verbs.all() {
        slices.entry(entry.name.split('.').next().unwrap_or_default()).or_default().push(entry);
    }
    let mut html = String::from(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Chela API</title><link rel=\"stylesheet\" href=\"/api/docs.css\"></head><body><main><h1>Chela API</h1>\
         <p>Send <code>Authorization: Bearer chela_pat_…</code>. Bodies are JSON. Lists take <code>limit</code> (1 to 200) and \
         <code>cursor</code>. What creates something takes an <code>Idempotency-Key</code>; what has a version sends an \
         <code>ETag</code> and takes <code>If-Match</code>. The same, for programs: \
         <a href=\"/api/openapi.json\">openapi.json</a>.</p><nav aria-label=\"Resources\"><ul>",
    );
    for slice in slices.keys() {
        _ = write!(html, "<li><a href=\"#{0}\">{0}</a></li>", escaped(slice));
    }
    html.push_str("<li><a href=\"#errors\">errors</a></li></ul></nav>");
    for (slice, entries) in &slices {
        _ = write!(html, "<section><h2 id=\"{0}\">{0}</h2>", escaped(slice));
        entries.iter().for_each(|entry| operation(&mut html, entry));
        html.push_str("</section>");
    }
    errors(&mut html);
    html.push_str("</main></body></html>");
    html
}

fn operation(html: &mut String, entry: &Entry) {
    let (method, path) = (&entry.rest.method, escaped(entry.rest.path));
    _ = write!(
        html,
        "<article id=\"{name}\"><h3><code class=\"method\">{method}</code> <code>{path}</code></h3><p>{summary}</p>\
         <p class=\"note\">Answers {status}{events}. Needs {needs} (<code>{action}</code>).</p>",
        name = escaped(entry.name),
        summary = escaped(&openapi::summary(entry)),
        status = entry.rest.status,
        events = if entry.rest.follows.is_some() {
            "; with <code>Accept: text/event-stream</code> 200 and the events until the end"
        } else {
            ""
        },
        needs = openapi::needs(entry.action.needs),
        action = escaped(entry.action.name),
    );
    let fields = entry.input.get("properties").and_then(Value::as_object);
    if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
        html.push_str("<table><thead><tr><th scope=\"col\">Field</th><th scope=\"col\">In</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead><tbody>");
        fields.iter().for_each(|(name, schema)| field(html, entry, name, schema));
        html.push_str("</tbody></table>");
    }
    html.push_str("</article>");
}

fn field(html: &mut String, entry: &Entry, name: &str, schema: &Value) {
    let place = match (openapi::path_names(entry).any(|one| one == name), openapi::by_query(entry)) {
        (true, _) => "path",
        (false, true) => "query",
        (false, false) => "body",
    };
    let required = entry.input.get("required").and_then(Value::as_array);
    let required = required.is_some_and(|names| names.iter().any(|one| one == name));
    let told = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    _ = write!(
        html,
        "<tr><td><code>{}</code>{}</td><td>{place}</td><td>{}</td><td>{}</td></tr>",
        escaped(name),
        if required { "" } else { " (optional)" },
        escaped(&kind(schema)),
        escaped(told),
    );
}

/// A schema in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
        return to.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(Value::Array(several)) = schema.get("anyOf") {
        return several.iter().map(kind).filter(|kind| kind != "null").collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "value".to_owned(),
    }
}

fn errors(html: &mut String) {
    html.push_str(
        "<section><h2 id=\"errors\">errors</h2><p>Every failure is <code>application/problem+json</code>: <code>code</code>, \
         <code>detail</code>, perhaps <code>errors</code> with a JSON pointer each, a <code>hint</code>, and the \
         <code>request_id</code> that leads to the log.</p><table><thead><tr><th scope=\"col\">Code</th>\
         <th scope=\"col\">Status</th></tr></thead><tbody>",
    );
    for code in CODES {
        let name = code_name(code);
        let status = ApiError::new(code, "").code.status();
        _ = write!(html, "<tr id=\"code-{name}\"><td><code>{name}</code></td><td>{status}</td></tr>");
    }
    html.push_str("</tbody></table></section>");
}

/// Text as it stands in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
