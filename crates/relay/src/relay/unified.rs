//! The models a workspace can ask for, as each dialect lists them.

use super::{
    RelayBody,
    target::Listing,
    trouble::{Trouble, whole},
};
use crate::{Caller, Dialect, Facts, Price, Snapshot, Vendor, chains::Chain};
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a question for models. Who sends a version of Anthropic's interface wants its list.
pub(super) fn models(
    snapshot: &Snapshot,
    caller: &Caller,
    asked: Listing<'_>,
    headers: &HeaderMap,
    now_ms: i64,
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
    let spoken = known.iter().filter(|(name, vendor)| allowed(name, vendor));
    let spoken = spoken.map(|(name, vendor)| (name.as_str(), Some(*vendor)));
    // A chain's links differ in what they take and cost.
    let chains = snapshot.chains(caller.workspace).filter(usable).map(|chain| (chain.name.as_str(), None));
    let mut all = spoken.chain(chains);
    let word = |(name, vendor): (&str, Option<&'static Vendor>)| {
        let known = vendor.map(|vendor| known_of(snapshot, caller, vendor, name, now_ms)).unwrap_or_default();
        one(name, vendor.map_or("chela", |vendor| vendor.id), known, dialect)
    };
    let body = match asked.one {
        None => list(&all.map(word).collect::<Vec<_>>(), dialect),
        Some(name) => match all.find(|(known, _)| *known == name) {
            Some(found) => word(found),
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

/// What is known of a model, and what a short prompt costs.
fn known_of(
    snapshot: &Snapshot,
    caller: &Caller,
    vendor: &Vendor,
    name: &str,
    now_ms: i64,
) -> (Facts, Option<Price>) {
    let model = name.strip_prefix(vendor.id).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
    let of = caller.workspace;
    snapshot.prices().map_or_else(Default::default, |all| {
        (all.facts(of, vendor.id, model), all.price(of, vendor.id, model, now_ms, 0))
    })
}

/// One model in a dialect's own words; what is not known is left out. OpenAI has no words for lengths and prices:
/// OpenRouter's are used, which programs know.
fn one(name: &str, owner: &str, (facts, price): (Facts, Option<Price>), dialect: Dialect) -> Value {
    let (mut model, lengths) = match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::Converse => (
            json!({"id": name, "object": "model", "created": 0, "owned_by": owner}),
            ["context_length", "max_output_tokens"],
        ),
        Dialect::Anthropic => (
            json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}),
            ["max_input_tokens", "max_tokens"],
        ),
        Dialect::Gemini => (
            json!({
                "name": format!("models/{name}"),
                "displayName": name,
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
            }),
            ["inputTokenLimit", "outputTokenLimit"],
        ),
    };
    for (field, tokens) in lengths.into_iter().zip([facts.context_length, facts.max_output_tokens]) {
        if let Some(tokens) = tokens {
            model[field] = tokens.into();
        }
    }
    if let (Some(price), Dialect::OpenAiChat | Dialect::OpenAiResponses) = (price, dialect) {
        let figures = [
            ("prompt", Some(price.input)),
            ("completion", Some(price.output)),
            ("input_cache_read", price.cache_read),
            ("input_cache_write", price.cache_write),
            ("internal_reasoning", price.thinking),
        ];
        let known = figures
            .into_iter()
            .filter_map(|(name, figure)| Some((name.to_owned(), Value::String(Price::per_token(figure?)))));
        model["pricing"] = Value::Object(known.collect());
    }
    model
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
