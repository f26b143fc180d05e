//! How calls and sums are written.

use super::why;
use crate::{
    budgets,
    output::{Cell, Column, Shape, Tone, flag, moment, named, number, text, usd},
    spending,
};
use serde_json::Value;

fn count(value: &Value, key: &str) -> Cell {
    Cell::from(number(value, key).map(|n| n.to_string()).unwrap_or_default())
}

/// Marks what is an estimate.
fn about(is_estimate: bool, cost: i64) -> Cell {
    Cell::from(format!("{}{}", if is_estimate { "≈ " } else { "" }, usd(cost)))
}

/// Nothing is known to be nothing; what is not known says so.
fn cost(value: &Value) -> Cell {
    number(value, "cost_micro_usd")
        .map_or_else(|| Cell::toned("unknown", Tone::Quiet), |cost| about(flag(value, "estimated"), cost))
}

/// What several calls cost, without hiding what is not known.
fn cost_of_all(sums: &Value) -> Cell {
    let of = |key: &str| number(sums, key).unwrap_or_default();
    match (of("cost_unknown"), of("calls")) {
        (0, _) => about(of("estimated") > 0, of("cost_micro_usd")),
        (unknown, calls) if unknown >= calls => Cell::toned("unknown", Tone::Quiet),
        _ => Cell::from(format!("≥ {}", usd(of("cost_micro_usd")))),
    }
}

/// Of one call it is told why its cost is not known.
fn cost_of_one(value: &Value) -> Cell {
    let used = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"];
    match number(value, "cost_micro_usd") {
        Some(cost) => about(flag(value, "estimated"), cost),
        None if text(value, "reason") == "price_unknown" => {
            Cell::toned("unknown: its model has no price", Tone::Quiet)
        }
        None if used.iter().any(|kind| number(value, kind).is_some_and(|n| n > 0)) => {
            Cell::toned("unknown: no price for all that it used", Tone::Quiet)
        }
        // Nobody was asked.
        None if text(value, "ended") == "refused" => Cell::from(""),
        None => Cell::toned("unknown: its vendor did not say what it used", Tone::Quiet),
    }
}

/// With the reason, where Chela refused it.
fn status(value: &Value) -> Cell {
    let good = number(value, "status").is_some_and(|status| (200..300).contains(&status));
    let words = [count(value, "status").text, text(value, "reason").to_owned()].join(" ");
    Cell::toned(words.trim_end(), if good { Tone::Good } else { Tone::Bad })
}

fn model(value: &Value) -> Cell {
    let parts = ["vendor", "model"].map(|part| text(value, part));
    Cell::from(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
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
        Column::wide("ASKED FOR", |v, _| Cell::from(text(v, "asked_model"))),
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
        // Where a budget led it to a cheaper one.
        Column::new("Asked for", |v, _| Cell::from(text(v, "asked_model"))),
        Column::new("Answered by", |v, _| Cell::from(text(v, "model_answered"))),
        Column::new("Chain", |v, _| Cell::from(text(v, "chain"))),
        Column::new("Status", |v, _| status(v)),
        Column::new("Ended", |v, _| Cell::from(text(v, "ended"))),
        Column::new("Why", |v, _| Cell::from(why::sentence(text(v, "reason")))),
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
        Column::new("Estimated", |v, _| {
            let words = "tokens and cost: its vendor did not say them, or not to the end";
            Cell::from(if flag(v, "estimated") { words } else { "" })
        }),
        Column::new("Kept by budgets", |v, _| {
            number(v, "held_micro_usd").map_or_else(|| Cell::from(""), |n| usd(n).into())
        }),
        Column::new("Took (ms)", |v, _| count(v, "latency_ms")),
        Column::new("First word (ms)", |v, _| count(v, "first_event_ms")),
        Column::new("Trace", |v, _| Cell::from(text(v, "trace_id"))),
        Column::new("Id", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "",
};

/// The budget or stop that stopped it, if one did, and how that is taken back.
fn stopped(call: &Value) -> Cell {
    let (budget, stop) = (text(call, "budget"), text(call, "stop"));
    if !stop.is_empty() {
        let told = Some(&call["stop_told"]).filter(|told| told.is_object());
        return Cell::from(told.map_or_else(|| format!("{stop}, lifted since"), spending::in_words));
    }
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
        let charge = tried["charge"].as_object().map(|charge| {
            let about = if charge.get("estimated") == Some(&Value::Bool(true)) { "≈ " } else { "" };
            let cost = number(&tried["charge"], "cost_micro_usd");
            format!(", {about}{}", cost.map_or_else(|| "cost unknown".to_owned(), usd))
        });
        let (why, took_ms) = (text(tried, "why"), number(tried, "took_ms").unwrap_or_default());
        format!("{name}: {status}{why}, {took_ms} ms{}", charge.unwrap_or_default())
    });
    Cell::from(words.collect::<Vec<_>>().join("; "))
}

pub(super) const SUMS: Shape = Shape {
    columns: &[
        Column::new("Calls", |v, _| count(v, "calls")),
        Column::new("Failed or refused", |v, _| count(v, "failed")),
        Column::new("Input tokens, cached ones too", |v, _| count(v, "input_tokens")),
        Column::new("Output tokens", |v, _| count(v, "output_tokens")),
        Column::new("Cost", |v, _| cost_of_all(v)),
        Column::new("Calls of unknown cost", |v, _| count(v, "cost_unknown")),
    ],
    name: "calls",
    none: "",
};

/// A figure with the one of the time before in brackets.
fn both(value: &Value, figure: fn(&Value) -> i64) -> Cell {
    Cell::from(format!("{} ({} before)", figure(&value["sums"]), figure(&value["before"])))
}

fn sum(sums: &Value, key: &str) -> i64 {
    number(sums, key).unwrap_or_default()
}

/// Calls that failed, as `--status failed` lists them: a refused one is no failure there.
fn failed(sums: &Value) -> i64 {
    sum(sums, "failed") - sum(sums, "refused")
}

pub(super) const SUMMARY: Shape = Shape {
    columns: &[
        Column::new("From", |v, _| moment(number(v, "from_ms"))),
        Column::new("To", |v, _| moment(number(v, "to_ms"))),
        Column::new("Calls", |v, _| both(v, |sums| sum(sums, "calls"))),
        Column::new("Failed", |v, _| both(v, failed)),
        Column::new("Refused", |v, _| both(v, |sums| sum(sums, "refused"))),
        Column::new("Input tokens", |v, _| both(v, |sums| sum(sums, "input_tokens"))),
        Column::new("From cache", |v, _| both(v, |sums| sum(sums, "cache_read_tokens"))),
        Column::new("To cache", |v, _| both(v, |sums| sum(sums, "cache_write_tokens"))),
        Column::new("Output tokens", |v, _| both(v, |sums| sum(sums, "output_tokens"))),
        Column::new("Cost", |v, _| {
            Cell::from(format!(
                "{} ({} before)",
                cost_of_all(&v["sums"]).text,
                cost_of_all(&v["before"]).text
            ))
        }),
        Column::new("Calls of unknown cost", |v, _| both(v, |sums| sum(sums, "cost_unknown"))),
    ],
    name: "from_ms",
    none: "",
};

pub(super) const PIECES: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| Cell::from(text(v, "label"))),
        Column::new("CALLS", |v, _| count(&v["sums"], "calls")),
        Column::new("FAILED", |v, _| Cell::from(failed(&v["sums"]).to_string())),
        Column::new("REFUSED", |v, _| count(&v["sums"], "refused")),
        Column::new("IN", |v, _| count(&v["sums"], "input_tokens")),
        Column::new("OUT", |v, _| count(&v["sums"], "output_tokens")),
        Column::new("COST", |v, _| cost_of_all(&v["sums"])),
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
        Column::new("FAILED", |v, _| Cell::from(failed(&v["sums"]).to_string())),
        Column::new("REFUSED", |v, _| count(&v["sums"], "refused")),
        Column::new("IN", |v, _| count(&v["sums"], "input_tokens")),
        Column::new("OUT", |v, _| count(&v["sums"], "output_tokens")),
        Column::new("COST", |v, _| cost_of_all(&v["sums"])),
        Column::new("UNKNOWN", |v, _| count(&v["sums"], "cost_unknown")),
        Column::wide("ID", |v, _| Cell::from(text(v, "value"))),
    ],
    name: "value",
    none: "No such call in this time.",
};

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_call_cost_says_what_is_not_known_of_it_and_why() {
        for (call, said) in [
            (json!({ "cost_micro_usd": 0, "ended": "refused" }), "$0.00"),
            (json!({ "ended": "refused", "reason": "price_unknown" }), "unknown: its model has no price"),
            (json!({ "ended": "complete", "output_tokens": 7 }), "unknown: no price for all that it used"),
            (json!({ "ended": "refused", "reason": "stopped" }), "-"),
            (json!({ "ended": "complete" }), "unknown: its vendor did not say what it used"),
        ] {
            assert_eq!(cost_of_one(&call).text, said, "{call}");
        }
    }

    #[test]
    fn what_calls_cost_together_hides_no_unknown_one() {
        let sums = |calls: i64, unknown: i64| {
            let sums = json!({ "calls": calls, "cost_unknown": unknown, "cost_micro_usd": 1_500_000 });
            cost_of_all(&sums).text
        };
        let told = [sums(0, 0), sums(2, 0), sums(2, 1), sums(2, 2)];
        assert_eq!(told, ["$1.50", "$1.50", "≥ $1.50", "unknown"]);
    }

    #[test]
    fn an_estimate_is_marked_wherever_a_cost_is_written() {
        let call = json!({ "cost_micro_usd": 1_500_000, "estimated": true });
        assert_eq!((cost(&call).text, cost_of_one(&call).text), ("≈ $1.50".into(), "≈ $1.50".into()));
        let sums = json!({ "calls": 2, "cost_unknown": 0, "cost_micro_usd": 1_500_000, "estimated": 1 });
        assert_eq!(cost_of_all(&sums).text, "≈ $1.50");
    }

    #[test]
    fn a_refused_call_is_no_failed_one() {
        let sums = json!({ "sums": { "failed": 5, "refused": 2 }, "before": { "failed": 1, "refused": 1 } });
        assert_eq!(both(&sums, failed).text, "3 (0 before)");
    }

    #[test]
    fn a_model_is_named_by_what_is_known_of_it() {
        for (vendor, name, said) in [("openai", "x", "openai/x"), ("", "x", "x"), ("", "", "-")] {
            assert_eq!(model(&json!({ "vendor": vendor, "model": name })).text, said);
        }
    }
}
