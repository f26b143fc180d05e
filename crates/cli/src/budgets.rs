//! `chela budget`: how much model calls may use; money in USD.

mod allow;
mod lookout;

pub use lookout::LookoutArgs;

use crate::{
    ask,
    failure::Failure,
    options::{Once, Paging, Watch, Yes, filled, filled_or_none},
    output::{Cell, Column, Shape, Tone, flag, moment, now_ms, number, plain, text, usd},
    prices::micro,
    session::Session,
};
use api::{budgets::*, ids::BudgetId};
use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum BudgetVerb {
    /// Budgets, and how they stand.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// A new budget; without --bot, --virtual-key and --tag for the whole workspace.
    Add(Box<AddArgs>),
    /// More or less of it; what was used stays used.
    Change {
        /// Id.
        budget: String,
        /// USD, tokens or requests, as the budget counts.
        #[arg(long, value_name = "AMOUNT")]
        most: Option<String>,
        /// Whether calls are refused when it is used up.
        #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
        hard: Option<bool>,
        /// Another cheaper model; `none` for none.
        #[arg(long, value_name = "MODEL", value_parser = filled_or_none)]
        instead: Option<String>,
        /// From how many percent used on calls go to it; 0: when a call finds no room.
        #[arg(long, value_name = "PERCENT")]
        instead_from: Option<i64>,
    },
    /// Delete a budget; what it stopped goes on.
    #[command(visible_alias = "delete")]
    Rm {
        /// Id.
        budget: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Refuse model calls from the next one on, by a budget of 0; `chela budget allow` takes that back. `chela spending stop`
    /// ends those that run, too.
    Stop {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        yes: Yes,
        #[command(flatten)]
        once: Once,
    },
    /// Allow again what `chela budget stop` stopped, said in the same words: the budget of 0 is deleted.
    Allow {
        #[command(flatten)]
        of: Of,
    },
    /// Show the time zone in which days and months begin, or set it.
    Zone {
        /// Such as `Europe/Berlin`.
        zone: Option<String>,
    },
    /// Show from when on people are told of a bot that spends for nobody, or change it.
    Lookout(Box<LookoutArgs>),
}

/// Whose calls.
#[derive(Args, Clone, Debug)]
pub struct Of {
    /// Only those of a bot (slug or id).
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    bot: Option<String>,
    /// Only those of a virtual key (name or id).
    #[arg(long, conflicts_with = "bot", value_parser = NonEmptyStringValueParser::new())]
    virtual_key: Option<String>,
    /// Only those of the bots and virtual keys that carry a tag, such as a team's; one budget for all of them.
    #[arg(long, conflicts_with_all = ["bot", "virtual_key"], value_parser = NonEmptyStringValueParser::new())]
    tag: Option<String>,
    /// Only those to a model (`vendor/model`) or vendor (`vendor/*`).
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Per {
    Minute,
    Day,
    Month,
}

#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("amount").required(true))]
pub struct AddArgs {
    #[command(flatten)]
    of: Of,
    /// USD, such as `5.00`; 0 stops all calls.
    #[arg(long, group = "amount", value_name = "USD", value_parser = micro)]
    money: Option<i64>,
    /// Tokens of every kind; 0 stops all calls.
    #[arg(long, group = "amount")]
    tokens: Option<i64>,
    /// Calls; 0 stops them all.
    #[arg(long, group = "amount")]
    requests: Option<i64>,
    #[arg(long, value_enum)]
    per: Per,
    /// Only tell people when it is used up, refuse nobody. Needs more than 0.
    #[arg(long)]
    soft: bool,
    /// A cheaper model (`vendor/model`) that calls to its vendor go to instead of being refused.
    #[arg(long, value_name = "MODEL", value_parser = filled)]
    instead: Option<String>,
    /// From how many percent used on (1 to 99); when a call finds no room, where nothing is said. With --soft it has to be said.
    #[arg(long, value_name = "PERCENT", requires = "instead")]
    instead_from: Option<i64>,
    #[command(flatten)]
    once: Once,
}

/// Budgets that are told of where none is meant.
const TOLD: usize = 10;

fn amount(budget: &Value, key: &str) -> String {
    match (number(budget, key), text(budget, "unit")) {
        (Some(amount), "money") => usd(amount),
        (Some(1), unit) => format!("1 {}", unit.trim_end_matches('s')),
        (Some(amount), unit) => format!("{amount} {unit}"),
        (None, _) => String::new(),
    }
}

fn whose(budget: &Value) -> String {
    let tag = text(budget, "tag");
    if !tag.is_empty() {
        return format!("tag {tag}");
    }
    let names = ["bot_name", "virtual_key_name", "bot", "virtual_key"].map(|key| text(budget, key));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or("workspace").to_owned()
}

/// Whose it is, of which model, and how much of it there is.
pub(crate) fn in_words(budget: &Value) -> String {
    let of = Some(text(budget, "of")).filter(|of| !of.is_empty());
    let whose = of.map_or_else(|| whose(budget), str::to_owned);
    let model = Some(text(budget, "model")).filter(|model| !model.is_empty());
    let model = model.map(|model| format!(", {model}")).unwrap_or_default();
    match number(budget, "most") {
        Some(0) => format!("{whose}{model}: all calls are stopped"),
        _ => format!("{whose}{model}: {} a {}", amount(budget, "most"), text(budget, "period")),
    }
}

fn state(budget: &Value) -> Cell {
    let word = text(budget, "state");
    let tone = match word {
        "open" => Tone::Good,
        "near" => Tone::Busy,
        _ => Tone::Bad,
    };
    Cell::toned(word, tone)
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::new("OF", |v, _| Cell::from(whose(v))),
        Column::new("MODEL", |v, _| Cell::from(text(v, "model"))),
        Column::new("STATE", |v, _| state(v)),
        Column::new("USED", |v, _| Cell::from(amount(v, "used"))),
        Column::new("MOST", |v, _| Cell::from(format!("{} a {}", amount(v, "most"), text(v, "period")))),
        Column::new("FORECAST", |v, _| Cell::from(amount(v, "forecast"))),
        Column::wide("ENDS", |v, _| moment(number(v, "window_end_ms"))),
        Column::wide("FULL", |v, _| {
            Cell::from(if flag(v, "hard") || stops(v) { "refuses" } else { "tells" })
        }),
        Column::wide("INSTEAD", |v, _| {
            let from = number(v, "instead_from").map(|percent| format!(" from {percent} %"));
            Cell::from(format!("{}{}", text(v, "instead"), from.unwrap_or_default()))
        }),
    ],
    name: "id",
    none: "There are no budgets: model calls may use what they like.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: BudgetVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    let show = |budget: &Value| -> Result<(), Failure> {
        screen.data(&SHAPE.one(budget, format, screen, now_ms())?);
        way_back(session, budget);
        Ok(())
    };
    match verb {
        BudgetVerb::List { paging, watch } => {
            let read = async || session.list(&paging, |limit, cursor| ListBudgets { limit, cursor }).await;
            session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await
        }
        BudgetVerb::Add(mut args) => {
            args.of = args.of.found(session).await?;
            let (unit, most) = match (args.money, args.tokens, args.requests) {
                (Some(most), ..) => (BudgetUnit::Money, most),
                (_, Some(most), _) => (BudgetUnit::Tokens, most),
                (_, _, most) => (BudgetUnit::Requests, most.unwrap_or_default()),
            };
            let period = match args.per {
                Per::Minute => BudgetPeriod::Minute,
                Per::Day => BudgetPeriod::Day,
                Per::Month => BudgetPeriod::Month,
            };
            let create = CreateBudget {
                instead: args.instead,
                instead_from: args.instead_from,
                ..create(args.of, (unit, period), most, !args.soft)
            };
            show(&session.call_once(&create, Some(&args.once)).await?)
        }
        BudgetVerb::Change { budget, most, hard, instead, instead_from } => {
            let budget = named(session, &budget).await?;
            let instead = instead.map(|model| if model == "none" { String::new() } else { model });
            let (amount, most, expected_version) = (most, None, None);
            let change = ChangeBudget { budget, most, amount, hard, instead, instead_from, expected_version };
            show(&session.call(&change).await?)
        }
        BudgetVerb::Rm { budget, yes } => {
            let budget = named(session, &budget).await?;
            ask::sure(&format!("Delete the budget {budget}?"), yes)?;
            session.call(&DeleteBudget { budget }).await?;
            screen.remark(format!("The budget {budget} is deleted."));
            Ok(())
        }
        BudgetVerb::Stop { of, yes, once } => {
            ask::sure(&format!("Stop the model calls of {} now?", of.said()), yes)?;
            let create =
                create(of.found(session).await?, (BudgetUnit::Requests, BudgetPeriod::Month), 0, true);
            show(&session.call_once(&create, Some(&once)).await?)
        }
        BudgetVerb::Allow { of } => allow::allow(session, &of).await,
        BudgetVerb::Zone { zone } => {
            let zone = match zone {
                Some(time_zone) => session.call(&SetZone { time_zone }).await?,
                None => session.call(&GetZone {}).await?,
            };
            screen.data(&format!("{}\n", text(&zone, "time_zone")));
            Ok(())
        }
        BudgetVerb::Lookout(args) => lookout::run(session, args).await,
    }
}

impl Of {
    /// Whose calls it is about, in words.
    fn said(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!("all that carry the tag {tag}"));
        let named = [self.bot.clone(), self.virtual_key.clone(), tag, self.model.clone()];
        let said = named.into_iter().flatten().collect::<Vec<_>>().join(" to ");
        if said.is_empty() { "everybody".to_owned() } else { said }
    }

    /// The same with the id of the bot that is meant: a name will do where a command asks for a bot.
    async fn found(mut self, session: &Session) -> Result<Self, Failure> {
        if let Some(bot) = self.bot.take() {
            self.bot = Some(session.bot_called(&bot).await?);
        }
        Ok(self)
    }
}

/// The budget of an id. Budgets have no names: where there is none, those there are, in words.
async fn named(session: &Session, typed: &str) -> Result<BudgetId, Failure> {
    let all = Paging { limit: 0, all: true };
    let all = session.list(&all, |limit, cursor| ListBudgets { limit, cursor }).await?;
    let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = all.iter().find(|budget| text(budget, "id") == typed);
    if let Some(id) = found.and_then(|budget| text(budget, "id").parse().ok()) {
        return Ok(id);
    }
    let mut words = format!("there is no budget with the id '{}'.", plain(typed));
    if all.is_empty() {
        words.push_str(" There are no budgets at all.");
    }
    for budget in all.iter().take(TOLD) {
        words.push_str(&format!("\n  {} {}", text(budget, "id"), plain(&in_words(budget))));
    }
    let more = if all.len() > TOLD { "all of them" } else { "them and how they stand" };
    words.push_str(&format!("\n  What you can do: `chela budget list` shows {more}."));
    Err(Failure::Missing(words))
}

/// Whether nothing passes it.
fn stops(budget: &Value) -> bool {
    number(budget, "most") == Some(0)
}

/// Says how to allow again what a budget of 0 stops.
fn way_back(session: &Session, budget: &Value) {
    if stops(budget) {
        let id = text(budget, "id");
        session
            .screen
            .remark(format!("All these calls are stopped. To take it back: `chela budget rm {id}`."));
    }
}

fn create(of: Of, (unit, period): (BudgetUnit, BudgetPeriod), most: i64, hard: bool) -> CreateBudget {
    let Of { bot, virtual_key, tag, model } = of;
    let (most, amount, hard) = (Some(most), None, Some(hard));
    let (instead, instead_from) = (None, None);
    CreateBudget { bot, virtual_key, tag, model, unit, period, most, amount, hard, instead, instead_from }
}
