//! Commands for the person who has the server machine: they need no login.

use super::{
    run::{open, runtime},
    say::{fail, out, refuse, warn},
};
use crate::{
    compose::StartError,
    control::{self, Answer, Request},
    platform::config::{Config, Source},
};
use std::process::ExitCode;

/// Asks the running server, or does it on the data dir itself under its lock.
fn ask(source: &Source, request: Request) -> Result<Answer, StartError> {
    let config = Config::load(source)?;
    runtime()?.block_on(async {
        if let Some(answer) = control::ask(&config.data_dir, &request).await? {
            return Ok(answer);
        }
        let (dir, server) = open(&config).await?;
        let answer = server.control().run(request).await;
        dir.close()?;
        Ok(answer)
    })
}

fn tell(result: Result<Answer, StartError>, show: impl FnOnce(&serde_json::Value)) -> ExitCode {
    match result {
        Ok(Ok(value)) => {
            show(&value);
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => fail(&error),
        Err(error) => refuse(&error),
    }
}

fn text<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// `chela setup`.
pub fn setup(source: &Source, json: bool) -> ExitCode {
    tell(ask(source, Request::Setup {}), |value| {
        if json {
            out(value);
        } else if text(value, "setup_url").is_empty() {
            out("Chela is set up: the first administrator has a passkey.");
        } else {
            out(format!("Open this link once to create your passkey:\n\n  {}\n", text(value, "setup_url")));
        }
    })
}

/// `chela admin token`.
pub fn admin_token(source: &Source, name: &str, admin: bool, json: bool) -> ExitCode {
    tell(ask(source, Request::Token { name: name.to_owned(), admin }), |value| {
        if json { out(value) } else { out(text(value, "token")) }
    })
}

/// `chela admin enrol-link`.
pub fn enrol_link(source: &Source, user: &str, role: Option<&str>, json: bool) -> ExitCode {
    let request = Request::EnrolLink { user: user.to_owned(), role: role.map(str::to_owned) };
    tell(ask(source, request), |value| {
        if json {
            return out(value);
        }
        // Who it is for, so that a misspelt name is seen.
        warn(format!("{} The link is good once, until {}.", text(value, "note"), text(value, "expires_at")));
        out(text(value, "url"));
    })
}

/// `chela admin move`.
pub fn admin_move(source: &Source, to: &str, json: bool) -> ExitCode {
    let moved = ask_moved(source, to);
    tell(moved, |value| {
        if json {
            out(value);
            return;
        }
        out(format!(
            "This instance is now {to}. Set CHELA_PUBLIC_URL={to} and start it; then each person opens a link:"
        ));
        for link in value.get("links").and_then(serde_json::Value::as_array).into_iter().flatten() {
            out(format!("  {}: {}", text(link, "user"), text(link, "url")));
        }
    })
}

/// A move is done with the server stopped: its own settings still name the old address.
fn ask_moved(source: &Source, to: &str) -> Result<Answer, StartError> {
    let mut config = Config::load(source)?;
    config.public_url = crate::platform::config::PublicUrl::parse(to)?;
    runtime()?.block_on(async {
        let dir = crate::platform::datadir::DataDir::open(&config.data_dir)?;
        crate::compose::allow_move(&config, &dir).await?;
        drop(dir);
        let (dir, server) = open(&config).await?;
        let answer = server.control().run(Request::Move {}).await;
        dir.close()?;
        Ok(answer)
    })
}
