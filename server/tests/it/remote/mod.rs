//! Remote commands: the real binary against a whole server.

mod bundles;
mod chat;
mod commands;
mod completion;
mod doctor;
mod endings;
mod findings;
mod golden;
mod idle;
mod jobs;
mod logins;
mod models;
mod newcomer;
mod notifications;
mod orphans;
mod spending;
mod usage;
mod words;

use crate::support::*;
use std::{
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

const CHELA: &str = env!("CARGO_BIN_EXE_chela");

/// A person's machine: a home, and what the environment says.
struct Home {
    dir: TempDir,
    env: Vec<(String, String)>,
}

impl Home {
    /// A home that knows no panel.
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a home"), env: Vec::new() }
    }

    /// A home whose environment names a panel and a token.
    fn at(panel: SocketAddr, who: &Who) -> Self {
        let Who::Bearer(token) = who else { panic!("programs have tokens") };
        let mut home = Self::new();
        home.set("CHELA_URL", &format!("http://{panel}"));
        home.set("CHELA_TOKEN", token);
        home
    }

    fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    fn logins(&self) -> PathBuf {
        self.dir.path().join(".config/chela/logins.json")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(CHELA);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).envs(self.env.iter().cloned()).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.piped(words, "")
    }

    /// Runs a command with this on its standard input.
    fn piped(&self, words: &[&str], input: &str) -> Ran {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().expect("it runs");
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Ran::new(words, child.wait_with_output().expect("its end"))
    }
}

/// A command that came to its end.
#[derive(Debug)]
struct Ran {
    words: Vec<String>,
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn new(words: Vec<String>, ran: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { words, code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
    }

    /// Its data, after checking that it went well.
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{:?} {self:?}", self.words);
        self.out
    }

    fn json(self) -> serde_json::Value {
        let out = self.ok();
        serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out}"))
    }

    /// Ended with this code, wrote no data, and said these words.
    fn ended(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{:?} {self:?}", self.words);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {self:?}");
        }
        self
    }
}

/// Text without what differs from run to run: ids, ages, moments, ports, and the width of columns that hold them.
fn shape(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let mut words: Vec<String> = line.split_whitespace().map(word).collect();
        if let [name, took] = words.as_mut_slice()
            && name.contains("latency_ms")
        {
            *took = "MS".to_owned();
        }
        format!("{}{}", " ".repeat(indent), words.join(" "))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn word(word: &str) -> String {
    let bare = word.trim_matches(|c: char| matches!(c, '"' | ',' | '(' | ')' | '.'));
    let is_id = bare.split_once('_').is_some_and(|(kind, rest)| {
        kind.len() <= 3 && rest.len() == 26 && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    let is_age =
        bare.strip_suffix('s').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let is_moment = bare.len() == 20 && bare.ends_with('Z') && bare.contains('T');
    let is_ms = bare.len() == 13 && bare.bytes().all(|b| b.is_ascii_digit());
    let kind = bare.split('_').next().unwrap_or_default();
    match () {
        () if is_id => word.replace(bare, &format!("{kind}_ID")),
        () if is_age => word.replace(bare, "AGE"),
        () if is_moment => word.replace(bare, "TIME"),
        () if is_ms => word.replace(bare, "MS"),
        () => match word.split_once("127.0.0.1:") {
            Some((before, rest)) => {
                format!("{before}127.0.0.1:PORT{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
            }
            None => word.to_owned(),
        },
    }
}
