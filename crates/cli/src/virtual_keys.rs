//! `chela virtual-key`: what people and programs call models with. A secret is shown once.

use crate::{
    ask, completion,
    failure::Failure,
    keys::{joined, listed},
    options::{Format, Once, Paging, Watch, Yes, filled, filled_or_all, filled_or_none},
    output::{Cell, Column, Shape, Tone, age, flag, moment, now_ms, number, text},
    prices::micro,
    session::Session,
};
use api::{
    budgets::{BudgetPeriod, BudgetUnit},
    ids::VirtualKeyId,
    virtual_keys::*,
};
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum VirtualKeyVerb {
    /// The keys, without their secrets.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Make a key and print its secret, which is never shown again.
    Add(AddArgs),
    /// Rename, restrict, block or unblock a key.
    Change(ChangeArgs),
    /// Print a new secret; the old one works on for a while.
    Rotate {
        /// Id or name.
        #[arg(add = ArgValueCandidates::new(completion::virtual_keys))]
        key: String,
        /// How long the old secret works on; 0 ends it at once.
        #[arg(long, value_name = "MINUTES")]
        overlap: Option<u32>,
    },
    /// Delete a key; whoever uses it is out at once.
    #[command(visible_alias = "delete")]
    Rm {
        /// Id or name.
        #[arg(add = ArgValueCandidates::new(completion::virtual_keys))]
        key: String,
        #[command(flatten)]
        yes: Yes,
    },
}

#[derive(Args, Clone, Debug)]
pub struct AddArgs {
    name: String,
    /// A model it is for (`vendor/model` or `vendor/*`), several times for several; all without it.
    #[arg(long = "model", value_name = "MODEL", value_parser = filled)]
    models: Vec<String>,
    /// A tag, such as its team's, several times for several: budgets and usage go by them, and provider keys with the first one
    /// are used first.
    #[arg(long = "tag", value_name = "TAG", value_parser = filled)]
    tags: Vec<String>,
    /// Days until it ends, 1 to 3650; it does not end, if nothing is said.
    #[arg(long, value_name = "DAYS")]
    expires: Option<u32>,
    /// USD a month, more than 0; no limit, if nothing is said. A budget, which `chela budget` changes and deletes.
    #[arg(long, value_name = "USD", value_parser = |text: &str| above_nothing(micro(text)?))]
    budget: Option<i64>,
    /// Requests a minute, more than 0; no limit, if nothing is said. A budget, too.
    #[arg(long, value_name = "REQUESTS", value_parser = requests)]
    rate: Option<i64>,
    #[command(flatten)]
    once: Once,
}

/// Of a new key there is nothing to take away, and a budget of 0 would let nothing through.
fn above_nothing(limit: i64) -> Result<i64, String> {
    let words = "must be more than 0; leave it out for no limit. A key that opens nothing is a blocked one";
    if limit > 0 { Ok(limit) } else { Err(words.to_owned()) }
}

/// Days, or the word for no end; 0 is that, too.
fn days(text: &str) -> Result<u32, String> {
    match text {
        "never" => Ok(0),
        days => days.parse().map_err(|_bad| "must be a whole number of days, or never".to_owned()),
    }
}

fn requests(text: &str) -> Result<i64, String> {
    above_nothing(text.parse().map_err(|_bad| "must be a whole number".to_owned())?)
}

#[derive(Args, Clone, Debug)]
pub struct ChangeArgs {
    /// Id or name.
    #[arg(add = ArgValueCandidates::new(completion::virtual_keys))]
    key: String,
    #[arg(long)]
    name: Option<String>,
    /// A model it is for, several times for several; `all` for all.
    #[arg(long = "model", value_name = "MODEL", value_parser = filled_or_all)]
    models: Vec<String>,
    /// A tag, several times for several, in place of those it has; `none` for none.
    #[arg(long = "tag", value_name = "TAG", value_parser = filled_or_none)]
    tags: Vec<String>,
    /// Days until it ends; `never` for never.
    #[arg(long, value_name = "DAYS", value_parser = days)]
    expires: Option<u32>,
    /// Whether it opens nothing for now.
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    blocked: Option<bool>,
}

fn state(key: &Value, now_ms: i64) -> Cell {
    let expired = number(key, "expires_at_ms").is_some_and(|end| end <= now_ms);
    match (flag(key, "blocked"), expired) {
        (true, _) => Cell::toned("blocked", Tone::Bad),
        (_, true) => Cell::toned("expired", Tone::Bad),
        _ => Cell::toned("open", Tone::Good),
    }
}

fn models(key: &Value) -> String {
    let models = key.get("models").and_then(Value::as_array);
    let names: Vec<&str> = models.into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() { "all".to_owned() } else { names.join(", ") }
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::new("STATE", state),
        Column::new("MODELS", |v, _| Cell::from(models(v))),
        Column::new("TAGS", |v, _| Cell::from(joined(v, "tags"))),
        Column::new("SECRET", |v, _| Cell::from(format!("…{}", text(v, "last_four")))),
        Column::new("USED", |v, now| age(number(v, "last_used_at_ms"), now)),
        Column::new("EXPIRES", |v, _| moment(number(v, "expires_at_ms"))),
        Column::wide("OLD SECRET UNTIL", |v, _| moment(number(v, "former_until_ms"))),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "There are no virtual keys. `chela virtual-key add NAME` makes one.",
};

/// The end of so many days from now; 0 stays 0.
fn end(days: u32) -> i64 {
    if days == 0 { 0 } else { now_ms() + i64::from(days) * 86_400_000 }
}

/// The virtual key of an id or name.
pub(crate) async fn named(session: &Session, key: &str) -> Result<(VirtualKeyId, String), Failure> {
    let all = Paging { limit: 0, all: true };
    let all = session.list(&all, |limit, cursor| ListVirtualKeys { limit, cursor }).await?;
    let found = completion::only(&all, "name", key);
    let (id, name) = found.map_err(|failure| failure.with("`chela virtual-key list` shows them."))?;
    let id = id.parse().map_err(|_bad| Failure::Missing(format!("'{key}' is no virtual key")))?;
    Ok((id, name))
}

/// Runs one.
pub(crate) async fn run(session: &Session, verb: VirtualKeyVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        VirtualKeyVerb::List { paging, watch } => {
            let read =
                async || session.list(&paging, |limit, cursor| ListVirtualKeys { limit, cursor }).await;
            session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await
        }
        VirtualKeyVerb::Add(args) => {
            let limit = |most: Option<i64>, unit, period| {
                Some(KeyLimit { unit, period, most: Some(most?), amount: None })
            };
            let limits = [
                limit(args.budget, BudgetUnit::Money, BudgetPeriod::Month),
                limit(args.rate, BudgetUnit::Requests, BudgetPeriod::Minute),
            ];
            is_seen(session)?;
            let create = CreateVirtualKey {
                name: args.name,
                models: args.models,
                tags: (!args.tags.is_empty()).then_some(args.tags),
                expires_at_ms: None,
                expires_in_days: args.expires,
                limits: limits.into_iter().flatten().collect(),
            };
            secret(session, &session.call_once(&create, Some(&args.once)).await?)
        }
        VirtualKeyVerb::Change(args) => {
            let (virtual_key, _) = named(session, &args.key).await?;
            let all = args.models.iter().any(|model| model == "all");
            let models =
                (!args.models.is_empty()).then(|| if all { Vec::new() } else { args.models.clone() });
            let change = ChangeVirtualKey {
                virtual_key,
                name: args.name,
                models,
                tags: listed(args.tags, "none"),
                expires_at_ms: args.expires.map(end),
                blocked: args.blocked,
                expected_version: None,
            };
            let key = session.call(&change).await?;
            screen.data(&SHAPE.one(&key, format, screen, now_ms())?);
            Ok(())
        }
        VirtualKeyVerb::Rotate { key, overlap } => {
            is_seen(session)?;
            let (virtual_key, _) = named(session, &key).await?;
            let rotate = RotateVirtualKey { virtual_key, overlap_minutes: overlap };
            secret(session, &session.call(&rotate).await?)?;
            session.screen.remark(old_secret(session, virtual_key).await?);
            Ok(())
        }
        VirtualKeyVerb::Rm { key, yes } => {
            let (virtual_key, name) = named(session, &key).await?;
            ask::sure(&format!("Delete the virtual key '{name}'? Whoever uses it is out at once."), yes)?;
            session.call(&DeleteVirtualKey { virtual_key }).await?;
            screen.remark(format!("The virtual key '{name}' is deleted."));
            Ok(())
        }
    }
}

/// Until when the secret before a rotation works.
async fn old_secret(session: &Session, key: VirtualKeyId) -> Result<String, Failure> {
    let all = Paging { limit: 0, all: true };
    let all = session.list(&all, |limit, cursor| ListVirtualKeys { limit, cursor }).await?;
    let key = key.to_string();
    let found = all.as_array().into_iter().flatten().find(|one| text(one, "id") == key);
    Ok(match found.and_then(|key| number(key, "former_until_ms")) {
        Some(until) => format!("The old secret works until {}.", moment(Some(until)).text),
        None => "The old secret works no longer.".to_owned(),
    })
}

/// With ids alone a secret would be made and never be seen.
fn is_seen(session: &Session) -> Result<(), Failure> {
    match session.common.output {
        Format::Name => Err(Failure::Usage(
            "-o name prints ids alone, and the secret is shown this once: nothing was done. Leave it out, or say -o json."
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Alone on standard output, so that it can be piped on.
fn secret(session: &Session, made: &Value) -> Result<(), Failure> {
    const MADE: Shape = Shape {
        columns: &[Column::new("SECRET", |v, _| Cell::from(text(v, "secret")))],
        name: "id",
        none: "",
    };
    if text(made, "secret").is_empty() {
        // A repeated request: the answer is the first one's, without it.
        session.screen.remark(format!(
            "It was made before, and its secret was shown then: `chela virtual-key rotate {}` gives another.",
            text(made, "id")
        ));
    } else {
        session.screen.remark("The secret is shown this once.".to_owned());
    }
    session.screen.data(&MADE.one(made, session.common.output, &session.screen, now_ms())?);
    Ok(())
}
