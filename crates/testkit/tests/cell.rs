//! `plugin/cell.mjs` without OpenClaw: it refuses early, with one sentence and exit code 78, and it
//! carries both wires. And `fake-gateway`, which keeps the same contract as a process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use openclaw::config::cell::{self, CellPaths, Wires};
use openclaw::config::{BotConfig, render};
use openclaw::{ChatEvent, ConnectOptions, Endpoint, Event, Gateway, Isolation, Profile, Token, probe};
use testkit::gateway::Tools;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::process::{Child, Command};

/// Stands in for `openclaw.mjs`: listens on the gateway's port and answers each line with "echo ".
const ECHO: &str = r#"
import { createServer } from "node:net";
const server = createServer((socket) => {
  socket.on("data", (data) => socket.write("echo " + data));
  socket.on("error", () => {});
});
server.listen(Number(process.env.OPENCLAW_GATEWAY_PORT), "127.0.0.1", () => {
  console.log("args " + process.argv.slice(2).join(" "));
});
"#;

struct Bench {
    dir: tempfile::TempDir,
    port: u16,
    relay_port: u16,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["config", "state", "workspace", "run/tokens", "home", "tmp"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let bench = Self { dir, port: free_port(), relay_port: free_port() };
        std::fs::write(bench.path("run/tokens/relay"), "relay-token\n").unwrap();
        std::fs::write(bench.path("run/tokens/gateway"), "gateway-token\n").unwrap();
        std::fs::write(bench.path("openclaw.mjs"), ECHO).unwrap();
        let config = render(&BotConfig {
            profile: Profile::Shared,
            isolation: Isolation::Confined,
            gateway_port: bench.port,
            model: "openai/fake-1".parse().unwrap(),
            relay_base_url: format!("http://127.0.0.1:{}", bench.relay_port),
            prompt: String::new(),
            name: "Bench".to_owned(),
            workspace: bench.path("workspace"),
            state: bench.path("state"),
            run: bench.path("run"),
            plugin_tools: Vec::new(),
        });
        std::fs::write(bench.path("config/openclaw.json"), config.to_string()).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, program: &Path, wires: Wires) -> Command {
        let paths = CellPaths {
            openclaw: self.path("openclaw.mjs"),
            config_dir: self.path("config"),
            state: self.path("state"),
            workspace: self.path("workspace"),
            run: self.path("run"),
            home: self.path("home"),
            tmp: self.path("tmp"),
        };
        let mut command = Command::new(program);
        command.env_clear().envs(cell::environment(&paths, wires, self.port, "2026.9.6"));
        command.env("CHELA_RELAY_PORT", self.relay_port.to_string());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn cell(&self, wires: Wires) -> Command {
        let mut command = self.command(&Tools::find().unwrap().node, wires);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin/cell.mjs"));
        command
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    said
}

/// Waits until something listens there.
async fn reach(endpoint: &Endpoint) -> Box<dyn openclaw::endpoint::Stream> {
    for _ in 0..200 {
        if let Ok(stream) = endpoint.dial().await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing listens on {endpoint}");
}

#[tokio::test]
async fn the_cell_says_in_one_sentence_what_is_missing() {
    let bench = Bench::new();
    let run = |mut command: Command| async move { command.output().await.unwrap() };

    let mut without = bench.cell(Wires::Loopback);
    without.env_remove("CHELA_RUN_DIR");
    assert!(refusal(&run(without).await).contains("CHELA_RUN_DIR"));

    let mut wires = bench.cell(Wires::Loopback);
    wires.env("CHELA_WIRES", "wireless");
    assert!(refusal(&run(wires).await).contains("wireless"));

    let mut port = bench.cell(Wires::Loopback);
    port.env("OPENCLAW_GATEWAY_PORT", "99999");
    assert!(refusal(&run(port).await).contains("99999"));

    let mut openclaw = bench.cell(Wires::Loopback);
    openclaw.env("CHELA_OPENCLAW", "/nowhere/openclaw.mjs");
    assert!(refusal(&run(openclaw).await).contains("/nowhere/openclaw.mjs"));

    let mut long = bench.cell(Wires::Sockets);
    let deep = bench.path(&"d".repeat(90));
    std::fs::create_dir_all(deep.join("tokens")).unwrap();
    for kind in ["relay", "gateway"] {
        std::fs::write(deep.join("tokens").join(kind), "t").unwrap();
    }
    long.env("CHELA_RUN_DIR", &deep);
    assert!(refusal(&run(long).await).contains("107 bytes"));

    std::fs::write(bench.path("run/gateway.sock"), "not a socket").unwrap();
    assert!(refusal(&run(bench.cell(Wires::Sockets)).await).contains("not a socket"));
    assert!(bench.path("run/gateway.sock").is_file(), "what is not ours stays");

    std::fs::remove_file(bench.path("run/tokens/relay")).unwrap();
    assert!(refusal(&run(bench.cell(Wires::Loopback)).await).contains("tokens/relay"));
}

#[tokio::test]
async fn the_cell_carries_both_wires() {
    let bench = Bench::new();
    // A socket left over from an earlier run is replaced.
    drop(StdUnixListener::bind(bench.path("run/gateway.sock")).unwrap());
    let relay = UnixListener::bind(bench.path("run/relay.sock")).unwrap();
    let mut child = bench.cell(Wires::Sockets).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 16];
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"args gateway run");

    let mut gateway = UnixStream::connect(bench.path("run/gateway.sock")).await.unwrap();
    gateway.write_all(b"hello").await.unwrap();
    let mut answer = [0; 10];
    gateway.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"echo hello");

    let mut model = TcpStream::connect(("127.0.0.1", bench.relay_port)).await.unwrap();
    let (mut call, _) = relay.accept().await.unwrap();
    model.write_all(b"ping").await.unwrap();
    model.shutdown().await.unwrap();
    let mut heard = Vec::new();
    call.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"ping");
    // One side has said all it had to say; the other may still answer.
    call.write_all(b"pong").await.unwrap();
    drop(call);
    let mut answer = Vec::new();
    model.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"pong");
}

/// Stands in for `openclaw.mjs`: a doctor that writes the configuration it is shown, or never ends; a gateway that
/// says how it was called.
const DOCTOR: &str = r#"
import { readFileSync, writeFileSync } from "node:fs";
const path = process.env.OPENCLAW_CONFIG_PATH;
const said = process.argv.slice(2).join(" ");
console.log(said, JSON.stringify([process.env.OPENCLAW_CONFIG_READONLY ?? "free", readFileSync(path, "utf8").length, path]));
if (said.startsWith("doctor")) {
  writeFileSync(path, "mended");
  if (process.env.TEST_HANGS) setInterval(() => {}, 1000);
}
"#;

#[tokio::test]
async fn the_doctor_mends_the_state_with_a_copy_of_the_configuration_and_the_gateway_follows_whatever_it_does()
 {
    let bench = Bench::new();
    std::fs::write(bench.path("openclaw.mjs"), DOCTOR).unwrap();
    let config = bench.path("config/openclaw.json");
    let before = std::fs::read_to_string(&config).unwrap();
    for (hangs, ends) in [(false, "openclaw doctor is done"), (true, "openclaw doctor was ended after 1 s")] {
        let mut command = bench.cell(Wires::Loopback);
        command.env("CHELA_DOCTOR", if hangs { "1" } else { "60" });
        if hangs {
            command.env("TEST_HANGS", "yes");
        }
        let done = command.output().await.unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        let lines: Vec<_> = out.lines().collect();
        let [doctor, gateway] = lines.as_slice() else { panic!("{out}\n{err}") };
        let size = before.len();
        let copy = doctor.strip_prefix(&format!("doctor --fix --yes --non-interactive [\"free\",{size},\""));
        assert!(copy.is_some_and(|path| path.starts_with(bench.path("tmp").to_str().unwrap())), "{doctor}");
        assert_eq!(*gateway, format!("gateway run [\"1\",{size},\"{}\"]", config.display()));
        assert!(err.contains(ends), "{err}");
        assert_eq!(std::fs::read_dir(bench.path("tmp")).unwrap().count(), 0, "the copy is gone");
    }
    assert_eq!(std::fs::read_to_string(&config).unwrap(), before);
}

/// Makes a state with a lease of a process that lives, or says how many leases there are.
const LEASES: &str = r#"
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
const db = new DatabaseSync(join(process.env.OPENCLAW_STATE_DIR, "state", "openclaw.sqlite"));
if (process.argv[2] === "make") {
  db.exec("CREATE TABLE agent_database_leases (lease_id TEXT, owner_pid INTEGER); CREATE TABLE kept (word TEXT)");
  db.exec(`INSERT INTO agent_database_leases VALUES ('a', ${process.ppid}); INSERT INTO kept VALUES ('kept')`);
} else {
  const { n } = db.prepare("SELECT count(*) AS n FROM agent_database_leases").get();
  console.log(n, db.prepare("SELECT word FROM kept").get().word);
}
"#;

#[tokio::test]
async fn a_copied_state_is_nobody_elses() {
    let bench = Bench::new();
    std::fs::write(bench.path("openclaw.mjs"), LEASES).unwrap();
    std::fs::create_dir(bench.path("state/state")).unwrap();
    let mut make = bench.command(&Tools::find().unwrap().node, Wires::Loopback);
    assert!(make.arg(bench.path("openclaw.mjs")).arg("make").status().await.unwrap().success());
    let done = bench.cell(Wires::Loopback).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout), "0 kept\n", "{done:?}");
    std::fs::write(bench.path("state/state/openclaw.sqlite"), "no database").unwrap();
    let done = bench.cell(Wires::Loopback).output().await.unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.starts_with("cell: leases in ") && said.contains("file is not a database"), "{said}");
}

async fn fake(bench: &Bench, wires: Wires) -> (Child, Endpoint) {
    let mut command = bench.command(Path::new(env!("CARGO_BIN_EXE_fake-gateway")), wires);
    command.args(["cell.mjs"]).env("FAKE_GATEWAY_REPLY", "echo").stdout(Stdio::null());
    let endpoint = match wires {
        Wires::Sockets => Endpoint::Unix(bench.path("run/gateway.sock")),
        Wires::Loopback => Endpoint::Tcp(([127, 0, 0, 1], bench.port).into()),
    };
    let child = command.spawn().unwrap();
    drop(reach(&endpoint).await);
    (child, endpoint)
}

#[tokio::test]
async fn the_fake_gateway_is_a_bot_on_both_wires() {
    for wires in [Wires::Sockets, Wires::Loopback] {
        let bench = Bench::new();
        let (mut child, endpoint) = fake(&bench, wires).await;
        assert!(probe::startupz(&endpoint, Duration::from_secs(5)).await.unwrap().ok);
        let options = ConnectOptions::new(endpoint, Token::new("gateway-token"));
        let (gateway, mut events) = Gateway::connect(options).await.unwrap();
        gateway.chat_send("agent:main:chela:1", "hello", "run-1", None).await.unwrap();
        let text = loop {
            if let Some(Event::Chat(run)) = events.next().await
                && let ChatEvent::Final { text, .. } = run.what
            {
                break text;
            }
        };
        assert_eq!(text, "You said: hello");
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").arg(pid).status().await.unwrap().success());
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        let goodbye = loop {
            match events.next().await {
                Some(Event::Shutdown { reason, .. }) => break reason,
                Some(_) => {}
                None => panic!("the gateway went without a word"),
            }
        };
        assert_eq!(goodbye, "gateway stopping");
    }
}

#[tokio::test]
async fn the_fake_gateway_refuses_like_the_real_one() {
    let bench = Bench::new();
    std::fs::write(bench.path("config/openclaw.json"), "{").unwrap();
    let mut command = bench.command(Path::new(env!("CARGO_BIN_EXE_fake-gateway")), Wires::Loopback);
    refusal(&command.output().await.unwrap());
}
