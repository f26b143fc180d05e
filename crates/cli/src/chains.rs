//! `chela chain`: fallback chains, and why a link of one would not be asked.

use crate::{
    ask,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, Tone, moment, now_ms, number, text},
    session::Session,
};
use api::routing::{ChainTrigger, DeleteChain, Dialect, ListChains, ReadChain, SetChain};
use clap::{Args, Subcommand};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum ChainVerb {
    /// Your own chains, then the shipped ones.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// The links of a chain, and why a call would not ask one just now.
    #[command(visible_alias = "explain")]
    Show {
        chain: String,
        /// As a call in this dialect: openai, responses, anthropic or gemini.
        #[arg(long, value_parser = word::<Dialect>)]
        dialect: Option<Dialect>,
    },
    /// Make a chain of your own, or replace it. One of a shipped chain's name hides that one.
    Set(SetArgs),
    /// Delete a chain of your own. A shipped one of its name is back then.
    #[command(visible_alias = "delete")]
    Rm {
        chain: String,
        #[command(flatten)]
        yes: Yes,
    },
}

#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// What callers name as their model: a-z, 0-9 and -, and no vendor's name.
    name: String,
    /// Each as `vendor/model`, in the order in which they are asked.
    #[arg(required = true, num_args = 1..)]
    links: Vec<String>,
    /// What leads to the next one: rate_limit, overloaded, timeout, refused, context_length_exceeded, tool_error.
    /// The first four if nothing is said.
    #[arg(long = "on", value_name = "TRIGGER", value_delimiter = ',', value_parser = word::<ChainTrigger>)]
    triggers: Vec<ChainTrigger>,
    /// Seconds a key may have to its first word; 60 if nothing is said.
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u32>,
    /// With how many keys a link is asked while another one follows; 3 if nothing is said.
    #[arg(long, value_name = "N")]
    tries: Option<u32>,
    #[command(flatten)]
    once: Once,
}

/// A word of the API by its name.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let read: Result<T, Error> = T::deserialize(text.into_deserializer());
    read.map_err(|error| error.to_string())
}

fn links(chain: &Value) -> impl Iterator<Item = &Value> {
    chain.get("links").and_then(Value::as_array).into_iter().flatten()
}

/// Whose it is.
fn whose(chain: &Value) -> &'static str {
    let says = |key: &str| chain.get(key).and_then(Value::as_bool) == Some(true);
    match (says("own"), says("shipped")) {
        (true, true) => "own, hides the shipped one",
        (true, false) => "own",
        _ => "shipped",
    }
}

const CHAINS: Shape = Shape {
    columns: &[
        Column::new("CHAIN", |v, _| Cell::from(text(v, "name"))),
        Column::new("WHOSE", |v, _| Cell::from(whose(v))),
        Column::new("USABLE", |v, _| {
            let usable = links(v).filter(|link| link.get("skipped").is_none_or(Value::is_null)).count();
            let tone = if usable == 0 { Tone::Bad } else { Tone::Good };
            Cell::toned(format!("{usable} of {}", links(v).count()), tone)
        }),
        Column::new("TIMEOUT", |v, _| {
            Cell::from(number(v, "timeout_s").map(|s| format!("{s} s")).unwrap_or_default())
        }),
        Column::new("TRIES", |v, _| {
            Cell::from(number(v, "tries").map(|n| n.to_string()).unwrap_or_default())
        }),
        Column::new("MODELS", |v, _| {
            Cell::from(links(v).map(|link| text(link, "model")).collect::<Vec<_>>().join(" > "))
        }),
        Column::wide("LEADS ON", |v, _| {
            let all = v.get("triggers").and_then(Value::as_array).into_iter().flatten();
            Cell::from(all.filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }),
    ],
    name: "name",
    none: "There are no chains.",
};

const LINKS: Shape = Shape {
    columns: &[
        Column::new("MODEL", |v, _| Cell::from(text(v, "model"))),
        Column::new("STATE", |v, _| match v.get("skipped").filter(|skipped| !skipped.is_null()) {
            Some(skipped) => Cell::toned(text(skipped, "why"), Tone::Bad),
            None => Cell::toned("usable", Tone::Good),
        }),
        Column::new("UNTIL", |v, _| moment(v.get("skipped").and_then(|skipped| number(skipped, "until_ms")))),
        Column::new("DIALECTS", |v, _| {
            let all = v.get("dialects").and_then(Value::as_array).into_iter().flatten();
            Cell::from(all.filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }),
    ],
    name: "model",
    none: "It has no links.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: ChainVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        ChainVerb::List { paging, watch } => {
            let read = async || session.list(&paging, |limit, cursor| ListChains { limit, cursor }).await;
            session.follow(watch.watch, read, |all| CHAINS.list(all, format, screen, now_ms())).await
        }
        ChainVerb::Show { chain, dialect } => {
            let chain = session.call(&ReadChain { chain, dialect }).await?;
            let links = chain.get("links").cloned().unwrap_or_default();
            screen.data(&LINKS.list(&links, format, screen, now_ms())?);
            Ok(())
        }
        ChainVerb::Set(args) => {
            let SetArgs { name, links, triggers, patience: timeout_s, tries, once } = args;
            let triggers = (!triggers.is_empty()).then_some(triggers);
            let set = SetChain { name, links, triggers, timeout_s, tries };
            let chain = session.call_once(&set, Some(&once)).await?;
            screen.data(&CHAINS.one(&chain, format, screen, now_ms())?);
            Ok(())
        }
        ChainVerb::Rm { chain, yes } => {
            ask::sure(&format!("Delete your chain '{chain}'?"), yes)?;
            if let Err(failure) = session.call(&DeleteChain { chain: chain.clone() }).await {
                return Err(or_shipped(session, failure, chain).await);
            }
            screen.remark(format!("Your chain '{}' is deleted.", crate::output::plain(&chain)));
            Ok(())
        }
    }
}

/// Why a chain cannot be deleted: a shipped one is there, and is nobody's own.
async fn or_shipped(session: &Session, failure: Failure, chain: String) -> Failure {
    if !failure.is_missing() {
        return failure;
    }
    match session.call(&ReadChain { chain: chain.clone(), dialect: None }).await {
        Ok(_) => Failure::Other(format!(
            "'{}' is shipped with Chela and cannot be deleted; one of your own of that name hides it.",
            crate::output::plain(&chain)
        )),
        Err(_) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_and_dialects_are_read_by_the_names_the_api_gives_them() {
        assert_eq!(word("context_length_exceeded"), Ok(ChainTrigger::ContextLengthExceeded));
        assert_eq!(word("openai"), Ok(Dialect::Openai));
        assert!(word::<Dialect>("english").is_err());
    }
}
