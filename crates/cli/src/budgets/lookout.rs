//! `chela budget lookout`: from when on people are told of a bot that spends for nobody.

use crate::{
    failure::Failure,
    output::{Cell, Column, Shape, now_ms, number, usd},
    prices::micro,
    session::Session,
};
use api::budgets::{GetLookout, SetLookout};
use clap::Args;
use serde_json::Value;

#[derive(Args, Clone, Debug)]
pub struct LookoutArgs {
    /// So many calls in a row make a loop (5 to 100; 20 as shipped),
    #[arg(long, value_name = "CALLS")]
    calls: Option<i64>,
    /// whose distances and sizes lie about their mean by less than so many percent (1 to 50; 20),
    #[arg(long, value_name = "PERCENT")]
    spread: Option<i64>,
    /// so many seconds apart or more (1 to 86400; 30),
    #[arg(long, value_name = "SECONDS")]
    apart: Option<i64>,
    /// and nobody wrote to the bot from so many minutes before on (0 to 1440; 10).
    #[arg(long, value_name = "MINUTES")]
    busy: Option<i64>,
    /// Spending for nobody goes on for more than so many minutes (15 to 1380; 60),
    #[arg(long, value_name = "MINUTES")]
    idle: Option<i64>,
    /// and costs more than this within a day (1.00).
    #[arg(long, value_name = "USD", value_parser = micro)]
    money: Option<i64>,
}

impl LookoutArgs {
    /// What is to be changed; nothing where it is only asked for.
    fn change(self) -> Option<SetLookout> {
        let Self { calls, spread, apart, busy, idle, money } = self;
        let some = [calls, spread, apart, busy, idle, money].iter().any(Option::is_some);
        some.then_some(SetLookout {
            loop_calls: calls,
            loop_spread_percent: spread,
            loop_apart_s: apart,
            busy_minutes: busy,
            idle_minutes: idle,
            idle_micro_usd: money,
        })
    }
}

fn figure(value: &Value, key: &str) -> Cell {
    number(value, key).map(|n| n.to_string()).unwrap_or_default().into()
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("CALLS", |v, _| figure(v, "loop_calls")),
        Column::new("SPREAD %", |v, _| figure(v, "loop_spread_percent")),
        Column::new("APART s", |v, _| figure(v, "loop_apart_s")),
        Column::new("BUSY min", |v, _| figure(v, "busy_minutes")),
        Column::new("IDLE min", |v, _| figure(v, "idle_minutes")),
        Column::new("USD", |v, _| Cell::from(usd(number(v, "idle_micro_usd").unwrap_or_default()))),
    ],
    name: "loop_calls",
    none: "",
};

/// Shows it, or changes it first.
pub(super) async fn run(session: &Session, args: Box<LookoutArgs>) -> Result<(), Failure> {
    let found = match args.change() {
        Some(change) => session.call(&change).await?,
        None => session.call(&GetLookout {}).await?,
    };
    let (format, screen) = (session.common.output, &session.screen);
    screen.data(&SHAPE.one(&found, format, screen, now_ms())?);
    Ok(())
}
