//! `POST /api/auth/…`: links, ceremonies, login and logout. What sets or takes away the cookie is here.

use super::{
    cookie,
    login::Entered,
    state::{Auth, Caller},
};
use crate::platform::{
    ctx::OpCtx,
    http::{ClientAddr, Problem, StrictJson},
};
use api::{
    ApiError,
    auth::{
        CeremonyStarted, LinkInfo, LoggedIn, LoginFinish, LoginStart, OpenLink, RegisterFinish, RegisterStart,
    },
};
use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// A refused login takes at least this long, whatever was wrong: the work differs by microseconds, and
/// nobody shall measure them.
const REFUSAL_TAKES: Duration = Duration::from_millis(100);

/// The routes.
pub fn routes(auth: Arc<Auth>) -> Router {
    Router::new()
        .route("/api/auth/link", post(link))
        .route("/api/auth/register/start", post(register_start))
        .route("/api/auth/register/finish", post(register_finish))
        .route("/api/auth/login/start", post(login_start))
        .route("/api/auth/login/finish", post(login_finish))
        .route("/api/auth/logout", post(logout))
        .with_state(auth)
}

type Context = Extension<OpCtx>;
type Addr = Option<Extension<ClientAddr>>;

fn caller(ctx: OpCtx, addr: Addr, headers: &HeaderMap) -> Caller {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Caller {
        ctx,
        addr: addr.map_or(unspecified, |Extension(ClientAddr(ip))| ip),
        label: cookie::label(agent),
    }
}

async fn link(
    State(auth): State<Arc<Auth>>,
    Extension(ctx): Context,
    addr: Addr,
    headers: HeaderMap,
    StrictJson(cmd): StrictJson<OpenLink>,
) -> Result<Json<LinkInfo>, Problem> {
    Ok(Json(auth.open_link(&caller(ctx, addr, &headers), cmd).await.map_err(ApiError::from)?))
}

async fn register_start(
    State(auth): State<Arc<Auth>>,
    Extension(ctx): Context,
    addr: Addr,
    headers: HeaderMap,
    StrictJson(cmd): StrictJson<RegisterStart>,
) -> Result<Json<CeremonyStarted>, Problem> {
    let caller = caller(ctx, addr, &headers);
    auth.quota.take(caller.addr, auth.now_ms())?;
    Ok(Json(auth.register_start(&caller, cmd).await.map_err(ApiError::from)?))
}

async fn register_finish(
    State(auth): State<Arc<Auth>>,
    Extension(ctx): Context,
    addr: Addr,
    headers: HeaderMap,
    StrictJson(cmd): StrictJson<RegisterFinish>,
) -> Result<Response, Problem> {
    entered(auth.register_finish(&caller(ctx, addr, &headers), cmd).await.map_err(ApiError::from)?)
}

async fn login_start(
    State(auth): State<Arc<Auth>>,
    Extension(ctx): Context,
    addr: Addr,
    headers: HeaderMap,
    StrictJson(cmd): StrictJson<LoginStart>,
) -> Result<Json<CeremonyStarted>, Problem> {
    auth.quota.take(caller(ctx, addr, &headers).addr, auth.now_ms())?;
    Ok(Json(auth.login_start(cmd).await.map_err(ApiError::from)?))
}

async fn login_finish(
    State(auth): State<Arc<Auth>>,
    Extension(ctx): Context,
    addr: Addr,
    headers: HeaderMap,
    StrictJson(cmd): StrictJson<LoginFinish>,
) -> Result<Response, Problem> {
    let answer_at = Instant::now() + REFUSAL_TAKES;
    match auth.login_finish(&caller(ctx, addr, &headers), cmd).await {
        Ok(done) => entered(done),
        Err(error) => {
            tokio::time::sleep_until(answer_at).await;
            Err(ApiError::from(error).into())
        }
    }
}

fn entered(done: Entered) -> Result<Response, Problem> {
    let mut response = Json(LoggedIn { redirect: done.redirect }).into_response();
    if let Some(token) = done.token {
        put(&mut response, header::SET_COOKIE, &cookie::set(token.reveal()))?;
    }
    Ok(response)
}

async fn logout(
    State(auth): State<Arc<Auth>>,
    Extension(ctx): Context,
    addr: Addr,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    auth.logout(&caller(ctx, addr, &headers)).await.map_err(ApiError::from)?;
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    // A plain form is sent on to a page, a script gets its answer.
    let mut response = if wants_page {
        let mut response = StatusCode::SEE_OTHER.into_response();
        put(&mut response, header::LOCATION, "/login")?;
        response
    } else {
        Json(LoggedIn { redirect: "/login".to_owned() }).into_response()
    };
    put(&mut response, header::SET_COOKIE, &cookie::clear())?;
    put(&mut response, HeaderName::from_static("clear-site-data"), r#""cache", "cookies", "storage""#)?;
    Ok(response)
}

fn put(response: &mut Response, name: HeaderName, value: &str) -> Result<(), ApiError> {
    let mut value = HeaderValue::from_str(value).map_err(|_not_ascii| ApiError::internal())?;
    value.set_sensitive(name == header::SET_COOKIE);
    response.headers_mut().insert(name, value);
    Ok(())
}
