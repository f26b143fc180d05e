//! A Docker engine of a test's own, beside whatever engine the machine has: own socket, own data root, no
//! network of its own. It can be killed, stopped in its tracks and started again.

use super::{PATIENCE, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// A running engine, until [`Engine::end`].
pub struct Engine {
    dir: TempDir,
    flags: Vec<&'static str>,
    /// It has a network namespace of its own, for containers with networks.
    apart: bool,
    daemon: Mutex<Option<Child>>,
    /// Beside the engine, as distributions run it: it outlives the engine's blows.
    containerd: Mutex<Child>,
}

/// What is done to an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL: it is gone until it is started again.
    Kill,
    /// SIGSTOP: it takes connections and says nothing until it goes on.
    Hang,
}

impl Engine {
    /// One with these flags more; none, and why, where this machine or user has no engine to start.
    pub async fn start(flags: &[&'static str]) -> Option<Self> {
        Self::begin(flags, false).await
    }

    /// One in a network namespace of its own: what its containers open and ask for stays in there.
    pub async fn apart() -> Option<Self> {
        Self::begin(&[], true).await
    }

    async fn begin(flags: &[&'static str], apart: bool) -> Option<Self> {
        let there = |name| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
        if !there("dockerd") || !there("containerd") || !rustix::process::geteuid().is_root() {
            eprintln!("skipped: a Docker engine of one's own needs root, dockerd and containerd");
            return None;
        }
        // Short, for a socket's path is.
        let dir = tempfile::Builder::new().prefix("eng").tempdir_in("/tmp").expect("a directory");
        let containerd = Mutex::new(containerd(dir.path()));
        let engine = Self { dir, flags: flags.to_vec(), apart, daemon: Mutex::default(), containerd };
        engine.bring_up().await;
        Some(engine)
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("d.sock")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    async fn bring_up(&self) {
        let dir = self.dir.path();
        let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).expect("a log");
        let place = |name: &str| dir.join(name).display().to_string();
        let child = self
            .daemon()
            .args(["--host", &format!("unix://{}", place("d.sock"))])
            .args([
                "--data-root",
                &place("data"),
                "--exec-root",
                &place("exec"),
                "--pidfile",
                &place("d.pid"),
            ])
            .args(["--containerd", &place("c.sock")])
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none"])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("dockerd runs");
        *self.daemon.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        eventually("the engine to answer", async || {
            let ended = self.ended();
            assert!(ended.is_none(), "dockerd ended ({ended:?}): {}", self.log());
            UnixStream::connect(self.socket()).await.ok()?;
            (self.ask("GET", "/_ping").await?.0 == 200).then_some(())
        })
        .await;
    }

    fn daemon(&self) -> Command {
        if !self.apart {
            return Command::new("dockerd");
        }
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "ip link set lo up && exec dockerd \"$@\"", "sh"]);
        command
    }

    /// The daemon's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Child::id)
    }

    /// How the daemon ended by itself, if it did.
    fn ended(&self) -> Option<ExitStatus> {
        let mut daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner);
        daemon.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    fn signal(&self, signal: Signal) {
        let daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = daemon.as_ref().and_then(|child| Pid::from_raw(child.id().cast_signed())) {
            kill_process(pid, signal).expect("a signal");
        }
    }

    /// Strikes it.
    pub fn strike(&self, blow: Blow) {
        match blow {
            Blow::Hang => self.signal(Signal::STOP),
            Blow::Kill => {
                let mut daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(mut child) = daemon.take() {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        }
    }

    /// Heals what a blow did.
    pub async fn heal(&self, blow: Blow) {
        match blow {
            Blow::Hang => self.signal(Signal::CONT),
            Blow::Kill => self.bring_up().await,
        }
    }

    /// Every container with this instance's label, running or not, in the engine's own words.
    pub async fn containers(&self, instance: &str) -> Vec<Value> {
        let filter = serde_json::json!({ "label": [format!("chela.instance={instance}")] }).to_string();
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let (status, list) = self
            .ask("GET", &format!("/containers/json?all=1&filters={filter}"))
            .await
            .expect("the engine answers");
        assert_eq!(status, 200, "{list}");
        list.as_array().cloned().expect("a list")
    }

    /// One request; none where nobody answers it.
    pub async fn ask(&self, method: &str, path: &str) -> Option<(u16, Value)> {
        let (status, body) = self.ask_raw(method, path).await?;
        Some((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// One request and the bytes of its answer.
    pub async fn ask_raw(&self, method: &str, path: &str) -> Option<(u16, Vec<u8>)> {
        let asking = async {
            let mut stream = UnixStream::connect(self.socket()).await.ok()?;
            // An old version of HTTP has no chunks.
            let head = format!("{method} {path} HTTP/1.0\r\nhost: engine\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok()?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.ok()?;
            let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
            let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
            answer.drain(..end + 4);
            Some((status, answer))
        };
        tokio::time::timeout(PATIENCE, asking).await.ok().flatten()
    }
}

impl Engine {
    /// Ends it and everything that runs in it.
    pub fn end(&self) {
        self.strike(Blow::Kill);
        let mut containerd = self.containerd.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = containerd.kill();
        let _ = containerd.wait();
        end_all_of(self.dir.path());
        // A test that fails does not drop what its servers hold.
        let _ = std::fs::remove_dir_all(self.dir.path());
    }
}

fn containerd(dir: &Path) -> Child {
    let place = |name: &str| dir.join(name).display().to_string();
    let config = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
    std::fs::write(dir.join("c.toml"), config).expect("a file");
    let log = std::fs::File::create(dir.join("c.log")).expect("a log");
    let mut command = Command::new("containerd");
    command.args(["--config", &place("c.toml"), "--address", &place("c.sock")]);
    command.args(["--root", &place("c-root"), "--state", &place("c-state")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("containerd runs")
}

/// Ends the containers and shims below a directory, and takes its mounts away.
fn end_all_of(dir: &Path) {
    let containers = std::fs::read_dir(dir.join("data/containers")).into_iter().flatten().flatten();
    let mut marks: Vec<String> = containers.filter_map(|c| c.file_name().into_string().ok()).collect();
    marks.push(dir.display().to_string());
    let of_ours = |pid: i32| {
        ["cmdline", "cgroup"].iter().any(|file| {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            marks.iter().any(|mark| text.contains(mark.as_str()))
        })
    };
    let me = std::process::id().cast_signed();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = pid.filter(|pid| *pid != me && of_ours(*pid)).and_then(Pid::from_raw) else {
            continue;
        };
        let _ = kill_process(pid, Signal::KILL);
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = dir.display().to_string();
    for path in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
        if path.starts_with(&below) {
            let _ = Command::new("umount").args(["-l", path]).output();
        }
    }
}
