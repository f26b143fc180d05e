//! What a gateway says: text, tools, ends, lost connections.

use super::{
    Chat,
    answers::End,
    blocks::Settled,
    run::{Grown, ToolNote, bytes},
    store,
};
use crate::{
    bots::LinkEvent,
    platform::{ctx::OpCtx, error::OpError},
};
use api::{
    ids::{BotId, RequestId, RunId},
    live::LiveEvent,
};
use openclaw::{CallError, ChatEvent, Event, Gateway, RunEvent, ToolEvent, ToolStep};
use policy::act;
use std::sync::Arc;

/// Messages looked through for the end of an answer that was missed: as many as a frame holds for sure.
const HISTORY: u16 = 10;
/// Told where Chela itself went away.
const CUT: &str = "Cut: Chela was stopped while the bot was answering.";
/// Told where the bot did.
const GONE: &str = "Cut: the bot was stopped or restarted while it was answering.";

impl Chat {
    /// Starts taking in what gateways say, and goes on with what an earlier Chela left open. Before anybody is served: what this
    /// Chela writes would be taken for it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn spawn(self: &Arc<Self>) -> Result<(), OpError> {
        if let Err(error) = self.cut_left_open().await {
            tracing::error!(error = %error, "answers of an earlier run could not be marked as cut");
        }
        let left = self.load_waiting().await?;
        let chat = Arc::downgrade(self);
        self.bots.links().listen(Arc::new(move |bot, event| {
            if let Some(chat) = chat.upgrade() {
                chat.hear(bot, event);
            }
        }));
        self.platform.tasks.spawn(Arc::clone(self).wait_again(left));
        self.platform.tasks.spawn(Arc::clone(self).mark_what_is_open());
        self.platform.tasks.spawn(Arc::clone(self).tend_unwritten());
        self.spawn_forgetting();
        Ok(())
    }

    /// At the end of Chela's life.
    async fn mark_what_is_open(self: Arc<Self>) {
        self.platform.shutdown.cancelled().await;
        self.cut_all(CUT).await;
        self.write_unwritten().await;
        self.name_the_lost();
    }

    async fn cut_left_open(&self) -> Result<(), OpError> {
        let now = self.platform.clock.now_ms();
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now, None);
        let granted = policy::check::<act::RunChat>(&ctx.subject)?;
        let cut = self.platform.db.write(async |tx| store::cut_open(tx, &granted, CUT, now).await).await?;
        if cut > 0 {
            tracing::info!(messages = cut, "answers of an earlier run were cut");
        }
        Ok(())
    }

    pub(super) async fn take_in(&self, bot: BotId, event: LinkEvent) {
        match event {
            LinkEvent::Said(event) => match &*event {
                Event::Chat(event) => self.chat_event(event.clone()).await,
                Event::Tool(event) => self.tool_event(event),
                Event::Lagged { .. } => {
                    if let Some(gateway) = self.bots.links().gateway(bot) {
                        self.catch_up(bot, &gateway).await;
                    }
                }
                Event::Shutdown { .. } => {}
            },
            LinkEvent::Ready(gateway) => {
                self.catch_up(bot, &gateway).await;
                self.hand_over(bot, &gateway).await;
                self.remind(bot).await;
            }
            LinkEvent::Lost(_) => self.phase_all(bot, "reconnecting"),
            LinkEvent::Ended => self.cut_of_bot(bot).await,
        }
    }

    async fn cut_of_bot(&self, bot: BotId) {
        for id in self.of_bot(bot) {
            self.end(id, End::Failed(GONE.to_owned())).await;
        }
    }

    /// After events were lost: how things stand, whatever they said.
    pub(super) async fn make_up(&self, bot: BotId) {
        match self.bots.links().gateway(bot) {
            Some(gateway) => self.catch_up(bot, &gateway).await,
            // It is being connected anew, and says so when it is.
            None if self.bots.links().has(bot) => self.phase_all(bot, "reconnecting"),
            None => self.cut_of_bot(bot).await,
        }
    }

    /// Answers that the bot was asked for; what waits until it is awake is none.
    fn of_bot(&self, bot: BotId) -> Vec<RunId> {
        let runs = self.runs();
        runs.values().filter(|run| run.bot == bot && !run.waiting).map(|run| run.id).collect()
    }

    fn phase_all(&self, bot: BotId, phase: &str) {
        for id in self.of_bot(bot) {
            self.phase(id, phase);
        }
    }

    fn phase(&self, id: RunId, phase: &str) {
        let told = self.runs().get_mut(&id).map(|run| {
            run.message.phase = Some(phase.to_owned());
            (run.thread, LiveEvent::Phase { message: run.message.id, phase: phase.to_owned() })
        });
        if let Some((thread, event)) = told {
            self.tell(thread, event);
        }
    }

    async fn chat_event(&self, event: RunEvent) {
        // Runs of others (channels, slash commands) are not ours to show here.
        let Ok(id) = event.run_id.parse::<RunId>() else { return };
        match event.what {
            ChatEvent::Status { phase } => self.phase(id, &phase),
            ChatEvent::Delta { text, replace } => self.grow(id, &text, replace),
            ChatEvent::Final { text, model, usage, .. } => {
                self.end(id, End::Final { text: Some(text), model, usage }).await;
            }
            ChatEvent::Aborted { text, .. } => self.end(id, End::Aborted { text: Some(text) }).await,
            ChatEvent::Error { message, .. } => {
                let stopping = self.runs().get(&id).is_some_and(|run| run.stopping);
                let end = if stopping { End::Aborted { text: None } } else { End::Failed(message) };
                self.end(id, end).await;
            }
        }
    }

    /// Text and its event leave under one lock, so that a snapshot never lies between them.
    fn grow(&self, id: RunId, text: &str, replace: bool) {
        let mut runs = self.runs();
        let Some(run) = runs.get_mut(&id) else { return };
        let message = run.message.id;
        let event = match run.grow(text, replace) {
            Grown::At(at_bytes, text) => LiveEvent::Delta { message, at_bytes, text },
            Grown::Replaced(text) => LiveEvent::Replace { message, text },
            Grown::Full => return,
        };
        let thread = run.thread;
        self.tell(thread, event);
        if let Some(Settled { from, to, html }) = run.settle() {
            let (from_bytes, to_bytes) = (bytes(from), bytes(to));
            self.tell(thread, LiveEvent::Block { message, from_bytes, to_bytes, html });
        }
    }

    fn tool_event(&self, event: &ToolEvent) {
        let Ok(id) = event.run_id.parse::<RunId>() else { return };
        let mut runs = self.runs();
        let Some(run) = runs.get_mut(&id) else { return };
        let tool = match &event.step {
            ToolStep::Started { args } => {
                run.tool(&event.call_id, &event.name, &ToolNote::Started(&args.to_string()))
            }
            ToolStep::Finished { is_error, text, .. } => {
                run.tool(&event.call_id, &event.name, &ToolNote::Finished { text, failed: *is_error })
            }
        };
        if let Some(tool) = tool {
            let (thread, message) = (run.thread, run.message.id);
            self.tell(thread, LiveEvent::Tool { message, tool });
        }
    }

    /// After a lost connection or lost events: what the gateway knows of our open answers.
    async fn catch_up(&self, bot: BotId, gateway: &Gateway) {
        for id in self.of_bot(bot) {
            let Some(run) = self.runs().get(&id).cloned() else { continue };
            let history = tokio::select! {
                // However long the gateway says nothing: Chela stops.
                () = self.platform.shutdown.cancelled() => return,
                history = read_again(gateway, &run.session_key) => history,
            };
            let history = match history {
                Ok(history) => history,
                Err(error) => {
                    tracing::warn!(run.id = %id, error = %error, "cannot read a session again");
                    continue;
                }
            };
            let key = id.to_string();
            if let Some(open) = history.in_flight_run.filter(|open| open.run_id == key) {
                self.grow(id, &open.text, true);
                continue;
            }
            let said = history
                .messages
                .iter()
                .rev()
                .find(|m| m.role == "assistant" && m.run_id() == Some(key.as_str()));
            let end = match said {
                Some(message) => End::Final { text: Some(message.text()), model: None, usage: None },
                None => {
                    End::Failed("Cut: the connection to the bot was lost while it was answering.".to_owned())
                }
            };
            self.end(id, end).await;
        }
    }
}

/// What a session holds now; what comes after it is told again.
async fn read_again(
    gateway: &Gateway,
    session_key: &str,
) -> Result<openclaw::gateway::ChatHistory, CallError> {
    if let Err(error) = gateway.sessions_messages_subscribe(session_key).await {
        tracing::debug!(error = %error, "cannot subscribe again");
    }
    gateway.chat_history(session_key, HISTORY).await
}
