//! Just enough HTTP/1.1 for a test: reading requests, writing answers byte by byte.

use std::{collections::BTreeMap, io};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

const MAX_BODY: usize = 128 * 1024 * 1024;

/// A request, read whole.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A connection that takes one request after another.
pub(super) struct Connection {
    from: BufReader<OwnedReadHalf>,
    pub(super) to: OwnedWriteHalf,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (from, to) = stream.into_split();
        Ok(Self { from: BufReader::new(from), to })
    }

    /// The next request; `None` when the other side is done.
    pub(super) async fn request(&mut self) -> io::Result<Option<Request>> {
        let first = self.line().await?;
        let mut words = first.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
        let mut headers = BTreeMap::<String, String>::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            let known = headers.entry(name.to_ascii_lowercase()).or_default();
            *known = if known.is_empty() { value.to_owned() } else { format!("{known}, {value}") };
        }
        let body = if headers.get("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
            self.chunked().await?
        } else {
            let length = headers.get("content-length").and_then(|v| v.parse().ok()).unwrap_or(0usize);
            let mut body = vec![0; length.min(MAX_BODY)];
            self.from.read_exact(&mut body).await?;
            body
        };
        Ok(Some(Request { method: method.to_owned(), path: path.to_owned(), headers, body }))
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.from.read_until(b'\n', &mut line).await?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(self.line().await?.trim(), 16).map_err(io::Error::other)?;
            if size == 0 {
                self.line().await?;
                return Ok(body);
            }
            let from = body.len();
            body.resize((from + size).min(MAX_BODY), 0);
            self.from.read_exact(body.get_mut(from..).unwrap_or_default()).await?;
            self.line().await?;
        }
    }

    /// A whole answer.
    pub(super) async fn answer(&mut self, status: u16, kind: &str, body: &[u8]) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status} Fake\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nset-cookie: fake=1\r\n\r\n",
            body.len()
        );
        self.to.write_all(&[head.as_bytes(), body].concat()).await
    }

    /// 429 with a body of JSON.
    pub(super) async fn slow_down(&mut self, after: &str, body: &[u8]) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 429 Slow\r\ncontent-type: application/json\r\nretry-after: {after}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.to.write_all(&[head.as_bytes(), body].concat()).await
    }

    /// The head of a stream.
    pub(super) async fn head(&mut self, kind: &str) -> io::Result<()> {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n");
        self.to.write_all(head.as_bytes()).await
    }

    /// A piece of a stream.
    pub(super) async fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        let size = format!("{:x}\r\n", piece.len());
        self.to.write_all(&[size.as_bytes(), piece, b"\r\n"].concat()).await
    }

    /// The proper end of a stream.
    pub(super) async fn end(&mut self) -> io::Result<()> {
        self.to.write_all(b"0\r\n\r\n").await
    }
}
