//! `chela bot configs`, `limits` and `rollback`.

use super::shape;
use crate::{
    ask, completion,
    failure::Failure,
    options::{Paging, Yes},
    output::{Cell, Column, Shape, Tone, flag, moment, named, now_ms, number, text, words},
    session::Session,
};
use api::{bots::*, ids::BotConfigId};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

/// What a bot may use.
#[derive(Args, Clone, Copy, Debug)]
pub struct Limits {
    /// Memory in MiB: 512 to 65536.
    #[arg(long, value_name = "MIB")]
    memory_mb: Option<u32>,
    /// Thousandths of a processor: 100 to 64000. Containers only.
    #[arg(long, value_name = "N")]
    cpu_milli: Option<u32>,
    /// Processes and threads: 64 to 4096. Containers only.
    #[arg(long, value_name = "N")]
    pids: Option<u32>,
}

impl Limits {
    /// What is to change, if anything.
    pub(super) fn change(self) -> Option<ChangeLimits> {
        let Self { memory_mb, cpu_milli, pids } = self;
        let any = memory_mb.or(cpu_milli).or(pids).is_some();
        any.then_some(ChangeLimits { memory_mb, cpu_milli, pids })
    }
}

#[derive(Args, Clone, Debug)]
pub struct ConfigsArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args, Clone, Debug)]
pub struct LimitsArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    #[command(flatten)]
    limits: Limits,
}

#[derive(Args, Clone, Debug)]
pub struct RollbackArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    /// Which version, as `chela bot configs` names it; the one it was last well with if nothing is said.
    #[arg(long, value_name = "ID")]
    to: Option<BotConfigId>,
    #[command(flatten)]
    yes: Yes,
}

/// A change as `memory_mb: 2048 -> 3072`.
fn changes(version: &Value, key: &str) -> Vec<String> {
    let all = version.get(key).and_then(Value::as_array).into_iter().flatten();
    all.map(|c| {
        format!("{}: {} -> {}", text(c, "setting"), words(text(c, "before"), 60), words(text(c, "after"), 60))
    })
    .collect()
}

const CONFIGS: Shape = Shape {
    columns: &[
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::new("TIME", |v, _| moment(number(v, "at_ms"))),
        Column::new("IS", |v, _| match (flag(v, "current"), flag(v, "well")) {
            (true, true) => Cell::toned("applied, well", Tone::Good),
            (true, false) => Cell::toned("applied", Tone::Busy),
            (false, true) => Cell::toned("well", Tone::Good),
            (false, false) => Cell::from(""),
        }),
        Column::new("CHANGED", |v, _| Cell::from(words(&changes(v, "changes").join("; "), 100))),
        Column::new("BY", |v, _| named(v, "author_name", "author")),
    ],
    name: "id",
    none: "It has no settings.",
};

/// Lists the versions of its settings.
pub(super) async fn configs(session: &Session, args: ConfigsArgs) -> Result<(), Failure> {
    let bot = args.bot;
    let page = |limit, cursor| ListBotConfigs { bot: bot.clone(), limit, cursor };
    let all = match session.list(&args.paging, page).await {
        Ok(all) => all,
        Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
    };
    session.screen.data(&CONFIGS.list(&all, session.common.output, &session.screen, now_ms())?);
    Ok(())
}

/// Changes what it may use, at once.
pub(super) async fn limits(session: &Session, args: LimitsArgs) -> Result<(), Failure> {
    let Some(ChangeLimits { memory_mb, cpu_milli, pids }) = args.limits.change() else {
        return Err(Failure::Usage("what is to change? Say --memory-mb, --cpu-milli or --pids".to_owned()));
    };
    let set = SetLimits { bot: args.bot.clone(), memory_mb, cpu_milli, pids, expected_version: None };
    let bot = match session.call(&set).await {
        Ok(bot) => bot,
        Err(failure) => return Err(session.nearest_bot(failure, &args.bot).await),
    };
    session.screen.data(&shape::one(session, &bot)?);
    Ok(())
}

/// Goes back to older settings, once the person has seen what that changes.
pub(super) async fn rollback(session: &Session, args: RollbackArgs) -> Result<(), Failure> {
    let bot = session.bot(&args.bot).await?;
    let slug = text(&bot, "slug").to_owned();
    let paging = Paging { limit: 200, all: true };
    let page = |limit, cursor| ListBotConfigs { bot: slug.clone(), limit, cursor };
    let all = session.list(&paging, page).await?;
    let wanted = args.to.map(|id| id.to_string());
    let chosen = all.as_array().into_iter().flatten().find(|version| match &wanted {
        Some(id) => text(version, "id") == id,
        None => flag(version, "well"),
    });
    let Some(chosen) = chosen else {
        return Err(Failure::Usage(format!(
            "which version? `chela bot configs {slug}` lists them; say --to"
        )));
    };
    let differ = changes(chosen, "rollback");
    if differ.is_empty() {
        session.screen.remark("It has these settings already.");
        return Ok(());
    }
    for change in &differ {
        session.screen.remark(change);
    }
    ask::sure(&format!("Change this on {slug}?"), args.yes)?;
    let config_id = text(chosen, "id").parse().ok();
    let expected_version = number(&bot, "version");
    let bot = session.call(&RollbackBot { bot: slug, config_id, expected_version }).await?;
    session.screen.data(&shape::one(session, &bot)?);
    Ok(())
}
