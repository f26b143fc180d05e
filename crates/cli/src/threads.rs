//! `chela thread`: conversations with a bot.

use crate::{
    ask, completion,
    failure::Failure,
    options::{Once, Paging, Watch, Yes},
    output::{Cell, Column, Shape, Tone, age, now_ms, number, text, words},
    session::Session,
};
use api::{chat::*, ids::ThreadId};
use clap::Subcommand;
use clap_complete::engine::ArgValueCandidates;
use serde_json::Value;

#[derive(Subcommand, Clone, Debug)]
pub enum ThreadVerb {
    /// Threads of a bot, newest first.
    #[command(visible_alias = "ls")]
    List {
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Begin a thread without a message.
    Create {
        #[arg(add = ArgValueCandidates::new(completion::bots))]
        bot: String,
        #[arg(long)]
        title: Option<String>,
        #[command(flatten)]
        once: Once,
    },
    /// One thread.
    Show { thread: ThreadId },
    /// Give it another title.
    Rename { thread: ThreadId, title: String },
    /// Delete it, here and in the bot.
    Rm {
        thread: ThreadId,
        #[command(flatten)]
        yes: Yes,
    },
    /// Its messages, oldest first.
    Messages {
        thread: ThreadId,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// Stop the answer in progress.
    Stop { thread: ThreadId },
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
        Column::new("TITLE", |v, _| Cell::from(words(text(v, "title"), 60))),
        Column::new("UPDATED", |v, now| age(number(v, "updated_at_ms"), now)),
        Column::new("AGE", |v, now| age(number(v, "created_at_ms"), now)),
        Column::wide("BOT", |v, _| Cell::from(text(v, "bot"))),
    ],
    name: "id",
    none: "Nobody has talked to this bot yet.",
};

const MESSAGES: Shape = Shape {
    columns: &[
        Column::new("WHO", |v, _| Cell::from(text(v, "role"))),
        Column::new("STATE", |v, _| {
            let state = text(v, "state");
            let tone = match state {
                "failed" => Tone::Bad,
                "streaming" | "aborted" => Tone::Busy,
                _ => Tone::Normal,
            };
            Cell::toned(state, tone)
        }),
        Column::new("AGE", |v, now| age(number(v, "created_at_ms"), now)),
        Column::new("TEXT", |v, _| Cell::from(words(text(v, "text"), 80))),
        Column::wide("MODEL", |v, _| Cell::from(text(v, "model"))),
        Column::wide("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "Nothing was said yet.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: ThreadVerb) -> Result<(), Failure> {
    let (format, screen) = (session.common.output, &session.screen);
    match verb {
        ThreadVerb::List { bot, paging, watch } => {
            let page = |limit, cursor| ListThreads { bot: bot.clone(), limit, cursor };
            let read = async || session.list(&paging, page).await;
            let ended =
                session.follow(watch.watch, read, |all| SHAPE.list(all, format, screen, now_ms())).await;
            match ended {
                Err(failure) => Err(session.nearest_bot(failure, &bot).await),
                done => done,
            }
        }
        ThreadVerb::Create { bot, title, once } => {
            let made = session.call_once(&CreateThread { bot: bot.clone(), title }, Some(&once)).await;
            match made {
                Ok(made) => one(session, &made),
                Err(failure) => Err(session.nearest_bot(failure, &bot).await),
            }
        }
        ThreadVerb::Show { thread } => one(session, &session.call(&GetThread { thread }).await?),
        ThreadVerb::Rename { thread, title } => {
            let renamed = session.call(&RenameThread { thread, title }).await?;
            if renamed.get("id").is_some() {
                return one(session, &renamed);
            }
            one(session, &session.call(&GetThread { thread }).await?)
        }
        ThreadVerb::Rm { thread, yes } => {
            let found = session.call(&GetThread { thread }).await?;
            let title = words(text(&found, "title"), 60);
            ask::sure(
                &format!("Delete the thread '{}' with its messages?", crate::output::plain(&title)),
                yes,
            )?;
            session.call(&DeleteThread { thread }).await?;
            screen.remark(format!("The thread {thread} is deleted."));
            Ok(())
        }
        ThreadVerb::Messages { thread, paging, watch } => {
            let read = async || messages(session, thread, &paging).await;
            session.follow(watch.watch, read, |all| MESSAGES.list(all, format, screen, now_ms())).await
        }
        ThreadVerb::Stop { thread } => {
            session.call(&StopAnswer { thread }).await?;
            screen.remark("Stopped.");
            Ok(())
        }
    }
}

fn one(session: &Session, thread: &Value) -> Result<(), Failure> {
    session.screen.data(&SHAPE.one(thread, session.common.output, &session.screen, now_ms())?);
    Ok(())
}

/// The newest messages, oldest first: pages lead backwards, each with its oldest on top.
async fn messages(session: &Session, thread: ThreadId, paging: &Paging) -> Result<Value, Failure> {
    let most = paging.most();
    let (mut found, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
    while found.len() < most {
        let limit = u32::try_from(most - found.len()).unwrap_or(u32::MAX).min(api::page::MAX_LIMIT);
        let mut page =
            session.call(&ListMessages { thread, limit: Some(limit), cursor: cursor.take() }).await?;
        let Some(Value::Array(mut older)) = page.get_mut("items").map(Value::take) else { break };
        older.append(&mut found);
        found = older;
        match page.get("next").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    if cursor.is_some() {
        session.screen.remark(format!("There are older ones than these {}: --all shows them.", found.len()));
    }
    Ok(Value::Array(found))
}
