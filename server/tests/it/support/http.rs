//! Asking over HTTP, as programs and pages do.

use super::{TestServer, Who};
use axum::body::Body;
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The public address of every server here.
pub const ORIGIN: &str = "http://localhost:3000";

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    /// The body, after checking the status.
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The code of a problem, after checking that it is one.
    pub fn code(&self) -> String {
        assert_eq!(
            self.headers.get(header::CONTENT_TYPE).map(|v| v.as_bytes()),
            Some(b"application/problem+json".as_slice()),
            "{} {}",
            self.status,
            self.text
        );
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        body["code"].as_str().expect("a code").to_owned()
    }

    /// Pointers of the fields that were refused.
    pub fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().filter_map(|e| e["pointer"].as_str().map(str::to_owned)).collect()
    }

    /// Everything but what differs from request to request.
    pub fn shape(&self) -> String {
        let mut text = self.text.clone();
        if let Some(id) = self.headers.get("x-request-id").and_then(|v| v.to_str().ok()) {
            text = text.replace(id, "REQUEST");
        }
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| !["x-request-id", "date", "content-security-policy"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        lines.sort();
        format!("{}\n{}\n\n{text}", self.status, lines.join("\n"))
    }
}

/// Sends one request over a connection of its own.
pub async fn send(to: SocketAddr, request: Request<Body>) -> Answer {
    try_send(to, request).await.expect("an answer")
}

/// Sends one request to somebody who may go away meanwhile.
pub async fn try_send(to: SocketAddr, request: Request<Body>) -> anyhow::Result<Answer> {
    Ok(try_send_raw(to, request).await?.0)
}

/// Sends one request; the answer with its body as it came.
pub async fn send_raw(to: SocketAddr, request: Request<Body>) -> (Answer, bytes::Bytes) {
    try_send_raw(to, request).await.expect("an answer")
}

async fn try_send_raw(to: SocketAddr, request: Request<Body>) -> anyhow::Result<(Answer, bytes::Bytes)> {
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http::<Body>();
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    parts.uri = format!("http://{to}{path}").parse()?;
    let exchange = async {
        let response = client.request(Request::from_parts(parts, body)).await?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        anyhow::Ok((Answer { status: parts.status.as_u16(), headers: parts.headers, text }, bytes))
    };
    tokio::time::timeout(Duration::from_secs(60), exchange).await?
}

/// Writes bytes and reads whatever comes until the other side closes or says nothing for a while.
pub async fn raw(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.expect("connected");
    // The other side may hang up before everything is said.
    let _ = stream.write_all(bytes).await;
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut heard)).await;
    String::from_utf8_lossy(&heard).into_owned()
}

impl TestServer {
    /// A request of `who`, as their program or browser writes it.
    pub fn request(&self, who: &Who, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(path)
            .header(header::HOST, "localhost:3000");
        match who {
            Who::Nobody => request.header(header::ORIGIN, ORIGIN),
            Who::Bearer(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            Who::Cookie(token) => {
                request.header(header::ORIGIN, ORIGIN).header(header::COOKIE, format!("__Host-chela={token}"))
            }
        }
    }

    /// Sends a request with a JSON body, or without one.
    pub async fn ask(&self, who: &Who, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(who, method, path);
        let request = match &body {
            Value::Null => request.body(Body::empty()),
            body => {
                request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()))
            }
        };
        send(self.panel, request.expect("a request")).await
    }

    /// Sends a JSON text exactly as it is.
    pub async fn ask_text(&self, who: &Who, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.request(who, method, path).header(header::CONTENT_TYPE, "application/json");
        send(self.panel, request.body(Body::from(body.into())).expect("a request")).await
    }

    /// Reads.
    pub async fn get(&self, who: &Who, path: &str) -> Answer {
        self.ask(who, "GET", path, Value::Null).await
    }

    /// Adds the vendor's key; returns its id.
    pub async fn add_key(&self, who: &Who) -> String {
        let body =
            json!({ "vendor": "openai", "secret": super::KEY, "base_url": self.world.vendor.base_url() });
        let made = self.ask(who, "POST", "/api/keys", body).await.ok(201);
        assert_eq!(made["status"], "working", "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Makes a bot; returns its id.
    pub async fn make_bot(&self, who: &Who, name: &str) -> String {
        let body = json!({ "name": name, "model": "openai/fake-model" });
        let made = self.ask(who, "POST", "/api/bots", body).await.ok(201);
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Waits until a bot is seen like this.
    pub async fn observed(&self, who: &Who, bot: &str, observed: &str) -> Value {
        let mut last = Value::Null;
        let path = format!("/api/bots/{bot}");
        let waiting = async {
            let mut turn = tokio::time::interval(Duration::from_millis(10));
            loop {
                turn.tick().await;
                last = self.get(who, &path).await.ok(200);
                if last["observed"] == observed {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(super::PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{bot} is not {observed}: {last}");
        last
    }

    /// A bot that is ready.
    pub async fn ready_bot(&self, who: &Who, name: &str) -> String {
        let bot = self.make_bot(who, name).await;
        self.observed(who, &bot, "running").await;
        bot
    }

    /// Sends a message and waits for the whole answer.
    pub async fn talk(&self, who: &Who, bot: &str, text: &str) -> Value {
        let sent = super::eventually("the bot to take a message", async || {
            let sent =
                self.ask(who, "POST", &format!("/api/bots/{bot}/messages"), json!({ "text": text })).await;
            (sent.status == 202).then(|| sent.json())
        })
        .await;
        self.ended(who, &sent).await
    }

    /// Waits for the end of an answer.
    pub async fn ended(&self, who: &Who, sent: &Value) -> Value {
        let (thread, message) =
            (sent["thread_id"].as_str().expect("a thread"), sent["message_id"].as_str().expect("a message"));
        super::eventually("the end of an answer", async || {
            let page = self.get(who, &format!("/api/threads/{thread}/messages")).await.ok(200);
            let items = page["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().find(|m| m["id"] == message && m["state"] != "streaming")
        })
        .await
    }
}
