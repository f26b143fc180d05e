//! `chela key`: provider keys. A secret is typed or piped in, and never comes back.

use crate::{
    ask, completion,
    failure::Failure,
    options::{Once, Paging, Watch, Yes, filled, filled_or_all, filled_or_none},
    output::{Cell, Column, Shape, Tone, age, now_ms, number, text, usd, words},
    prices::micro,
    session::Session,
};
use api::{ids::KeyId, keys::*};
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum KeyVerb {
    /// The keys, without their secrets.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Test a key at its vendor and store it. The key is read from standard input, or asked for without echo.
    Add(AddArgs),
    /// Say what a key is for: label, tags, models, limits, end. What is not said stays.
    Set(SetArgs),
    /// Test a stored key at its vendor.
    Test {
        /// Id or label.
        #[arg(add = ArgValueCandidates::new(completion::keys))]
        key: String,
    },
    /// Put a new secret in a key's place. It is read from standard input, or asked for without echo.
    Replace(ReplaceArgs),
    /// Delete a key; bots that use its vendor can no longer.
    Rm {
        /// Id or label.
        #[arg(add = ArgValueCandidates::new(completion::keys))]
        key: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Vendors a key can be for.
    Vendors,
}

#[derive(Args, Clone, Debug)]
pub struct AddArgs {
    /// Its id, or `id@region`; `chela key vendors` lists them. Told from the shape of the key where it is not said.
    #[arg(long, add = ArgValueCandidates::new(completion::vendors))]
    vendor: Option<String>,
    /// What to call it, as no other key is called; its vendor's name, if nothing is said.
    #[arg(long)]
    label: Option<String>,
    /// Where it answers: for services of your own, and vendors that give everybody an address. Not together with a region.
    #[arg(long)]
    base_url: Option<String>,
    /// There is no key: the service takes calls without one (Ollama and the like).
    #[arg(long, requires = "vendor")]
    no_key: bool,
    /// Store it although the vendor refuses it.
    #[arg(long)]
    accept_failing: bool,
    /// A tag, several times for several: who has it prefers this key.
    #[arg(long = "tag", value_name = "TAG", value_parser = filled)]
    tags: Vec<String>,
    #[command(flatten)]
    once: Once,
}

#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// Id or label.
    #[arg(add = ArgValueCandidates::new(completion::keys))]
    key: String,
    #[arg(long)]
    label: Option<String>,
    /// A tag, several times for several; `none` for none.
    #[arg(long = "tag", value_name = "TAG", value_parser = filled_or_none)]
    tags: Vec<String>,
    /// A model it may be asked for, or `gpt-5*`, several times for several; `all` for all.
    #[arg(long = "model", value_name = "MODEL", value_parser = filled_or_all)]
    models: Vec<String>,
    /// Requests a minute; 0 is no limit.
    #[arg(long, value_name = "REQUESTS")]
    rate: Option<i64>,
    /// USD a month; 0 is no limit.
    #[arg(long, value_name = "USD", value_parser = micro)]
    budget: Option<i64>,
    /// The day its vendor ends it, such as 2027-01-31; `never` for never.
    #[arg(long, value_name = "DAY", value_parser = filled)]
    expires: Option<String>,
    /// Only if the key still has this version.
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
}

/// A list as it is typed: nothing is said where there is none, and one word empties it.
pub(crate) fn listed(words: Vec<String>, none: &str) -> Option<Vec<String>> {
    let empties = words.iter().any(|word| word == none);
    (!words.is_empty()).then_some(if empties { Vec::new() } else { words })
}

#[derive(Args, Clone, Debug)]
pub struct ReplaceArgs {
    /// Id or label.
    #[arg(add = ArgValueCandidates::new(completion::keys))]
    key: String,
    /// Where it answers, if that is another address than before.
    #[arg(long)]
    base_url: Option<String>,
    /// Store it although the vendor refuses it.
    #[arg(long)]
    accept_failing: bool,
    /// Only if the key still has this version.
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
}

pub(crate) fn joined(key: &Value, name: &str) -> String {
    let words = key.get(name).and_then(Value::as_array);
    words.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

/// How much of something it may have, where that is limited.
fn limit(most: Option<i64>, each: &str, written: fn(i64) -> String) -> Cell {
    Cell::from(most.map(|most| format!("{} {each}", written(most))).unwrap_or_default())
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("LABEL", |v, _| Cell::from(text(v, "label"))),
        Column::new("VENDOR", |v, _| Cell::from(text(v, "vendor"))),
        Column::new("ENDS IN", |v, _| Cell::from(text(v, "last_four"))),
        Column::new("STATUS", |v, _| {
            let status = text(v, "status");
            let tone = match status {
                "working" => Tone::Good,
                "failing" => Tone::Bad,
                _ => Tone::Busy,
            };
            Cell::toned(status, tone)
        }),
        Column::new("RESTS", |v, _| {
            let rests = v.get("rests").and_then(Value::as_array).into_iter().flatten();
            let mut why: Vec<_> = rests.map(|rest| text(rest, "why")).collect();
            why.dedup();
            Cell::toned(why.join(" "), Tone::Busy)
        }),
        Column::new("MODELS", |v, _| {
            Cell::from(v.get("models").and_then(Value::as_array).map_or(0, Vec::len).to_string())
        }),
        Column::new("TAGS", |v, _| Cell::from(joined(v, "tags"))),
        Column::new("TESTED", |v, now| age(number(v, "tested_at_ms").max(number(v, "checked_at_ms")), now)),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::wide("ONLY", |v, _| Cell::from(joined(v, "allowed_models"))),
        Column::wide("RATE", |v, _| {
            limit(number(v, "requests_per_minute"), "a minute", |most| most.to_string())
        }),
        Column::wide("BUDGET", |v, _| limit(number(v, "month_micro_usd"), "a month", usd)),
        Column::wide("ENDS", |v, _| Cell::from(text(v, "expires_on"))),
        Column::wide("BASE URL", |v, _| Cell::from(text(v, "base_url"))),
        Column::wide("SAID", |v, _| Cell::from(words(text(v, "status_message"), 80))),
    ],
    name: "id",
    none: "There are no keys. `chela key add` adds one.",
};

const VENDORS: Shape = Shape {
    columns: &[
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::new("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::new("BASE URL", |v, _| Cell::from(text(v, "base_url"))),
        Column::new("KEY", |v, _| {
            let keyless = v.get("keyless").and_then(Value::as_bool) == Some(true);
            Cell::from(if keyless { "optional" } else { "needed" })
        }),
        Column::new("REGIONS", |v, _| Cell::from(regions(v))),
        Column::wide("ALIASES", |v, _| Cell::from(joined(v, "aliases"))),
    ],
    name: "id",
    none: "There are no vendors.",
};

/// The ids of its other addresses, as they are written behind the vendor's.
fn regions(vendor: &Value) -> String {
    let all = vendor.get("regions").and_then(Value::as_array).into_iter().flatten();
    all.map(|region| format!("@{}", text(region, "id"))).collect::<Vec<_>>().join(" ")
}

/// Runs one.
pub(crate) async fn run(session: &Session, verb: KeyVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        KeyVerb::List { paging, watch } => {
            let read = async || session.list(&paging, |limit, cursor| ListKeys { limit, cursor }).await;
            session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await
        }
        KeyVerb::Add(args) => {
            let secret =
                if args.no_key { zeroize::Zeroizing::default() } else { ask::secret("Key (not shown): ")? };
            let add = AddKey {
                vendor: args.vendor,
                label: args.label,
                secret: secret.to_string(),
                base_url: args.base_url,
                accept_failing: args.accept_failing.then_some(true),
                tags: (!args.tags.is_empty()).then_some(args.tags),
            };
            let added = session.call_once(&add, Some(&args.once)).await;
            one(session, &added.map_err(or_accept)?)
        }
        KeyVerb::Set(args) => {
            let (key, _) = find(session, &args.key).await?;
            let change = ChangeKey {
                label: args.label,
                tags: listed(args.tags, "none"),
                allowed_models: listed(args.models, "all"),
                requests_per_minute: args.rate,
                month_micro_usd: args.budget,
                expires_on: args.expires.map(|day| if day == "never" { String::new() } else { day }),
                expected_version: args.if_version,
                ..ChangeKey::of(key)
            };
            one(session, &session.call(&change).await?)
        }
        KeyVerb::Test { key } => {
            let (key, _) = find(session, &key).await?;
            let tested = session.call(&TestKey { key }).await?;
            one(session, &tested)?;
            if text(&tested, "status") == "failing" {
                return Err(refused(text(&tested, "status_message")));
            }
            Ok(())
        }
        KeyVerb::Replace(args) => {
            let (key, _) = find(session, &args.key).await?;
            let secret = ask::secret("New key (not shown): ")?;
            let replace = ReplaceKey {
                key,
                secret: secret.to_string(),
                base_url: args.base_url,
                accept_failing: args.accept_failing.then_some(true),
                expected_version: args.if_version,
            };
            one(session, &session.call(&replace).await.map_err(or_accept)?)
        }
        KeyVerb::Rm { key, yes } => {
            let (key, label) = find(session, &key).await?;
            ask::sure(&format!("Delete the key '{label}'? Bots that use its vendor can no longer."), yes)?;
            session.call(&DeleteKey { key }).await?;
            screen.remark(format!("The key '{label}' is deleted."));
            Ok(())
        }
        KeyVerb::Vendors => {
            let vendors = session.call(&ListVendors {}).await?;
            screen.data(&VENDORS.list(&vendors, format, screen, now_ms())?);
            Ok(())
        }
    }
}

/// What a failed test says: the vendor's no, or that nobody was there to say it.
fn refused(said: &str) -> Failure {
    let said = crate::output::plain(said);
    let asked = !said.starts_with(UNASKED);
    Failure::Other(format!("the vendor {}{said}", if asked { "refuses this key: " } else { "" }))
}

/// The same failure with the option that stores a key all the same.
fn or_accept(failure: Failure) -> Failure {
    failure.hinting("key_rejected", "`--accept-failing` stores it as failing all the same.")
}

fn one(session: &Session, key: &Value) -> Result<(), Failure> {
    session.screen.data(&SHAPE.one(key, session.common.output, &session.screen, now_ms())?);
    Ok(())
}

/// The key of an id or label.
pub(crate) async fn find(session: &Session, typed: &str) -> Result<(KeyId, String), Failure> {
    let all =
        session.list(&Paging { limit: 0, all: true }, |limit, cursor| ListKeys { limit, cursor }).await?;
    let found = completion::only(&all, "label", typed);
    let (id, label) = found.map_err(|failure| failure.with("`chela key list` shows them."))?;
    let id = id.parse().map_err(|_bad| Failure::Missing(format!("'{typed}' is no key")))?;
    Ok((id, label))
}
