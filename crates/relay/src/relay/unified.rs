//! The models a workspace can ask for, as each dialect lists them.

use super::{
    RelayBody,
    target::Listing,
    trouble::{Trouble, whole},
};
use crate::{Caller, Dialect, Snapshot, Vendor, chains::Chain};
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a question for models. Who sends a version of Anthropic's interface wants its list.
pub(super) fn models(
    snapshot: &Snapshot,
    caller: &Caller,
    asked: Listing<'_>,
    headers: &HeaderMap,
) -> Response<RelayBody> {
    let anthropic = asked.dialect == Dialect::OpenAiChat && headers.contains_key("anthropic-version");
    let dialect = if anthropic { Dialect::Anthropic } else { asked.dialect };
    let known = snapshot.models(caller);
    let may = |vendor: &Vendor, model: &str| {
        speaks(vendor, dialect) && caller.models.as_deref().is_none_or(|models| models.has(vendor.id, model))
    };
    let allowed = |name: &str, vendor: &Vendor| {
        may(vendor, name.strip_prefix(vendor.id).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name))
    };
    let spoken = known.iter().filter(|(name, vendor)| allowed(name, vendor));
    let usable = |chain: &&Arc<Chain>| {
        let has = |vendor: &Vendor, model: &str| {
            let pool = snapshot.pool_in(caller.workspace, vendor, caller.order);
            pool.is_some_and(|pool| pool.keys().any(|key| key.serves(model)))
        };
        chain
            .links
            .iter()
            .any(|link| link.vendor.is_some_and(|v| may(v, link.model()) && has(v, link.model())))
    };
    let chains = snapshot.chains(caller.workspace).filter(usable).map(|chain| (chain.name.as_str(), "chela"));
    let mut all = spoken.map(|(name, vendor)| (name.as_str(), vendor.id)).chain(chains);
    let body = match asked.one {
        None => list(&all.map(|(name, owner)| one(name, owner, dialect)).collect::<Vec<_>>(), dialect),
        Some(name) => match all.find(|(known, _)| *known == name) {
            Some((name, owner)) => one(name, owner, dialect),
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

fn one(name: &str, owner: &str, dialect: Dialect) -> Value {
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::Converse => {
            json!({"id": name, "object": "model", "created": 0, "owned_by": owner})
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
        Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::Converse => {
            json!({"object": "list", "data": models})
        }
        Dialect::Anthropic => {
            let id = |model: Option<&Value>| model.map_or(Value::Null, |m| m["id"].clone());
            let (first, last) = (id(models.first()), id(models.last()));
            json!({"data": models, "has_more": false, "first_id": first, "last_id": last})
        }
        Dialect::Gemini => json!({"models": models}),
    }
}
