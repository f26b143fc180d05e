//! The models a workspace can ask for, as each dialect lists them.

use super::{
    RelayBody,
    target::Listing,
    trouble::{Trouble, whole},
};
use crate::{Dialect, Snapshot, Vendor};
use api::ids::WorkspaceId;
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};

/// Answers a question for models. Who sends a version of Anthropic's interface wants its list.
pub(super) fn models(
    snapshot: &Snapshot,
    workspace: WorkspaceId,
    asked: Listing<'_>,
    headers: &HeaderMap,
) -> Response<RelayBody> {
    let anthropic = asked.dialect == Dialect::OpenAiChat && headers.contains_key("anthropic-version");
    let dialect = if anthropic { Dialect::Anthropic } else { asked.dialect };
    let known = snapshot.models(workspace);
    let mut spoken = known.iter().filter(|(_, vendor)| speaks(vendor, dialect));
    let body = match asked.one {
        None => list(&spoken.map(|(name, vendor)| one(name, vendor, dialect)).collect::<Vec<_>>(), dialect),
        Some(name) => match spoken.find(|(known, _)| *known == name) {
            Some((name, vendor)) => one(name, vendor, dialect),
            None => return Trouble::NotFound.answer(dialect),
        },
    };
    let mut answer = Response::new(whole(body.to_string()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// OpenAI's list is for both of its dialects.
fn speaks(vendor: &Vendor, dialect: Dialect) -> bool {
    let responses = dialect == Dialect::OpenAiChat && vendor.dialects.contains(&Dialect::OpenAiResponses);
    vendor.dialects.contains(&dialect) || responses
}

fn one(name: &str, vendor: &Vendor, dialect: Dialect) -> Value {
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => {
            json!({"id": name, "object": "model", "created": 0, "owned_by": vendor.id})
        }
        Dialect::Anthropic => {
            json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"})
        }
        Dialect::Gemini => json!({
            "name": format!("models/{name}"),
            "displayName": name,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
        }),
    }
}

fn list(models: &[Value], dialect: Dialect) -> Value {
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses => json!({"object": "list", "data": models}),
        Dialect::Anthropic => {
            let id = |model: Option<&Value>| model.map_or(Value::Null, |m| m["id"].clone());
            let (first, last) = (id(models.first()), id(models.last()));
            json!({"data": models, "has_more": false, "first_id": first, "last_id": last})
        }
        Dialect::Gemini => json!({"models": models}),
    }
}
