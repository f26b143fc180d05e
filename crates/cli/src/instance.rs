//! `chela instance` and `chela whoami`.

use crate::{
    failure::Failure,
    output::{Cell, Column, Shape, flag, now_ms, text},
    session::Session,
};
use api::{auth::GetMe, settings::GetInstance};
use serde_json::Value;

const ME: Shape = Shape {
    columns: &[
        Column::new("Name", |v, _| Cell::from(text(v, "name"))),
        Column::new("Role", |v, _| Cell::from(text(v, "role"))),
        Column::new("Workspace", |v, _| Cell::from(text(v, "workspace_name"))),
        Column::new("Administrator", |v, _| Cell::from(if flag(v, "admin") { "yes" } else { "no" })),
        Column::new("Id", |v, _| Cell::from(text(v, "user"))),
    ],
    name: "name",
    none: "",
};

const INSTANCE: Shape = Shape {
    columns: &[
        Column::new("Version", |v, _| Cell::from(text(v, "version"))),
        Column::new("Address", |v, _| Cell::from(text(v, "public_url"))),
        Column::new("Database", |v, _| Cell::from(text(v, "database"))),
        Column::new("Runtime", |v, _| Cell::from(text(v, "runtime"))),
        Column::new("Because", |v, _| Cell::from(text(v, "runtime_why"))),
        Column::new("OpenClaw", |v, _| Cell::from(text(v, "openclaw_version"))),
    ],
    name: "public_url",
    none: "",
};

/// Who the token is.
pub(crate) async fn whoami(session: &Session) -> Result<(), Failure> {
    let me = session.call(&GetMe {}).await?;
    session.screen.data(&ME.one(&me, session.common.output, &session.screen, now_ms())?);
    Ok(())
}

/// Facts of the instance; what an operator must know stands on standard error too.
pub(crate) async fn instance(session: &Session) -> Result<(), Failure> {
    let facts = session.call(&GetInstance {}).await?;
    session.screen.data(&INSTANCE.one(&facts, session.common.output, &session.screen, now_ms())?);
    for banner in facts.get("banners").and_then(Value::as_array).into_iter().flatten() {
        let said = format!("Attention: {} {}", text(banner, "message"), text(banner, "hint"));
        session.screen.remark(crate::output::plain(&said));
    }
    Ok(())
}
