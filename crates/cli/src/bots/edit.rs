//! `chela bot edit`: by options, or as a file in the person's editor.

use super::{
    create::{Prompt, Serves},
    shape,
};
use crate::{completion, env::Env, failure::Failure, output::text, session::Session};
use api::bots::{ApplyBot, BotLimits, ChangeLimits, Profile, UpdateBot};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    io::{IsTerminal, Write},
    process::Command,
};

#[derive(Args, Clone, Debug)]
pub struct EditArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    #[arg(long)]
    name: Option<String>,
    /// `vendor/model`, or `chain/NAME` of `chela chain list`.
    #[arg(long)]
    model: Option<String>,
    #[command(flatten)]
    prompt: Prompt,
    #[arg(long, value_enum)]
    profile: Option<Serves>,
    /// Its tags from now on, several times for several; `none` for none.
    #[arg(long = "tag", value_name = "TAG", value_parser = crate::options::filled_or_none)]
    tags: Vec<String>,
    /// Minutes without work after which it is put to sleep (5 to 10080); 0 for never. Holds at once.
    #[arg(long, value_name = "MINUTES")]
    idle_stop: Option<u32>,
    #[command(flatten)]
    limits: super::configs::Limits,
    /// Only if the bot still has this version.
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
    /// Apply the change at once.
    #[arg(long)]
    apply: bool,
}

/// The settings as they stand in the editor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    name: String,
    model: String,
    profile: Profile,
    limits: BotLimits,
    prompt: String,
}

/// Saves a pending change, and applies it if asked.
pub(super) async fn edit(session: &Session, args: EditArgs, env: &Env) -> Result<(), Failure> {
    let prompt = args.prompt.text()?;
    let by_options = args.name.is_some()
        || args.model.is_some()
        || prompt.is_some()
        || args.profile.is_some()
        || !args.tags.is_empty()
        || args.idle_stop.is_some()
        || args.limits.change().is_some();
    let update = if by_options {
        UpdateBot {
            bot: args.bot.clone(),
            name: args.name,
            model: args.model,
            prompt,
            profile: args.profile.map(Into::into),
            tags: crate::keys::listed(args.tags, "none"),
            idle_stop_minutes: args.idle_stop,
            limits: args.limits.change(),
            expected_version: args.if_version,
        }
    } else {
        match by_hand(session, &args.bot, env).await? {
            Some(update) => update,
            None => {
                session.screen.remark("Nothing was changed.");
                return Ok(());
            }
        }
    };
    let mut bot = match session.call(&update).await {
        Ok(bot) => bot,
        Err(failure) => return Err(session.nearest_bot(failure, &args.bot).await),
    };
    if args.apply {
        let expected_version = bot.get("version").and_then(Value::as_i64);
        bot = session.call(&ApplyBot { bot: text(&bot, "id").to_owned(), expected_version }).await?;
    } else if bot.get("pending").is_some_and(|pending| !pending.is_null()) {
        session.screen.remark(format!("The change is pending: `chela bot apply {}`.", text(&bot, "slug")));
    }
    session.screen.data(&shape::one(session, &bot)?);
    Ok(())
}

/// Opens the editor on the settings; nothing if they come back as they went.
async fn by_hand(session: &Session, bot: &str, env: &Env) -> Result<Option<UpdateBot>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "what is to change? Say --name, --model, --prompt or --profile".to_owned(),
        ));
    }
    let seen = session.bot(bot).await?;
    let now = seen.get("pending").filter(|pending| !pending.is_null()).or_else(|| seen.get("settings"));
    let before: Sheet = serde_json::from_value(now.cloned().unwrap_or_default())
        .map_err(|error| Failure::Other(format!("these settings are newer than this chela: {error}")))?;
    let unusable =
        |error: &dyn std::fmt::Display| Failure::Other(format!("the editor cannot be used: {error}"));
    let text_before = serde_norway::to_string(&before).map_err(|error| unusable(&error))?;
    let mut file =
        tempfile::Builder::new().prefix("chela-").suffix(".yaml").tempfile().map_err(|e| unusable(&e))?;
    file.write_all(text_before.as_bytes()).map_err(|error| unusable(&error))?;
    let editor = env.editor.clone().unwrap_or_else(|| "vi".into());
    // An editor may come with options: the shell splits them as it does for git.
    let script = format!("{} \"$1\"", editor.to_string_lossy());
    let ended = Command::new("sh").arg("-c").arg(script).arg("sh").arg(file.path()).status();
    if !ended.map_err(|error| unusable(&error))?.success() {
        return Err(Failure::Usage("the editor was left with an error; nothing was changed".to_owned()));
    }
    let text_after = std::fs::read_to_string(file.path()).map_err(|error| unusable(&error))?;
    let after: Sheet = serde_norway::from_str(&text_after).map_err(|error| {
        Failure::Usage(format!("this cannot be understood, nothing was changed: {error}"))
    })?;
    Ok((after != before).then(|| UpdateBot {
        bot: text(&seen, "id").to_owned(),
        name: Some(after.name),
        model: Some(after.model),
        prompt: Some(after.prompt),
        profile: Some(after.profile),
        tags: None,
        idle_stop_minutes: None,
        limits: Some(ChangeLimits {
            memory_mb: Some(after.limits.memory_mb),
            cpu_milli: Some(after.limits.cpu_milli),
            pids: Some(after.limits.pids),
        }),
        expected_version: seen.get("version").and_then(Value::as_i64),
    }))
}
