//! The OpenAPI 3.1 document, made from the verb registry. What is not registered is not in it.

use super::problem::code_name;
use crate::platform::verbs::{Entry, Verbs};
use api::Code;
use http::Method;
use policy::Needs;
use serde_json::{Map, Value, json};

/// The whole document.
pub fn document(verbs: &Verbs) -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problem());
    for entry in verbs.all() {
        let operation = operation(entry, &mut schemas);
        let path = paths.entry(entry.rest.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(entry.rest.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chela",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Errors are problem+json; lists take limit and cursor; creates take Idempotency-Key.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "An API token, chela_pat_…" },
                "session": { "type": "apiKey", "in": "cookie", "name": super::SESSION_COOKIE },
            },
        },
        "security": [{ "token": [] }, { "session": [] }],
    })
}

/// Who may call an operation, as a word.
pub(super) const fn needs(needs: Needs) -> &'static str {
    match needs {
        Needs::Member => "member",
        Needs::Owner => "owner",
        Needs::Person => "person",
        Needs::Admin => "administrator of the instance",
        Needs::System => "system",
    }
}

/// One sentence about a verb.
pub(super) fn summary(entry: &Entry) -> String {
    if !entry.rest.summary.is_empty() {
        return entry.rest.summary.to_owned();
    }
    let told = entry.input.get("description").and_then(Value::as_str).unwrap_or_default();
    let words = entry.name.replace(['.', '_'], " ");
    told.lines().next().filter(|line| !line.is_empty()).map_or(words, str::to_owned)
}

/// Names in the path, in order.
pub(super) fn path_names(entry: &Entry) -> impl Iterator<Item = &'static str> {
    entry.rest.path.split('{').skip(1).filter_map(|part| part.split('}').next())
}

/// Whether the fields that are not in the path stand in the query.
pub(super) fn by_query(entry: &Entry) -> bool {
    entry.rest.method == Method::GET || entry.rest.method == Method::DELETE
}

fn operation(entry: &Entry, schemas: &mut Map<String, Value>) -> Value {
    let input = hoisted(entry.input.clone().to_value(), schemas);
    let output = hoisted(entry.output.clone().to_value(), schemas);
    let in_path: Vec<&str> = path_names(entry).collect();
    let mut parameters: Vec<Value> = in_path.iter().map(|name| parameter(&input, name, "path")).collect();
    let rest = without(&input, &in_path);
    if by_query(entry) {
        let fields = rest.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        parameters.extend(fields.keys().map(|name| parameter(&input, name, "query")));
    }
    if entry.rest.creates {
        let schema = json!({ "type": "string", "maxLength": 200 });
        parameters
            .push(json!({ "name": "Idempotency-Key", "in": "header", "required": false, "schema": schema }));
    }
    let mut operation = json!({
        "operationId": entry.name,
        "summary": summary(entry),
        "tags": [entry.name.split('.').next().unwrap_or_default()],
        "parameters": parameters,
        "responses": responses(entry, &output),
        "x-chela-permission": { "action": entry.action.name, "needs": needs(entry.action.needs) },
    });
    if !by_query(entry)
        && let Value::Object(members) = &mut operation
    {
        let required =
            rest.get("required").and_then(Value::as_array).is_some_and(|fields| !fields.is_empty());
        let content = json!({ "application/json": { "schema": rest } });
        members.insert("requestBody".to_owned(), json!({ "required": required, "content": content }));
    }
    operation
}

fn responses(entry: &Entry, output: &Value) -> Value {
    let mut answers = Map::new();
    let content = json!({ "application/json": { "schema": output } });
    answers.insert(entry.rest.status.to_string(), json!({ "description": "Done.", "content": content }));
    if entry.rest.follows.is_some() {
        let text = "With `Accept: text/event-stream`: `sent` (the answer above), then `delta`, `replace`, `block`, \
                    `tool`, `phase`, and last `end` with the message, or `error`. After `resync` (the message so far) \
                    what was lost does not come again.";
        let content = json!({ "text/event-stream": { "schema": { "type": "string" } } });
        answers.insert("200".to_owned(), json!({ "description": text, "content": content }));
    }
    let mut codes = vec![
        Code::Malformed,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::NotFound,
        Code::Invalid,
        Code::RateLimited,
        Code::Internal,
        Code::Unavailable,
        Code::Timeout,
    ];
    if !by_query(entry) {
        codes.extend([
            Code::Conflict,
            Code::TooLarge,
            Code::UnsupportedMediaType,
            Code::Upstream,
            Code::StorageFull,
        ]);
    }
    for code in codes {
        let content =
            json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
        answers
            .insert(code.status().to_string(), json!({ "description": code_name(code), "content": content }));
    }
    Value::Object(answers)
}

fn parameter(input: &Value, name: &str, place: &str) -> Value {
    let schema = input.get("properties").and_then(|fields| fields.get(name)).cloned();
    let required = place == "path" || names(input, "required").any(|one| one == name);
    json!({ "name": name, "in": place, "required": required, "schema": schema.unwrap_or(json!({ "type": "string" })) })
}

fn names<'a>(schema: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    schema.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A schema without some of its fields.
fn without(schema: &Value, fields: &[&str]) -> Value {
    let mut schema = schema.clone();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, _| !fields.contains(&name.as_str()));
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !fields.contains(&name)));
    }
    schema
}

/// Moves a schema's own definitions into the document's, and its references with them.
fn hoisted(mut schema: Value, schemas: &mut Map<String, Value>) -> Value {
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        if let Some(Value::Object(definitions)) = members.remove("$defs") {
            for (name, mut definition) in definitions {
                point_to_components(&mut definition);
                schemas.insert(name, definition);
            }
        }
    }
    point_to_components(&mut schema);
    schema
}

fn point_to_components(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(to) if key == "$ref" => {
                        *to = to.replace("#/$defs/", "#/components/schemas/")
                    }
                    other => point_to_components(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(point_to_components),
        _ => {}
    }
}

fn problem() -> Value {
    let text = json!({ "type": "string" });
    let field = json!({ "type": "object", "required": ["pointer", "detail"], "properties": { "pointer": text, "detail": text } });
    json!({
        "type": "object",
        "description": "A failure (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": text, "title": text, "status": { "type": "integer" }, "detail": text, "instance": text,
            "code": { "type": "string", "enum": super::docs::CODES.map(code_name) },
            "errors": { "type": "array", "items": field },
            "hint": text, "request_id": text, "retry_after_ms": { "type": "integer" },
            "versions": {
                "type": "object",
                "properties": { "expected": { "type": "integer" }, "actual": { "type": "integer" } },
            },
        },
    })
}
