//! An engine behind the shipped proxy: what it lets through is all that a bot's life takes, and nothing more.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end by a panic")]

mod bed;
mod support;

use bed::{Bed, GATEWAY, tools};
use bollard::query_parameters::RemoveImageOptions;
use runtime::{
    CancellationToken, Ignore, LogQuery, Observation, Runtime,
    docker::{CALL_DEADLINE, DOCKER_SOCKET, EngineAddress},
};
use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use support::{PATIENCE, hinted, until, until_said};

struct Proxy {
    child: Child,
    at: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the shipped file any more");
    text.replace(from, to)
}

impl Proxy {
    /// nginx with the shipped file; none where it is not installed.
    async fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ops/deploy/engine-proxy.conf");
        let conf = replaced(
            &fs::read_to_string(shipped).unwrap(),
            "listen unix:/run/engine/engine.sock;",
            &format!("listen {at};"),
        );
        let conf = replaced(&conf, "/var/run/docker.sock", DOCKER_SOCKET);
        let conf = replaced(&conf, "/tmp/nginx", &dir.path().display().to_string());
        fs::write(dir.path().join("nginx.conf"), conf).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.args(["-e", "stderr", "-g", "daemon off; master_process off;", "-p"]).arg(dir.path()).arg("-c");
        nginx.arg(dir.path().join("nginx.conf")).stdin(Stdio::null()).stdout(Stdio::null());
        let child = match nginx.spawn() {
            Ok(child) => child,
            Err(error) => {
                let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
                assert!(!in_ci, "CI must have nginx: {error}");
                eprintln!("skipped: nginx is not installed");
                return None;
            }
        };
        let proxy = Self { child, at, _dir: dir };
        let listening = async {
            let mut turn = tokio::time::interval(Duration::from_millis(20));
            while tokio::net::TcpStream::connect(at).await.is_err() {
                turn.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, listening).await.expect("the proxy listens");
        Some(proxy)
    }

    /// The status of a request.
    fn ask(&self, method: &str, path: &str) -> u16 {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "GET" { "" } else { "content-length: 0\r\n" };
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: engine\r\n{body}connection: close\r\n\r\n")
            .unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn what_the_shipped_proxy_lets_through_is_enough_for_a_bots_whole_life() {
    let bed = Bed::new().await;
    let Some(proxy) = Proxy::start().await else { return };
    let runtime = bed.runtime_at(EngineAddress::Tcp(proxy.at.to_string()), CALL_DEADLINE);
    assert!(runtime.check().await.unwrap().isolated);
    // An OpenClaw of its own makes images of its own: they are built, and an older one is taken away.
    let mut hints = runtime.watch();
    let mut images = Vec::new();
    for turn in 0..2 {
        let _ = tools(bed.dir.path(), &format!("{GATEWAY}\n// {} {turn}", bed.instance));
        runtime.prepare(&runtime.openclaw(), &Ignore, &CancellationToken::new()).await.unwrap();
        runtime.create(&bed.spec()).await.unwrap();
        images.push(bed.inspected().await.image.unwrap());
        if turn == 0 {
            runtime.remove(bed.bot).await.unwrap();
        }
    }
    let inspected = |image: String| async move { bed_inspect(&image).await };
    assert!(!inspected(images[0].clone()).await, "the older image is gone");
    runtime.start(bed.bot, 1).await.unwrap();
    hinted(&mut hints, bed.bot).await;
    until_said(&runtime, bed.bot, "gateway up").await;
    let used = runtime.used().await.unwrap();
    assert!(used.iter().any(|used| used.bot == bed.bot && used.used.memory_bytes > 0), "{used:?}");
    assert_eq!(runtime.list().await.unwrap().len(), 1);
    runtime.stop(bed.bot, Duration::from_secs(5)).await.unwrap();
    let end = until(&runtime, bed.bot, &mut hints, |seen| !seen.is_running()).await;
    assert!(matches!(end, Observation::Exited { asked: true, .. }), "{end:?}");
    assert!(!runtime.logs(bed.bot, &LogQuery::default()).await.unwrap().lines.is_empty());
    runtime.remove(bed.bot).await.unwrap();
    assert_eq!(runtime.inspect(bed.bot).await.unwrap(), Observation::Absent);
    bed.docker.remove_image(&images[1], None::<RemoveImageOptions>, None).await.unwrap();
    bed.clear().await;
}

async fn bed_inspect(image: &str) -> bool {
    let docker = bollard::Docker::connect_with_socket_defaults().unwrap();
    docker.inspect_image(image).await.is_ok()
}

#[tokio::test]
async fn the_shipped_proxy_lets_nothing_else_through() {
    let Some(proxy) = Proxy::start().await else { return };
    assert_eq!(proxy.ask("GET", "/_ping"), 200);
    assert_ne!(proxy.ask("GET", "/v1.44/containers/json"), 403, "whether it speaks that version or not");
    for (method, path) in [
        ("POST", "/containers/x/exec"),
        ("POST", "/v1.44/containers/x/exec"),
        ("POST", "/exec/x/start"),
        ("POST", "/containers/x/attach"),
        ("GET", "/containers/x/archive?path=/etc"),
        ("GET", "/containers/x/export"),
        ("POST", "/containers/x/update"),
        ("POST", "/containers/x/start/../exec"),
        ("POST", "/containers/x%2Fexec/../y/exec"),
        ("GET", "/containers/json/../../volumes"),
        ("GET", "/volumes"),
        ("POST", "/volumes/create"),
        ("POST", "/networks/create"),
        ("GET", "/secrets"),
        ("POST", "/swarm/init"),
        ("POST", "/build"),
        ("POST", "/session"),
        ("GET", "/images/get?names=x"),
        ("POST", "/images/x/push"),
        ("POST", "/containers/prune"),
        ("POST", "/plugins/pull"),
        ("DELETE", "/volumes/x"),
        ("DELETE", "/networks/x"),
        ("GET", "/"),
    ] {
        assert_eq!(proxy.ask(method, path), 403, "{method} {path}");
    }
}
