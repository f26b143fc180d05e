//! `chela bot chat`: one message and its answer, or a conversation at a terminal.

mod answer;
mod events;
mod talk;

use crate::{completion, failure::Failure, options::Format, options::Once, output::as_is, session::Session};
use answer::Ended;
use api::ids::ThreadId;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use std::io::{IsTerminal, Read};

#[derive(Args, Clone, Debug)]
pub struct ChatArgs {
    #[arg(add = ArgValueCandidates::new(completion::bots))]
    bot: String,
    /// The message. Left out: a conversation at a terminal, standard input otherwise.
    text: Option<String>,
    /// Go on in this thread.
    #[arg(long)]
    thread: Option<ThreadId>,
    #[command(flatten)]
    once: Once,
}

/// Runs it.
pub(crate) async fn run(session: &Session, args: ChatArgs) -> Result<(), Failure> {
    let message = match args.text {
        Some(text) => text,
        None if std::io::stdin().is_terminal() => {
            return talk::converse(session, &args.bot, args.thread).await;
        }
        None => {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            read.map_err(|error| Failure::Usage(format!("cannot read the message: {error}")))?;
            text
        }
    };
    let shown = matches!(session.common.output, Format::Table | Format::Wide);
    let ended = answer::answer(session, &args.bot, &message, args.thread, Some(&args.once), shown).await?;
    match session.common.output {
        Format::Json | Format::Yaml => session.screen.data(&as_is(&ended.message, session.common.output)?),
        Format::Name => session.screen.data(crate::output::text(&ended.message, "thread")),
        Format::Table | Format::Wide => {}
    }
    ended.as_result()
}

impl Ended {
    /// A finished answer, or why it is none.
    fn as_result(&self) -> Result<(), Failure> {
        let error = crate::output::text(&self.message, "error");
        match crate::output::text(&self.message, "state") {
            "final" => Ok(()),
            "aborted" => Err(Failure::Usage(or(error, "the answer was stopped.").to_owned())),
            _ => Err(Failure::Other(or(error, "the bot could not answer.").to_owned())),
        }
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
