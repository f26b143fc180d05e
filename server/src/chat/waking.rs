//! Messages to a bot that sleeps: they wait until it is awake, and are asked then.

use super::{Chat, answers::End};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{
    ApiError,
    ids::{BotId, RunId},
};
use entity::bots::bot;
use openclaw::Gateway;
use std::sync::Arc;

/// What a page shows of an answer whose bot is woken.
pub(super) const WAKING: &str = "waking";
/// How long a message waits for its bot.
const LONGEST_MS: i64 = 10 * 60_000;
/// How often it is looked whether it waits in vain.
const LOOK_MS: i64 = 5_000;

/// What a bot is to be asked.
pub(super) struct Question {
    pub run: RunId,
    pub session_key: String,
    pub text: String,
}

impl Chat {
    /// The gateway to ask, or none where a message waits until the bot is awake.
    ///
    /// # Errors
    /// It is not ready, and nothing wakes it.
    pub(super) fn gateway_or_wait(&self, bot: &bot::Model) -> Result<Option<Gateway>, ApiError> {
        match self.bots.gateway(bot) {
            // The gateway of one that sleeps is on its way down.
            Ok(gateway) => Ok(Some(gateway).filter(|_| bot.asleep_since_ms.is_none())),
            Err(_) if self.bots.may_wait(bot) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the bot was put to sleep while a message was on its way; then that waits.
    pub(super) async fn fell_asleep(&self, bot: &bot::Model, run: RunId) -> bool {
        let asleep = self.bots.is_asleep(bot.id).await;
        if asleep && let Some(run) = self.runs().get_mut(&run) {
            run.waiting = true;
            run.message.phase = Some(WAKING.to_owned());
        }
        asleep
    }

    /// Asks the bot, now or when it is awake.
    ///
    /// # Errors
    /// It could not be woken.
    pub(super) async fn set_off(
        self: &Arc<Self>,
        ctx: &OpCtx,
        gateway: Option<Gateway>,
        bot: &bot::Model,
        question: Question,
    ) -> Result<(), OpError> {
        let (chat, bot_id) = (Arc::clone(self), bot.id);
        let Question { run, session_key, text } = question;
        if let Some(gateway) = gateway {
            self.platform.tasks.spawn(async move { chat.ask(gateway, run, &session_key, &text).await });
            return Ok(());
        }
        if let Some(run) = self.runs().get_mut(&run) {
            run.question = Some(text);
        }
        if let Err(error) = self.bots.wake(ctx, bot_id).await {
            self.end(run, End::Failed("The bot could not be woken.".to_owned())).await;
            return Err(error);
        }
        // It may be up by now, or its sleep may have been taken back: then nobody tells that it is ready.
        match self.bots.awake_gateway(bot_id).await {
            Ok(Some(gateway)) => self.hand_over(bot_id, &gateway).await,
            Ok(None) => {}
            // Who minds it looks again.
            Err(error) => tracing::warn!(run.id = %run, %error, "cannot look whether a bot is awake"),
        }
        self.platform.tasks.spawn(async move { chat.mind_waiting(bot_id, run).await });
        Ok(())
    }

    /// The bot is awake: what waits for it is asked now, each once.
    pub(super) async fn hand_over(&self, bot: BotId, gateway: &Gateway) {
        let waiting: Vec<_> = {
            let mut runs = self.runs();
            let of_bot = runs.values_mut().filter(|run| run.bot == bot);
            of_bot
                .filter_map(|run| {
                    let text = run.question.take()?;
                    run.waiting = false;
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
        self.runs().get(&run).is_some_and(|run| run.waiting)
    }

    /// Ends an answer whose bot does not wake.
    async fn mind_waiting(&self, bot: BotId, run: RunId) {
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
            match self.bots.awake_gateway(bot).await {
                Ok(Some(gateway)) => return self.hand_over(bot, &gateway).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(run.id = %run, %error, "cannot look whether a bot is awake"),
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
