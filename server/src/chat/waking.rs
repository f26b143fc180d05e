//! Messages to a bot that sleeps: they wait until it is awake, and are asked then.

use super::{Chat, answers::End};
use api::ids::{BotId, RunId};
use openclaw::Gateway;
use std::sync::Arc;

/// What a page shows of an answer whose bot is woken.
pub(super) const WAKING: &str = "waking";
/// How long a message waits for its bot.
const LONGEST_MS: i64 = 10 * 60_000;
/// How often it is looked whether it waits in vain.
const LOOK_MS: i64 = 5_000;

impl Chat {
    /// The bot is awake: what waits for it is asked now, each once.
    pub(super) async fn hand_over(&self, bot: BotId, gateway: &Gateway) {
        let waiting: Vec<_> = {
            let mut runs = self.runs();
            let of_bot = runs.values_mut().filter(|run| run.bot == bot);
            of_bot
                .filter_map(|run| {
                    let text = run.waiting.take()?;
                    run.message.phase = None;
                    Some((run.id, run.session_key.clone(), text))
                })
                .collect()
        };
        for (run, session_key, text) in waiting {
            self.ask(gateway.clone(), run, &session_key, &text).await;
        }
    }

    fn waits(&self, run: RunId) -> bool {
        self.runs().get(&run).is_some_and(|run| run.waiting.is_some())
    }

    /// Ends an answer whose bot does not wake.
    pub(super) async fn mind_waiting(self: Arc<Self>, bot: BotId, run: RunId) {
        let clock = &self.platform.clock;
        let until = clock.now_ms() + LONGEST_MS;
        loop {
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = clock.wait_until(clock.now_ms() + LOOK_MS) => {}
            }
            if !self.waits(run) {
                return;
            }
            let why = match self.bots.waits_in_vain(bot).await {
                Ok(None) if clock.now_ms() < until => continue,
                Ok(None) => "it took too long; its page says why".to_owned(),
                Ok(Some(why)) => why,
                Err(error) => {
                    tracing::warn!(run.id = %run, %error, "cannot look whether a bot wakes");
                    continue;
                }
            };
            let said = format!("The bot did not wake up: {why}. Send the message again when it runs.");
            self.end(run, End::Failed(said)).await;
            return;
        }
    }
}
