//! `chela model`: models with what is known of them and what they cost.

use crate::{
    ask,
    failure::Failure,
    keys::joined,
    options::{Paging, Watch, Yes, filled},
    output::{Cell, Column, Shape, Tone, flag, moment, now_ms, number, plain, text, usd},
    prices::parted,
    session::Session,
};
use api::prices::{ListModels, ModelKind, SetModel};
use clap::{Args, Subcommand};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error},
};
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum ModelVerb {
    /// Models with what is known of them and what a short prompt costs now.
    #[command(visible_alias = "ls")]
    List {
        /// Of this vendor.
        #[arg(long)]
        vendor: Option<String>,
        /// Whose name has this in it.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// llm, vlm, image, video, audio, embedding or 3d.
        #[arg(long, value_parser = kind)]
        kind: Option<ModelKind>,
        /// Only those of which you say something yourself.
        #[arg(long)]
        own: bool,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Say yourself what a model can do, in place of what you said before. What you do not say stays as it is shipped.
    Set(Box<SetArgs>),
    /// Take back what you said of a model. Its prices stay.
    #[command(visible_alias = "delete")]
    Rm {
        /// `vendor/model`.
        model: String,
        #[command(flatten)]
        yes: Yes,
    },
}

#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// `vendor/model`.
    model: String,
    /// As people call it.
    #[arg(long, value_name = "NAME", value_parser = filled)]
    display_name: Option<String>,
    /// llm, vlm, image, video, audio, embedding or 3d.
    #[arg(long, value_parser = kind)]
    kind: Option<ModelKind>,
    /// Tokens that a call may have, read and written.
    #[arg(long, value_name = "TOKENS")]
    context_length: Option<i64>,
    /// Tokens that it writes at most.
    #[arg(long, value_name = "TOKENS")]
    max_output: Option<i64>,
    #[arg(long, value_name = "BOOL")]
    vision: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    functions: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    thinking: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    cache_control: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    streaming: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    deprecated: Option<bool>,
    /// 0 to 100, as the other three.
    #[arg(long, value_name = "SCORE")]
    reasoning: Option<i64>,
    #[arg(long, value_name = "SCORE")]
    coding: Option<i64>,
    #[arg(long, value_name = "SCORE")]
    creativity: Option<i64>,
    #[arg(long, value_name = "SCORE")]
    speed: Option<i64>,
    /// What it is good for, such as `code` or `translation`; several times for several.
    #[arg(long = "scenario", value_name = "WORD", value_parser = filled)]
    scenarios: Vec<String>,
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    notes: Option<String>,
    /// Where this was read, or who said it.
    #[arg(long, value_name = "TEXT", value_parser = filled)]
    source: Option<String>,
}

/// A kind by its name.
fn kind(text: &str) -> Result<ModelKind, String> {
    let read: Result<_, Error> = ModelKind::deserialize(text.into_deserializer());
    read.map_err(|error| error.to_string())
}

fn can(facts: &Value) -> String {
    let words = [
        ("vision", "vision"),
        ("function_calling", "functions"),
        ("extended_thinking", "thinking"),
        ("cache_control", "cache"),
        ("streaming", "streaming"),
    ];
    let can = words.into_iter().filter(|(key, _)| flag(facts, key));
    can.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

fn price(model: &Value, key: &str) -> Cell {
    match number(&model["price"], key) {
        Some(figure) => Cell::from(usd(figure)),
        None => Cell::toned("unknown", Tone::Quiet),
    }
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("MODEL", |v, _| Cell::from(format!("{}/{}", text(v, "vendor"), text(v, "model")))),
        Column::new("KIND", |v, _| Cell::from(text(&v["facts"], "kind"))),
        Column::new("CONTEXT", |v, _| {
            Cell::from(number(&v["facts"], "context_length").map(|n| n.to_string()).unwrap_or_default())
        }),
        Column::new("IN", |v, _| price(v, "input_price")),
        Column::new("OUT", |v, _| price(v, "output_price")),
        Column::new("SINCE", |v, _| moment(number(&v["price"], "since_ms"))),
        Column::new("WHOSE", |v, _| {
            let of = text(&v["price"], "model");
            let family = !of.is_empty() && of != text(v, "model");
            let own = !v["own_facts"].is_null() || (!family && !text(&v["price"], "id").is_empty());
            let word = if own { "own" } else { "shipped" };
            Cell::from(if family { format!("{word}, as {of}") } else { word.to_owned() })
        }),
        Column::new("NOTE", |v, _| {
            let retired = flag(&v["facts"], "deprecated");
            if retired { Cell::toned("deprecated", Tone::Bad) } else { Cell::from(String::new()) }
        }),
        Column::wide("OUTPUT", |v, _| {
            Cell::from(number(&v["facts"], "max_output_tokens").map(|n| n.to_string()).unwrap_or_default())
        }),
        Column::wide("CAN", |v, _| Cell::from(can(&v["facts"]))),
        Column::wide("NAME", |v, _| Cell::from(text(&v["facts"], "display_name"))),
        Column::wide("GOOD FOR", |v, _| Cell::from(joined(&v["facts"], "recommended_scenarios"))),
        Column::wide("NOTES", |v, _| Cell::from(text(&v["facts"], "notes"))),
        Column::wide("SOURCE", |v, _| Cell::from(text(&v["price"], "source"))),
    ],
    name: "name",
    none: "No model is known by that.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: ModelVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        ModelVerb::List { vendor, search, kind, own, paging, watch } => {
            let asked =
                ListModels { vendor, q: search, kind, own: own.then_some(true), ..ListModels::default() };
            let page = |limit, cursor| ListModels { limit, cursor, ..asked.clone() };
            let read = async || Ok(with_names(session.list(&paging, page).await?));
            session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await
        }
        ModelVerb::Set(args) => {
            let model = session.call(&set(*args)?).await?;
            screen.data(&SHAPE.one(&with_name(model), format, screen, now_ms())?);
            Ok(())
        }
        ModelVerb::Rm { model, yes } => {
            let (vendor, name) = parted(&model)?;
            ask::sure(&format!("Take back what you said of '{}'?", plain(&model)), yes)?;
            session.call(&SetModel { vendor, model: name, ..SetModel::default() }).await?;
            screen.remark(format!("You say nothing of '{}' any more.", plain(&model)));
            Ok(())
        }
    }
}

/// A model's name in full, for those who want names only.
fn with_name(mut model: Value) -> Value {
    model["name"] = format!("{}/{}", text(&model, "vendor"), text(&model, "model")).into();
    model
}

fn with_names(all: Value) -> Value {
    match all {
        Value::Array(all) => all.into_iter().map(with_name).collect(),
        other => other,
    }
}

fn set(args: SetArgs) -> Result<SetModel, Failure> {
    let (vendor, model) = parted(&args.model)?;
    let set = SetModel {
        vendor: vendor.clone(),
        model: model.clone(),
        display_name: args.display_name,
        kind: args.kind,
        context_length: args.context_length,
        max_output_tokens: args.max_output,
        vision: args.vision,
        function_calling: args.functions,
        extended_thinking: args.thinking,
        cache_control: args.cache_control,
        streaming: args.streaming,
        deprecated: args.deprecated,
        reasoning_score: args.reasoning,
        coding_score: args.coding,
        creativity_score: args.creativity,
        speed_score: args.speed,
        recommended_scenarios: (!args.scenarios.is_empty()).then_some(args.scenarios),
        notes: args.notes,
        source: args.source,
    };
    if set == (SetModel { vendor, model, ..SetModel::default() }) {
        return Err(Failure::Usage(
            "say something of it; `chela model rm` takes back what you said".to_owned(),
        ));
    }
    Ok(set)
}
