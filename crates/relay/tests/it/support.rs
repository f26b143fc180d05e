//! A relay with one workspace, a bot, a program, and a key for every vendor, all leading to the fake vendor.

use api::ids::{BotId, KeyId, WorkspaceId};
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use relay::{
    Caller, CallerKind, Egress, EgressPolicy, End, Limit, Limits, Relay, RelayConfig, Snapshot, Unit,
    UpstreamKey, UsageReceiver, UsageRow, UsageSink, Wire,
    egress::{Allowed, BaseUrl},
    limits::{Counter, Span},
    snapshot::token_hash,
    vendors,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use testkit::vendor::{FakeVendor, Script};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A hard limit for whatever is called, of one window that never ends; a test's own differs where it says.
pub fn limit_of(unit: Unit, most: u64) -> Limit {
    limit_within(unit, most, (0, i64::MAX))
}

/// The same of a window from then to then.
pub fn limit_within(unit: Unit, most: u64, span: Span) -> Limit {
    Limit {
        id: Uuid::from_u128(u128::from(most)),
        identity: String::new(),
        unit,
        most,
        hard: true,
        vendor: None,
        model: None,
        instead: None,
        windows: Arc::new(move |_| span),
        counter: Arc::new(Counter::new(span, 0, Arc::default())),
    }
}

pub const BOT_TOKEN: &str = "chela_bot_testtoken";
pub const PROGRAM_TOKEN: &str = "chela_vk_testtoken";
pub const WIRED_TOKEN: &str = "chela_bot_wiredtoken";
pub const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
pub const WIRED_BOT: BotId = BotId(Uuid::from_u128(0xb2));

/// Deadlines short enough to be met in a test.
pub fn short() -> Limits {
    Limits {
        request_bytes: 40 * 1024 * 1024,
        headers: Duration::from_millis(300),
        first_event: Duration::from_millis(300),
        idle: Duration::from_millis(300),
        total: Duration::from_secs(20),
        connections: 64,
        bot_connections: 2,
        grace: Duration::from_millis(100),
    }
}

pub struct House {
    pub vendor: FakeVendor,
    pub relay: Relay,
    pub at: SocketAddr,
    pub rows: UsageReceiver,
    pub stop: CancellationToken,
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    pub serving: JoinHandle<()>,
}

pub fn workspace() -> WorkspaceId {
    WorkspaceId(Uuid::from_u128(1))
}

pub fn caller(kind: CallerKind, wire: Wire) -> Caller {
    Caller::new(Uuid::from_u128(7), workspace(), kind, wire)
}

pub async fn house() -> House {
    house_with(Script::default(), short(), true).await
}

pub async fn house_with(script: Script, limits: Limits, private_ok: bool) -> House {
    let secret = script.key.clone();
    let house = house_out(script, limits, |fake| {
        let allow_private = vec![Allowed::parse(&fake.to_string()).unwrap()];
        Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap()
    })
    .await;
    let mut snapshot = Snapshot::builder()
        .caller(
            token_hash(BOT_TOKEN.as_bytes()),
            caller(CallerKind::Bot(BotId(Uuid::from_u128(0xb1))), Wire::Tcp),
        )
        .caller(token_hash(PROGRAM_TOKEN.as_bytes()), caller(CallerKind::Program, Wire::Tcp))
        .caller(token_hash(WIRED_TOKEN.as_bytes()), caller(CallerKind::Bot(WIRED_BOT), Wire::Bot(WIRED_BOT)));
    for (n, v) in vendors::all().enumerate() {
        let base = BaseUrl::parse(&house.vendor.base_url()).unwrap();
        let id = KeyId(Uuid::from_u128(100 + n as u128));
        let key = UpstreamKey::new(id, v, base, secret.clone().into(), private_ok);
        snapshot = snapshot.key(workspace(), Arc::new(key));
    }
    house.snapshot.store(snapshot.build().into());
    house
}

/// A relay that knows nobody yet, with this way out.
pub async fn house_out(script: Script, limits: Limits, out: impl FnOnce(SocketAddr) -> Egress) -> House {
    let vendor = FakeVendor::start(script).await.unwrap();
    let egress = Arc::new(out(vendor.address()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (usage, rows) = UsageSink::channel(64);
    let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
    let relay =
        Relay::new(RelayConfig { snapshot: snapshot.clone(), egress, usage, limits, now_ms: || 1_000 });
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (relay, stop) = (relay.clone(), stop.clone());
        async move { relay.serve_tcp(listener, stop).await }
    });
    House { vendor, relay, at, rows, stop, snapshot, serving }
}

impl House {
    /// The one row of the one call that was made.
    pub async fn row(&mut self) -> UsageRow {
        let mut rows = Vec::new();
        timeout(Duration::from_secs(10), self.rows.recv_many(&mut rows, 8)).await.expect("no row came");
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(self.rows.try_recv().is_none());
        rows.remove(0)
    }

    pub async fn chat(&self, token: &str, body: &str) -> Answer {
        self.post("/v1/openai/chat/completions", &[("authorization", &format!("Bearer {token}"))], body).await
    }

    /// The bot's question at any path.
    pub async fn chat_at(&self, path: &str, body: &str) -> Answer {
        self.post(path, &[("x-api-key", BOT_TOKEN)], body).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request =
            Request::post(path).header("host", "relay").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let stream = TcpStream::connect(self.at).await.unwrap();
        send(stream, request.body(Full::from(body.to_owned())).unwrap()).await
    }

    /// A question without a body.
    pub async fn send_get(&self, path: &str, token: &str) -> Answer {
        let request =
            Request::get(path).header("host", "relay").header("authorization", format!("Bearer {token}"));
        let stream = TcpStream::connect(self.at).await.unwrap();
        send(stream, request.body(Full::<Bytes>::default()).unwrap()).await
    }

    /// Makes a call in a mode and returns answer and row together.
    pub async fn try_mode(
        &mut self,
        mode: testkit::vendor::Mode,
        token: &str,
        body: &str,
    ) -> (Answer, UsageRow) {
        self.vendor.play(mode);
        let answer = self.chat(token, body).await;
        let row = self.row().await;
        let (sent, received) = (body.len() as u64, answer.body.len() as u64);
        assert_eq!(row.sent_bytes, sent, "{row:?}");
        // What is left of an answer that is cut may not have come through.
        assert!(row.received_bytes == received || answer.cut && row.received_bytes > received, "{row:?}");
        (answer, row)
    }
}

/// What a caller saw.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the connection was cut in mid-body.
    pub cut: bool,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One request over a fresh connection.
pub async fn send<S, B>(stream: S, request: Request<B>) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<relay::BoxError>,
{
    let request = request.map(|b| relay::RelayBody::new(b.map_err(Into::into)));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let answer = timeout(Duration::from_secs(30), sender.send_request(request)).await;
    let (head, mut body) = answer.expect("no answer in time").expect("no answer").into_parts();
    let (mut all, mut cut) = (Vec::new(), false);
    while let Some(frame) =
        timeout(Duration::from_secs(30), body.frame()).await.expect("the answer never ended")
    {
        match frame {
            Ok(frame) => all.extend_from_slice(frame.data_ref().map_or(&[], |d| d)),
            Err(_) => {
                cut = true;
                break;
            }
        }
    }
    drop(sender);
    connection.abort();
    Answer { status: head.status, headers: head.headers, body: all.into(), cut }
}

pub const ASK: &str = r#"{"model":"fake-model","messages":[{"role":"user","content":"ask:t1"}]}"#;
pub const ASK_STREAM: &str = r#"{"model":"fake-model","messages":[{"role":"user","content":"ask:t1"}],"stream":true,"stream_options":{"include_usage":true}}"#;

/// The words a bot's gateway would lock its vendor for.
pub fn assert_neutral(answer: &Answer) {
    assert!(![401, 402, 403].contains(&answer.status.as_u16()), "{}", answer.status);
    let text = answer.text().to_lowercase();
    for word in
        ["api key", "billing", "quota", "credit", "unauthorized", "forbidden", "balance", "401", "402", "403"]
    {
        assert!(!text.contains(word), "{text}");
    }
}

pub fn ended(row: &UsageRow) -> (End, u16) {
    (row.end, row.status)
}
