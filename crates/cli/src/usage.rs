//! `chela usage`: model calls, newest first, and the sums of a day.

use crate::{
    completion,
    failure::Failure,
    options::{Paging, Watch},
    output::{Cell, Column, Shape, Tone, moment, named, now_ms, number, text, usd},
    session::Session,
};
use api::{
    bots::GetBot,
    ids::BotId,
    usage::{ListUsage, UsageToday},
};
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct UsageArgs {
    #[command(subcommand)]
    verb: Option<UsageVerb>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Subcommand, Clone, Debug)]
enum UsageVerb {
    /// The same as `chela usage`.
    List(ListArgs),
    /// Sums of the last 24 hours.
    Today {
        #[command(flatten)]
        watch: Watch,
    },
}

#[derive(Args, Clone, Debug)]
struct ListArgs {
    /// Calls of this bot only.
    #[arg(long, add = ArgValueCandidates::new(completion::bots))]
    bot: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    watch: Watch,
}

fn count(value: &Value, key: &str) -> Cell {
    Cell::from(number(value, key).map(|n| n.to_string()).unwrap_or_default())
}

/// Nothing is known to be nothing; what is not known says so.
fn cost(value: &Value) -> Cell {
    number(value, "cost_micro_usd").map_or_else(|| Cell::toned("unknown", Tone::Quiet), |n| usd(n).into())
}

const CALLS: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| moment(number(v, "started_at_ms"))),
        Column::new("MODEL", |v, _| Cell::from(format!("{}/{}", text(v, "vendor"), text(v, "model")))),
        Column::new("STATUS", |v, _| {
            let good = number(v, "status").is_some_and(|status| (200..300).contains(&status));
            Cell::toned(count(v, "status").text, if good { Tone::Good } else { Tone::Bad })
        }),
        Column::new("IN", |v, _| count(v, "input_tokens")),
        Column::new("OUT", |v, _| count(v, "output_tokens")),
        Column::new("COST", |v, _| cost(v)),
        Column::new("MS", |v, _| count(v, "latency_ms")),
        Column::new("BOT", |v, _| named(v, "bot_name", "bot")),
        Column::wide("ANSWERED BY", |v, _| Cell::from(text(v, "model_answered"))),
        Column::wide("KEY", |v, _| named(v, "key_name", "key")),
        Column::wide("BOT ID", |v, _| Cell::from(text(v, "bot"))),
        Column::wide("KEY ID", |v, _| Cell::from(text(v, "key"))),
        Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "No model was called yet.",
};

const SUMS: Shape = Shape {
    columns: &[
        Column::new("Calls", |v, _| count(v, "calls")),
        Column::new("Failed", |v, _| count(v, "failed")),
        Column::new("Input tokens", |v, _| count(v, "input_tokens")),
        Column::new("Output tokens", |v, _| count(v, "output_tokens")),
        Column::new("Cost", |v, _| cost(v)),
        Column::new("Calls of unknown cost", |v, _| count(v, "cost_unknown")),
    ],
    name: "calls",
    none: "",
};

/// Runs it.
pub(crate) async fn run(session: &Session, args: UsageArgs) -> Result<(), Failure> {
    let list = match args.verb {
        Some(UsageVerb::Today { watch }) => {
            let show = |sums: &Value| SUMS.one(sums, session.common.output, &session.screen, now_ms());
            return session.follow(watch.watch, async || session.call(&UsageToday {}).await, show).await;
        }
        Some(UsageVerb::List(list)) => list,
        None => args.list,
    };
    // The API takes an id here.
    let bot = match list.bot {
        Some(bot) if bot.parse::<BotId>().is_err() => {
            match session.call(&GetBot { bot: bot.clone() }).await {
                Ok(found) => Some(text(&found, "id").to_owned()),
                Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
            }
        }
        other => other,
    };
    let read = async || {
        session.list(&list.paging, |limit, cursor| ListUsage { limit, cursor, bot: bot.clone() }).await
    };
    let show = |all: &Value| CALLS.list(all, session.common.output, &session.screen, now_ms());
    session.follow(list.watch.watch, read, show).await
}
