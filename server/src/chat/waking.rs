//! Messages to a bot that sleeps: they wait until it is awake, and are asked then.

use super::{
    Chat,
    answers::End,
    blocks::Blocks,
    run::Run,
    store::{self, WAKING, Waiting},
};
use crate::platform::{ctx::OpCtx, error::OpError};
use api::{
    ApiError,
    ids::{BotId, RequestId, RunId, WorkspaceId},
};
use entity::bots::bot;
use openclaw::Gateway;
use policy::act;
use std::sync::Arc;

/// How long a message waits for its bot.
const LONGEST_MS: i64 = 10 * 60_000;
/// How often it is looked whether it waits in vain.
const LOOK_MS: i64 = 5_000;

/// What a bot is to be asked.
pub(super) struct Question {
    pub run: RunId,
    pub session_key: String,
    pub text: String,
    /// When somebody wrote it.
    pub since_ms: i64,
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
        bot_id: BotId,
        question: Question,
    ) -> Result<(), OpError> {
        let chat = Arc::clone(self);
        let Question { run, session_key, text, since_ms } = question;
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
        self.platform.tasks.spawn(async move { chat.mind_waiting(bot_id, run, since_ms).await });
        Ok(())
    }

    /// The bot is awake: what waits for it is asked now, each once.
    pub(super) async fn hand_over(&self, bot: BotId, gateway: &Gateway) {
        let waiting: Vec<_> = {
            let mut runs = self.runs();
            let of_bot = runs.values_mut().filter(|run| run.bot == bot);
            of_bot.filter_map(|run| Some((run.id, run.session_key.clone(), run.question.take()?))).collect()
        };
        for (id, session_key, text) in waiting {
            // First written, then asked: whenever Chela dies, a bot is asked once at most.
            match self.write_asked(id).await {
                Ok(true) => {}
                // Deleted with its thread, or asked already.
                Ok(false) => {
                    self.runs().remove(&id);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(run.id = %id, %error, "a bot is awake and is not asked: that could not be written");
                    if let Some(run) = self.runs().get_mut(&id) {
                        run.question = Some(text);
                    }
                    continue;
                }
            }
            match self.runs().get_mut(&id) {
                Some(run) => (run.waiting, run.message.phase) = (false, None),
                // Somebody ended it meanwhile.
                None => continue,
            }
            self.ask(gateway.clone(), id, &session_key, &text).await;
        }
    }

    async fn write_asked(&self, run: RunId) -> Result<bool, OpError> {
        let ctx = self.of_itself(None);
        let granted = policy::check::<act::RunChat>(&ctx.subject)?;
        self.platform.db.write(async |tx| store::asks(tx, &granted, run).await).await
    }

    fn of_itself(&self, workspace: Option<WorkspaceId>) -> OpCtx {
        OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), workspace)
    }

    /// Takes up what an earlier Chela left waiting for bots on their way up; [`Self::wait_again`] goes on with it.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn load_waiting(&self) -> Result<Vec<(BotId, Question)>, OpError> {
        let ctx = self.of_itself(None);
        let granted = policy::check::<act::RunChat>(&ctx.subject)?;
        let (mut left, mut odd, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let rows = store::waiting(self.platform.db.read(), &granted, after).await?;
            let Some(last) = rows.last().map(|row| row.id) else { break };
            after = Some(last);
            for row in rows {
                match store::taken_up(self.platform.db.read(), &granted, row).await? {
                    Ok(one) => left.push(self.take_up(one)),
                    Err(id) => odd.push(id),
                }
            }
        }
        for id in odd {
            tracing::error!(message.id = %id, "an answer that waited for its bot is not whole, and is ended");
            let cut = self.platform.db.write(async |tx| store::cut(tx, &granted, id, ctx.now_ms).await);
            if let Err(error) = cut.await {
                tracing::error!(message.id = %id, %error, "its end could not be written; the next Chela tries again");
            }
        }
        Ok(left)
    }

    fn take_up(&self, one: Waiting) -> (BotId, Question) {
        let Waiting { message, run, thread, text } = one;
        let since_ms = message.created_at_ms;
        let waits = Run {
            id: run,
            workspace: thread.workspace_id,
            bot: thread.bot_id,
            thread: thread.id,
            session_key: thread.session_key.clone(),
            message,
            blocks: Blocks::default(),
            stopping: false,
            waiting: true,
            question: None,
        };
        self.runs().insert(run, waits);
        (thread.bot_id, Question { run, session_key: thread.session_key, text, since_ms })
    }

    /// Wakes the bots of what an earlier Chela left; what is too old by now is not carried out unasked.
    pub(super) async fn wait_again(self: Arc<Self>, left: Vec<(BotId, Question)>) {
        for (bot, question) in left {
            let run = question.run;
            let Some(workspace) = self.runs().get(&run).map(|run| run.workspace) else { continue };
            let ctx = self.of_itself(Some(workspace));
            if question.since_ms + LONGEST_MS <= ctx.now_ms {
                let said =
                    "The bot slept, and Chela was away for too long to wake it. Send the message again.";
                self.end(run, End::Failed(said.to_owned())).await;
            } else if let Err(error) = self.set_off(&ctx, None, bot, question).await {
                tracing::warn!(run.id = %run, %error, "a message that waited over a restart could not wake its bot");
            }
        }
    }

    fn waits(&self, run: RunId) -> bool {
        self.runs().get(&run).is_some_and(|run| run.waiting)
    }

    /// Ends an answer whose bot does not wake.
    async fn mind_waiting(&self, bot: BotId, run: RunId, since_ms: i64) {
        let clock = &self.platform.clock;
        let until = since_ms + LONGEST_MS;
        loop {
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = clock.wait_until(clock.now_ms() + LOOK_MS) => {}
            }
            if !self.waits(run) {
                return;
            }
            match self.bots.awake_gateway(bot).await {
                Ok(Some(gateway)) => {
                    self.hand_over(bot, &gateway).await;
                    // It waits on where that could not be written.
                    continue;
                }
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
