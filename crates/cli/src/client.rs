//! HTTP to one panel: requests with the token, answers as JSON, failures in words.

use crate::{
    address::Address,
    failure::{Failure, Problem},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use std::{error::Error, time::Duration};
use zeroize::Zeroizing;

/// Longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024 * 1024;
/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);

/// One panel, and who asks it.
pub(crate) struct Client {
    address: Address,
    token: Zeroizing<String>,
    deadline: Duration,
    pool: Wire,
}

enum Wire {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Tls(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// One request.
#[derive(Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    /// A body that is no JSON, instead.
    pub(crate) file: Option<Bytes>,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) accept: Option<&'static str>,
    /// More headers.
    pub(crate) headers: &'a [(&'static str, &'a str)],
}

impl Client {
    /// A client that waits this long for each answer.
    pub(crate) fn new(address: Address, token: Zeroizing<String>, deadline: Duration) -> Self {
        let mut plain = HttpConnector::new();
        plain.set_connect_timeout(Some(CONNECT.min(deadline)));
        plain.set_nodelay(true);
        let builder = Pool::builder(TokioExecutor::new());
        // Trust anchors are made ready only where they are needed: most panels are asked over loopback.
        let pool = if address.is_secure() {
            plain.enforce_http(false);
            let tls =
                hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_only().enable_http1();
            Wire::Tls(builder.build(tls.wrap_connector(plain)))
        } else {
            Wire::Plain(builder.build(plain))
        };
        Self { address, token, deadline, pool }
    }

    /// Asks and reads the answer whole.
    pub(crate) async fn json(&self, ask: &Ask<'_>) -> Result<Value, Failure> {
        let whole = async {
            let answer = self.send(ask).await?;
            read(&self.address, answer).await
        };
        tokio::time::timeout(self.deadline, whole).await.unwrap_or_else(|_elapsed| Err(self.too_slow()))
    }

    /// Asks and hands over an answer that succeeded, its body unread.
    pub(crate) async fn open(&self, ask: &Ask<'_>) -> Result<Response<Incoming>, Failure> {
        let head = async {
            let answer = self.send(ask).await?;
            if answer.status().is_success() { Ok(answer) } else { Err(refusal(&self.address, answer).await) }
        };
        tokio::time::timeout(self.deadline, head).await.unwrap_or_else(|_elapsed| Err(self.too_slow()))
    }

    fn too_slow(&self) -> Failure {
        Failure::Timeout(format!(
            "{} did not answer within {} s. Give it longer with --timeout",
            self.address,
            self.deadline.as_secs_f32()
        ))
    }

    pub(crate) async fn send(&self, ask: &Ask<'_>) -> Result<Response<Incoming>, Failure> {
        let request = self.request(ask)?;
        let answer = match &self.pool {
            Wire::Plain(pool) => pool.request(request).await,
            Wire::Tls(pool) => pool.request(request).await,
        };
        answer.map_err(|error| {
            Failure::Other(format!(
                "cannot reach {}: {}\n  What you can do: see whether Chela runs there (`chela serve`), or log in to \
                 another address with `chela login --url URL`.",
                self.address,
                innermost(&error)
            ))
        })
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, Failure> {
        let bad = |what: &str| Failure::Usage(format!("{what} holds a character that cannot be sent"));
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.as_str()))
            .map_err(|_bad| bad("the token"))?;
        bearer.set_sensitive(true);
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(format!("{}{}", self.address, ask.path))
            .header(header::ACCEPT, ask.accept.unwrap_or("application/json"))
            .header(header::USER_AGENT, concat!("chela/", env!("CARGO_PKG_VERSION")));
        // Who only looks shows no token.
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = ask.idempotency_key {
            let key = HeaderValue::from_str(key).map_err(|_bad| bad("the idempotency key"))?;
            request = request.header("idempotency-key", key);
        }
        let body = match ask.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => ask.file.clone().unwrap_or_default(),
        };
        request.body(Full::new(body)).map_err(|_bad| bad("the address"))
    }
}

/// The cause at the bottom: what the layers above add says nothing to a person.
fn innermost(error: &dyn Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// The JSON of an answer that succeeded.
async fn read(address: &Address, answer: Response<Incoming>) -> Result<Value, Failure> {
    if !answer.status().is_success() {
        return Err(refusal(address, answer).await);
    }
    let body = whole(answer).await?;
    serde_json::from_slice(&body).map_err(|_other| no_chela(address, StatusCode::OK))
}

pub(crate) async fn whole(answer: Response<Incoming>) -> Result<Bytes, Failure> {
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    Ok(body.map_err(|error| Failure::Other(format!("the answer broke off: {error}")))?.to_bytes())
}

async fn refusal(address: &Address, answer: Response<Incoming>) -> Failure {
    let status = answer.status();
    if status.is_redirection() {
        let to =
            answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
        return Failure::Other(format!(
            "{address} leads to {}; log in there: `chela login --url URL`",
            crate::output::plain(to)
        ));
    }
    let body = match whole(answer).await {
        Ok(body) => body,
        Err(failure) => return failure,
    };
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Problem::read(status.as_u16(), &body)
        .map_or_else(|| no_chela(address, status), |problem| Failure::Problem(Box::new(problem)))
}

fn no_chela(address: &Address, status: StatusCode) -> Failure {
    let what = format!("{address} answers with {status}, but not as Chela does. Is it the right address?");
    if status == StatusCode::GATEWAY_TIMEOUT { Failure::Timeout(what) } else { Failure::Other(what) }
}
