//! `chela price`: what models cost, in USD per million tokens.

use crate::{
    ask, completion, download,
    failure::Failure,
    options::{Format, Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, Tone, moment, now_ms, number, plain, text, usd},
    session::Session,
    vendors::Vendors,
};
use api::{
    ids::PriceId,
    prices::{DeletePrice, ImportPrices, ListPrices, MAX_IMPORT_BYTES, SetPrice},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Said of a price that has none for cached input: most vendors read from their caches unasked.
const NO_CACHE_PRICE: &str = "It says nothing of cached input: calls that have some are of unknown cost. `--cache-read-usd` gives its price.";

#[derive(Subcommand, Clone, Debug)]
pub enum PriceVerb {
    /// Prices of your own, then the shipped ones.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// A price of your own for a model, from now on or from another moment. Calls made before keep their costs.
    Set(Box<SetArgs>),
    /// Prices of your own as CSV, which `import` reads.
    Export {
        /// Into this file instead of standard output.
        #[arg(long)]
        file: Option<PathBuf>,
        /// The shipped ones, too.
        #[arg(long)]
        all: bool,
    },
    /// Prices of your own from CSV with the columns of `export`: all of its lines, or none where one is wrong.
    Import {
        /// A file; `-` is standard input.
        file: PathBuf,
        /// Only say what would happen.
        #[arg(long)]
        check: bool,
    },
    /// Delete a price of your own. Calls keep their costs.
    #[command(visible_alias = "delete")]
    Rm {
        /// Id, or `vendor/model` where there is one only.
        price: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// Prices are in USD per million tokens, e.g. `2.50`.
#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// `vendor/model`.
    model: String,
    // `--output` is every command's: how its answer is written.
    #[arg(long, value_name = "USD", value_parser = micro)]
    input_usd: i64,
    #[arg(long, value_name = "USD", value_parser = micro)]
    output_usd: i64,
    /// For input that came from the vendor's cache; without it, the cost of calls that have such is not known.
    #[arg(long, value_name = "USD", value_parser = micro)]
    cache_read_usd: Option<i64>,
    /// For input written to the vendor's cache; without it, the cost of calls that have such is not known.
    #[arg(long, value_name = "USD", value_parser = micro)]
    cache_write_usd: Option<i64>,
    /// For output that was reasoning; without it, that costs what other output costs.
    #[arg(long, value_name = "USD", value_parser = micro)]
    thinking_usd: Option<i64>,
    /// The most input tokens of one call that it holds for. Prices of one beginning belong together.
    #[arg(long, value_name = "TOKENS")]
    up_to: Option<i64>,
    /// When it begins: a day in UTC (2026-12-01) or a moment (2026-12-01T08:00:00Z); now, where nothing is said.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Where it was read, or who said it.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// USD as millionths, exactly.
pub(crate) fn micro(text: &str) -> Result<i64, String> {
    let bad = || "is not an amount like 2.50, with at most six digits behind the point".to_owned();
    api::money::micro_usd(text).ok_or_else(bad)
}

fn figure(price: &Value, key: &str) -> Cell {
    Cell::from(number(price, key).map(usd).unwrap_or_default())
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("MODEL", |v, _| Cell::from(model(v))),
        Column::new("IN", |v, _| match number(v, "input_price") {
            Some(price) => Cell::from(usd(price)),
            None => Cell::toned("unknown", Tone::Quiet),
        }),
        Column::new("OUT", |v, _| figure(v, "output_price")),
        Column::new("CACHE READ", |v, _| figure(v, "cache_read_price")),
        Column::new("CACHE WRITE", |v, _| figure(v, "cache_write_price")),
        Column::wide("THINKING", |v, _| figure(v, "thinking_price")),
        Column::new("UP TO", |v, _| {
            Cell::from(number(v, "up_to_input").map(|most| most.to_string()).unwrap_or_default())
        }),
        Column::new("SINCE", |v, _| moment(number(v, "since_ms"))),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::wide("SOURCE", |v, _| Cell::from(text(v, "source"))),
    ],
    name: "name",
    none: "There are no prices.",
};

/// What came of a file's lines.
const LINES: Shape = Shape {
    columns: &[
        Column::new("LINE", |v, _| Cell::from(number(v, "line").map(|n| n.to_string()).unwrap_or_default())),
        Column::new("OUTCOME", |v, _| {
            let outcome = text(v, "outcome");
            Cell::toned(outcome, if outcome == "unchanged" { Tone::Quiet } else { Tone::Good })
        }),
        Column::new("MODEL", |v, _| Cell::from(model(&v["price"]))),
        Column::new("IN", |v, _| figure(&v["price"], "input_price")),
        Column::new("OUT", |v, _| figure(&v["price"], "output_price")),
        Column::new("UP TO", |v, _| {
            Cell::from(number(&v["price"], "up_to_input").map(|most| most.to_string()).unwrap_or_default())
        }),
        Column::new("WAS", |v, _| match v.get("before").filter(|before| !before.is_null()) {
            None => Cell::from(String::new()),
            Some(was) => {
                let (input, output) = (figure(was, "input_price"), figure(was, "output_price"));
                Cell::from(format!("{} / {}", input.text, output.text))
            }
        }),
        Column::new("SINCE", |v, _| moment(number(&v["price"], "since_ms"))),
    ],
    name: "name",
    none: "The file has no prices.",
};

/// A price with what names it to scripts and other commands: its id, or `vendor/model` where it is shipped and has none.
fn named(price: &Value) -> Value {
    let mut price = price.clone();
    let id = text(&price, "id").to_owned();
    price["name"] = if id.is_empty() { model(&price) } else { id }.into();
    price
}

/// The lines of a file; scripts name them by their numbers.
fn lines(all: &Value, format: Format) -> Value {
    let mut all = all.clone();
    for line in all.as_array_mut().into_iter().flatten().filter(|_| format == Format::Name) {
        line["name"] = number(line, "line").map(|n| n.to_string()).into();
    }
    all
}

fn model(price: &Value) -> String {
    format!("{}/{}", text(price, "vendor"), text(price, "model"))
}

fn table(all: &Value, session: &Session) -> Result<String, Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    if format != Format::Name {
        return SHAPE.list(all, format, screen, now_ms());
    }
    let all: Vec<Value> = all.as_array().into_iter().flatten().map(named).collect();
    SHAPE.list(&all.into(), format, screen, now_ms())
}

/// `vendor/model` in two.
pub(crate) fn parted(model: &str) -> Result<(String, String), Failure> {
    let parts = model
        .split_once('/')
        .ok_or_else(|| Failure::Usage(format!("'{}' is not written as vendor/model", plain(model))))?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}

async fn set(session: &Session, args: SetArgs) -> Result<(), Failure> {
    let (vendor, model) = parted(&args.model)?;
    let set = SetPrice {
        vendor,
        model,
        input_price: Some(args.input_usd),
        output_price: Some(args.output_usd),
        cache_read_price: args.cache_read_usd,
        cache_write_price: args.cache_write_usd,
        thinking_price: args.thinking_usd,
        up_to_input: args.up_to,
        since: args.since,
        source: args.source,
        ..SetPrice::default()
    };
    let price = session.call_once(&set, Some(&args.once)).await?;
    let format = session.common.output;
    let price = if format == Format::Name { named(&price) } else { price };
    session.screen.data(&SHAPE.one(&price, format, &session.screen, now_ms())?);
    if set.cache_read_price.is_none() {
        session.screen.remark(NO_CACHE_PRICE.to_owned());
    }
    Ok(())
}

/// A file, or standard input; more than the panel takes is not read.
fn read(file: &Path) -> Result<String, Failure> {
    let broken = |error: std::io::Error| Failure::Other(format!("{}: {error}", file.display()));
    let mut text = String::new();
    let most = u64::try_from(MAX_IMPORT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).map_err(broken)?.take(most).read_to_string(&mut text)
    };
    read.map_err(broken)?;
    Ok(text)
}

/// Whether a model has a price that came with Chela.
fn is_shipped(all: &Value, name: &str) -> bool {
    all.as_array().into_iter().flatten().any(|price| text(price, "id").is_empty() && model(price) == name)
}

/// That a price is nobody's to remove, and how another one stands before it.
fn shipped(name: &str) -> Failure {
    let name = plain(name);
    Failure::Other(format!(
        "the price of '{name}' is shipped with Chela and cannot be removed.\n  What you can do: `chela price set {name} \
         --input-usd USD --output-usd USD` sets one of your own, which comes before it; `chela price rm` takes that back."
    ))
}

/// Runs one.
pub(crate) async fn run(session: &Session, verb: PriceVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        PriceVerb::List { paging, watch } => {
            let read = async || session.list(&paging, |limit, cursor| ListPrices { limit, cursor }).await;
            session.follow(watch.watch, read, |all| table(all, session)).await
        }
        PriceVerb::Set(args) => set(session, *args).await,
        PriceVerb::Export { file, all } => {
            download::csv(session, &format!("/api/prices/export?all={all}"), file).await
        }
        PriceVerb::Import { file, check } => {
            let csv = read(&file)?;
            let came = session.call(&ImportPrices { csv, check: Some(check) }).await?;
            screen.data(&LINES.list(&lines(&came["lines"], format), format, screen, now_ms())?);
            let count = |key: &str| number(&came, key).unwrap_or_default();
            let (added, replaced, unchanged) = (count("added"), count("replaced"), count("unchanged"));
            let done = if check { "Only checked" } else { "Done" };
            screen.remark(format!("{done}: {added} added, {replaced} replaced, {unchanged} unchanged."));
            Ok(())
        }
        PriceVerb::Rm { price, yes } => {
            let all = Paging { limit: 0, all: true };
            let mut all = session.list(&all, |limit, cursor| ListPrices { limit, cursor }).await?;
            for one in all.as_array_mut().into_iter().flatten() {
                let name = if text(one, "id").is_empty() {
                    // Shipped: nobody's to delete.
                    String::new()
                } else {
                    model(one)
                };
                one["name"] = name.into();
            }
            let typed = if price.contains('/') {
                Vendors::read(session).await?.of_model(&price)
            } else {
                price.clone()
            };
            let (id, name) = match completion::only(&all, "name", &typed) {
                Err(Failure::Missing(_)) if is_shipped(&all, &typed) => return Err(shipped(&typed)),
                other => other
                    .map_err(|failure| failure.with("`chela price list` shows prices of your own first."))?,
            };
            let id: PriceId =
                id.parse().map_err(|_bad| Failure::Missing(format!("'{price}' is no price of yours")))?;
            ask::sure(&format!("Delete your price of '{name}'?"), yes)?;
            session.call(&DeletePrice { price: id }).await?;
            screen.remark(format!("Your price of '{name}' is deleted."));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_and_written_to_the_micro_dollar() {
        for (text, amount) in [("2.50", 2_500_000), ("0", 0), ("0.000001", 1), ("10", 10_000_000)] {
            assert_eq!(micro(text), Ok(amount), "{text}");
        }
        for bad in ["", ".5", "5.", "-1", "1e3", "0.0000001", "1,5", "99999999999999"] {
            assert!(micro(bad).is_err(), "{bad}");
        }
        for (amount, text) in
            [(2_500_000, "$2.50"), (0, "$0.00"), (1, "$0.000001"), (432, "$0.000432"), (10_100_000, "$10.10")]
        {
            assert_eq!(usd(amount), text);
        }
    }
}
