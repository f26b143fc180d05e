//! `chela key`: provider keys. A secret is typed or piped in, and never comes back.

use crate::{
    ask, completion,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, Tone, age, now_ms, number, text, words},
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
    #[arg(long)]
    label: Option<String>,
    /// Where it answers: for services of your own, and vendors that give everybody an address.
    #[arg(long)]
    base_url: Option<String>,
    /// There is no key: the service takes calls without one (Ollama and the like).
    #[arg(long, requires = "vendor")]
    no_key: bool,
    /// Store it although the vendor refuses it.
    #[arg(long)]
    accept_failing: bool,
    #[command(flatten)]
    once: Once,
}

#[derive(Args, Clone, Debug)]
pub struct ReplaceArgs {
    /// Id or label.
    #[arg(add = ArgValueCandidates::new(completion::keys))]
    key: String,
    #[arg(long)]
    base_url: Option<String>,
    /// Store it although the vendor refuses it.
    #[arg(long)]
    accept_failing: bool,
    /// Only if the key still has this version.
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
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
        Column::new("TESTED", |v, now| age(number(v, "tested_at_ms"), now)),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
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
            };
            one(session, &session.call_once(&add, Some(&args.once)).await?)
        }
        KeyVerb::Test { key } => {
            let (key, _) = find(session, &key).await?;
            let tested = session.call(&TestKey { key }).await?;
            one(session, &tested)?;
            if text(&tested, "status") == "failing" {
                let said = crate::output::plain(text(&tested, "status_message"));
                return Err(Failure::Other(format!("the vendor refuses this key: {said}")));
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
            one(session, &session.call(&replace).await?)
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

fn one(session: &Session, key: &Value) -> Result<(), Failure> {
    session.screen.data(&SHAPE.one(key, session.common.output, &session.screen, now_ms())?);
    Ok(())
}

async fn find(session: &Session, typed: &str) -> Result<(KeyId, String), Failure> {
    let all =
        session.list(&Paging { limit: 0, all: true }, |limit, cursor| ListKeys { limit, cursor }).await?;
    let (id, label) = completion::only(&all, "label", typed)?;
    let id = id.parse().map_err(|_bad| Failure::Missing(format!("'{typed}' is no key")))?;
    Ok((id, label))
}
