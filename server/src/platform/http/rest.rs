//! REST, made from the verb registry: one route per verb, no code per resource.

use super::{Identity, etag, input, problem::Problem};
use crate::platform::{
    ctx::OpCtx,
    idempotency::{Attempt, Begun, Idempotency},
    live::{EventDoor, wants_events},
    verbs::{Entry, Verbs},
};
use api::ApiError;
use axum::{
    Extension, Router,
    body::Body,
    extract::{RawPathParams, Request},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use policy::Actor;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// What a route needs.
#[derive(Clone)]
pub(super) struct Rest {
    pub(super) verbs: Arc<Verbs>,
    pub(super) idempotency: Idempotency,
    pub(super) tasks: TaskTracker,
    /// For callers that want to follow what they asked for.
    pub(super) events: EventDoor,
    /// Adds what only the platform knows to an error (free space when the disk is full).
    pub(super) explain: Arc<dyn Fn(ApiError) -> ApiError + Send + Sync>,
}

/// Every verb under its REST address.
pub(super) fn routes(rest: &Rest) -> Router {
    let mut paths: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for entry in rest.verbs.all() {
        let Ok(filter) = MethodFilter::try_from(entry.rest.method.clone()) else { continue };
        let (rest, name) = (rest.clone(), entry.name);
        let handler = move |caller: Caller, path: RawPathParams, request: Request| async move {
            answer(&rest, name, caller, path, request)
                .await
                .map_err(|Problem(error)| Problem((rest.explain)(error)))
        };
        let so_far = paths.remove(entry.rest.path);
        paths.insert(
            entry.rest.path,
            match so_far {
                Some(methods) => methods.on(filter, handler),
                None => on(filter, handler),
            },
        );
    }
    paths.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods))
}

/// Who calls, as the gate found out.
type Caller = (Extension<OpCtx>, Extension<Identity>);

async fn answer(
    rest: &Rest,
    name: &'static str,
    (Extension(ctx), Extension(identity)): Caller,
    path: RawPathParams,
    request: Request,
) -> Result<Response, Problem> {
    let Some(entry) = rest.verbs.find(name) else { return Err(ApiError::internal().into()) };
    if ctx.actor() == Actor::Nobody {
        // Before anything of the body is read.
        return Err(ApiError::unauthenticated().into());
    }
    let path = path.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let (headers, mut input) = input::read(entry, path, request).await?;
    etag::expect(entry, &headers, &mut input)?;
    let stream = match entry.rest.follows.filter(|_| wants_events(&headers)) {
        Some(follows) => {
            let entered = rest.events.enter(&ctx, &identity, &headers).await?;
            Some((entered, ctx.clone(), follows))
        }
        None => None,
    };
    let (status, out) = match ctx.idempotency_key.clone().filter(|_| entry.rest.creates) {
        Some(key) => once(rest, entry, ctx, key, input).await?,
        None => (entry.rest.status, rest.verbs.run_json(name, ctx, Value::Object(input)).await?),
    };
    match stream {
        Some((entered, ctx, follows)) => match follows(&out) {
            Some(follow) => Ok(entered.follow(ctx, &out, follow).await),
            None => Err(ApiError::internal().into()),
        },
        None => Ok(written(entry, &headers, status, &out)),
    }
}

/// Runs a create that carries a key: at most once, even when the caller goes away meanwhile.
async fn once(
    rest: &Rest,
    entry: &Entry,
    ctx: OpCtx,
    key: String,
    input: Map<String, Value>,
) -> Result<(u16, Value), Problem> {
    let input = Value::Object(input);
    let workspace = ctx.subject.workspace.map(|id| id.to_string()).unwrap_or_default();
    let attempt = Attempt::new(format!("{} {workspace}", ctx.actor()), key, entry.name, &input);
    let reservation = match rest.idempotency.begin(attempt).await? {
        Begun::Replay { status, mut body } => {
            if let Value::Object(members) = &mut body {
                members.insert("replayed".to_owned(), Value::Bool(true));
            }
            return Ok((status, body));
        }
        Begun::Fresh(reservation) => reservation,
    };
    let (verbs, idempotency, name) = (Arc::clone(&rest.verbs), rest.idempotency.clone(), entry.name);
    let (status, shown_once) = (entry.rest.status, shown_once(entry));
    let work = async move {
        let out = AssertUnwindSafe(verbs.run_json(name, ctx, input)).catch_unwind().await;
        let out = out.unwrap_or_else(|_panic| Err(ApiError::internal()));
        match &out {
            Ok(body) => idempotency.finish(&reservation, status, body, &shown_once).await,
            Err(_) => idempotency.release(&reservation).await,
        }
        out
    };
    let out = rest.tasks.spawn(work.in_current_span()).await.map_err(|_cancelled| ApiError::internal())??;
    Ok((status, out))
}

/// Fields of an answer that leave Chela once: marked `x-chela-once` in its schema.
fn shown_once(entry: &Entry) -> Vec<String> {
    let Some(Value::Object(fields)) = entry.output.get("properties") else { return Vec::new() };
    let marked = |schema: &Value| schema.get("x-chela-once").and_then(Value::as_bool) == Some(true);
    fields.iter().filter(|(_, schema)| marked(schema)).map(|(name, _)| name.clone()).collect()
}

fn written(entry: &Entry, asked: &HeaderMap, status: u16, out: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let tag = etag::of(out);
    if let Some(tag) =
        tag.as_ref().filter(|tag| entry.rest.method == http::Method::GET && etag::unchanged(asked, tag))
    {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response();
    }
    let mut response = Response::new(Body::from(out.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
    }
    if status == StatusCode::CREATED
        && let Some(id) = out.get("id").and_then(Value::as_str)
        && !entry.rest.path.contains('{')
        && let Ok(place) = HeaderValue::from_str(&format!("{}/{id}", entry.rest.path))
    {
        headers.insert(header::LOCATION, place);
    }
    response
}
