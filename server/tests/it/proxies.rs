//! Behind nginx and Caddy, with the files that `docs/ops/deploy` ships: pages, the live socket and streams.

use crate::support::*;
use api::live::{ServerFrame, Topic};
use runtime::RuntimeKind;
use serde_json::json;
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A proxy that runs until it is dropped.
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

/// A file of `docs/ops/deploy`.
fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ops/deploy").join(name);
    std::fs::read_to_string(path).expect("a shipped file")
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the shipped file any more");
    text.replace(from, to)
}

/// nginx with the shipped file, its certificate aside.
fn nginx(dir: &Path, at: SocketAddr, panel: SocketAddr) -> Command {
    let site = replaced(&shipped("nginx.conf"), "127.0.0.1:3000", &panel.to_string());
    let site = replaced(&site, "listen 443 ssl;", &format!("listen {at};"));
    let site: String = site
        .lines()
        .filter(|line| !line.trim().starts_with("ssl_"))
        .map(|line| format!("{line}\n"))
        .collect();
    let at_dir = |name: &str| dir.join(name).display().to_string();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", at_dir(kind)))
        .concat();
    let whole = format!(
        "daemon off; master_process off; pid {}; error_log stderr; events {{}}\nhttp {{ access_log off;\n{temporary}{site}}}\n",
        at_dir("pid")
    );
    std::fs::write(dir.join("nginx.conf"), whole).expect("written");
    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-p"]).arg(dir).arg("-c").arg(dir.join("nginx.conf"));
    command
}

/// Caddy with the shipped file, without a certificate.
fn caddy(dir: &Path, at: SocketAddr, panel: SocketAddr) -> Command {
    let site = replaced(&shipped("Caddyfile"), "127.0.0.1:3000", &panel.to_string());
    let site = replaced(&site, "chela.example.org {", &format!("http://:{} {{\n\tbind 127.0.0.1", at.port()));
    let whole =
        format!("{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {}\n}}\n{site}", dir.display());
    std::fs::write(dir.join("Caddyfile"), whole).expect("written");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(dir.join("Caddyfile"));
    command.env("HOME", dir).env("XDG_CONFIG_HOME", dir).env("XDG_DATA_HOME", dir);
    command
}

type Build = fn(&Path, SocketAddr, SocketAddr) -> Command;

/// Starts one before `panel`; none where the program is not installed.
async fn start(build: Build, panel: SocketAddr) -> Option<Proxy> {
    let dir = tempfile::tempdir().expect("a directory");
    // Neither program takes a socket that listens already.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = free.local_addr().expect("bound");
    drop(free);
    let mut command = build(dir.path(), at, panel);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1");
            assert!(!in_ci, "CI must have {:?}: {error}", command.get_program());
            eprintln!("skipped: {:?} is not installed", command.get_program());
            return None;
        }
    };
    let proxy = Proxy { child, at, _dir: dir };
    eventually("the proxy to listen", async || tokio::net::TcpStream::connect(at).await.ok()).await;
    Some(proxy)
}

async fn the_whole_way(build: Build) {
    let world = World::new(RuntimeKind::Process).await;
    let (reply, go_on) = held_reply(&["So far"], vec![" so good.".to_owned()]);
    world.cells.answer_with(reply);
    let mut at = world.serve().await;
    let Some(proxy) = start(build, at.panel).await else {
        at.stop().await;
        return;
    };
    // From here on everybody comes through the proxy.
    at.panel = proxy.at;
    let owner = at.owner().await;
    let page = at.get(&Who::Nobody, "/login").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.headers.contains_key("content-security-policy"));
    let bot = at.ready_bot(&owner, "Helper").await;

    let mut live = at.live(&owner).await.expect("the socket is passed on");
    live.subscribe(&format!("bot:{bot}")).await;
    let path = format!("/api/bots/{bot}/messages");
    let mut events = at.events(&owner, &path, None, &json!({ "text": "go" })).await;
    assert_eq!(events.status, 200);
    let sent = events.expect("sent").await;
    // The rest is not said before this has come: nothing is held back on the way.
    let mut first = events.next().await;
    while first.as_ref().is_some_and(|(name, _)| name != "delta") {
        first = events.next().await;
    }
    assert_eq!(first.expect("a piece").1["text"], "So far");
    let thread = sent["thread_id"].as_str().expect("a thread");
    live.subscribe(&format!("thread:{thread}")).await;
    let wanted = Topic::Thread(thread.parse().expect("an id"));
    loop {
        let frame = live.next().await.expect("the socket stays open");
        if matches!(frame, ServerFrame::Snapshot { topic, .. } if topic == wanted) {
            break;
        }
    }
    go_on.add_permits(1);
    assert_eq!(at.ended(&owner, &sent).await["text"], "So far so good.");
    let unknown = at.get(&owner, "/api/bots/nobody").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "not_found"), "errors come as they are");
    drop(proxy);
    at.stop_busy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_pages_sockets_and_streams_come_through() {
    the_whole_way(nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_caddy_pages_sockets_and_streams_come_through() {
    the_whole_way(caddy).await;
}
