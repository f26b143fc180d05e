//! `chela bot events`, `uptime` and `metrics`.

use crate::{
    completion,
    failure::Failure,
    options::{Paging, Watch, duration},
    output::{Cell, Column, Shape, Tone, moment, named, now_ms, number, text, words},
    session::Session,
};
use api::bots::{ListBotEvents, ReadMetrics, ReadUptime};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;
use std::time::Duration;

#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Args, Clone, Debug)]
pub struct UptimeArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    /// Over how long: 24h, 30d.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    since: Option<Duration>,
}

pub(super) fn lasted(value: &Value, key: &str) -> Cell {
    let Some(ms) = number(value, key) else { return Cell::from("-") };
    let seconds = ms / 1000;
    Cell::from(match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    })
}

const EVENTS: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| moment(number(v, "at_ms"))),
        Column::new("EVENT", |v, _| {
            let tone = match text(v, "kind") {
                "died" | "failed" => Tone::Bad,
                "ready" => Tone::Good,
                _ => Tone::Quiet,
            };
            Cell::toned(text(v, "kind"), tone)
        }),
        Column::new("LIVED", |v, _| lasted(v, "lived_ms")),
        Column::new("WHY", |v, _| {
            Cell::from(words(v.get("reason").map(|why| text(why, "message")).unwrap_or_default(), 80))
        }),
        Column::new("BY", |v, _| named(v, "actor_name", "actor")),
        Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "Nothing happened to it yet.",
};

const UPTIME: Shape = Shape {
    columns: &[
        Column::new("From", |v, _| moment(number(v, "from_ms"))),
        Column::new("To", |v, _| moment(number(v, "to_ms"))),
        Column::new("Wanted", |v, _| lasted(v, "wanted_ms")),
        Column::new("Up", |v, _| lasted(v, "up_ms")),
        Column::new("Share", |v, _| share(v)),
        Column::new("Deaths", |v, _| Cell::from(number(v, "deaths").unwrap_or_default().to_string())),
    ],
    name: "up_ms",
    none: "",
};

const METRICS: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| moment(number(v, "at_ms"))),
        Column::new("CORES", |v, _| {
            let milli = number(v, "cpu_milli").unwrap_or_default();
            Cell::from(format!("{}.{:03}", milli / 1000, milli % 1000))
        }),
        Column::new("MEMORY", |v, _| mib(number(v, "memory_bytes"))),
        Column::new("FILES", |v, _| mib(number(v, "disk_bytes"))),
        Column::new("PROCESSES", |v, _| Cell::from(number(v, "processes").unwrap_or_default().to_string())),
        Column::new("SENT", |v, _| whole(number(v, "sent_bytes"))),
        Column::new("RECEIVED", |v, _| whole(number(v, "received_bytes"))),
    ],
    name: "at_ms",
    none: "Nothing was measured in this time.",
};

fn whole(bytes: Option<i64>) -> Cell {
    Cell::from(bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes} B")))
}

fn mib(bytes: Option<i64>) -> Cell {
    Cell::from(bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20)))
}

/// In hundredths of a percent, rounded down: 100.00 % is said of nothing less.
fn share(uptime: &Value) -> Cell {
    let (Some(up), Some(wanted @ 1..)) = (number(uptime, "up_ms"), number(uptime, "wanted_ms")) else {
        return Cell::from("-");
    };
    let hundredths = up.saturating_mul(10_000) / wanted;
    Cell::from(format!("{}.{:02} %", hundredths / 100, hundredths % 100))
}

/// Shows a bot's past.
pub(super) async fn events(session: &Session, args: EventsArgs) -> Result<(), Failure> {
    let bot = args.bot;
    let read = async || {
        let listed = session
            .list(&args.paging, |limit, cursor| ListBotEvents { bot: bot.clone(), limit, cursor })
            .await;
        match listed {
            Ok(all) => Ok(all),
            Err(failure) => Err(session.nearest_bot(failure, &bot).await),
        }
    };
    let show = |all: &Value| EVENTS.list(all, session.common.output, &session.screen, now_ms());
    session.follow(args.watch.watch, read, show).await
}

/// Shows how long it was up.
pub(super) async fn uptime(session: &Session, args: UptimeArgs) -> Result<(), Failure> {
    let from_ms = args.since.map(|back| now_ms() - i64::try_from(back.as_millis()).unwrap_or(i64::MAX));
    let sums = match session.call(&ReadUptime { bot: args.bot.clone(), from_ms, to_ms: None }).await {
        Ok(sums) => sums,
        Err(failure) => return Err(session.nearest_bot(failure, &args.bot).await),
    };
    session.screen.data(&UPTIME.one(&sums, session.common.output, &session.screen, now_ms())?);
    Ok(())
}

/// Shows what it used of its machine.
pub(super) async fn metrics(session: &Session, args: UptimeArgs) -> Result<(), Failure> {
    let from_ms = args.since.map(|back| now_ms() - i64::try_from(back.as_millis()).unwrap_or(i64::MAX));
    let told = match session.call(&ReadMetrics { bot: args.bot.clone(), from_ms, to_ms: None }).await {
        Ok(told) => told,
        Err(failure) => return Err(session.nearest_bot(failure, &args.bot).await),
    };
    let points = told.get("points").cloned().unwrap_or_default();
    session.screen.data(&METRICS.list(&points, session.common.output, &session.screen, now_ms())?);
    Ok(())
}
