//! `chela doctor`: looks at what can be wrong on the server machine, with the server running or stopped. It changes
//! nothing.

mod address;
mod clock;
mod database;
mod engine;
mod files;
mod finding;
mod wires;

use super::{
    run::runtime,
    say::{fail, out},
};
use crate::{
    control::{self, Request},
    platform::config::{Config, Source},
};
use finding::{Finding, Level};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// How long any one look may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whom the doctor looks at.
struct Patient {
    config: Config,
    /// What the running server says of itself; absent where none runs.
    running: Option<Value>,
}

/// Looks, says what was found, exits 1 if anything fails.
pub fn doctor(source: &Source, as_json: bool) -> ExitCode {
    let looked = match Config::load(source) {
        Err(error) => vec![Finding::fail(
            "settings",
            error.to_string(),
            "Chela does not start with these settings.",
            "Correct the setting; README.md lists all of them.",
        )],
        Ok(config) => match runtime() {
            Err(error) => return fail(&error),
            Ok(runtime) => runtime.block_on(look(config)),
        },
    };
    let count = |level| looked.iter().filter(|finding| finding.level == level).count();
    let (failed, warned) = (count(Level::Fail), count(Level::Warn));
    if as_json {
        out(json!({ "findings": looked, "failed": failed, "warned": warned }));
    } else {
        said(&looked).into_iter().for_each(out);
        out(format!("\n{failed} failed, {warned} warned, {} looked at", looked.len()));
    }
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The findings in words; advice that was given just before is not given again.
fn said(looked: &[Finding]) -> Vec<String> {
    let advice = |finding: &Finding| (finding.means.clone(), finding.remedy.clone());
    let before = std::iter::once(None).chain(looked.iter().map(Some));
    let told = looked.iter().zip(before).map(|(finding, before)| match before.map(advice) {
        Some(same) if same == advice(finding) => {
            Finding { means: None, remedy: None, ..finding.clone() }.words()
        }
        _ => finding.words(),
    });
    told.collect()
}

async fn look(config: Config) -> Vec<Finding> {
    let asked = tokio::time::timeout(DEADLINE, control::ask(&config.data_dir, &Request::Status {})).await;
    let (running, mut found) = match asked {
        Ok(Ok(Some(Ok(status)))) => {
            let finding = server(&status);
            (Some(status), vec![finding])
        }
        Ok(Ok(None)) => (None, vec![Finding::ok("server", "none runs on this data dir")]),
        Ok(Ok(Some(Err(error)))) => (None, vec![silent(&error.message)]),
        Ok(Err(error)) => (None, vec![silent(&error.to_string())]),
        Err(_elapsed) => (None, vec![silent("no answer")]),
    };
    let patient = Patient { config, running };
    found.extend(files::look(&patient));
    found.extend(database::look(&patient).await);
    found.extend(address::look(&patient).await);
    found.extend(clock::look(&patient).await);
    found.extend(engine::look(&patient).await);
    found.extend(wires::look(&patient).await);
    found
}

fn server(status: &Value) -> Finding {
    let text = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or_default();
    let running =
        format!("Chela {} runs (pid {})", text("version"), status.get("pid").unwrap_or(&Value::Null));
    if !text("writes_closed").is_empty() {
        return Finding::fail(
            "server",
            format!("{running} and writes nothing: {}", text("writes_closed")),
            "What people change is refused; running bots go on.",
            "Mend the cause, then restart Chela.",
        );
    }
    if text("version") != env!("CARGO_PKG_VERSION") {
        let own = env!("CARGO_PKG_VERSION");
        return Finding::warn(
            "server",
            format!("{running}, this binary is {own}"),
            "An upgrade is only half done.",
            "Restart Chela with the new binary.",
        );
    }
    Finding::ok("server", running)
}

fn silent(why: &str) -> Finding {
    Finding::fail(
        "server",
        format!("one is there and cannot be asked: {why}"),
        "It hangs, or belongs to another user.",
        "Run the doctor as the user who runs Chela (or root); if it hangs, look at its log and restart it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_writes_nothing_or_is_older_is_found() {
        let status = |version: &str, closed: Option<&str>| json!({ "pid": 7, "version": version, "writes_closed": closed });
        assert_eq!(server(&status(env!("CARGO_PKG_VERSION"), None)).level, Level::Ok);
        assert_eq!(server(&status("0.0.1", None)).level, Level::Warn);
        assert_eq!(server(&status(env!("CARGO_PKG_VERSION"), Some("disk full"))).level, Level::Fail);
    }

    #[test]
    fn the_same_advice_is_given_once() {
        let port = |check| Finding::fail(check, "taken", "It does not start.", "Stop it.");
        let told = said(&[port("panel"), port("relay"), Finding::ok("disk", "free"), port("metrics")]);
        let with: Vec<bool> = told.iter().map(|words| words.contains("Stop it.")).collect();
        assert_eq!(with, [true, false, false, true]);
    }

    #[test]
    fn a_finding_says_what_it_means_and_what_to_do() {
        let said = Finding::fail("disk", "1 MiB free", "Nothing can be written.", "Free some space.").words();
        assert_eq!(
            said,
            "fail  disk        1 MiB free\n                  Nothing can be written.\n                  -> Free some space."
        );
    }
}
