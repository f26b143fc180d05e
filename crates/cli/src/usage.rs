//! `chela usage`: model calls, and what they sum up to.

mod chosen;
mod export;
mod shape;
mod why;

use crate::{
    completion,
    failure::Failure,
    options::{Paging, Watch},
    output::{Shape, now_ms},
    session::Session,
};
use api::usage::*;
use chosen::{By, Chosen, Sort, Step};
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;
use shape::{CALL, CALLS, PIECES, SHARES, SUMMARY, SUMS};
use std::path::PathBuf;

/// What is said where a model has no calls.
const NO_MODEL: &str = "No such call. A model goes by the name that its vendor answered with: `chela usage breakdown --by model` shows them.";

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
    /// Sums of a time, and of the time before; the last 24 hours if none is said.
    Summary {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        watch: Watch,
    },
    /// Sums by hour, day or month.
    Trend {
        /// Hours up to three days, then days, then months, if nothing is said.
        #[arg(long)]
        by: Option<Step>,
        #[command(flatten)]
        chosen: Chosen,
    },
    /// Who or what has which share, the greatest first.
    Breakdown {
        #[arg(long, default_value = "bot")]
        by: By,
        #[arg(long, default_value = "cost")]
        sort: Sort,
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        paging: Paging,
    },
    /// One call, by the id that its answer carried.
    Show {
        /// As in the answer's x-chela-request-id, or as listed.
        call: String,
    },
    /// Calls as CSV, into a file or to standard output.
    Export {
        #[command(flatten)]
        chosen: Chosen,
        /// A file that is not there yet; standard output without it.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Args, Clone, Debug)]
struct ListArgs {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    watch: Watch,
}

/// Runs it.
pub(crate) async fn run(session: &Session, args: UsageArgs) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    let list = match args.verb {
        None => args.list,
        Some(UsageVerb::List(list)) => list,
        Some(UsageVerb::Today { watch }) => {
            let show = |sums: &Value| SUMS.one(sums, format, screen, now_ms());
            return session.follow(watch.watch, async || session.call(&UsageToday {}).await, show).await;
        }
        Some(UsageVerb::Summary { chosen, watch }) => {
            let c = chosen.asked(session).await?;
            let show = |sums: &Value| SUMMARY.one(sums, format, screen, now_ms());
            let read = async || session.call(&SummarizeUsage::from(c.clone())).await;
            return session.follow(watch.watch, read, show).await;
        }
        Some(UsageVerb::Trend { by, chosen }) => {
            let c = chosen.asked(session).await?;
            let trend = session.call(&TrendUsage { by: by.map(Into::into), ..c.into() }).await?;
            if matches!(format, crate::options::Format::Json | crate::options::Format::Yaml) {
                screen.data(&crate::output::as_is(&trend, format)?);
                return Ok(());
            }
            screen.data(&PIECES.list(&trend["points"], format, screen, now_ms())?);
            return Ok(());
        }
        Some(UsageVerb::Breakdown { by, sort, chosen, paging }) => {
            let c = chosen.asked(session).await?;
            let (by, sort) = (by.into(), sort.into());
            let ask = |limit, cursor| BreakDownUsage { by, sort, limit, cursor, ..c.clone().into() };
            let all = session.list(&paging, ask).await?;
            screen.data(&SHARES.list(&all, format, screen, now_ms())?);
            return Ok(());
        }
        Some(UsageVerb::Show { call }) => {
            let found = session.call(&ShowUsage { call }).await?;
            let shown = if matches!(format, crate::options::Format::Json | crate::options::Format::Yaml) {
                crate::output::as_is(&found, format)?
            } else {
                let mut call = found["call"].clone();
                for (here, beside) in
                    [("tried", "tried"), ("stopped_by", "stopped_by"), ("stop_told", "stop")]
                {
                    call[here] = found[beside].clone();
                }
                CALL.one(&call, format, screen, now_ms())?
            };
            screen.data(&shown);
            return Ok(());
        }
        Some(UsageVerb::Export { chosen, file }) => {
            let c = chosen.asked(session).await?;
            return export::run(session, &c.into(), file).await;
        }
    };
    let none = match (list.chosen.has_model(), list.chosen.is_narrow()) {
        (true, _) => NO_MODEL,
        (false, true) => "No such call.",
        (false, false) => CALLS.none,
    };
    let calls = Shape { none, ..CALLS };
    let c = list.chosen.asked(session).await?;
    let read = async || {
        session.list(&list.paging, |limit, cursor| ListUsage { limit, cursor, ..c.clone().into() }).await
    };
    let show = |all: &Value| calls.list(all, format, screen, now_ms());
    session.follow(list.watch.watch, read, show).await
}
