//! `chela spending`: model calls stopped at once, and allowed again.

use crate::{
    ask,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, moment, now_ms, number, text},
    session::Session,
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
    /// Stop model calls at once: new ones are refused, those that run end within a second.
    Stop(StopArgs),
    /// Allow them again.
    Allow {
        /// Id of the stop.
        stop: StopId,
    },
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
            let stop = StopCalls { bot, vendor, everything: everything.then_some(true), why };
            let made = session.call_once(&stop, Some(&once)).await?;
            screen.data(&SHAPE.one(&made, format, screen, now_ms())?);
            Ok(())
        }
        SpendingVerb::Allow { stop } => {
            session.call(&AllowCalls { stop }).await?;
            screen.remark(format!("What {stop} stopped is allowed again."));
            Ok(())
        }
    }
}
