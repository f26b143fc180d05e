//! `chela token`: API tokens of the workspace. They are made on the server machine.

use crate::{
    ask, completion,
    failure::Failure,
    options::{Paging, Watch, Yes},
    output::{Cell, Column, Shape, age, flag, now_ms, number, text},
    session::Session,
};
use api::{
    auth::{DeleteToken, ListTokens},
    ids::TokenId,
};
use clap::Subcommand;
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum TokenVerb {
    /// The tokens, without their secrets.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// End a token; whoever uses it is out at once.
    Rm {
        /// Id or name.
        #[arg(add = ArgValueCandidates::new(completion::tokens))]
        token: String,
        #[command(flatten)]
        yes: Yes,
    },
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("NAME", |v, _| Cell::from(text(v, "name"))),
        Column::new("ROLE", |v, _| Cell::from(text(v, "role"))),
        Column::wide("ADMIN", |v, _| Cell::from(if flag(v, "admin") { "yes" } else { "" })),
        Column::new("USED", |v, now| age(number(v, "last_used_at_ms"), now)),
        Column::new("AGE", |v, now| age(number(v, "created_at_ms"), now)),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "There are no tokens. `chela admin token --name NAME` on the server machine makes one.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::List { paging, watch } => {
            let read = async || session.list(&paging, |limit, cursor| ListTokens { limit, cursor }).await;
            let show = |all: &Value| SHAPE.list(all, session.common.output, &session.screen, now_ms());
            session.follow(watch.watch, read, show).await
        }
        TokenVerb::Rm { token, yes } => {
            let all = Paging { limit: 0, all: true };
            let all = session.list(&all, |limit, cursor| ListTokens { limit, cursor }).await?;
            let (id, name) = completion::only(&all, "name", &token)?;
            let id: TokenId =
                id.parse().map_err(|_bad| Failure::Missing(format!("'{token}' is no token")))?;
            ask::sure(&format!("End the token '{name}'? Whoever uses it is out at once."), yes)?;
            session.call(&DeleteToken { token: id }).await?;
            session.screen.remark(format!("The token '{name}' is ended."));
            Ok(())
        }
    }
}
