//! `chela audit`: who did what, newest first.

use crate::{
    failure::Failure,
    options::{Paging, Watch},
    output::{Cell, Column, Shape, Tone, moment, named, now_ms, number, text},
    session::Session,
};
use api::audit::ListAudit;
use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    #[command(subcommand)]
    verb: Option<AuditVerb>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Subcommand, Clone, Debug)]
enum AuditVerb {
    /// The same as `chela audit`.
    List(ListArgs),
}

#[derive(Args, Clone, Debug)]
struct ListArgs {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    watch: Watch,
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("TIME", |v, _| moment(number(v, "at_ms"))),
        Column::new("ACTOR", |v, _| named(v, "actor_name", "actor")),
        Column::new("ACT", |v, _| Cell::from(text(v, "act"))),
        Column::new("TARGET", |v, _| named(v, "target_name", "target")),
        Column::new("OUTCOME", |v, _| {
            let outcome = text(v, "outcome");
            Cell::toned(outcome, if outcome == "ok" { Tone::Normal } else { Tone::Bad })
        }),
        Column::wide("ACTOR ID", |v, _| Cell::from(text(v, "actor"))),
        Column::wide("TARGET ID", |v, _| Cell::from(text(v, "target"))),
        Column::wide("DETAIL", |v, _| match v.get("detail") {
            None | Some(Value::Null) => Cell::from("-"),
            Some(detail) => Cell::from(detail.to_string()),
        }),
        Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "Nothing was done yet.",
};

/// Runs it.
pub(crate) async fn run(session: &Session, args: AuditArgs) -> Result<(), Failure> {
    let ListArgs { paging, watch } = match args.verb {
        Some(AuditVerb::List(list)) => list,
        None => args.list,
    };
    let read = async || session.list(&paging, |limit, cursor| ListAudit { limit, cursor }).await;
    let show = |all: &Value| SHAPE.list(all, session.common.output, &session.screen, now_ms());
    session.follow(watch.watch, read, show).await
}
