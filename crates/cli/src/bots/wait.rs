//! Waiting until a bot is as wanted.

use crate::{
    failure::Failure,
    output::{number, plain, text},
    session::Session,
};
use api::bots::GetBot;
use serde_json::Value;
use std::time::Duration;

/// How often to look.
const PAUSE: Duration = Duration::from_millis(500);
/// How long to wait when nothing is said: the first bot of a machine downloads its tools.
const LONG: Duration = Duration::from_secs(600);

/// The end of an upgrade, not a state of the bot.
pub(super) const UPGRADED: Option<&str> = Some("upgraded");

/// How a bot stood when an act was taken.
pub(super) struct Before {
    /// Since when.
    pub since_ms: Option<i64>,
    /// The act begins a new life, whatever it was in.
    pub anew: bool,
}

impl Session {
    /// The bot, once it is `until`; a failure if it fails or takes too long.
    /// `before` is how it stood when the act was taken: what still is as it was then does not count, unless that is
    /// what was wanted of an act that changes nothing (`start` of what runs).
    pub(super) async fn settled(
        &self,
        bot: &str,
        until: &str,
        before: Option<&Before>,
    ) -> Result<Value, Failure> {
        let longest = self.common.timeout.unwrap_or(LONG);
        if Some(until) == UPGRADED {
            let late = || Failure::Timeout(format!("its upgrade goes on after {} s", longest.as_secs()));
            return tokio::time::timeout(longest, self.upgraded(bot))
                .await
                .unwrap_or_else(|_elapsed| Err(late()));
        }
        let looking = async {
            let mut told = String::new();
            loop {
                let seen = self.call(&GetBot { bot: bot.to_owned() }).await?;
                let (observed, stage) = (text(&seen, "observed"), text(&seen, "stage"));
                let old = before.is_some_and(|before| before.since_ms == number(&seen, "since_ms"));
                if observed == until && !(old && before.is_some_and(|before| before.anew)) {
                    return Ok(seen);
                }
                if observed == "failed" && !old {
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

    /// The bot, once its upgrade is over; a failure if that was not what was asked.
    async fn upgraded(&self, bot: &str) -> Result<Value, Failure> {
        let (mut told, mut asked_back) = (String::new(), false);
        loop {
            let seen = self.call(&GetBot { bot: bot.to_owned() }).await?;
            let upgrade = seen.get("upgrade").cloned().unwrap_or_default();
            let (phase, why) = (text(&upgrade, "phase"), upgrade.get("reason").cloned().unwrap_or_default());
            asked_back |= text(&why, "code") == "upgrade_returned";
            match phase {
                "" | "done" => return Ok(seen),
                "returned" if asked_back => return Ok(seen),
                "failed" | "returned" => return Err(Failure::Other(text(&why, "message").to_owned())),
                _ if phase != told => {
                    self.screen.remark(format!("{}: {}", plain(text(&seen, "slug")), plain(phase)));
                    told = phase.to_owned();
                }
                _ => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
