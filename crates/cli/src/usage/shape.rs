//! How calls and sums are written.

use crate::{
    budgets,
    output::{Cell, Column, Shape, Tone, moment, named, number, text, usd},
};
use serde_json::Value;

fn count(value: &Value, key: &str) -> Cell {
    Cell::from(number(value, key).map(|n| n.to_string()).unwrap_or_default())
}

/// Nothing is known to be nothing; what is not known says so.
fn cost(value: &Value) -> Cell {
    number(value, "cost_micro_usd").map_or_else(|| Cell::toned("unknown", Tone::Quiet), |n| usd(n).into())
}

/// Of one call it is told why its cost is not known.
fn cost_of_one(value: &Value) -> Cell {
    let used = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"];
    match number(value, "cost_micro_usd") {
        Some(cost) => usd(cost).into(),
        None if used.iter().any(|kind| number(value, kind).is_some_and(|n| n > 0)) => {
            Cell::toned("unknown: its model has no price", Tone::Quiet)
        }
        None => Cell::toned("unknown: its vendor did not say what it used", Tone::Quiet),
    }
}

/// With the reason, where Chela refused it.
fn status(value: &Value) -> Cell {
    let good = number(value, "status").is_some_and(|status| (200..300).contains(&status));
    let words = [count(value, "status").text, text(value, "reason").to_owned()].join(" ");
    Cell::toned(words.trim_end().to_owned(), if good { Tone::Good } else { Tone::Bad })
}

fn model(value: &Value) -> Cell {
    Cell::from(format!("{}/{}", text(value, "vendor"), text(value, "model")))
}

pub(super) const CALLS: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| moment(number(v, "started_at_ms"))),
        Column::new("MODEL", |v, _| model(v)),
        Column::new("STATUS", |v, _| status(v)),
        Column::new("IN", |v, _| count(v, "input_tokens")),
        Column::new("OUT", |v, _| count(v, "output_tokens")),
        Column::new("COST", |v, _| cost(v)),
        Column::new("MS", |v, _| count(v, "latency_ms")),
        Column::new("BOT", |v, _| named(v, "bot_name", "bot")),
        Column::wide("ANSWERED BY", |v, _| Cell::from(text(v, "model_answered"))),
        Column::wide("CHAIN", |v, _| Cell::from(text(v, "chain"))),
        Column::wide("KEY", |v, _| named(v, "key_name", "key")),
        Column::wide("VIRTUAL KEY", |v, _| named(v, "virtual_key_name", "virtual_key")),
        Column::wide("BOT ID", |v, _| Cell::from(text(v, "bot"))),
        Column::wide("KEY ID", |v, _| Cell::from(text(v, "key"))),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "No model was called yet.",
};

pub(super) const CALL: Shape = Shape {
    columns: &[
        Column::new("Time", |v, _| moment(number(v, "started_at_ms"))),
        Column::new("Model", |v, _| model(v)),
        Column::new("Answered by", |v, _| Cell::from(text(v, "model_answered"))),
        Column::new("Chain", |v, _| Cell::from(text(v, "chain"))),
        Column::new("Status", |v, _| status(v)),
        Column::new("Ended", |v, _| Cell::from(text(v, "ended"))),
        Column::new("Bot", |v, _| named(v, "bot_name", "bot")),
        Column::new("Key", |v, _| named(v, "key_name", "key")),
        Column::new("Virtual key", |v, _| named(v, "virtual_key_name", "virtual_key")),
        Column::new("Stopped by", |v, _| stopped(v)),
        Column::new("Keys asked", |v, _| count(v, "attempts")),
        Column::new("Could not serve", |v, _| tries(v)),
        Column::new("Input tokens", |v, _| count(v, "input_tokens")),
        Column::new("From cache", |v, _| count(v, "cache_read_tokens")),
        Column::new("To cache", |v, _| count(v, "cache_write_tokens")),
        Column::new("Output tokens", |v, _| count(v, "output_tokens")),
        Column::new("Of them reasoning", |v, _| count(v, "reasoning_tokens")),
        Column::new("Cost", |v, _| cost_of_one(v)),
        Column::new("Took (ms)", |v, _| count(v, "latency_ms")),
        Column::new("First word (ms)", |v, _| count(v, "first_event_ms")),
        Column::new("Trace", |v, _| Cell::from(text(v, "trace_id"))),
        Column::new("Id", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "",
};

/// The budget that stopped it, if one did.
fn stopped(call: &Value) -> Cell {
    let budget = text(call, "budget");
    match &call["stopped_by"] {
        by if by.is_object() => Cell::from(budgets::in_words(by)),
        _ if budget.is_empty() => Cell::from(String::new()),
        _ => Cell::from(format!("{budget}, deleted since")),
    }
}

/// `main: 429 slow_down, 12 ms; …`
fn tries(call: &Value) -> Cell {
    let tries = call["tries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = call["tried"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words = tries.iter().enumerate().map(|(n, tried)| {
        let key = names.get(n).and_then(Value::as_str).unwrap_or_else(|| text(tried, "key"));
        let name = [text(tried, "link"), key]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let status = number(tried, "status").map(|status| format!("{status} ")).unwrap_or_default();
        format!("{name}: {status}{}, {} ms", text(tried, "why"), number(tried, "took_ms").unwrap_or_default())
    });
    Cell::from(words.collect::<Vec<_>>().join("; "))
}

pub(super) const SUMS: Shape = Shape {
    columns: &[
        Column::new("Calls", |v, _| count(v, "calls")),
        Column::new("Failed", |v, _| count(v, "failed")),
        Column::new("Input tokens", |v, _| count(v, "input_tokens")),
        Column::new("Output tokens", |v, _| count(v, "output_tokens")),
        Column::new("Cost", |v, _| cost(v)),
        Column::new("Calls of unknown cost", |v, _| count(v, "cost_unknown")),
    ],
    name: "calls",
    none: "",
};

/// A figure with the one of the time before in brackets.
fn both(value: &Value, key: &str) -> Cell {
    Cell::from(format!("{} ({} before)", count(&value["sums"], key).text, count(&value["before"], key).text))
}

pub(super) const SUMMARY: Shape = Shape {
    columns: &[
        Column::new("From", |v, _| moment(number(v, "from_ms"))),
        Column::new("To", |v, _| moment(number(v, "to_ms"))),
        Column::new("Calls", |v, _| both(v, "calls")),
        Column::new("Failed", |v, _| both(v, "failed")),
        Column::new("Input tokens", |v, _| both(v, "input_tokens")),
        Column::new("From cache", |v, _| both(v, "cache_read_tokens")),
        Column::new("To cache", |v, _| both(v, "cache_write_tokens")),
        Column::new("Output tokens", |v, _| both(v, "output_tokens")),
        Column::new("Cost", |v, _| {
            Cell::from(format!("{} ({} before)", cost(&v["sums"]).text, cost(&v["before"]).text))
        }),
        Column::new("Calls of unknown cost", |v, _| both(v, "cost_unknown")),
    ],
    name: "from_ms",
    none: "",
};

pub(super) const PIECES: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| Cell::from(text(v, "label"))),
        Column::new("CALLS", |v, _| count(&v["sums"], "calls")),
        Column::new("FAILED", |v, _| count(&v["sums"], "failed")),
        Column::new("IN", |v, _| count(&v["sums"], "input_tokens")),
        Column::new("OUT", |v, _| count(&v["sums"], "output_tokens")),
        Column::new("COST", |v, _| cost(&v["sums"])),
        Column::new("UNKNOWN", |v, _| count(&v["sums"], "cost_unknown")),
    ],
    name: "label",
    none: "Nothing to tell of.",
};

pub(super) const SHARES: Shape = Shape {
    columns: &[
        Column::new("WHAT", |v, _| match text(v, "vendor") {
            "" => named(v, "name", "value"),
            vendor => Cell::from(format!("{vendor}/{}", text(v, "value"))),
        }),
        Column::new("CALLS", |v, _| count(&v["sums"], "calls")),
        Column::new("FAILED", |v, _| count(&v["sums"], "failed")),
        Column::new("IN", |v, _| count(&v["sums"], "input_tokens")),
        Column::new("OUT", |v, _| count(&v["sums"], "output_tokens")),
        Column::new("COST", |v, _| cost(&v["sums"])),
        Column::new("UNKNOWN", |v, _| count(&v["sums"], "cost_unknown")),
        Column::wide("ID", |v, _| Cell::from(text(v, "value"))),
    ],
    name: "value",
    none: "No model was called in this time.",
};
