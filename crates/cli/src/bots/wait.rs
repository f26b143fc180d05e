//! Waiting until a bot is as wanted.

use crate::{
    failure::Failure,
    output::{plain, text},
    session::Session,
};
use api::bots::GetBot;
use serde_json::Value;
use std::time::Duration;

/// How often to look.
const PAUSE: Duration = Duration::from_millis(500);
/// How long to wait when nothing is said: the first bot of a machine downloads its tools.
const LONG: Duration = Duration::from_secs(600);

impl Session {
    /// The bot, once it is `until`; a failure if it fails or takes too long.
    pub(super) async fn settled(&self, bot: &str, until: &str) -> Result<Value, Failure> {
        let longest = self.common.timeout.unwrap_or(LONG);
        let looking = async {
            let mut told = String::new();
            loop {
                let seen = self.call(&GetBot { bot: bot.to_owned() }).await?;
                let (observed, stage) = (text(&seen, "observed"), text(&seen, "stage"));
                if observed == until {
                    return Ok(seen);
                }
                if observed == "failed" {
                    let why = seen.get("reason").cloned().unwrap_or_default();
                    return Err(Failure::Other(format!(
                        "it failed: {}\n  What you can do: {}",
                        text(&why, "message"),
                        text(&why, "hint")
                    )));
                }
                let now = if stage.is_empty() { observed } else { stage };
                if now != told {
                    self.screen.remark(format!("{}: {}", plain(text(&seen, "slug")), plain(now)));
                    told = now.to_owned();
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let late = || Failure::Timeout(format!("it is not {until} after {} s", longest.as_secs()));
        tokio::time::timeout(longest, looking).await.unwrap_or_else(|_elapsed| Err(late()))
    }
}
