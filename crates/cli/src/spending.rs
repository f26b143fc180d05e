//! `chela spending`: model calls stopped at once, and allowed again.

use crate::{
    ask,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, moment, now_ms, number, plain, text},
    session::Session,
    vendors::Vendors,
};
use api::{budgets::*, ids::StopId};
use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum SpendingVerb {
    /// What is stopped, by whom and why.
    #[command(visible_alias = "ls")]
    List {
        /// Only what stops calls of this bot (name, slug or id).
        #[arg(long)]
        bot: Option<String>,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Stop model calls at once: new ones are refused, those that run end within a second. `chela spending allow` takes it back.
    Stop(StopArgs),
    /// Allow them again: by the stop's id, or by what was stopped.
    Allow(AllowArgs),
}

#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct AllowArgs {
    /// Id of the stop.
    #[arg(group = "which")]
    stop: Option<String>,
    /// What was stopped of a bot (slug or id).
    #[arg(long, group = "which")]
    bot: Option<String>,
    /// What was stopped to a vendor.
    #[arg(long, group = "which")]
    vendor: Option<String>,
    /// What was stopped of the whole workspace; a bot's or vendor's own stop stays.
    #[arg(long, group = "which")]
    everything: bool,
}

#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct StopArgs {
    /// Those of a bot (slug or id).
    #[arg(long, group = "what")]
    bot: Option<String>,
    /// Those to a vendor, such as `openai`.
    #[arg(long, group = "what")]
    vendor: Option<String>,
    /// All of the workspace.
    #[arg(long, group = "what")]
    everything: bool,
    /// Why, for whoever reads it later.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    once: Once,
}

fn what(stop: &Value) -> &str {
    let names = ["bot_name", "bot", "vendor"].map(|key| text(stop, key));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or("everything")
}

/// What is stopped, by whom, since when and why, and the way back.
pub(crate) fn in_words(stop: &Value) -> String {
    let of = match what(stop) {
        "everything" => "all model calls".to_owned(),
        vendor if vendor == text(stop, "vendor") => format!("model calls to {vendor}"),
        bot => format!("model calls of {bot}"),
    };
    let why = Some(text(stop, "why")).filter(|why| !why.is_empty());
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    let since = moment(number(stop, "since_ms")).text;
    let end = match number(stop, "lifted_at_ms") {
        Some(lifted) => format!("allowed again {}", moment(Some(lifted)).text),
        None => format!("`chela spending allow {}` allows them again", text(stop, "id")),
    };
    format!("{} stopped {of}, {since}{why}; {end}", who(stop))
}

fn who(stop: &Value) -> &str {
    let names = ["by_name", "by"].map(|key| text(stop, key));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::new("WHAT", |v, _| Cell::from(what(v))),
        Column::new("SINCE", |v, _| moment(number(v, "since_ms"))),
        Column::new("BY", |v, _| Cell::from(who(v))),
        Column::new("WHY", |v, _| Cell::from(text(v, "why"))),
    ],
    name: "id",
    none: "Nothing is stopped.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: SpendingVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        SpendingVerb::List { bot, paging, watch } => {
            let bot = found(session, bot).await?;
            let list = |limit, cursor| ListStops { bot: bot.clone(), limit, cursor };
            let read = async || session.list(&paging, list).await;
            session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await
        }
        SpendingVerb::Stop(StopArgs { bot, vendor, everything, why, yes, once }) => {
            let whose = match (&bot, &vendor) {
                (Some(bot), _) => format!("of {bot}"),
                (None, Some(vendor)) => format!("to {vendor}"),
                (None, None) => "of the whole workspace".to_owned(),
            };
            ask::sure(&format!("Stop the model calls {whose} now, also those that run?"), yes)?;
            let bot = found(session, bot).await?;
            let stop = StopCalls { bot, vendor, everything: everything.then_some(true), why };
            let made = session.call_once(&stop, Some(&once)).await?;
            screen.data(&SHAPE.one(&made, format, screen, now_ms())?);
            screen.remark(format!("To take it back: `chela spending allow {}`.", text(&made, "id")));
            Ok(())
        }
        SpendingVerb::Allow(args) => {
            let stop = which(session, &args).await?;
            session.call(&AllowCalls { stop }).await?;
            screen.remark(format!("What {stop} stopped is allowed again."));
            Ok(())
        }
    }
}

/// The id of the bot that is meant, if one is.
async fn found(session: &Session, bot: Option<String>) -> Result<Option<String>, Failure> {
    match bot {
        Some(bot) => Ok(Some(session.bot_called(&bot).await?)),
        None => Ok(None),
    }
}

/// The stop that is meant.
async fn which(session: &Session, args: &AllowArgs) -> Result<StopId, Failure> {
    if let Some(stop) = args.stop.as_deref().and_then(|stop| stop.parse().ok()) {
        return Ok(stop);
    }
    let bot = match &args.bot {
        Some(bot) => session.bot_called(bot).await?,
        None => String::new(),
    };
    let vendor = match args.vendor.as_deref() {
        Some(vendor) => Vendors::read(session).await?.of_model(vendor),
        None => String::new(),
    };
    let all = Paging { limit: 0, all: true };
    let all = session.list(&all, |limit, cursor| ListStops { bot: None, limit, cursor }).await?;
    // What was said in place of an id names nothing.
    let is_it =
        |stop: &&Value| args.stop.is_none() && text(stop, "bot") == bot && text(stop, "vendor") == vendor;
    let stops = || all.as_array().into_iter().flatten();
    if let Some(found) = stops().find(is_it).and_then(|stop| text(stop, "id").parse().ok()) {
        return Ok(found);
    }
    let mut words = "that is not stopped.".to_owned();
    for stop in stops() {
        words.push_str(&format!("\n  {} {}", text(stop, "id"), plain(what(stop))));
    }
    words.push_str("\n  What you can do: ");
    if stops().next().is_some() {
        words.push_str("`chela spending allow ID` allows one of these; ");
    }
    words.push_str("`chela budget list` shows what a budget of 0 stops.");
    Err(Failure::Missing(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stop_is_told_with_who_what_when_why_and_the_way_back() {
        let stop = json!({ "id": "stp_1", "bot": "bot_1", "bot_name": "Fox", "by": "tok_1", "by_name": "laptop",
            "why": "it loops", "since_ms": 1_795_420_800_000_i64 });
        let told = in_words(&stop);
        assert!(told.starts_with("laptop stopped model calls of Fox, 2026-"), "{told}");
        assert!(told.ends_with("(it loops); `chela spending allow stp_1` allows them again"), "{told}");
        let lifted =
            json!({ "vendor": "openai", "by": "u", "since_ms": 0, "lifted_at_ms": 1_795_420_800_000_i64 });
        let told = in_words(&lifted);
        assert!(
            told.starts_with("u stopped model calls to openai,") && told.contains("allowed again 2026-"),
            "{told}"
        );
        assert!(in_words(&json!({ "by": "u" })).starts_with("u stopped all model calls,"));
    }
}
