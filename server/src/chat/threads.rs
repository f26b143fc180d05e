//! Use cases of threads: list, make, rename, delete, read.

use super::{Chat, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        jobs::{JobEnd, JobKind, LONGEST_WAIT_MS, NewJob},
        verbs::{Rest, Verbs},
    },
};
use api::{
    ApiError, Page, Verb,
    chat::*,
    ids::BotId,
    live::{LiveEvent, Topic},
    validate::Check,
    verb::Done,
};
use openclaw::CallError;
use policy::{Granted, act};
use std::{sync::Arc, time::Duration};

/// The job that makes a bot forget a deleted thread's session.
const FORGET: &str = "chat.forget_session";
/// How soon a bot that is connected and does not answer is asked again.
const AGAIN_MS: i64 = 30_000;

#[derive(serde::Serialize, serde::Deserialize)]
struct Forget {
    bot: BotId,
    session_key: String,
}

pub(super) fn register(verbs: &mut Verbs, chat: &Arc<Chat>) {
    verbs.on::<ListThreads, act::ReadChat, _, _, _>(
        Rest::get("/api/bots/{bot}/threads").says("Threads, newest first."),
        chat,
        list,
    );
    verbs.on::<CreateThread, act::WriteChat, _, _, _>(
        Rest::create("/api/bots/{bot}/threads").says("A new thread."),
        chat,
        create,
    );
    verbs.on::<GetThread, act::ReadChat, _, _, _>(
        Rest::get("/api/threads/{thread}").says("One thread."),
        chat,
        get,
    );
    verbs.on::<RenameThread, act::WriteChat, _, _, _>(
        Rest::patch("/api/threads/{thread}").says("Renames it."),
        chat,
        rename,
    );
    verbs.on::<DeleteThread, act::WriteChat, _, _, _>(
        Rest::delete("/api/threads/{thread}").says("Deletes it, here and in the bot."),
        chat,
        delete,
    );
    verbs.on::<ListMessages, act::ReadChat, _, _, _>(
        Rest::get("/api/threads/{thread}/messages").says("Messages, newest page first, oldest on top."),
        chat,
        messages,
    );
}

async fn list(
    c: Arc<Chat>,
    _ctx: OpCtx,
    granted: Granted<act::ReadChat>,
    q: ListThreads,
) -> Result<Page<ThreadSummary>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let bot = c.bots.find(&granted, &q.bot).await?;
    store::threads(c.platform.db.read(), &granted, bot.id, &cursor).await
}

async fn create(
    c: Arc<Chat>,
    ctx: OpCtx,
    granted: Granted<act::WriteChat>,
    q: CreateThread,
) -> Result<ThreadSummary, OpError> {
    let title = q.title.as_deref().map(str::trim).filter(|t| !t.is_empty()).unwrap_or("New thread");
    Check::new().line(title, 120, "/title").done()?;
    let bot = c.bots.find(&granted, &q.bot).await?;
    let thread = c.new_thread(&ctx, bot.workspace_id, bot.id, title);
    c.platform
        .db
        .write(async |tx| {
            store::insert_thread(tx, &granted, thread.clone()).await?;
            audit::record(tx, c.platform.ids.as_ref(), &ctx, CreateThread::NAME, Some(thread.id.to_string()))
                .await
        })
        .await?;
    c.tell_thread(&thread);
    Ok(store::summary(&thread))
}

async fn get(
    c: Arc<Chat>,
    _ctx: OpCtx,
    granted: Granted<act::ReadChat>,
    q: GetThread,
) -> Result<ThreadSummary, OpError> {
    Ok(store::summary(&store::thread(c.platform.db.read(), &granted, q.thread).await?))
}

async fn rename(
    c: Arc<Chat>,
    ctx: OpCtx,
    granted: Granted<act::WriteChat>,
    q: RenameThread,
) -> Result<ThreadSummary, OpError> {
    let title = q.title.trim();
    Check::new().line(title, 120, "/title").done()?;
    let thread = c
        .platform
        .db
        .write(async |tx| {
            let thread = store::retitle(tx, &granted, q.thread, title).await?;
            audit::record(tx, c.platform.ids.as_ref(), &ctx, RenameThread::NAME, Some(thread.id.to_string()))
                .await?;
            Ok(thread)
        })
        .await?;
    c.tell_thread(&thread);
    Ok(store::summary(&thread))
}

async fn delete(
    c: Arc<Chat>,
    ctx: OpCtx,
    granted: Granted<act::WriteChat>,
    q: DeleteThread,
) -> Result<Done, OpError> {
    let thread = store::thread(c.platform.db.read(), &granted, q.thread).await?;
    if let Some(run) = c.run_of_thread(thread.id) {
        c.abort(&run).await;
    }
    let key = format!("{}{}", forget_keys(thread.bot_id), thread.id);
    let forget = Forget { bot: thread.bot_id, session_key: thread.session_key.clone() };
    let payload = crate::platform::text::json_of(&forget)?;
    c.platform
        .db
        .write(async |tx| {
            store::delete_thread(tx, &granted, thread.id).await?;
            let job = NewJob { kind: FORGET, payload, unique_key: Some(key.clone()), run_at_ms: ctx.now_ms };
            c.platform.jobs.add(tx, job).await?;
            audit::record(tx, c.platform.ids.as_ref(), &ctx, DeleteThread::NAME, Some(thread.id.to_string()))
                .await
        })
        .await?;
    c.platform.jobs.wake();
    let event = LiveEvent::ThreadDeleted { thread: thread.id };
    c.platform.live.publish(Topic::Bot(thread.bot_id), event.clone());
    c.tell(thread.id, event);
    Ok(Done {})
}

async fn messages(
    c: Arc<Chat>,
    _ctx: OpCtx,
    granted: Granted<act::ReadChat>,
    q: ListMessages,
) -> Result<Page<Message>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let thread = store::thread(c.platform.db.read(), &granted, q.thread).await?;
    let mut page = store::messages(c.platform.db.read(), &granted, &thread, &cursor).await?;
    c.lay_over(&mut page.items);
    Ok(page)
}

/// How the keys of a bot's jobs begin.
fn forget_keys(bot: BotId) -> String {
    format!("{FORGET}:{bot}:")
}

impl Chat {
    /// A bot is connected: what it is to forget waits no longer.
    pub(super) async fn remind(&self, bot: BotId) {
        if let Err(error) = self.platform.jobs.hasten(&forget_keys(bot)).await {
            tracing::warn!(bot.id = %bot, %error, "what a bot is to forget waits longer");
        }
    }

    /// Registers the job that deletes sessions in bots.
    pub(super) fn spawn_forgetting(self: &Arc<Self>) {
        let chat = Arc::downgrade(self);
        let kind = JobKind { name: FORGET, deadline: Duration::from_secs(300), breaks_off: true };
        self.platform.jobs.on(kind, move |payload| {
            let chat = chat.clone();
            async move {
                match chat.upgrade() {
                    Some(chat) => chat.forget(&payload).await,
                    None => Ok(JobEnd::Done),
                }
            }
        });
    }

    async fn forget(&self, payload: &str) -> Result<JobEnd, OpError> {
        let forget: Forget = crate::platform::text::from_json(payload)?;
        let ctx =
            OpCtx::system(api::ids::RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::RunChat>(&ctx.subject)?;
        let bot = match self.bots.find_kept(&granted, forget.bot).await {
            Ok(bot) => bot,
            // A deleted bot took its sessions with it.
            Err(OpError::Api(ApiError { code: api::Code::NotFound, .. })) => return Ok(JobEnd::Done),
            Err(error) => return Err(error),
        };
        let Some(gateway) = self.bots.links().gateway(forget.bot) else {
            // Stopped for weeks, maybe: it is reminded when it is there again.
            return Ok(JobEnd::Again { at_ms: self.platform.clock.now_ms() + LONGEST_WAIT_MS });
        };
        let deleted = match gateway.sessions_delete(&forget.session_key).await {
            Ok(deleted) => deleted,
            // Waiting for an answer is no failure, however often.
            Err(CallError::Closed | CallError::Timeout { .. } | CallError::Busy) => {
                return Ok(JobEnd::Again { at_ms: self.platform.clock.now_ms() + AGAIN_MS });
            }
            Err(error) => return Err(OpError::internal("deleting a session in a bot", error)),
        };
        // The gateway keeps a compressed copy: deleted means deleted.
        self.bots.forget_files(&bot, &deleted.archived).await?;
        Ok(JobEnd::Done)
    }
}
