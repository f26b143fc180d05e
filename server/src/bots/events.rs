//! Telling the browser about bots: snapshots of the topics `bots` and `bot:<id>`, and their changes.

use super::{Bots, rows, store::many};
use crate::platform::{ctx::OpCtx, error::OpError, live::SnapshotSource};
use api::{
    ApiError,
    bots::BotDetail,
    ids::BotId,
    live::{LiveEvent, Snapshot, Topic},
};
use entity::bots::bot;
use policy::act;

/// Bots in the snapshot of the whole list; more are paged by the page itself.
const IN_SNAPSHOT: u32 = 200;

impl Bots {
    /// Publishes how a bot stands now.
    pub(super) fn publish(&self, row: &bot::Model) {
        let detail = match self.detail(row) {
            Ok(detail) => detail,
            Err(error) => {
                tracing::error!(bot.id = %row.id, error = %error, "cannot show a bot");
                return;
            }
        };
        let live = &self.platform.live;
        let summary = detail.summary.clone();
        live.publish(Topic::Bot(row.id), LiveEvent::BotUpdated { bot: Box::new(detail) });
        // Out of sight, but not for whoever has its page open: the reconciler still takes away what runs of it.
        if row.trashed_at_ms.is_some() {
            self.publish_gone(row);
        } else {
            live.publish_bots(row.workspace_id, LiveEvent::BotChanged { bot: summary });
        }
    }

    /// Publishes that a bot is gone.
    pub(super) fn publish_gone(&self, row: &bot::Model) {
        let live = &self.platform.live;
        live.publish_bots(row.workspace_id, LiveEvent::BotDeleted { bot: row.id });
        live.publish(Topic::Bot(row.id), LiveEvent::BotDeleted { bot: row.id });
    }

    /// A bot in full, with how far its present stage has come.
    pub(super) fn detail(&self, row: &bot::Model) -> Result<BotDetail, OpError> {
        let mut detail = rows::detail(row)?;
        detail.summary.openclaw = self.openclaw_of(row);
        detail.openclaw_offers = self.offers(row);
        if let (Some(note), Some(mark)) = (self.note(row.id), detail.stages.last_mut())
            && mark.ended_at_ms.is_none()
        {
            mark.note = Some(note);
        }
        Ok(detail)
    }

    async fn bots_snapshot(&self, ctx: &OpCtx) -> Result<Snapshot, OpError> {
        let granted = policy::check::<act::ReadBots>(&ctx.subject)?;
        let place = many::Place::parse(None, Some(IN_SNAPSHOT), None)?;
        let page = many::page(self.platform.db.read(), &granted, &many::Narrow::default(), &place).await?;
        let shown = page.items.into_iter().filter_map(|row| self.halts.shown(row));
        let bots = shown.map(|row| rows::summary(&row)).collect::<Result<_, _>>()?;
        Ok(Snapshot::Bots { bots })
    }

    async fn bot_snapshot(&self, ctx: &OpCtx, id: BotId) -> Result<Snapshot, OpError> {
        let granted = policy::check::<act::ReadBots>(&ctx.subject)?;
        let row = self.find(&granted, &id.to_string()).await?;
        let threads = self.threads_of(ctx, row.id).await?;
        Ok(Snapshot::Bot { bot: Box::new(self.detail(&row)?), threads })
    }
}

#[async_trait::async_trait]
impl SnapshotSource for Bots {
    async fn snapshot(&self, ctx: &OpCtx, topic: Topic) -> Result<Snapshot, ApiError> {
        let snapshot = match topic {
            Topic::Bots => self.bots_snapshot(ctx).await,
            Topic::Bot(id) => self.bot_snapshot(ctx, id).await,
            Topic::Thread(_) | Topic::Notifications | Topic::Jobs => Err(ApiError::not_found().into()),
        };
        snapshot.map_err(ApiError::from)
    }

    async fn may_watch(&self, ctx: &OpCtx, topic: Topic) -> Result<(), ApiError> {
        let granted = policy::check::<act::ReadBots>(&ctx.subject)?;
        match topic {
            Topic::Bots => Ok(()),
            Topic::Bot(id) => Ok(self.find(&granted, &id.to_string()).await.map(drop)?),
            Topic::Thread(_) | Topic::Notifications | Topic::Jobs => Err(ApiError::not_found()),
        }
    }
}
