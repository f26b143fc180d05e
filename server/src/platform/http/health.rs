//! Whether Chela lives and is ready, and its figures for Prometheus.

use crate::platform::{Platform, telemetry};
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use http::header;
use sea_orm::ConnectionTrait;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How long the database may take to say that it is there.
const DEADLINE: Duration = Duration::from_secs(2);
/// How often collected figures are folded together when nobody asks for them.
const UPKEEP_MS: i64 = 5_000;

/// `/healthz` and `/readyz`.
pub(super) fn routes(platform: Arc<Platform>) -> Router {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(platform)
}

async fn ready(State(platform): State<Arc<Platform>>) -> impl IntoResponse {
    let asked = tokio::time::timeout(DEADLINE, platform.db.read().execute_unprepared("select 1")).await;
    let database = matches!(asked, Ok(Ok(_)));
    let stopping = platform.shutdown.is_cancelled();
    let writes = platform.db.writes_closed().is_none();
    let good = database && !stopping;
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Reading still works with closed writes, so that is no reason to take Chela out of service.
    let body = json!({
        "status": if good { "ready" } else { "not_ready" },
        "database": if database { "ok" } else { "failing" },
        "writes": if writes { "ok" } else { "closed" },
        "stopping": stopping,
    });
    (status, Json(body))
}

/// Folds figures together now and then: those that nobody fetches must not pile up.
pub(super) fn keep_small(platform: &Platform) {
    let figures = telemetry::figures();
    let (clock, stop) = (Arc::clone(&platform.clock), platform.shutdown.clone());
    platform.tasks.spawn(async move {
        loop {
            let next = clock.now_ms() + UPKEEP_MS;
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.wait_until(next) => figures.run_upkeep(),
            }
        }
    });
}

/// The router of the metrics listener: `/metrics`, and `/healthz` for whoever reaches no other.
pub fn metrics_router() -> Router {
    let figures = telemetry::figures();
    let metrics = move || async move {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.render())
    };
    Router::new().route("/metrics", get(metrics)).route("/healthz", get(alive))
}

async fn alive() -> impl IntoResponse {
    Json(json!({ "status": "ok" }))
}
