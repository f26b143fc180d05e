//! `chela price`: what models cost, in USD per million tokens.

use crate::{
    ask, completion,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, Tone, moment, now_ms, number, plain, text, usd},
    session::Session,
};
use api::{
    ids::PriceId,
    prices::{DeletePrice, ListPrices, SetPrice},
};
use clap::{Args, Subcommand};
use serde_json::Value;

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
    /// A price of your own for a model, from now on. Calls made before keep their costs.
    Set(SetArgs),
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
    #[arg(long, value_name = "USD", value_parser = micro)]
    input: i64,
    #[arg(long, value_name = "USD", value_parser = micro)]
    output: i64,
    /// For input that came from the vendor's cache; without it, the cost of calls that have such is not known.
    #[arg(long, value_name = "USD", value_parser = micro)]
    cache_read: Option<i64>,
    /// For input written to the vendor's cache; without it, the cost of calls that have such is not known.
    #[arg(long, value_name = "USD", value_parser = micro)]
    cache_write: Option<i64>,
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
        Column::new("MODEL", |v, _| Cell::from(format!("{}/{}", text(v, "vendor"), text(v, "model")))),
        Column::new("IN", |v, _| match number(v, "input_price") {
            Some(price) => Cell::from(usd(price)),
            None => Cell::toned("unknown", Tone::Quiet),
        }),
        Column::new("OUT", |v, _| figure(v, "output_price")),
        Column::new("CACHE READ", |v, _| figure(v, "cache_read_price")),
        Column::new("CACHE WRITE", |v, _| figure(v, "cache_write_price")),
        Column::new("UP TO", |v, _| {
            Cell::from(number(v, "up_to_input").map(|most| most.to_string()).unwrap_or_default())
        }),
        Column::new("SINCE", |v, _| moment(number(v, "since_ms"))),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::wide("SOURCE", |v, _| Cell::from(text(v, "source"))),
    ],
    name: "model",
    none: "There are no prices.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: PriceVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        PriceVerb::List { paging, watch } => {
            let read = async || session.list(&paging, |limit, cursor| ListPrices { limit, cursor }).await;
            session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await
        }
        PriceVerb::Set(args) => {
            let (vendor, model) = args.model.split_once('/').ok_or_else(|| {
                Failure::Usage(format!("'{}' is not written as vendor/model", plain(&args.model)))
            })?;
            let set = SetPrice {
                vendor: vendor.to_owned(),
                model: model.to_owned(),
                input_price: args.input,
                output_price: args.output,
                cache_read_price: args.cache_read,
                cache_write_price: args.cache_write,
            };
            let price = session.call_once(&set, Some(&args.once)).await?;
            screen.data(&SHAPE.one(&price, format, screen, now_ms())?);
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
                    format!("{}/{}", text(one, "vendor"), text(one, "model"))
                };
                one["name"] = name.into();
            }
            let (id, name) = completion::only(&all, "name", &price)?;
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
