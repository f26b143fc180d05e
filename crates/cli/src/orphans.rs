//! `chela orphans`: what belongs to no bot any more. Without `--remove` nothing is changed.

use crate::{
    ask,
    failure::Failure,
    options::Yes,
    output::{Cell, Column, Shape, Tone, age, flag, now_ms, number, text},
    session::Session,
};
use api::orphans::{ListOrphans, RemoveOrphans};
use clap::Args;
use serde_json::Value;

#[derive(Args, Clone, Debug)]
pub struct OrphansArgs {
    /// Remove what is this instance's of it, files too.
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    yes: Yes,
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("PLACE", |v, _| Cell::from(text(v, "place"))),
        Column::new("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::new("STATE", |v, _| match flag(v, "running") {
            true => Cell::toned("running", Tone::Busy),
            false => Cell::from("left over"),
        }),
        Column::new("OF", |v, _| match text(v, "foreign") {
            "" => Cell::from(text(v, "bot")),
            other => Cell::toned(format!("another Chela ({other})"), Tone::Quiet),
        }),
        Column::new("AGE", |v, now| age(number(v, "since_ms"), now)),
    ],
    name: "name",
    none: "Nothing is left over.",
};
/// Where not everything could be looked at.
const ELSEWHERE: Shape = Shape { none: "Nothing is left over elsewhere.", ..SHAPE };
const REMOVED: Shape = Shape { none: "Nothing was removed.", ..SHAPE };

/// Lists or removes.
pub(crate) async fn run(session: &Session, args: OrphansArgs) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    let found = session.call(&ListOrphans {}).await?;
    let silent = found.get("silent").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for silent in silent {
        screen.remark(format!(
            "{} does not answer: what it holds is not known.",
            silent.as_str().unwrap_or_default()
        ));
    }
    let all = found.get("items").cloned().unwrap_or_default();
    let ours = all.as_array().into_iter().flatten().filter(|one| text(one, "foreign").is_empty()).count();
    if !args.remove {
        let shape = if silent.is_empty() { SHAPE } else { ELSEWHERE };
        screen.data(&shape.list(&all, format, screen, now_ms())?);
        if ours > 0 {
            screen.remark("Nothing was changed: --remove removes what is ours of it.");
        }
        return Ok(());
    }
    if ours > 0 {
        ask::sure(
            &format!("Remove {ours} thing(s) that belong to no bot? They do not come back."),
            args.yes,
        )?;
    }
    let done = session.call(&RemoveOrphans::default()).await?;
    screen.data(&REMOVED.list(
        &done.get("removed").cloned().unwrap_or_default(),
        format,
        screen,
        now_ms(),
    )?);
    match done.get("failed").and_then(Value::as_array).map_or(0, Vec::len) {
        0 => Ok(()),
        failed => {
            Err(Failure::Other(format!("{failed} could not be removed; the log of the panel says why.")))
        }
    }
}
