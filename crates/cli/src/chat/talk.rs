//! A conversation at a terminal: a line is a message.

use super::answer::answer;
use crate::{failure::Failure, output::complain, session::Session};
use api::ids::ThreadId;
use std::io::{BufRead, Write};

/// Goes on until the end of input, or Ctrl-C while nothing is being answered.
pub(super) async fn converse(session: &Session, bot: &str, thread: Option<ThreadId>) -> Result<(), Failure> {
    // A slip in the name is told before anything is typed.
    session.bot(bot).await?;
    session.screen.remark("A line is a message. Ctrl-C stops an answer, Ctrl-D ends the conversation.");
    let mut thread = thread;
    loop {
        let Some(message) = line().await? else {
            if let Some(thread) = thread {
                session.screen.remark(format!("\nGo on with --thread {thread}."));
            }
            return Ok(());
        };
        if message.trim().is_empty() {
            continue;
        }
        match answer(session, bot, &message, thread, None, true).await {
            Ok(ended) => {
                if let Err(failure) = ended.as_result() {
                    complain(&failure);
                }
                thread = ended.thread.or(thread);
            }
            Err(failure @ (Failure::Login(_) | Failure::Missing(_))) => return Err(failure),
            Err(failure) => complain(&failure),
        }
    }
}

/// The next line, read beside everything else so that Ctrl-C is heard.
async fn line() -> Result<Option<String>, Failure> {
    {
        let mut to = std::io::stderr().lock();
        _ = write!(to, "> ");
        _ = to.flush();
    }
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().lock().read_line(&mut text).map(|bytes| (bytes > 0).then_some(text))
    });
    tokio::select! {
        read = read => match read {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(Failure::Usage(format!("cannot read what you typed: {error}"))),
            Err(_panic) => Ok(None),
        },
        _ = tokio::signal::ctrl_c() => Ok(None),
    }
}
