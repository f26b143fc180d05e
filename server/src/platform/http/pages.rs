//! Pages and server functions: Leptos renders, this file gives it the caller and mends what it answers.

use super::{body, headers::CspNonce, identify::Identify, json, problem::Problem, site::Site, whole::whole};
use crate::platform::{ctx::OpCtx, verbs::Verbs};
use api::{ApiError, Code};
use app::{
    auth::NobodyEnrolled,
    call::{Caller, Dispatch},
};
use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use leptos::{
    nonce::Nonce,
    prelude::{LeptosOptions, provide_context},
};
use leptos_axum::{
    AxumRouteListing, handle_server_fns_with_context, render_app_async_stream_with_context,
    render_route_with_context,
};
use std::{any::Any, collections::BTreeSet, sync::Arc};

/// Header by which Leptos marks a server function's error.
const SERVER_FN_ERROR: &str = "serverfnerror";
/// Pages that one-time links lead to: they send no referrer to anybody, not even to us.
const LINK_PAGES: [&str; 2] = ["/setup", "/link"];

/// Adds what only the platform knows to an error.
pub(super) type Explain = Arc<dyn Fn(ApiError) -> ApiError + Send + Sync>;

/// What pages need.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) verbs: Arc<Verbs>,
    pub(super) identify: Arc<dyn Identify>,
    pub(super) leptos: LeptosOptions,
    pub(super) listing: Arc<[AxumRouteListing]>,
    pub(super) site: Site,
    pub(super) explain: Explain,
}

/// One caller's way to the verbs.
struct Scope {
    verbs: Arc<Verbs>,
    ctx: OpCtx,
    explain: Explain,
}

#[async_trait::async_trait]
impl Dispatch for Scope {
    async fn dispatch(
        &self,
        name: &'static str,
        verb: Box<dyn Any + Send>,
    ) -> Result<Box<dyn Any + Send>, ApiError> {
        self.verbs.run_typed(name, self.ctx.clone(), verb).await.map_err(|error| (self.explain)(error))
    }
}

impl Pages {
    fn caller(&self, ctx: OpCtx) -> Caller {
        Caller(Arc::new(Scope { verbs: Arc::clone(&self.verbs), ctx, explain: Arc::clone(&self.explain) }))
    }

    /// What every page finds in its context. Leptos has made a nonce of its own before; ours replaces it,
    /// because the policy header names ours.
    fn scope(&self, ctx: OpCtx, nonce: CspNonce) -> impl Fn() + Clone + Send + Sync + 'static {
        let caller = self.caller(ctx);
        move || {
            provide_context(caller.clone());
            provide_context(Nonce::from_value(nonce.0.as_str()));
        }
    }

    fn shell(&self) -> impl Fn() -> leptos::prelude::AnyView + Clone + Send + Sync + 'static {
        use leptos::prelude::IntoAny;
        let options = self.leptos.clone();
        move || app::shell(options.clone()).into_any()
    }
}

/// Routes of pages and server functions; the fallback serves files and the page that says "not found".
pub(super) fn routes(pages: Pages) -> Router {
    let paths: BTreeSet<String> = pages.listing.iter().map(|route| route.path().to_owned()).collect();
    let router = paths.iter().fold(Router::new(), |router, path| router.route(path, get(page)));
    router.route("/api/fn/{*name}", post(server_fn)).fallback(other).with_state(pages)
}

async fn page(
    State(pages): State<Pages>,
    Extension(ctx): Extension<OpCtx>,
    Extension(nonce): Extension<CspNonce>,
    request: Request,
) -> Response {
    let (parts, _no_body) = request.into_parts();
    let path = parts.uri.path();
    let first = path == "/login" && !pages.identify.anybody_enrolled().await;
    let scope = pages.scope(ctx, nonce);
    let scope = move || {
        scope();
        if first {
            provide_context(NobodyEnrolled);
        }
    };
    let response = whole(&parts, |request| {
        let render = render_route_with_context(pages.listing.to_vec(), scope.clone(), pages.shell());
        render(State(pages.leptos.clone()), request)
    });
    as_page(response.await, path)
}

/// A page may name its own address to itself, so that a form without scripts finds its way back.
fn as_page(mut response: Response, path: &str) -> Response {
    if !LINK_PAGES.contains(&path) {
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    response
}

/// What no route takes: a file, or a page that says so.
async fn other(
    State(pages): State<Pages>,
    Extension(ctx): Extension<OpCtx>,
    Extension(nonce): Extension<CspNonce>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    if !reads || path == "/api" || path.starts_with("/api/") {
        return Problem(ApiError::not_found()).into_response();
    }
    if let Some(file) = pages.site.answer(request.method(), &path, request.headers()).await {
        return file;
    }
    let (parts, _no_body) = request.into_parts();
    let render = render_app_async_stream_with_context(pages.scope(ctx, nonce), pages.shell());
    let response = whole(&parts, render);
    let mut response = response.await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    as_page(response, &path)
}

async fn server_fn(
    State(pages): State<Pages>,
    Extension(ctx): Extension<OpCtx>,
    request: Request,
) -> Result<Response, Problem> {
    let path = request.uri().path();
    if !paths().any(|known| known == path) {
        return Err(ApiError::not_found().into());
    }
    let (parts, stream) = request.into_parts();
    let bytes = body::read(stream).await?;
    match body::media_type(&parts.headers).as_deref() {
        Some("application/json") => drop(json::read(&bytes)?),
        Some("application/x-www-form-urlencoded") if holds_nul(&bytes) => {
            return Err(ApiError::field("", "it holds a NUL character").into());
        }
        Some("application/x-www-form-urlencoded") => {}
        None if bytes.is_empty() => {}
        _ => return Err(body::not_json().into()),
    }
    let by_form = wants_page(&parts.headers);
    let caller = pages.caller(ctx);
    let request = Request::from_parts(parts, Body::from(bytes));
    let answer = handle_server_fns_with_context(move || provide_context(caller.clone()), request).await;
    mend(answer.into_response(), by_form).await
}

fn holds_nul(form: &[u8]) -> bool {
    form.contains(&0) || form.windows(3).any(|part| part == b"%00")
}

/// Paths of all server functions.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    leptos::server_fn::axum::server_fn_paths().map(|(path, _method)| path)
}

/// A browser without scripts posts a form and wants to be led to a page.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// Leptos says 500 to every error: the status follows from the error's code. Forms are led on by 303.
async fn mend(mut response: Response, by_form: bool) -> Result<Response, Problem> {
    if by_form && response.headers().contains_key(header::LOCATION) {
        *response.status_mut() = StatusCode::SEE_OTHER;
        let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).and_then(local);
        response.headers_mut().insert(header::LOCATION, to.unwrap_or(HeaderValue::from_static("/")));
        response.headers_mut().remove(SERVER_FN_ERROR);
        return Ok(response);
    }
    if !response.headers().contains_key(SERVER_FN_ERROR) {
        return Ok(response);
    }
    let bytes = body::read(response.into_body()).await?;
    let error = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_not_ours| ApiError::new(Code::Internal, ApiError::internal().message));
    Err(Problem(error))
}

/// Path and query of an address: a form never leads to another site.
fn local(to: &str) -> Option<HeaderValue> {
    let uri: Uri = to.parse().ok()?;
    let path = uri.path_and_query()?.as_str();
    let safe = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    safe.then(|| HeaderValue::from_str(path).ok()).flatten()
}
