//! `chela job`: the work of the instance that goes on by itself. For tokens that administer it.

use crate::{
    ask,
    failure::Failure,
    options::{Paging, Watch, Yes},
    output::{Cell, Column, Shape, Tone, age, now_ms, number, text, words},
    session::Session,
};
use api::{
    ids::JobId,
    jobs::{CancelJob, DiscardJob, GetJob, JobState, ListJobs, RetryJob},
};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

/// How a job stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    Queued,
    Running,
    Done,
    Dead,
    Cancelled,
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Done => Self::Done,
            State::Dead => Self::Dead,
            State::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Subcommand, Clone, Debug)]
pub enum JobVerb {
    /// Jobs, the newest first. Of those that are done only the ones that failed before or took long are kept.
    #[command(visible_alias = "ls")]
    List {
        #[arg(long, value_enum)]
        state: Option<State>,
        /// E.g. bots.reconcile.
        #[arg(long)]
        kind: Option<String>,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        watch: Watch,
    },
    /// One job.
    #[command(visible_alias = "get")]
    Show { job: JobId },
    /// Run it now: a dead or cancelled one anew, one that waits at once.
    Retry {
        #[arg(required = true)]
        job: Vec<JobId>,
    },
    /// End it, where it waits or can be broken off.
    Cancel {
        #[arg(required = true)]
        job: Vec<JobId>,
    },
    /// Forget one that has ended.
    #[command(visible_alias = "rm")]
    Discard {
        #[arg(required = true)]
        job: Vec<JobId>,
        #[command(flatten)]
        yes: Yes,
    },
}

/// The bot's slug where it may be seen, else the id of what it is about.
fn about(value: &Value) -> &str {
    let slug = value.get("bot").map_or("", |bot| text(bot, "slug"));
    if slug.is_empty() { text(value, "about") } else { slug }
}

/// A kind in words.
fn kind(value: &Value) -> &str {
    match text(value, "kind") {
        "bots.reconcile" => "bring a bot to what is wanted",
        "bots.upgrade" => "give a bot another OpenClaw",
        "notify.push" => "tell devices of news",
        "notify.send" => "push to a device",
        "notify.together" => "push several at once to a device",
        "chat.forget_session" => "delete a thread in its bot",
        other => other,
    }
}

fn took(value: &Value) -> String {
    number(value, "ran_ms").map_or_else(String::new, |ms| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100))
}

/// What it waits for while that is no failure of its own, else why it failed last.
fn why(value: &Value) -> &str {
    match text(value, "waits_for") {
        "runtime" => "waits for what its bot runs in to answer",
        "bot" => "waits until its bot is up",
        "gateway" => "waits for the gateway of its bot",
        "pause" => "pauses after a failure of its bot",
        _ => text(value, "last_error"),
    }
}

fn attempts(value: &Value) -> String {
    if number(value, "attempts") == Some(0) {
        return "none yet".to_owned();
    }
    let of = |field| number(value, field).unwrap_or_default();
    format!("{} of {}", of("attempts"), of("max_attempts"))
}

const SHAPE: Shape = Shape {
    columns: &[
        Column::new("STATE", |v, _| {
            let state = text(v, "state");
            let tone = match state {
                "dead" => Tone::Bad,
                "running" => Tone::Busy,
                "done" => Tone::Good,
                _ => Tone::Quiet,
            };
            Cell::toned(state, tone)
        }),
        Column::new("WHAT", |v, _| Cell::from(kind(v))),
        Column::new("ABOUT", |v, _| Cell::from(about(v))),
        Column::new("TRIES", |v, _| Cell::from(attempts(v))),
        Column::new("AGE", |v, now| age(number(v, "created_at_ms"), now)),
        Column::new("TOOK", |v, _| Cell::from(took(v))),
        Column::new("WHY", |v, _| Cell::from(words(why(v), 60))),
        Column::wide("STAGE", |v, _| Cell::from(text(v, "stage"))),
        Column::wide("KIND", |v, _| Cell::from(text(v, "kind"))),
        Column::wide("ENDED", |v, now| age(number(v, "finished_at_ms"), now)),
        Column::new("ID", |v, _| Cell::from(text(v, "id"))),
    ],
    name: "id",
    none: "There are no such jobs.",
};

/// Runs one.
pub(crate) async fn run(session: &Session, verb: JobVerb) -> Result<(), Failure> {
    match verb {
        JobVerb::List { state, kind, paging, watch } => {
            let state = state.map(JobState::from);
            let page = |limit, cursor| ListJobs { state, kind: kind.clone(), limit, cursor };
            let read = async || session.list(&paging, page).await;
            let show = |all: &Value| SHAPE.list(all, session.common.output, &session.screen, now_ms());
            session.follow(watch.watch, read, show).await
        }
        JobVerb::Show { job } => one(session, &session.call(&GetJob { job }).await?),
        JobVerb::Retry { job } => {
            for job in job {
                one(session, &session.call(&RetryJob { job }).await?)?;
            }
            Ok(())
        }
        JobVerb::Cancel { job } => {
            for job in job {
                one(session, &session.call(&CancelJob { job }).await?)?;
            }
            Ok(())
        }
        JobVerb::Discard { job, yes } => {
            ask::sure(&format!("Forget {} job(s)? What they were to do stays undone.", job.len()), yes)?;
            for job in job {
                session.call(&DiscardJob { job }).await?;
                session.screen.remark(format!("{job} is forgotten."));
            }
            Ok(())
        }
    }
}

fn one(session: &Session, job: &Value) -> Result<(), Failure> {
    session.screen.data(&SHAPE.one(job, session.common.output, &session.screen, now_ms())?);
    Ok(())
}
