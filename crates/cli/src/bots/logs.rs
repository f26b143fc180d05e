//! `chela bot logs`: what a bot writes, from its end or as it comes.

use crate::{
    completion,
    failure::Failure,
    options::{Format, duration},
    output::{as_is, complain, moment, now_ms, number, plain, text},
    session::Session,
    watch::passing,
};
use api::bots::{LogLevel, ReadLogs};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;
use std::time::Duration;

/// How long the panel may wait for something new; it allows no more.
const WAIT_S: u32 = 10;
/// How long until the next try after the connection was lost.
const PAUSE: Duration = Duration::from_secs(1);

/// The least grave lines that are shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    Info,
    Warn,
    Error,
}

#[derive(Args, Clone, Debug)]
pub struct LogsArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    /// Go on with what comes, until Ctrl-C; over restarts of the bot and lost connections.
    #[arg(short, long)]
    follow: bool,
    /// So many lines from the end.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    tail: u32,
    /// Only what is newer than this: 30s, 10m, 2h.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    since: Option<Duration>,
    /// Only lines at least this grave.
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Only lines with these words, in whatever case.
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// With the time of each line.
    #[arg(long)]
    timestamps: bool,
}

/// Shows them.
pub(super) async fn logs(session: &Session, args: &LogsArgs) -> Result<(), Failure> {
    let ask = ReadLogs {
        bot: args.bot.clone(),
        limit: Some(args.tail),
        cursor: None,
        since_ms: args.since.map(|back| now_ms() - i64::try_from(back.as_millis()).unwrap_or(i64::MAX)),
        level: args.level.map(|level| match level {
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        }),
        q: args.search.clone(),
        wait_s: None,
    };
    let page = match session.call(&ask).await {
        Ok(page) => page,
        Err(failure) => return Err(session.nearest_bot(failure, &args.bot).await),
    };
    if page.get("skipped").and_then(Value::as_bool) == Some(true) {
        session
            .screen
            .remark("There is more before these lines: --tail shows up to 1000, --since goes back in time.");
    }
    show(session, args, &page)?;
    if !args.follow {
        return Ok(());
    }
    tokio::select! {
        ended = follow(session, args, ask, page) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn follow(
    session: &Session,
    args: &LogsArgs,
    mut ask: ReadLogs,
    mut page: Value,
) -> Result<(), Failure> {
    let patience = session.common.timeout.unwrap_or(crate::session::DEADLINE).as_secs() / 2;
    (ask.since_ms, ask.limit) = (None, Some(1000));
    ask.wait_s = Some(u32::try_from(patience).unwrap_or(WAIT_S).min(WAIT_S));
    let mut lost = false;
    loop {
        ask.cursor = Some(text(&page, "next").to_owned());
        match session.call(&ask).await {
            Ok(next) => {
                (page, lost) = (next, false);
                show(session, args, &page)?;
            }
            Err(failure) if passing(&failure) => {
                if !std::mem::replace(&mut lost, true) {
                    complain(&failure);
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Lines for people; JSON as one array, or a line each while more may come.
fn show(session: &Session, args: &LogsArgs, page: &Value) -> Result<(), Failure> {
    let lines = page.get("lines").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match session.common.output {
        Format::Json if args.follow => lines.iter().for_each(|line| session.screen.data(&line.to_string())),
        format @ (Format::Json | Format::Yaml) if !lines.is_empty() || !args.follow => {
            session.screen.data(&as_is(&Value::Array(lines.to_vec()), format)?);
        }
        Format::Json | Format::Yaml => {}
        Format::Table | Format::Wide | Format::Name => {
            for line in lines {
                if args.timestamps {
                    session.screen.piece(&format!("{} ", moment(number(line, "at_ms")).text));
                }
                session.screen.foreign(&format!("{}\n", plain(text(line, "text"))));
            }
        }
    }
    Ok(())
}
