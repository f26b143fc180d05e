//! An upstream that knows pairs of keys and believes no signature: it computes each anew from what arrived, by AWS's
//! description and without the library that made it.

use bytes::Bytes;
use futures::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What it says next.
#[derive(Clone, Debug)]
pub struct Says {
    pub status: u16,
    pub kind: &'static str,
    /// What its head says of use.
    pub used: Option<(u64, u64)>,
    pub pieces: Vec<Bytes>,
    /// Whether the transfer ends properly.
    pub whole: bool,
}

impl Says {
    pub fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            kind: "application/json",
            used: None,
            pieces: vec![Bytes::copy_from_slice(body.as_bytes())],
            whole: true,
        }
    }

    pub fn messages(pieces: Vec<Bytes>) -> Self {
        Self { status: 200, kind: "application/vnd.amazon.eventstream", used: None, pieces, whole: true }
    }
}

/// What arrived, as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub struct Upstream {
    pub at: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// Access key id -> secret.
    pairs: BTreeMap<String, String>,
    /// For calls with this id, else for any.
    next: Mutex<BTreeMap<String, VecDeque<Says>>>,
    arrived: Mutex<Vec<Arrived>>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    pub async fn start(pairs: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let pairs = pairs.iter().map(|(id, secret)| ((*id).to_owned(), (*secret).to_owned())).collect();
        let shared = Arc::new(Shared { pairs, ..Shared::default() });
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let shared = Arc::clone(&shared);
                    let answer = service_fn(move |request| answer(Arc::clone(&shared), request));
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
                }
            }
        });
        Self { at, shared, task }
    }

    /// The next call with this key is answered so.
    pub fn says(&self, id: &str, says: Says) {
        self.shared.next.lock().unwrap().entry(id.to_owned()).or_default().push_back(says);
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let arrived = Arrived {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    shared.arrived.lock().unwrap().push(arrived.clone());
    let says = match check(&arrived, &shared.pairs) {
        Ok(id) => {
            let next = shared.next.lock().unwrap().get_mut(&id).and_then(VecDeque::pop_front);
            next.unwrap_or_else(|| Says::json(200, "{}"))
        }
        Err(why) => Says::json(403, &serde_json::json!({ "message": why }).to_string()),
    };
    let mut answer = Response::builder().status(says.status).header("content-type", says.kind);
    if let Some((input, output)) = says.used {
        answer = answer.header("x-amzn-bedrock-input-token-count", input);
        answer = answer.header("x-amzn-bedrock-output-token-count", output);
    }
    if says.kind == "application/json" && says.whole {
        let body = Full::from(says.pieces.concat()).map_err(|never| match never {});
        return Ok(answer.body(Body::new(body)).unwrap());
    }
    let pieces = says.pieces.into_iter().map(|piece| Ok(http_body::Frame::data(piece)));
    let end = futures::stream::iter((!says.whole).then_some(())).then(async |()| {
        // What was said so far leaves first.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut"))
    });
    let body = futures::stream::iter(pieces).chain(end);
    Ok(answer.body(Body::new(StreamBody::new(Box::pin(body)))).unwrap())
}

/// Whose call it is, if its signature is right.
pub fn check(call: &Arrived, pairs: &BTreeMap<String, String>) -> Result<String, String> {
    let line = |name: &str| {
        let lines: Vec<_> = call.headers.get_all(name).iter().map(|v| v.to_str().unwrap().trim()).collect();
        if lines.is_empty() { Err(format!("no {name}")) } else { Ok(lines.join(",")) }
    };
    let authorization = line("authorization")?;
    let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("no signature")?;
    let part = |name: &str| {
        let found = parts.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        found.ok_or(format!("no {name}"))
    };
    let (credential, names, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let scope: Vec<&str> = credential.split('/').collect();
    let [id, day, region, service, "aws4_request"] = scope[..] else { return Err("no scope".into()) };
    let secret = pairs.get(id).ok_or("The security token included in the request is invalid.")?;
    let date = line("x-amz-date")?;
    if (region, service) != ("us-east-1", "bedrock") || !date.starts_with(&format!("{day}T")) {
        return Err(format!("odd scope {credential} at {date}"));
    }
    let signed: Vec<&str> = names.split(';').collect();
    let must = ["host", "x-amz-date", "x-amz-security-token", "content-type"];
    if let Some(open) = must.iter().find(|name| call.headers.contains_key(**name) && !signed.contains(name)) {
        return Err(format!("{open} is not signed"));
    }
    let mut canonical = format!("{}\n{}\n{}\n", call.method, escaped(&call.path), call.query);
    for name in &signed {
        canonical += &format!("{name}:{}\n", line(name)?);
    }
    canonical += &format!("\n{names}\n{}", hex::encode(Sha256::digest(&call.body)));
    let hash = hex::encode(Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{hash}");
    let key = [day, region, service, "aws4_request", text.as_str()]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, word| mac(&key, word));
    if hex::encode(key) == signature {
        Ok(id.to_owned())
    } else {
        Err("The request signature we calculated does not match the signature you provided.".to_owned())
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// What arrived, escaped once more.
fn escaped(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
