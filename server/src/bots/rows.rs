//! Rows of bots as the words of `api`, and back.

use super::{idle, upgrade};
use crate::platform::{
    error::OpError,
    text::{from_json, named},
};
use api::bots::*;
use entity::bots::bot;

/// A bot in a list.
pub(super) fn summary(row: &bot::Model) -> Result<BotSummary, OpError> {
    let settings: BotSettings = from_json(&row.settings)?;
    Ok(BotSummary {
        id: row.id,
        slug: row.slug.clone(),
        name: row.name.clone(),
        model: settings.model,
        runtime: named(&row.runtime)?,
        profile: settings.profile,
        desired: named(&row.desired)?,
        observed: named(&row.observed)?,
        stage: row.stage.as_deref().map(named).transpose()?,
        health: named(&row.health)?,
        reason: row.reason.as_deref().map(from_json).transpose()?,
        since_ms: row.since_ms,
        created_at_ms: row.created_at_ms,
        version: row.version,
        tags: from_json(&row.tags)?,
        trashed_at_ms: row.trashed_at_ms,
        openclaw: row.openclaw.clone(),
        asleep_since_ms: row.asleep_since_ms.filter(|_| idle::is_asleep(row)),
    })
}

/// A bot in full.
pub(super) fn detail(row: &bot::Model) -> Result<BotDetail, OpError> {
    let summary = summary(row)?;
    let alive = matches!(summary.observed, Observed::Running | Observed::Starting);
    Ok(BotDetail {
        settings: from_json(&row.settings)?,
        pending: row.pending.as_deref().map(from_json).transpose()?,
        restart_needed: alive && row.running_config_id != Some(row.config_id),
        stages: from_json(&row.stages)?,
        restarts: row.restarts,
        started_at_ms: row.started_at_ms,
        next_try_at_ms: row.next_try_at_ms,
        openclaw_offers: Vec::new(),
        upgrade: upgrade::Plan::of(row)?.map(|plan| plan.shown),
        idle_stop_minutes: row.idle_stop_minutes.and_then(|minutes| u32::try_from(minutes).ok()),
        summary,
    })
}
