//! `chela bot health`, `diagnose` and `postmortem`.

use super::{past::lasted, shape};
use crate::{
    completion,
    failure::Failure,
    options::{Paging, Watch},
    output::{Cell, Column, Shape, Tone, age, moment, now_ms, number, text, words},
    session::Session,
};
use api::{bots::*, ids::PostmortemId};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Args, Clone, Debug)]
pub struct HealthArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Args, Clone, Debug)]
pub struct PostmortemArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    /// Which one, as the list names it; without it all are listed.
    id: Option<PostmortemId>,
    #[command(flatten)]
    paging: Paging,
}

/// A value inside of others.
fn within<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

fn fact(value: &Value, path: &str) -> Cell {
    let said = within(value, path).as_str().unwrap_or_default();
    let rests = text(value, "at_rest");
    let tone = match said {
        "yes" => Tone::Good,
        // What is down as wanted fails at nothing.
        "no" if !rests.is_empty() => return Cell::toned(format!("no ({rests}, as wanted)"), Tone::Quiet),
        "no" => Tone::Bad,
        _ => Tone::Quiet,
    };
    Cell::toned(said, tone)
}

fn at(value: &Value, path: &str, now: i64) -> Cell {
    age(within(value, path).as_i64(), now)
}

fn said(value: &Value, path: &str) -> Cell {
    Cell::from(within(value, path).as_str().unwrap_or("-"))
}

const HEALTH: Shape = Shape {
    columns: &[
        Column::new("Health", |v, _| shape::health(v)),
        Column::new("Why", |v, _| said(v, "/reason/message")),
        Column::new("What to do", |v, _| said(v, "/reason/hint")),
        Column::new("Lives", |v, _| fact(v, "/process/lives")),
        Column::new("Since", |v, now| at(v, "/process/since_ms", now)),
        Column::new("Restarts", |v, _| {
            Cell::from(within(v, "/process/restarts").as_i64().unwrap_or_default().to_string())
        }),
        Column::new("Died last", |v, now| at(v, "/process/last_exit/at_ms", now)),
        Column::new("Of", |v, _| said(v, "/process/last_exit/reason/message")),
        Column::new("Works", |v, _| fact(v, "/works/works")),
        Column::new("Gateway", |v, _| fact(v, "/works/gateway")),
        Column::new("Model", |v, _| fact(v, "/works/model")),
        Column::new("Asked", |v, now| at(v, "/works/probe/at_ms", now)),
        Column::new("Last answer", |v, now| at(v, "/works/last_answer_at_ms", now)),
    ],
    name: "health",
    none: "",
};

const POSTMORTEMS: Shape = Shape {
    columns: &[
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::new("TIME", |v, _| moment(number(v, "at_ms"))),
        Column::new("LIVED", |v, _| lasted(v, "lived_ms")),
        Column::new("CODE", |v, _| {
            Cell::from(number(v, "exit_code").map_or("-".to_owned(), |c| c.to_string()))
        }),
        Column::new("WHY", |v, _| {
            Cell::from(words(within(v, "/reason/message").as_str().unwrap_or_default(), 80))
        }),
    ],
    name: "id",
    none: "It has not died.",
};

const POSTMORTEM: Shape = Shape {
    columns: &[
        Column::new("Id", |v, _| Cell::from(text(v, "id"))),
        Column::new("Time", |v, _| moment(number(v, "at_ms"))),
        Column::new("Why", |v, _| said(v, "/reason/message")),
        Column::new("What to do", |v, _| said(v, "/reason/hint")),
        Column::new("Lived", |v, _| lasted(v, "lived_ms")),
        Column::new("Exit code", |v, _| {
            Cell::from(number(v, "exit_code").map_or("-".to_owned(), |c| c.to_string()))
        }),
        Column::new("Changed", |v, _| changed(v)),
        Column::new("Last words", |v, _| last_words(v)),
    ],
    name: "id",
    none: "",
};

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn changed(postmortem: &Value) -> Cell {
    let all: Vec<&str> = items(postmortem, "changes").map(|change| text(change, "setting")).collect();
    Cell::from(if all.is_empty() { "nothing since it was well".to_owned() } else { all.join(", ") })
}

fn last_words(postmortem: &Value) -> Cell {
    let last = items(postmortem, "lines").last().map(|line| text(line, "text")).unwrap_or("-");
    Cell::from(words(last, 200))
}

const CHECKS: Shape = Shape {
    columns: &[
        Column::new("CHECK", |v, _| Cell::from(text(v, "check"))),
        Column::new("VERDICT", |v, _| {
            let tone = match text(v, "verdict") {
                "pass" => Tone::Good,
                "warning" => Tone::Busy,
                _ => Tone::Bad,
            };
            Cell::toned(text(v, "verdict"), tone)
        }),
        Column::new("MS", |v, _| Cell::from(number(v, "latency_ms").unwrap_or_default().to_string())),
        Column::new("SAYS", |v, _| Cell::from(text(v, "message"))),
    ],
    name: "check",
    none: "",
};

/// Shows the two facts.
pub(super) async fn health(session: &Session, args: HealthArgs) -> Result<(), Failure> {
    let read = async || match session.call(&ReadBotHealth { bot: args.bot.clone() }).await {
        Ok(health) => Ok(health),
        Err(failure) => Err(session.nearest_bot(failure, &args.bot).await),
    };
    let show = |one: &Value| HEALTH.one(one, session.common.output, &session.screen, now_ms());
    session.follow(args.watch.watch, read, show).await
}

/// Shows deaths, or one of them.
pub(super) async fn postmortem(session: &Session, args: PostmortemArgs) -> Result<(), Failure> {
    let bot = args.bot;
    let shown = if let Some(postmortem) = args.id {
        let read = session.call(&ReadPostmortem { bot: bot.clone(), postmortem }).await;
        read.map(|one| POSTMORTEM.one(&one, session.common.output, &session.screen, now_ms()))
    } else {
        let page = |limit, cursor| ListPostmortems { bot: bot.clone(), limit, cursor };
        let all = session.list(&args.paging, page).await;
        all.map(|all| POSTMORTEMS.list(&all, session.common.output, &session.screen, now_ms()))
    };
    match shown {
        Ok(text) => session.screen.data(&text?),
        Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
    }
    Ok(())
}

/// Shows what fails and what to do.
pub(super) async fn diagnose(session: &Session, bot: String) -> Result<(), Failure> {
    let found = match session.call(&DiagnoseBot { bot: bot.clone() }).await {
        Ok(found) => found,
        Err(failure) => return Err(session.nearest_bot(failure, &bot).await),
    };
    use crate::options::Format;
    let checks = within(&found, "/checks");
    if matches!(session.common.output, Format::Json | Format::Yaml) {
        session.screen.data(&crate::output::as_is(&found, session.common.output)?);
    } else {
        session.screen.data(&CHECKS.list(checks, session.common.output, &session.screen, now_ms())?);
        for what in items(&found, "recommendations") {
            session.screen.remark(text(what, "text"));
        }
    }
    match items(&found, "checks").filter(|check| text(check, "verdict") == "fail").count() {
        0 => Ok(()),
        1 => Err(Failure::Other("one check failed.".to_owned())),
        failed => Err(Failure::Other(format!("{failed} checks failed."))),
    }
}
