use super::support::Bench;
use crate::platform::http::{Limits, serve};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

struct Served {
    addr: SocketAddr,
    stop: CancellationToken,
    done: JoinHandle<()>,
    _bench: Bench,
}

async fn served(limits: Limits) -> Served {
    let bench = Bench::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let addr = listener.local_addr().expect("address");
    let stop = CancellationToken::new();
    let done = tokio::spawn(serve(listener, bench.router.clone(), limits, stop.clone()));
    Served { addr, stop, done, _bench: bench }
}

/// Sends bytes, reads until the other side closes.
async fn spoken(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.expect("connect");
    // The server may hang up while we still write.
    drop(stream.write_all(request).await);
    let mut answer = Vec::new();
    drop(
        timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
            .await
            .expect("the connection closes"),
    );
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn heads_and_bodies_beyond_the_limits_are_refused_and_the_connection_closed() {
    let served = served(Limits::default()).await;
    let many = (0..99).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let cases = [
        ("431", format!("GET /healthz HTTP/1.1\r\nhost: localhost:3000\r\n{many}\r\n")),
        ("431", format!("GET /healthz HTTP/1.1\r\nhost: localhost:3000\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024))),
        ("400", "POST /api/things HTTP/1.1\r\nhost: localhost:3000\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".into()),
        ("400", "POST /api/things HTTP/1.1\r\nhost: localhost:3000\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n".into()),
        ("400", "GET /healthz HTTP/1.1\r\nhost : localhost\r\n\r\n".into()),
        ("413", format!(
            "POST /api/things HTTP/1.1\r\nhost: localhost:3000\r\nauthorization: Bearer program\r\ncontent-type: application/json\r\n\
             content-length: 2000000\r\n\r\n{}", "x".repeat(70_000)
        )),
    ];
    for (wanted, request) in cases {
        let answer = spoken(served.addr, request.as_bytes()).await;
        let shown: String = request.chars().take(90).collect();
        assert_eq!(status(&answer), wanted, "{shown}\n{answer}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_and_ends_with_the_shutdown() {
    let served = served(Limits::default()).await;
    let mut stream = TcpStream::connect(served.addr).await.expect("connect");
    for _ in 0..2 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost:3000\r\n\r\n").await.expect("write");
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.expect("read");
        assert!(buffer[..n].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..n]));
    }
    served.stop.cancel();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("closed").expect("cleanly");
    timeout(Duration::from_secs(5), served.done).await.expect("ended").expect("cleanly");
}

#[tokio::test]
async fn a_head_that_trickles_or_never_comes_is_cut_off() {
    let served = served(Limits { head_deadline: Duration::from_millis(200), ..Limits::default() }).await;
    let answer = spoken(served.addr, b"GET /healthz HTTP/1.1\r\nhost: loc").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(spoken(served.addr, b"").await, "");
    let kept = spoken(served.addr, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(status(&kept), "200", "answered, then not kept for ever");
}

#[tokio::test]
async fn more_connections_than_the_bound_wait_their_turn() {
    let served = served(Limits { connections: 1, ..Limits::default() }).await;
    let first = TcpStream::connect(served.addr).await.expect("connect");
    let second =
        tokio::spawn(spoken(served.addr, b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
    let mut first = first;
    first.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("write");
    let mut buffer = [0; 4096];
    assert!(first.read(&mut buffer).await.expect("read") > 0);
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(status(&second.await.expect("task")), "200");
}
