//! What the slice works with, and sending.

use super::{
    blocks::Blocks,
    ears::Ears,
    run::Run,
    store::{self, WAKING},
    threads,
    unwritten::Unwritten,
    waking::Question,
};
use crate::{
    audit,
    bots::Bots,
    platform::{
        Platform,
        ctx::OpCtx,
        error::OpError,
        live::Follow,
        verbs::{Rest, Verbs},
    },
};
use api::{
    ApiError, Code, Verb,
    chat::*,
    ids::*,
    live::{LiveEvent, Topic},
    validate::Check,
    verb::Done,
};
use entity::chat::thread;
use policy::{Granted, act};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Longest message a person may send, in characters.
const MOST_TEXT: usize = 32_000;
/// Letters of the first message that become the thread's title.
const TITLE: usize = 60;

/// What the slice works with.
pub struct Chat {
    pub(super) platform: Arc<Platform>,
    pub(super) bots: Arc<Bots>,
    runs: Mutex<HashMap<RunId, Run>>,
    unwritten: Mutex<Unwritten>,
    pub(super) ears: Ears,
    /// Told when the end of an answer could not be written.
    pub(super) refused: Notify,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, chat: &Arc<Chat>) {
    threads::register(verbs, chat);
    verbs.on::<SendMessage, act::WriteChat, _, _, _>(
        Rest::accept("/api/bots/{bot}/messages")
            .says("Sends a message; the answer streams into its thread.")
            .follows(answer_to),
        chat,
        send,
    );
    verbs.on::<StopAnswer, act::WriteChat, _, _, _>(
        Rest::post("/api/threads/{thread}/stop").says("Stops the answer in progress."),
        chat,
        stop,
    );
}

impl Chat {
    /// Wires the slice; nothing is heard before [`Chat::spawn`].
    pub fn new(platform: Arc<Platform>, bots: Arc<Bots>) -> Arc<Self> {
        let chat = Arc::new(Self {
            platform,
            bots,
            runs: Mutex::default(),
            unwritten: Mutex::default(),
            ears: Ears::default(),
            refused: Notify::new(),
        });
        // The only one who sets it: this is called once per server.
        let _ = chat.bots.threads.set(Arc::clone(&chat) as _);
        chat
    }

    pub(super) fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ended answers that are not written yet. Whoever holds both locks takes [`Chat::runs`] first.
    pub(super) fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run_of_thread(&self, thread: ThreadId) -> Option<Run> {
        self.runs().values().find(|run| run.thread == thread).cloned()
    }

    pub(super) fn tell(&self, thread: ThreadId, event: LiveEvent) {
        self.platform.live.publish(Topic::Thread(thread), event);
    }

    pub(super) fn tell_thread(&self, row: &thread::Model) {
        let event = LiveEvent::ThreadChanged { thread: store::summary(row) };
        self.platform.live.publish(Topic::Bot(row.bot_id), event.clone());
        self.tell(row.id, event);
    }

    pub(super) fn new_thread(
        &self,
        ctx: &OpCtx,
        workspace: WorkspaceId,
        bot: BotId,
        title: &str,
    ) -> thread::Model {
        let id = ThreadId(self.platform.ids.uuid());
        thread::Model {
            id,
            workspace_id: workspace,
            bot_id: bot,
            title: title.to_owned(),
            session_key: format!("agent:main:chela:{}", id.0.simple()),
            created_at_ms: ctx.now_ms,
            updated_at_ms: ctx.now_ms,
            written_at_ms: None,
        }
    }

    fn message(&self, thread: ThreadId, role: MessageRole, text: &str, now_ms: i64) -> Message {
        let state = match role {
            MessageRole::User => MessageState::Final,
            MessageRole::Assistant => MessageState::Streaming,
        };
        Message {
            id: MessageId(self.platform.ids.uuid()),
            thread,
            role,
            state,
            text: text.to_owned(),
            html: None,
            html_bytes: None,
            tools: Vec::new(),
            model: None,
            usage: None,
            phase: None,
            error: None,
            created_at_ms: now_ms,
        }
    }
}

/// The message that [`SendMessage`]'s answer promises.
fn answer_to(sent: &Value) -> Option<Follow> {
    let topic = Topic::Thread(sent.get("thread_id")?.as_str()?.parse().ok()?);
    Some(Follow { topic, message: sent.get("message_id")?.as_str()?.parse().ok()? })
}

/// The first words of a message as a thread's title.
fn title_of(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut title: String = line.chars().take(TITLE).collect();
    if line.chars().count() > TITLE {
        title.push('…');
    }
    title
}

async fn send(
    c: Arc<Chat>,
    ctx: OpCtx,
    granted: Granted<act::WriteChat>,
    q: SendMessage,
) -> Result<Sent, OpError> {
    let mut check = Check::new();
    check.rule(!q.text.trim().is_empty(), "/text", "must not be empty");
    check.text(&q.text, MOST_TEXT, "/text").done()?;
    let bot = c.bots.find(&granted, &q.bot).await?;
    let (thread, new) = match q.thread_id {
        Some(id) => {
            let thread = store::thread(c.platform.db.read(), &granted, id).await?;
            if thread.bot_id != bot.id {
                return Err(ApiError::not_found().into());
            }
            (thread, false)
        }
        None => (c.new_thread(&ctx, bot.workspace_id, bot.id, &title_of(&q.text)), true),
    };
    let mut gateway = c.gateway_or_wait(&bot)?;
    let run_id = RunId(c.platform.ids.uuid());
    let asked = c.message(thread.id, MessageRole::User, &q.text, ctx.now_ms);
    let mut answer = c.message(thread.id, MessageRole::Assistant, "", ctx.now_ms);
    answer.phase = gateway.is_none().then(|| WAKING.to_owned());
    let run = Run {
        id: run_id,
        workspace: bot.workspace_id,
        bot: bot.id,
        thread: thread.id,
        session_key: thread.session_key.clone(),
        message: answer.clone(),
        blocks: Blocks::default(),
        stopping: false,
        waiting: gateway.is_none(),
        question: None,
    };
    c.take_turn(run)?;
    if gateway.is_some() && bot.idle_stop_minutes.is_some() && c.fell_asleep(&bot, run_id).await {
        gateway = None;
        answer.phase = Some(WAKING.to_owned());
    }
    let stored = c
        .platform
        .db
        .write(async |tx| {
            if new {
                let written_at_ms = Some(ctx.now_ms);
                store::insert_thread(tx, &granted, thread::Model { written_at_ms, ..thread.clone() }).await?;
            } else {
                store::written(tx, &granted, thread.id, ctx.now_ms).await?;
            }
            store::insert_message(tx, &granted, bot.workspace_id, &asked, None).await?;
            store::insert_message(tx, &granted, bot.workspace_id, &answer, Some(run_id)).await?;
            audit::record(tx, c.platform.ids.as_ref(), &ctx, SendMessage::NAME, Some(thread.id.to_string()))
                .await
        })
        .await;
    if let Err(error) = stored {
        c.runs().remove(&run_id);
        return Err(error);
    }
    c.tell_thread(&thread);
    c.tell(thread.id, LiveEvent::Message { message: asked });
    c.tell(thread.id, LiveEvent::Message { message: answer.clone() });
    c.set_off(
        &ctx,
        gateway,
        bot.id,
        Question { run: run_id, session_key: thread.session_key.clone(), text: q.text, since_ms: ctx.now_ms },
    )
    .await?;
    Ok(Sent { thread_id: thread.id, message_id: answer.id, run_id })
}

impl Chat {
    /// One answer at a time in a thread.
    fn take_turn(&self, run: Run) -> Result<(), ApiError> {
        let mut runs = self.runs();
        if runs.values().any(|other| other.thread == run.thread) {
            let error = ApiError::new(Code::Conflict, "The bot is still answering in this thread.");
            return Err(error.with_hint("Wait for the end, or stop it."));
        }
        runs.insert(run.id, run);
        Ok(())
    }
}

async fn stop(
    c: Arc<Chat>,
    ctx: OpCtx,
    granted: Granted<act::WriteChat>,
    q: StopAnswer,
) -> Result<Done, OpError> {
    let thread = store::thread(c.platform.db.read(), &granted, q.thread).await?;
    let Some(run) = c.run_of_thread(thread.id) else { return Ok(Done {}) };
    c.platform
        .db
        .write(async |tx| {
            audit::record(tx, c.platform.ids.as_ref(), &ctx, StopAnswer::NAME, Some(thread.id.to_string()))
                .await
        })
        .await?;
    if let Some(run) = c.runs().get_mut(&run.id) {
        run.stopping = true;
    }
    c.abort(&run).await;
    Ok(Done {})
}
