//! How bots are written.

use crate::{
    failure::Failure,
    options::Format,
    output::{Cell, Column, Shape, Tone, age, as_is, flag, moment, now_ms, number, text, words},
    session::Session,
};
use api::bots::TRASH_MS;
use serde_json::Value;

fn state(bot: &Value) -> Cell {
    if text(bot, "desired") == "deleted" {
        return Cell::toned("deleting", Tone::Busy);
    }
    if number(bot, "asleep_since_ms").is_some() && text(bot, "observed") == "stopped" {
        return Cell::toned("asleep", Tone::Quiet);
    }
    let (observed, stage) = (text(bot, "observed"), text(bot, "stage"));
    let tone = match observed {
        "running" => Tone::Good,
        "failed" => Tone::Bad,
        "stopped" => Tone::Quiet,
        _ => Tone::Busy,
    };
    if stage.is_empty() || stage == "ready" {
        Cell::toned(observed, tone)
    } else {
        Cell::toned(format!("{observed} ({stage})"), tone)
    }
}

pub(super) fn health(bot: &Value) -> Cell {
    let health = text(bot, "health");
    let tone = match health {
        "healthy" => Tone::Good,
        "unhealthy" => Tone::Bad,
        "degraded" => Tone::Busy,
        _ => Tone::Quiet,
    };
    Cell::toned(health, tone)
}

fn why<'a>(bot: &'a Value, key: &str) -> &'a str {
    bot.get("reason").map(|reason| text(reason, key)).unwrap_or_default()
}

fn tags(bot: &Value) -> String {
    let tags = bot.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tags.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// Which one it runs with, and which ones `chela bot upgrade` can give it.
fn openclaw(bot: &Value) -> String {
    let offers = bot.get("openclaw_offers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let offers: Vec<&str> = offers.iter().filter_map(Value::as_str).collect();
    match offers.as_slice() {
        [] => text(bot, "openclaw").to_owned(),
        some => format!("{} (offered: {})", text(bot, "openclaw"), some.join(", ")),
    }
}

const LIST: Shape = Shape {
    columns: &[
        Column::new("BOT", |v, _| Cell::from(text(v, "slug"))),
        Column::new("STATE", |v, _| state(v)),
        Column::new("HEALTH", |v, _| health(v)),
        Column::new("MODEL", |v, _| Cell::from(text(v, "model"))),
        Column::new("SINCE", |v, now| age(number(v, "since_ms"), now)),
        Column::new("WHY", |v, _| Cell::from(words(why(v, "message"), 60))),
        Column::wide("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::wide("TAGS", |v, _| Cell::from(tags(v))),
        Column::wide("RUNTIME", |v, _| Cell::from(text(v, "runtime"))),
        Column::wide("PROFILE", |v, _| Cell::from(text(v, "profile"))),
        Column::wide("AGE", |v, now| age(number(v, "created_at_ms"), now)),
        Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "slug",
    none: "There are no bots. `chela bot create NAME` makes one.",
};

const TRASH: Shape = Shape {
    columns: &[
        Column::new("BOT", |v, _| Cell::from(text(v, "slug"))),
        Column::new("STATE", |v, _| state(v)),
        Column::new("THROWN AWAY", |v, _| moment(number(v, "trashed_at_ms"))),
        Column::new("DELETED FOR GOOD", |v, _| {
            // What is deleted already waits for what it runs in alone.
            let at = number(v, "trashed_at_ms").filter(|_| text(v, "desired") != "deleted");
            moment(at.map(|at| at + TRASH_MS))
        }),
        Column::new("WHY", |v, _| Cell::from(words(why(v, "message"), 60))),
        Column::wide("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::wide("MODEL", |v, _| Cell::from(text(v, "model"))),
        Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "slug",
    none: "The trash is empty.",
};

const ONE: Shape = Shape {
    columns: &[
        Column::new("Bot", |v, _| Cell::from(text(v, "slug"))),
        Column::new("Name", |v, _| Cell::from(text(v, "name"))),
        Column::new("Id", |v, _| Cell::from(text(v, "id"))),
        Column::new("State", |v, _| state(v)),
        Column::new("Wanted", |v, _| Cell::from(text(v, "desired"))),
        Column::new("Health", |v, _| health(v)),
        Column::new("Since", |v, now| age(number(v, "since_ms"), now)),
        Column::new("Why", |v, _| Cell::from(why(v, "message"))),
        Column::new("What to do", |v, _| Cell::from(why(v, "hint"))),
        Column::new("Model", |v, _| Cell::from(text(v, "model"))),
        Column::new("Profile", |v, _| Cell::from(text(v, "profile"))),
        Column::new("Runtime", |v, _| Cell::from(text(v, "runtime"))),
        Column::new("OpenClaw", |v, _| Cell::from(openclaw(v))),
        Column::new("Limits", |v, _| {
            let limit = |name: &str| v.pointer(&format!("/settings/limits/{name}")).and_then(Value::as_i64);
            let [memory, cpu, pids] =
                ["memory_mb", "cpu_milli", "pids"].map(|l| limit(l).unwrap_or_default());
            Cell::from(format!("{memory} MiB, {}.{:03} CPU, {pids} PID", cpu / 1000, cpu % 1000))
        }),
        Column::new("Tags", |v, _| Cell::from(tags(v))),
        Column::new("Sleeps after", |v, _| {
            Cell::from(number(v, "idle_stop_minutes").map_or_else(String::new, |n| format!("{n} min")))
        }),
        Column::new("Restarts", |v, _| Cell::from(number(v, "restarts").unwrap_or_default().to_string())),
        Column::new("Prompt", |v, _| {
            Cell::from(words(v.get("settings").map(|s| text(s, "prompt")).unwrap_or_default(), 200))
        }),
        Column::new("Pending", |v, _| pending(v)),
        Column::new("Restart", |v, _| {
            if flag(v, "restart_needed") {
                Cell::toned("needed to take the settings", Tone::Busy)
            } else {
                Cell::from("-")
            }
        }),
        Column::new("Version", |v, _| Cell::from(number(v, "version").unwrap_or_default().to_string())),
        Column::new("Age", |v, now| age(number(v, "created_at_ms"), now)),
    ],
    name: "slug",
    none: "",
};

/// Which settings a pending change would change.
fn pending(bot: &Value) -> Cell {
    let (Some(Value::Object(pending)), Some(now)) = (bot.get("pending"), bot.get("settings")) else {
        return Cell::from("-");
    };
    let changed: Vec<&str> = pending
        .iter()
        .filter(|(key, value)| now.get(key.as_str()) != Some(*value))
        .map(|(key, _)| key.as_str())
        .collect();
    Cell::toned(format!("{} (`chela bot apply` or `discard`)", changed.join(", ")), Tone::Busy)
}

const MODELS: Shape = Shape {
    columns: &[
        Column::new("MODEL", |v, _| Cell::from(text(v, "model"))),
        Column::new("VENDOR", |v, _| Cell::from(text(v, "vendor"))),
    ],
    name: "model",
    none: "There are no models: add a key with `chela key add`.",
};

const RUNTIMES: Shape = Shape {
    columns: &[
        Column::new("RUNTIME", |v, _| Cell::from(text(v, "kind"))),
        Column::new("USABLE", |v, _| {
            let tone = |good| if good { Tone::Good } else { Tone::Bad };
            let usable = flag(v, "available");
            Cell::toned(if usable { "yes" } else { "no" }, tone(usable))
        }),
        Column::new("DEFAULT", |v, _| Cell::from(if flag(v, "default") { "yes" } else { "" })),
        Column::new("NOTE", |v, _| Cell::from(text(v, "note"))),
    ],
    name: "kind",
    none: "There are no runtimes.",
};

fn count(value: &Value, key: &str) -> Cell {
    Cell::from(number(value, key).map(|n| n.to_string()).unwrap_or_default())
}

const STATS: Shape = Shape {
    columns: &[
        Column::new("Bots", |v, _| count(v, "total")),
        Column::new("Running", |v, _| count(v, "running")),
        Column::new("Changing", |v, _| count(v, "changing")),
        Column::new("Stopped", |v, _| count(v, "stopped")),
        Column::new("Attention", |v, _| match number(v, "attention").unwrap_or_default() {
            0 => Cell::from("0".to_owned()),
            n => Cell::toned(n.to_string(), Tone::Bad),
        }),
        Column::new("Trash", |v, _| count(v, "trashed")),
        Column::new("Tags", |v, _| {
            let tags = v.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let told = tags.iter().map(|tag| format!("{} ({})", text(tag, "tag"), count(tag, "bots").text));
            Cell::from(told.collect::<Vec<_>>().join(", "))
        }),
    ],
    name: "total",
    none: "",
};

/// How many bots stand how.
pub(super) fn stats(session: &Session, counted: &Value) -> Result<String, Failure> {
    STATS.one(counted, session.common.output, &session.screen, now_ms())
}

const STORAGE: Shape = Shape {
    columns: &[
        Column::new("PART", |v, _| Cell::from(text(v, "part"))),
        Column::new("FILES", |v, _| count(v, "files")),
        Column::new("BYTES", |v, _| {
            let more = if flag(v, "more") { " or more" } else { "" };
            Cell::from(format!("{}{more}", count(v, "bytes").text))
        }),
        Column::new("ON DISK", |v, _| count(v, "disk_bytes")),
        Column::wide("DIRECTORIES", |v, _| count(v, "directories")),
        Column::wide("LINKS", |v, _| count(v, "links")),
        Column::wide("SPECIALS", |v, _| count(v, "specials")),
        Column::wide("SAYS", |v, _| Cell::from(text(v, "says"))),
    ],
    name: "part",
    none: "It keeps nothing.",
};

/// What a bot keeps.
pub(super) fn storage(session: &Session, counted: &Value) -> Result<String, Failure> {
    let format = session.common.output;
    match format {
        Format::Json | Format::Yaml => as_is(counted, format),
        _ => STORAGE.list(
            &counted.get("parts").cloned().unwrap_or_default(),
            format,
            &session.screen,
            now_ms(),
        ),
    }
}

/// A list of bots.
pub(super) fn list(session: &Session, all: &Value) -> Result<String, Failure> {
    LIST.list(all, session.common.output, &session.screen, now_ms())
}

/// The trash.
pub(super) fn trash(session: &Session, all: &Value) -> Result<String, Failure> {
    TRASH.list(all, session.common.output, &session.screen, now_ms())
}

/// One bot.
pub(super) fn one(session: &Session, bot: &Value) -> Result<String, Failure> {
    ONE.one(bot, session.common.output, &session.screen, now_ms())
}

/// What can be chosen.
pub(super) fn options(session: &Session, choices: &Value, now_ms: i64) -> Result<String, Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    let part = |key: &str| choices.get(key).cloned().unwrap_or_default();
    match format {
        Format::Json | Format::Yaml => as_is(choices, format),
        Format::Name => MODELS.list(&part("models"), format, screen, now_ms),
        Format::Table | Format::Wide => {
            let models = MODELS.list(&part("models"), format, screen, now_ms)?;
            Ok(format!("{models}\n{}", RUNTIMES.list(&part("runtimes"), format, screen, now_ms)?))
        }
    }
}
