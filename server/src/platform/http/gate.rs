//! The gate in front of everything on the panel: one request id, one deadline, one answer to every failure.
//!
//! Inside it: host, caller's address, cross-site check, who is calling. Behind it every handler finds
//! `OpCtx`, [`Identity`], `RequestId`, [`ClientAddr`](super::ClientAddr) in the request's extensions.

use super::{
    body,
    client::{PeerAddr, Proxies},
    csrf,
    headers::{self, CspNonce, Policy},
    host::{self, Verdict},
    identify::{Identify, Identity, SESSION_COOKIE},
    pages::wants_page,
    problem::{self, Problem, Reader},
};
use crate::platform::{
    Platform,
    ctx::{OpCtx, Origin},
};
use api::{ApiError, Code, ids::RequestId};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use futures::FutureExt;
use http::{HeaderMap, Method, header};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tracing::Instrument;

/// How long an answer may take to begin.
const DEADLINE: Duration = Duration::from_secs(60);
/// The same where a large file comes with the question.
const UPLOAD: Duration = Duration::from_secs(600);

/// What kind of address a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// `/healthz`, `/readyz`: for whoever watches over the process.
    Health,
    /// `/api/fn/…`: pages calling.
    ServerFn,
    /// Everything else under `/api`.
    Api,
    /// The site's own folders: the same for everybody, so nobody is asked who they are.
    File,
    /// Pages, and files at the root.
    Page,
}

/// Folders of the site.
const FOLDERS: [&str; 3] = ["/pkg/", "/fonts/", "/icons/"];

impl Area {
    /// The area of `path`.
    pub fn of(path: &str) -> Self {
        match path {
            "/healthz" | "/readyz" => Self::Health,
            _ if path.starts_with("/api/fn/") => Self::ServerFn,
            _ if path == "/api" || path.starts_with("/api/") => Self::Api,
            _ if FOLDERS.iter().any(|folder| path.starts_with(folder)) => Self::File,
            _ => Self::Page,
        }
    }

    /// Whether programs read the answer.
    pub const fn is_api(self) -> bool {
        matches!(self, Self::Api | Self::ServerFn)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::ServerFn => "fn",
            Self::Api => "api",
            Self::File => "file",
            Self::Page => "page",
        }
    }
}

/// What the gate knows.
pub(super) struct Gate {
    pub(super) platform: Arc<Platform>,
    pub(super) identify: Arc<dyn Identify>,
    pub(super) proxies: Proxies,
    pub(super) policy: Policy,
}

/// The middleware.
pub(super) async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let id = RequestId(gate.platform.ids.uuid());
    let nonce = CspNonce::mint();
    let area = Area::of(request.uri().path());
    let method = request.method().clone();
    let reads = method == Method::GET || method == Method::HEAD;
    let reader = if area == Area::Page && reads && wants_page(request.headers()) {
        Reader::Person
    } else {
        Reader::Program
    };
    let deadline = if request.uri().path() == crate::bots::IMPORT { UPLOAD } else { DEADLINE };
    // The path only: a query may hold what a person searched for.
    let span = tracing::info_span!(
        "http.request", request.id = %id, http.method = %method, http.path = ?request.uri().path()
    );
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(nonce.clone());
    let started = tokio::time::Instant::now();
    let inside = Box::pin(AssertUnwindSafe(inside(&gate, area, request, next)).catch_unwind());
    let response = match tokio::time::timeout(deadline, inside).instrument(span.clone()).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(problem))) => problem.into_response(),
        // The panic itself is already in the log, by the hook.
        Ok(Err(_panic)) => Problem(ApiError::internal()).into_response(),
        Err(_elapsed) => Problem(ApiError::new(Code::Timeout, "This took too long.")).into_response(),
    };
    let mut response = problem::finish(response, id, area, reader);
    headers::dress(&mut response, &gate.policy, &nonce, id);
    note(&span, area, &response, started.elapsed());
    response
}

fn note(span: &tracing::Span, area: Area, response: &Response, took: Duration) {
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| match status {
        500..=599 => tracing::warn!(http.status = status, duration_ms, "request failed"),
        _ if matches!(area, Area::Health | Area::File) => {
            tracing::debug!(http.status = status, duration_ms, "request")
        }
        _ => tracing::info!(http.status = status, duration_ms, "request"),
    });
    metrics::counter!("chela_http_requests_total", "area" => area.name(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("chela_http_request_seconds", "area" => area.name()).record(took.as_secs_f64());
}

async fn inside(gate: &Gate, area: Area, mut request: Request, next: Next) -> Result<Response, Problem> {
    if area == Area::Health {
        return Ok(next.run(request).await);
    }
    let config = &gate.platform.config;
    let peer = request.extensions().get::<PeerAddr>().copied();
    let by_proxy = peer.and_then(|peer| peer.0).is_some_and(|ip| gate.proxies.trust(ip));
    match host::check(&config.public_url, request.method(), request.uri(), request.headers(), by_proxy)? {
        Verdict::Serve => {}
        Verdict::Redirect(to) => return Ok(Redirect::permanent(&to).into_response()),
    }
    let client = gate.proxies.client(peer, request.headers());
    request.extensions_mut().insert(client);
    csrf::check(request.method(), request.headers(), config.public_url.origin())?;
    if body::announced_too_large(request.uri().path(), request.headers()) {
        return Err(body::too_large().into());
    }
    let identity = match area {
        Area::File => Identity::NOBODY,
        _ => identify_caller(gate.identify.as_ref(), request.headers()).await?,
    };
    let ctx = context(gate, &request, &identity)?;
    request.extensions_mut().insert(ctx);
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

/// Asks who is calling, by what a request carries. A bearer token wins, and then the cookie is ignored.
///
/// # Errors
/// `unauthenticated` for a bearer token that is not good; what the database says.
pub async fn identify_caller(identify: &dyn Identify, headers: &HeaderMap) -> Result<Identity, ApiError> {
    match bearer(headers)? {
        Some(token) => identify.identify(None, Some(token)).await,
        None => match session_cookie(headers) {
            None => Ok(Identity::NOBODY),
            Some(cookie) => match identify.identify(Some(cookie), None).await {
                // A session that has ended is nobody: the page still shows, and leads to the login.
                Err(ended) if ended.code == Code::Unauthenticated => Ok(Identity::NOBODY),
                other => other,
            },
        },
    }
}

fn context(gate: &Gate, request: &Request, identity: &Identity) -> Result<OpCtx, ApiError> {
    let request_id = request.extensions().get::<RequestId>().copied().ok_or_else(ApiError::internal)?;
    Ok(OpCtx {
        subject: identity.subject,
        session: identity.session,
        request_id,
        origin: if identity.token.is_some() { Origin::Rest } else { Origin::Browser },
        now_ms: gate.platform.clock.now_ms(),
        idempotency_key: crate::platform::idempotency::key_of(request.headers())?,
    })
}

/// The bearer token, if there is an `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default();
            let (scheme, token) = text.split_once(' ').unwrap_or_default();
            let token = token.trim();
            if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
                Ok(Some(token))
            } else {
                Err(ApiError::unauthenticated())
            }
        }
        _ => Err(ApiError::new(Code::Malformed, "Send one Authorization header.")),
    }
}

/// The session cookie; two of that name are none, because one of them is somebody else's.
fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}
