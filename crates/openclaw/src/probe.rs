//! Is a gateway up? Asks its HTTP side, over either wire, without a token.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::timeout;

use crate::endpoint::Endpoint;

/// No health answer is anywhere near as long; a Control UI page would be.
const MAX_BODY: usize = 64 << 10;

/// What a gateway answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Startup {
    /// Everything a client needs is up.
    pub ok: bool,
    /// `starting` or `started`.
    #[serde(default)]
    pub status: String,
    /// OpenClaw's version.
    #[serde(default)]
    pub version: String,
    /// Since the process started.
    #[serde(default)]
    pub uptime_ms: u64,
    /// What it is waiting for, while starting.
    #[serde(default)]
    pub pending_reason: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// Nothing listens there.
    #[error("the gateway at {endpoint} cannot be reached: {source}")]
    Unreachable {
        /// Where we asked.
        endpoint: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something answers, but not a gateway's health path. A status of 200 alone proves nothing:
    /// unknown paths fall through to a web page.
    #[error("what answers at {endpoint} is not a gateway: {problem}")]
    NotAGateway {
        /// Where we asked.
        endpoint: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The deadline passed.
    #[error("the gateway at {endpoint} did not answer within {} ms", after.as_millis())]
    Timeout {
        /// Where we asked.
        endpoint: String,
        /// How long we waited.
        after: Duration,
    },
}

/// Asks `/startupz`. `Ok` with `ok: false` means: it runs, and is still starting.
pub async fn startupz(endpoint: &Endpoint, deadline: Duration) -> Result<Startup, ProbeError> {
    timeout(deadline, ask(endpoint))
        .await
        .unwrap_or_else(|_late| Err(ProbeError::Timeout { endpoint: endpoint.to_string(), after: deadline }))
}

async fn ask(endpoint: &Endpoint) -> Result<Startup, ProbeError> {
    let stranger = |problem: String| ProbeError::NotAGateway { endpoint: endpoint.to_string(), problem };
    let unreachable = |source: io::Error| ProbeError::Unreachable { endpoint: endpoint.to_string(), source };
    let stream = endpoint.dial().await.map_err(unreachable)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| stranger(e.to_string()))?;
    let request = Request::get("/startupz")
        .header(http::header::HOST, endpoint.host())
        .body(Empty::<Bytes>::new())
        .map_err(|e| stranger(e.to_string()))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|e| match e.is_incomplete_message() {
            // A cell's socket is there before the gateway behind it: the stream opens and just ends.
            true => unreachable(io::ErrorKind::ConnectionReset.into()),
            false => stranger(e.to_string()),
        })?;
        let body = Limited::new(response.into_body(), MAX_BODY);
        let body = body.collect().await.map_err(|e| stranger(e.to_string()))?.to_bytes();
        serde_json::from_slice(&body).map_err(|_not_json| stranger("its answer is not JSON".to_owned()))
    };
    // The connection is driven beside the exchange and dropped with it: nothing is left behind. Its
    // own end is no news, the exchange learns of it and may still hold the whole answer.
    let driver = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = exchange => answer,
        () = driver => Err(stranger("it closed the connection".to_owned())),
    }
}
