//! The door to the live socket: who may open one, and how many.

use super::socket;
use crate::platform::{
    Platform,
    ctx::OpCtx,
    http::{Identify, Identity, Problem},
};
use api::{
    ApiError, Code,
    ids::{SessionId, TokenId},
    live::MAX_CLIENT_FRAME,
};
use axum::{
    Extension, Router,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
    routing::any,
};
use http::{HeaderMap, header};
use policy::Actor;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Most sockets of one session or token.
const MAX_SOCKETS: usize = 10;
/// Buffer for reading from a socket. The default would hold 128 KiB for every idle tab.
const READ_BUFFER: usize = 1024;
/// Most bytes waiting for a reader before its socket breaks.
const MAX_UNSENT: usize = 16 * 1024 * 1024;

/// What a stranger reads who sent no WebSocket upgrade, or whose proxy took it away.
pub const NO_UPGRADE: &str = "No WebSocket upgrade arrived here.";

/// Whose socket or stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Session(SessionId),
    Token(TokenId),
}

pub(super) type Counts = Arc<Mutex<HashMap<Holder, usize>>>;

/// One socket's or stream's place; given back when dropped.
pub(super) struct Place {
    counts: Counts,
    holder: Holder,
}

impl Place {
    pub(super) fn take(counts: &Counts, holder: Holder, most: usize) -> Option<Self> {
        let mut map = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = map.entry(holder).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { counts: Arc::clone(counts), holder })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = map.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                map.remove(&self.holder);
            }
        }
    }
}

/// What opening a socket needs.
#[derive(Clone)]
pub struct LiveDoor {
    platform: Arc<Platform>,
    identify: Arc<dyn Identify>,
    counts: Counts,
}

impl LiveDoor {
    /// A door to the platform's hub.
    pub fn new(platform: Arc<Platform>, identify: Arc<dyn Identify>) -> Self {
        Self { platform, identify, counts: Counts::default() }
    }
}

/// `/api/live`. Stands behind the gate, which says who is calling.
pub fn routes(door: LiveDoor) -> Router {
    Router::new().route("/api/live", any(open)).with_state(door)
}

async fn open(
    State(door): State<LiveDoor>,
    Extension(ctx): Extension<OpCtx>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    from_us(&headers, door.platform.config.public_url.origin())?;
    // Before the credentials count: what is revoked from here on is heard.
    let revocations = door.identify.revocations();
    if ctx.actor() == Actor::Nobody && upgrade.is_err() {
        // Whether an upgrade arrives at all is what an operator looks for from outside (`chela doctor`).
        return Err(ApiError::unauthenticated().with_hint(NO_UPGRADE).into());
    }
    let holder = holder(&ctx, &identity)?;
    let upgrade = upgrade.map_err(|_no_websocket| {
        Problem(ApiError::new(Code::Malformed, "This address speaks WebSocket only."))
    })?;
    let Some(place) = Place::take(&door.counts, holder, MAX_SOCKETS) else {
        let text = format!("This session has {MAX_SOCKETS} live connections already; close a tab.");
        return Err(ApiError::new(Code::RateLimited, text).retry_after(10_000).into());
    };
    // Between the gate's answer and our listening something may have been revoked: ask once more.
    if !still_good(door.identify.as_ref(), &headers, &identity).await? {
        return Err(ApiError::unauthenticated().into());
    }
    let platform = Arc::clone(&door.platform);
    let response = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_UNSENT)
        .max_message_size(MAX_CLIENT_FRAME)
        .max_frame_size(MAX_CLIENT_FRAME)
        .on_upgrade(move |ws| {
            let watcher = socket::Watcher::new(Arc::clone(&platform), ctx, identity, place);
            let tasks = platform.tasks.clone();
            // Tracked, so that shutdown waits until every tab was told.
            tasks.track_future(watcher.run(ws, revocations))
        });
    Ok(response)
}

/// Only our own pages open a socket with a cookie; with a bearer token no page is needed, but a foreign one
/// is refused all the same.
fn from_us(headers: &HeaderMap, origin: &str) -> Result<(), ApiError> {
    let mut given = headers.get_all(header::ORIGIN).iter();
    match (given.next(), given.next()) {
        (Some(one), None) if one.as_bytes() == origin.as_bytes() => Ok(()),
        (None, _) if headers.contains_key(header::AUTHORIZATION) => Ok(()),
        _ => Err(ApiError::new(Code::Forbidden, "Live connections are for Chela's own pages.")),
    }
}

/// Whose place a caller takes.
pub(super) fn holder(ctx: &OpCtx, identity: &Identity) -> Result<Holder, ApiError> {
    match (ctx.actor(), identity.session, identity.token) {
        (Actor::Nobody, ..) => Err(ApiError::unauthenticated()),
        (_, _, Some(token)) => Ok(Holder::Token(token)),
        (_, Some(session), None) => Ok(Holder::Session(session)),
        _ => Err(ApiError::forbidden()),
    }
}

/// Whether the credentials still lead to the same caller.
pub(super) async fn still_good(
    identify: &dyn Identify,
    headers: &HeaderMap,
    identity: &Identity,
) -> Result<bool, ApiError> {
    let again = crate::platform::http::identify_caller(identify, headers).await?;
    Ok(again.subject == identity.subject
        && again.session == identity.session
        && again.token == identity.token)
}
