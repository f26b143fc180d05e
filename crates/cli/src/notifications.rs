//! `chela notification`: what happened to bots, and what of it is read. A token has a read state of its own.

use crate::{
    budgets, completion,
    failure::Failure,
    options::{Paging, Watch},
    output::{Cell, Column, Shape, Tone, age, flag, now_ms, number, text},
    session::Session,
};
use api::{
    ids::NotificationId,
    notify::{ListNotifications, MarkRead, MuteBot},
};
use clap::Subcommand;
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum NotificationVerb {
    /// What happened, the last first.
    #[command(visible_alias = "ls")]
    List {
        /// Only what is unread.
        #[arg(long)]
        unread: bool,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Mark some as read, or all.
    #[command(group = clap::ArgGroup::new("which").required(true).args(["notification", "all"]))]
    Read {
        /// Ids.
        notification: Vec<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
    /// Do not count what happens to a bot for a while.
    Mute {
        /// Id or slug.
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
        /// For how long; 0 ends it.
        #[arg(long, default_value_t = 60, value_name = "N")]
        minutes: u32,
    },
}

/// What it is about: a bot's slug, a budget, or a runtime.
fn about(value: &Value) -> String {
    let slug = value.get("bot").map_or("", |bot| text(bot, "slug"));
    match value.get("budget").filter(|budget| budget.is_object()) {
        _ if !slug.is_empty() => slug.to_owned(),
        Some(budget) => budgets::in_words(budget),
        None => text(value, "runtime").to_owned(),
    }
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("NEW", |v, _| Cell::from(if flag(v, "unread") { "new" } else { "" })),
        Column::new("ABOUT", |v, _| Cell::from(about(v))),
        Column::new("WHAT", |v, _| Cell::from(text(v, "kind"))),
        Column::new("STATE", |v, _| match number(v, "resolved_at_ms") {
            None => Cell::toned("open", Tone::Bad),
            Some(_) => Cell::toned("over", Tone::Good),
        }),
        Column::new("COUNT", |v, _| Cell::from(number(v, "count").unwrap_or_default().to_string())),
        Column::new("LAST", |v, now| age(number(v, "last_at_ms"), now)),
        Column::wide("BUDGET", |v, _| Cell::from(v.get("budget").map_or("", |budget| text(budget, "id")))),
        Column::wide("REASON", |v, _| Cell::from(v.get("reason").map_or("", |r| text(r, "message")))),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "Nothing happened.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: NotificationVerb) -> Result<(), Failure> {
    match verb {
        NotificationVerb::List { unread, paging, watch } => {
            let unread = unread.then_some(true);
            let page = |limit, cursor| ListNotifications { unread, limit, cursor };
            let read = async || session.list(&paging, page).await;
            let show = |all: &Value| SHAPE.list(all, session.common.output, &session.screen, now_ms());
            session.follow(watch.watch, read, show).await
        }
        NotificationVerb::Read { notification, all: _ } => {
            let missing = |text: &str| Failure::Missing(format!("'{text}' is no notification"));
            let ids = notification.iter().map(|text| text.parse().map_err(|_bad| missing(text)));
            let ids: Vec<NotificationId> = ids.collect::<Result<_, _>>()?;
            if ids.is_empty() {
                session.call(&MarkRead::default()).await?;
            }
            for id in ids {
                session.call(&MarkRead { notification: Some(id), until_ms: None }).await?;
            }
            session.screen.remark("Marked as read.".to_owned());
            Ok(())
        }
        NotificationVerb::Mute { bot, minutes } => {
            session.call(&MuteBot { bot: bot.clone(), minutes: Some(minutes) }).await?;
            session.screen.remark(match minutes {
                0 => format!("What happens to {bot} counts again."),
                _ => format!("What happens to {bot} does not count for {minutes} min."),
            });
            Ok(())
        }
    }
}
