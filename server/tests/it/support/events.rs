//! A stream of events as a program reads it.

use super::{TestServer, Who};
use axum::body::Body;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use std::time::Duration;

/// An answer that is read as it comes.
pub struct Events {
    pub status: u16,
    pub headers: HeaderMap,
    body: Incoming,
    held: Vec<u8>,
}

impl TestServer {
    /// Sends a request that asks for events.
    pub async fn events(&self, who: &Who, path: &str, key: Option<&str>, body: &Value) -> Events {
        let mut request = self
            .request(who, "POST", path)
            .header(header::ACCEPT, "text/event-stream")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let (mut parts, body) = request.body(Body::from(body.to_string())).expect("a request").into_parts();
        parts.uri = format!("http://{}{path}", self.panel).parse().expect("an address");
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http::<Body>();
        let response = client.request(http::Request::from_parts(parts, body)).await.expect("an answer");
        let (parts, body) = response.into_parts();
        Events { status: parts.status.as_u16(), headers: parts.headers, body, held: Vec::new() }
    }
}

impl Events {
    /// The next event and its data; a comment is named `:`. `None` where the stream has ended.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.held.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.held.drain(..end + 2).collect();
                let block = std::str::from_utf8(&block).expect("UTF-8").trim_end();
                if block.starts_with(':') {
                    return Some((":".to_owned(), Value::Null));
                }
                let (name, data) = block.split_once('\n').expect("two lines");
                let name = name.strip_prefix("event: ").expect("a name").to_owned();
                let data = data.strip_prefix("data: ").expect("data");
                return Some((name, serde_json::from_str(data).expect("JSON on one line")));
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame());
            let data = frame.await.expect("something in time")?.expect("a whole stream").into_data().ok()?;
            self.held.extend_from_slice(&data);
        }
    }

    /// The next event, which must be of this name.
    pub async fn expect(&mut self, wanted: &str) -> Value {
        let (name, data) = self.next().await.unwrap_or_else(|| panic!("the end instead of {wanted}"));
        assert_eq!(name, wanted, "{data}");
        data
    }
}
