//! `--watch`: the same question again and again, shown anew when the answer is another.

use crate::{failure::Failure, output::complain, session::Session};
use serde_json::Value;
use std::time::Duration;

/// How long until the next look.
const PAUSE: Duration = Duration::from_secs(2);

impl Session {
    /// Shows what `read` says: once, or until Ctrl-C.
    pub(crate) async fn follow(
        &self,
        watch: bool,
        read: impl AsyncFn() -> Result<Value, Failure>,
        show: impl Fn(&Value) -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        let first = read().await?;
        if !watch {
            self.screen.data(&show(&first)?);
            return Ok(());
        }
        tokio::select! {
            ended = self.repeat(first, read, show) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }

    async fn repeat(
        &self,
        first: Value,
        read: impl AsyncFn() -> Result<Value, Failure>,
        show: impl Fn(&Value) -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        let (mut seen, mut shown) = (first, String::new());
        loop {
            let text = show(&seen)?;
            if text != shown {
                self.screen.redraw(&text);
                shown = text;
            }
            loop {
                tokio::time::sleep(PAUSE).await;
                match read().await {
                    // A terminal's ages grow; a pipe gets what changed.
                    Ok(new) if new == seen && !self.screen.redraws() => {}
                    Ok(new) => {
                        seen = new;
                        break;
                    }
                    Err(failure) if passing(&failure) => complain(&failure),
                    Err(failure) => return Err(failure),
                }
            }
        }
    }
}

/// Whether it may be better at the next look: a server that restarts, a network that is away.
pub(crate) fn passing(failure: &Failure) -> bool {
    match failure {
        Failure::Problem(problem) => matches!(problem.status, 429 | 500..),
        Failure::Timeout(_) | Failure::Other(_) => true,
        _ => false,
    }
}
