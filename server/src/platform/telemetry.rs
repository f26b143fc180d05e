//! Logs and figures. Fields are dotted names; bodies, cookies, tokens and query strings are in neither.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use std::{io::IsTerminal, sync::OnceLock, time::Duration};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, prelude::*, util::TryInitError};

/// Why no log could be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("CHELA_LOG: {0}")]
    Filter(#[from] ParseError),
    #[error("the log is set up already")]
    Twice(#[from] TryInitError),
}

/// Libraries that write headers, frames or statements at finer levels: never finer than this, whatever
/// the setting says.
const CAPPED: &[&str] = &[
    "hyper=info",
    "hyper_util=info",
    "h2=info",
    "rustls=info",
    "tungstenite=info",
    "tokio_tungstenite=info",
    "sqlx=warn",
    "sea_orm=info",
    "sea_orm_migration=info",
    "bollard=info",
    "webauthn_rs=info",
    "webauthn_rs_core=info",
    "reqwest=info",
];

/// Starts the log on standard error: text on a terminal, JSON lines elsewhere. `filter` is `CHELA_LOG`.
///
/// # Errors
/// A filter that cannot be read, or a second call.
pub fn init(filter: &str) -> Result<(), TelemetryError> {
    let filter = filter_of(filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()?;
    } else {
        let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        registry.with(json.with_writer(std::io::stderr)).try_init()?;
    }
    Ok(())
}

fn filter_of(text: &str) -> Result<EnvFilter, ParseError> {
    let mut filter = EnvFilter::try_new(if text.trim().is_empty() { "info" } else { text })?;
    for cap in CAPPED {
        filter = filter.add_directive(cap.parse()?);
    }
    Ok(filter)
}

/// How long a gauge is told that nobody sets any more.
const GAUGE_LIVES: Duration = Duration::from_secs(180);

/// The process's figures. Before the first call they are counted nowhere.
pub fn figures() -> PrometheusHandle {
    static FIGURES: OnceLock<PrometheusHandle> = OnceLock::new();
    const SECONDS: &[f64] =
        &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
    FIGURES
        .get_or_init(|| {
            // A bot that is gone leaves no gauge behind.
            let builder = PrometheusBuilder::new().idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_LIVES));
            let builder =
                match builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS) {
                    Ok(builder) => builder,
                    // Only empty buckets are refused, and these are not.
                    Err(_) => PrometheusBuilder::new(),
                };
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("figures are collected by somebody else");
            }
            handle
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_cannot_open_what_would_log_frames() {
        let filter = filter_of("trace,hyper=trace").map(|f| f.to_string()).unwrap_or_default();
        assert!(filter.contains("hyper=info") && !filter.contains("hyper=trace"), "{filter}");
        assert!(filter.contains("tungstenite=info"), "{filter}");
        assert!(filter_of("not[a").is_err());
    }
}
