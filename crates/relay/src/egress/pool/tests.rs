//! Vendors made of bytes: what a connection is worth after each call.

use super::Pool;
use crate::egress::{Allowed, Coming, Egress, EgressPolicy, OutBody, Reach, SendError};
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(10);
const PIECE: usize = 256 * 1024;
const PIECES: usize = 32;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

struct Vendor {
    listener: TcpListener,
    egress: Egress,
    at: SocketAddr,
}

async fn vendor() -> Vendor {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let allow_private = vec![Allowed::parse(&at.to_string()).unwrap()];
    let egress = Egress::new(EgressPolicy { allow_private, ..EgressPolicy::default() }).unwrap();
    Vendor { listener, egress, at }
}

fn body(text: impl Into<Bytes>) -> OutBody {
    OutBody::new(Full::new(text.into()).map_err(|never| match never {}))
}

impl Vendor {
    async fn accept(&self) -> TcpStream {
        timeout(PATIENCE, self.listener.accept()).await.expect("nobody connects").unwrap().0
    }

    async fn send(&self, body: OutBody) -> Result<Response<Coming>, SendError> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("http://{}/v1/x?y=1", self.at).parse().unwrap();
        let sent = self.egress.send(request, Reach::Listed);
        timeout(PATIENCE, sent).await.expect("no answer in time")
    }

    /// A call, its request's head, and what the vendor does then.
    async fn call(
        &self,
        stream: Option<TcpStream>,
        then: &[u8],
    ) -> (TcpStream, Result<Response<Coming>, SendError>) {
        let (answer, stream) = tokio::join!(self.send(body("hi")), async {
            let mut stream = match stream {
                Some(stream) => stream,
                None => self.accept().await,
            };
            let head = head(&mut stream).await;
            assert!(head.starts_with("POST /v1/x?y=1 HTTP/1.1\r\n"), "{head}");
            assert!(head.contains(&format!("host: {}\r\n", self.at)), "{head}");
            stream.write_all(then).await.unwrap();
            stream
        });
        (stream, answer)
    }

    fn pool(&self) -> &Pool {
        &self.egress.ways(Reach::Listed).pool
    }

    fn resting(&self) -> usize {
        self.pool().sites().values().map(|rest| rest.all().len()).sum()
    }
}

/// Reads a request that ends with `hi`.
async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\nhi") {
        read.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

async fn read(answer: Result<Response<Coming>, SendError>) -> Result<Bytes, hyper::Error> {
    let read = timeout(PATIENCE, answer.unwrap().into_body().collect());
    Ok(read.await.expect("the answer never ended")?.to_bytes())
}

/// Whether the other side has closed.
async fn closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it stays open").is_ok()
}

#[tokio::test]
async fn calls_one_after_another_share_a_connection_and_calls_at_once_do_not() {
    let vendor = vendor().await;
    let (stream, answer) = vendor.call(None, OK).await;
    assert_eq!((read(answer).await.unwrap(), vendor.resting()), ("ok".into(), 1));
    let (_stream, answer) = vendor.call(Some(stream), OK).await;
    assert_eq!(vendor.resting(), 0, "it is still read from");
    let (_other, other) = vendor.call(None, OK).await;
    assert_eq!((read(answer).await.unwrap(), read(other).await.unwrap()), ("ok".into(), "ok".into()));
    assert_eq!(vendor.resting(), 2);
}

#[tokio::test]
async fn one_that_was_closed_while_it_rested_is_not_sent_over_and_not_kept() {
    let vendor = vendor().await;
    let (stream, answer) = vendor.call(None, OK).await;
    read(answer).await.unwrap();
    drop(stream);
    let gone = async {
        while vendor.resting() > 0 {
            vendor.pool().sweep();
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("it is kept");
    let (_stream, answer) = vendor.call(None, OK).await;
    assert_eq!(read(answer).await.unwrap(), "ok");
}

#[tokio::test]
async fn one_that_its_vendor_will_not_keep_is_not_kept() {
    let vendor = vendor().await;
    let close = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let (mut stream, answer) = vendor.call(None, close).await;
    assert_eq!((read(answer).await.unwrap(), vendor.resting()), ("ok".into(), 0));
    assert!(closed(&mut stream).await);
}

#[tokio::test]
async fn an_answer_nobody_reads_to_its_end_takes_its_connection_with_it() {
    let vendor = vendor().await;
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok";
    let (mut stream, answer) = vendor.call(None, begun).await;
    drop(answer);
    assert_eq!(vendor.resting(), 0);
    assert!(closed(&mut stream).await);
}

#[tokio::test]
async fn a_call_that_is_given_up_before_its_answer_takes_its_connection_with_it() {
    let vendor = vendor().await;
    let mut sending = Box::pin(vendor.send(body("hi")));
    let mut stream = tokio::select! {
        _ = &mut sending => panic!("nobody answered"),
        stream = async { let mut stream = vendor.accept().await; head(&mut stream).await; stream } => stream,
    };
    drop(sending);
    assert!(closed(&mut stream).await && vendor.resting() == 0);
}

#[tokio::test]
async fn what_breaks_off_is_an_error_and_never_an_end() {
    for begun in ["content-length: 10\r\n\r\nok", "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n"] {
        let vendor = vendor().await;
        let begun = format!("HTTP/1.1 200 OK\r\n{begun}");
        let (stream, answer) = vendor.call(None, begun.as_bytes()).await;
        drop(stream);
        assert!(read(answer).await.is_err() && vendor.resting() == 0, "{begun}");
    }
}

#[tokio::test]
async fn a_vendor_that_answers_before_it_has_read_a_long_upload_is_heard() {
    let vendor = vendor().await;
    let (answer, mut stream) = tokio::join!(vendor.send(body(vec![b'x'; 32 << 20])), async {
        let mut stream = vendor.accept().await;
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
        stream
    });
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(read(Ok(answer)).await.unwrap(), "no");
    assert_eq!(vendor.resting(), 0, "half a request is on its way");
    assert!(closed(&mut stream).await);
}

#[tokio::test]
async fn an_upload_goes_on_while_its_answer_comes() {
    let vendor = vendor().await;
    let (more, pieces) = futures::channel::mpsc::unbounded();
    let pieces = pieces.map(|piece| Ok::<_, crate::BoxError>(Frame::data(piece)));
    let serve = async {
        let mut stream = BufReader::new(vendor.accept().await);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let mut buffer = vec![0; PIECE];
        for _ in 0..PIECES {
            // The length of a chunk and the end of its line go before and behind it.
            stream.read_line(&mut line).await.unwrap();
            stream.read_exact(&mut buffer).await.unwrap();
            stream.read_u16().await.unwrap();
            stream.write_all(b"2\r\nok\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        stream
    };
    let asks = async {
        let mut answer = vendor.send(OutBody::new(StreamBody::new(pieces))).await.unwrap().into_body();
        for _ in 0..PIECES {
            // Each waits for the answer to the one before.
            more.unbounded_send(Bytes::from(vec![b'x'; PIECE])).unwrap();
            let frame = timeout(PATIENCE, answer.frame()).await.expect("it stalls").unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), "ok");
        }
        drop(more);
        assert!(answer.frame().await.is_none());
    };
    let (_stream, ()) = tokio::join!(serve, asks);
}
