//! HTTP over the connector: a pooled client, and one bounded request for key tests and the like.

use super::{BaseUrl, Connector, Egress, EgressError, Reach, pool::Pool, wire::Wire};
use crate::BoxError;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Full, Limited, combinators::UnsyncBoxBody};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// Name, TCP and TLS together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// An answer's head, all of it; also the largest piece of a body that is read at once.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;

pub(crate) type OutBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type HttpClient = Client<Timed, OutBody>;

/// Both ways to send a request.
pub(super) struct Ways {
    /// For calls that are passed on.
    pub(super) pool: Arc<Pool>,
    /// For what Chela asks of its own, and for talks that leave HTTP: its connections have tasks of their own.
    pub(super) client: HttpClient,
}

/// HTTP/1.1 only: one exchange per connection at a time, so that one cut or silent answer harms no other.
pub(super) fn build(connector: Connector) -> Result<Ways, EgressError> {
    let provider = rustls::crypto::ring::default_provider();
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)
        .map_err(EgressError::Tls)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let connect = Timed(https);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(50))
        .pool_max_idle_per_host(128)
        .http1_max_buf_size(MAX_HEAD_BYTES)
        .build(connect.clone());
    Ok(Ways { pool: Pool::new(connect), client })
}

/// The connector with a deadline over name, TCP and TLS.
#[derive(Clone)]
pub(crate) struct Timed(HttpsConnector<Connector>);

impl tower::Service<Uri> for Timed {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().to_owned();
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
                Ok(done) => done.map(Wire::from),
                Err(_elapsed) => Err(EgressError::Timeout(host).into()),
            }
        })
    }
}

/// A whole small answer.
#[derive(Debug)]
pub struct Fetched {
    /// Its status; redirects are answers like any other.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most as long as was asked for.
    pub body: Bytes,
}

impl Egress {
    /// One POST of a whole body, with a deadline and a limit on the answer.
    pub async fn post(
        &self,
        base: &BaseUrl,
        rest: &str,
        (headers, body): (HeaderMap, Bytes),
        reach: Reach,
        limit: (Duration, usize),
    ) -> Result<Fetched, BoxError> {
        self.fetch(base.join(rest)?, (headers, Some(body)), reach, limit).await
    }

    /// One GET, or a POST where there is a body, with a deadline and a limit on the answer.
    pub(crate) async fn fetch(
        &self,
        uri: Uri,
        (headers, body): (HeaderMap, Option<Bytes>),
        reach: Reach,
        limit: (Duration, usize),
    ) -> Result<Fetched, BoxError> {
        let host = uri.host().unwrap_or_default().to_owned();
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let body = match body {
            Some(body) => OutBody::new(Full::new(body).map_err(|never| match never {})),
            None => OutBody::new(Empty::new().map_err(|never| match never {})),
        };
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        let exchange = async {
            let (head, body) = self.client(reach).request(request).await?.into_parts();
            let body = Limited::new(body, limit.1).collect().await?.to_bytes();
            Ok(Fetched { status: head.status, headers: head.headers, body })
        };
        match tokio::time::timeout(limit.0, exchange).await {
            Ok(done) => done,
            Err(_elapsed) => Err(EgressError::Timeout(host).into()),
        }
    }
}
