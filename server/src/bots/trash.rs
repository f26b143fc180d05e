//! Use cases of the trash: a bot is stopped and put out of sight, comes back within seven days, or is deleted.

use super::{Bots, create, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::OpError,
        text::{name_of, named},
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Verb, bots::*, ids::RequestId};
use policy::{Granted, act};
use std::sync::Arc;

/// How often the trash is looked through.
const SWEEP_MS: i64 = 10 * 60_000;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<TrashBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/trash").says("Stops it and keeps it for seven days."),
        bots,
        trash,
    );
    verbs.on::<RestoreBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/restore").says("Takes it out of the trash, running if it was."),
        bots,
        restore,
    );
}

pub(super) async fn trash(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: TrashBot,
) -> Result<BotDetail, OpError> {
    let detail = b
        .change(&ctx, &granted, &q.bot, None, TrashBot::NAME, async |_tx, row| {
            row.trashed_at_ms = Some(ctx.now_ms);
            row.trashed_from = Some(std::mem::replace(&mut row.desired, name_of(&Desired::Stopped)));
            super::idle::rouse(row);
            row.next_try_at_ms = None;
            row.failures = 0;
            Ok(true)
        })
        .await?;
    b.cancel(detail.summary.id);
    Ok(detail)
}

pub(super) async fn restore(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: RestoreBot,
) -> Result<BotDetail, OpError> {
    let row = b
        .platform
        .db
        .write(async |tx| {
            let mut row = store::many::find_any(tx, &granted, &q.bot).await?;
            if row.trashed_at_ms.take().is_none() {
                return Ok(row);
            }
            create::room_for_one(tx, &granted, row.workspace_id).await?;
            if store::name_taken(tx, row.workspace_id, &row.name, Some(row.id)).await? {
                let error =
                    ApiError::new(api::Code::Conflict, format!("Another bot is called {} now.", row.name));
                return Err(error.with_hint("Rename that one first.").into());
            }
            row.desired = row.trashed_from.take().unwrap_or_else(|| name_of(&Desired::Stopped));
            let runs = named::<Desired>(&row.desired)? == Desired::Running;
            if runs {
                b.admit(tx, row.workspace_id, named(&row.runtime)?).await?;
                row.generation += 1;
            }
            let row = store::update(tx, &granted, row).await?;
            let target = Some(row.id.to_string());
            audit::record(tx, b.platform.ids.as_ref(), &ctx, RestoreBot::NAME, target).await?;
            for act in [Some(RestoreBot::NAME), runs.then_some(StartBot::NAME)].into_iter().flatten() {
                b.remember_act(tx, &row, act, &ctx.actor().to_string(), ctx.now_ms).await?;
            }
            b.look(tx, row.id, ctx.now_ms).await?;
            Ok(row)
        })
        .await?;
    b.platform.jobs.wake();
    b.publish(&row);
    b.detail(&row)
}

impl Bots {
    /// Deletes what was in the trash for seven days, and forgets events of long ago, until Chela stops.
    pub(super) async fn empty_trash(self: Arc<Self>) {
        loop {
            if let Err(error) = self.empty_trash_once().await {
                tracing::warn!(error = %error, "the trash could not be emptied");
            }
            let next = self.platform.clock.now_ms() + SWEEP_MS;
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = self.platform.clock.wait_until(next) => {}
            }
        }
    }

    async fn empty_trash_once(&self) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let since = self.platform.clock.now_ms() - TRASH_MS;
        let due = store::many::long_trashed(self.platform.db.read(), &granted, since).await?;
        for row in due {
            let now = self.platform.clock.now_ms();
            let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), now, Some(row.workspace_id));
            let written = self
                .platform
                .db
                .write(async |tx| {
                    if !store::many::expire(tx, &granted, row.id, since).await? {
                        return Ok(());
                    }
                    let target = Some(row.id.to_string());
                    audit::record(tx, self.platform.ids.as_ref(), &ctx, DeleteBot::NAME, target).await?;
                    self.look(tx, row.id, now).await
                })
                .await;
            if let Err(error) = written {
                tracing::warn!(bot.id = %row.id, error = %error, "a bot in the trash could not be deleted");
            }
        }
        self.platform.jobs.wake();
        self.forget_kept_states().await?;
        let old = self.platform.clock.now_ms() - EVENTS_MS;
        let sick = self.platform.clock.now_ms() - HEALTH_MS;
        self.platform
            .db
            .write(async |tx| {
                store::past::forget_before(tx, &granted, old).await?;
                store::health::forget_before(tx, &granted, sick).await
            })
            .await
    }
}
