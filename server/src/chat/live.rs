//! Snapshots of threads: stored messages with the text on its way laid over them.

use super::{Chat, store};
use crate::{
    bots::{Activity, ThreadList},
    platform::{ctx::OpCtx, db::Cursor, error::OpError, live::SnapshotSource},
};
use api::{
    ApiError,
    chat::{Message, ThreadSummary},
    ids::{BotId, ThreadId},
    live::{Snapshot, Topic},
};
use entity::chat::thread::Column;
use policy::act;

/// Threads in a bot's snapshot.
const THREADS: u32 = 100;
/// Messages in a thread's snapshot.
const MESSAGES: u32 = 100;

impl Chat {
    /// Puts the text on its way, or ended and not yet written, in place of the empty row it will end in.
    pub(super) fn lay_over(&self, messages: &mut [Message]) {
        let (runs, ended) = (self.runs(), self.unwritten());
        for run in runs.values().chain(ended.runs()) {
            if let Some(message) = messages.iter_mut().find(|m| m.id == run.message.id) {
                *message = run.message.clone();
            }
        }
    }

    async fn snapshot_of(&self, ctx: &OpCtx, id: ThreadId) -> Result<Snapshot, OpError> {
        let granted = policy::check::<act::ReadChat>(&ctx.subject)?;
        let db = self.platform.db.read();
        let thread = store::thread(db, &granted, id).await?;
        let cursor = Cursor::parse(Some(MESSAGES), None)?;
        let mut messages = store::messages(db, &granted, &thread, &cursor).await?.items;
        self.lay_over(&mut messages);
        Ok(Snapshot::Thread { thread: store::summary(&thread), messages })
    }
}

#[async_trait::async_trait]
impl SnapshotSource for Chat {
    async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError> {
        match topic {
            Topic::Thread(id) => self.snapshot_of(ctx, id).await.map_err(ApiError::from),
            Topic::Bots | Topic::Bot(_) | Topic::Notifications | Topic::Jobs => Err(ApiError::not_found()),
        }
    }

    async fn may_watch(&self, ctx: &OpCtx, topic: Topic) -> Result<(), ApiError> {
        let Topic::Thread(id) = topic else { return Err(ApiError::not_found()) };
        let granted = policy::check::<act::ReadChat>(&ctx.subject)?;
        let found = store::thread(self.platform.db.read(), &granted, id).await;
        found.map(drop).map_err(ApiError::from)
    }
}

#[async_trait::async_trait]
impl ThreadList for Chat {
    async fn threads(&self, ctx: &OpCtx, bot: BotId) -> Result<Vec<ThreadSummary>, OpError> {
        let granted = policy::check::<act::ReadChat>(&ctx.subject)?;
        let cursor = Cursor::parse(Some(THREADS), None)?;
        Ok(store::threads(self.platform.db.read(), &granted, bot, &cursor).await?.items)
    }

    async fn activity(&self, ctx: &OpCtx, bot: BotId) -> Result<Activity, OpError> {
        let granted = policy::check::<act::ReadChat>(&ctx.subject)?;
        let busy = self.runs().values().any(|run| run.bot == bot);
        let last_ms = store::latest_ms(self.platform.db.read(), &granted, bot, Column::UpdatedAtMs).await?;
        Ok(Activity { busy, last_ms })
    }

    async fn last_written_ms(&self, ctx: &OpCtx, bot: BotId) -> Result<Option<i64>, OpError> {
        let granted = policy::check::<act::ReadChat>(&ctx.subject)?;
        store::latest_ms(self.platform.db.read(), &granted, bot, Column::WrittenAtMs).await
    }

    async fn last_answer_ms(&self, ctx: &OpCtx, bot: BotId) -> Result<Option<i64>, OpError> {
        let granted = policy::check::<act::ReadChat>(&ctx.subject)?;
        store::last_answer_ms(self.platform.db.read(), &granted, bot).await
    }
}
