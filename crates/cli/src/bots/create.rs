//! `chela bot create`.

use super::shape;
use crate::{failure::Failure, options::Once, output::text, session::Session};
use api::{
    bots::{BotOptions, CreateBot, GetBot, Profile, RuntimeKind},
    validate::chain_of,
};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{io::Read, path::Path};

/// Whom a bot may serve.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Serves {
    /// Anybody, so no tool that reaches the machine.
    Shared,
    /// One owner; container only.
    Own,
}

/// Where a bot runs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Runs {
    Process,
    Docker,
}

impl From<Runs> for RuntimeKind {
    fn from(runs: Runs) -> Self {
        match runs {
            Runs::Process => Self::Process,
            Runs::Docker => Self::Docker,
        }
    }
}

impl From<Serves> for Profile {
    fn from(serves: Serves) -> Self {
        match serves {
            Serves::Shared => Self::Shared,
            Serves::Own => Self::Own,
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// What to call it.
    name: String,
    /// `vendor/model`, may be left out where there is one only; or `chain/NAME` of `chela chain list`.
    #[arg(long)]
    model: Option<String>,
    #[command(flatten)]
    prompt: Prompt,
    #[arg(long, value_enum)]
    profile: Option<Serves>,
    #[arg(long, value_enum)]
    runtime: Option<Runs>,
    /// A tag; several times for several.
    #[arg(long = "tag", value_name = "TAG", value_parser = crate::options::filled)]
    tags: Option<Vec<String>>,
    /// Minutes without work after which it is put to sleep (5 to 10080); a message wakes it.
    #[arg(long, value_name = "MINUTES")]
    idle_stop: Option<u32>,
    #[command(flatten)]
    limits: super::configs::Limits,
    /// Wait until it runs, at most --timeout (10m).
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    once: Once,
}

/// What a bot is told to be.
#[derive(Args, Clone, Debug)]
pub(super) struct Prompt {
    /// What it is told to be.
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_file")]
    prompt: Option<String>,
    /// The same from a file; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    prompt_file: Option<String>,
}

impl Prompt {
    /// The text, if one is given.
    pub(super) fn text(&self) -> Result<Option<String>, Failure> {
        let Some(file) = self.prompt_file.as_deref() else { return Ok(self.prompt.clone()) };
        let read = if file == "-" {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map(|_bytes| text)
        } else {
            std::fs::read_to_string(Path::new(file))
        };
        read.map(Some).map_err(|error| Failure::Usage(format!("{file}: {error}")))
    }
}

/// Makes it, and shows it.
pub(super) async fn create(session: &Session, args: CreateArgs) -> Result<(), Failure> {
    let model = match args.model {
        Some(model) => model,
        None => only_model(session).await?,
    };
    let create = CreateBot {
        name: args.name,
        model,
        prompt: args.prompt.text()?,
        profile: args.profile.map(Into::into),
        runtime: args.runtime.map(Into::into),
        tags: args.tags,
        idle_stop_minutes: args.idle_stop,
        limits: args.limits.change(),
    };
    let made = session.call_once(&create, Some(&args.once)).await?;
    let id = text(&made, "id").to_owned();
    let bot = if args.wait {
        session.settled(&id, "running", None).await?
    } else {
        session.call(&GetBot { bot: id }).await?
    };
    session.screen.data(&shape::one(session, &bot)?);
    Ok(())
}

async fn only_model(session: &Session) -> Result<String, Failure> {
    let choices = session.call(&BotOptions {}).await?;
    let models = choices.get("models").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // A chain is asked for by its name only.
    let models: Vec<&Value> = models.iter().filter(|one| chain_of(text(one, "model")).is_none()).collect();
    match models.as_slice() {
        [one] => Ok(text(one, "model").to_owned()),
        [] => Err(Failure::Usage("there are no models: add a key first with `chela key add`".to_owned())),
        several => {
            let some: Vec<&str> = several.iter().take(8).map(|one| text(one, "model")).collect();
            Err(Failure::Usage(format!(
                "which model? Say --model with one of {} ({} in all: `chela bot options`)",
                some.join(", "),
                several.len()
            )))
        }
    }
}
