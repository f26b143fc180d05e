//! Use cases of a bot's life: start, stop, restart, delete.

use super::{Bots, idle, reconcile::is_parked, store};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    text::{name_of, named},
    verbs::{Rest, Verbs},
};
use api::{ApiError, Verb, bots::*, verb::Done};
use entity::bots::bot;
use policy::{Granted, act};
use std::sync::Arc;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<StartBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/start").says("Wants it running."),
        bots,
        start,
    );
    verbs.on::<StopBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/stop").says("Wants it stopped."),
        bots,
        stop,
    );
    verbs.on::<RestartBot, act::WriteBots, _, _, _>(
        Rest::post("/api/bots/{bot}/restart").says("Wants a fresh run."),
        bots,
        restart,
    );
    verbs.on::<DeleteBot, act::WriteBots, _, _, _>(
        Rest::delete("/api/bots/{bot}").says("Deletes it with its state and threads."),
        bots,
        delete,
    );
}

pub(super) async fn start(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: StartBot,
) -> Result<BotDetail, OpError> {
    b.change(&ctx, &granted, &q.bot, None, StartBot::NAME, async |tx, row| {
        let waits = row.next_try_at_ms.is_some() || is_parked(row);
        if named::<Desired>(&row.desired)? == Desired::Running && !waits && !idle::is_asleep(row) {
            return Ok(false);
        }
        b.admit(tx, row.workspace_id, named(&row.runtime)?).await?;
        // A person who presses start does not wait for the pause of a failure.
        row.next_try_at_ms = None;
        row.failures = 0;
        let slept = idle::rouse(row);
        if slept || named::<Desired>(&row.desired)? != Desired::Running {
            row.desired = name_of(&Desired::Running);
            row.generation += 1;
        }
        Ok(true)
    })
    .await
}

pub(super) async fn stop(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: StopBot,
) -> Result<BotDetail, OpError> {
    let stopped = b
        .change(&ctx, &granted, &q.bot, None, StopBot::NAME, async |_tx, row| {
            if named::<Desired>(&row.desired)? == Desired::Stopped {
                return Ok(false);
            }
            row.desired = name_of(&Desired::Stopped);
            idle::rouse(row);
            row.next_try_at_ms = None;
            row.failures = 0;
            Ok(true)
        })
        .await;
    let detail = match stopped {
        Err(error) if error.is_unwritable() => {
            return b.stop_unwritten(&ctx, &granted, &q.bot).await;
        }
        other => other?,
    };
    b.cancel(detail.summary.id);
    Ok(detail)
}

pub(super) async fn restart(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: RestartBot,
) -> Result<BotDetail, OpError> {
    b.change(&ctx, &granted, &q.bot, None, RestartBot::NAME, async |tx, row| {
        b.admit(tx, row.workspace_id, named(&row.runtime)?).await?;
        row.desired = name_of(&Desired::Running);
        idle::rouse(row);
        row.next_try_at_ms = None;
        row.failures = 0;
        row.generation += 1;
        Ok(true)
    })
    .await
}

pub(super) async fn delete(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    q: DeleteBot,
) -> Result<Done, OpError> {
    let deleted = b
        .change(&ctx, &granted, &q.bot, None, DeleteBot::NAME, async |_tx, row| {
            confirmed(&q, row)?;
            row.desired = name_of(&Desired::Deleted);
            row.next_try_at_ms = None;
            Ok(true)
        })
        .await;
    let detail = match deleted {
        Err(error) if error.is_unwritable() => {
            confirmed(&q, &store::many::find_any(b.platform.db.read(), &granted, &q.bot).await?)?;
            return b.delete_unwritten(&ctx, &granted, &q.bot).await;
        }
        other => other?,
    };
    b.cancel(detail.summary.id);
    let granted = policy::check::<act::RunBots>(&OpCtx::system(ctx.request_id, ctx.now_ms, None).subject)?;
    if let Some(row) = store::load(b.platform.db.read(), &granted, detail.summary.id).await? {
        b.publish_gone(&row);
    }
    Ok(Done {})
}

fn confirmed(q: &DeleteBot, row: &bot::Model) -> Result<(), ApiError> {
    match &q.confirm {
        Some(text) if text.trim() != row.name => {
            Err(ApiError::field("/confirm", "must repeat the bot's name"))
        }
        _ => Ok(()),
    }
}
