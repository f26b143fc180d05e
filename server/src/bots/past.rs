//! Use cases of a bot's past: its events, written with what they tell, and how long it was up.

use super::{
    Bots,
    store::{past, postmortems},
};
use crate::platform::{
    ctx::OpCtx,
    db::Cursor,
    error::OpError,
    text::{from_json, json_of, name_of, named},
    verbs::{Rest, Verbs},
};
use api::{
    ApiError, Page, Verb,
    bots::*,
    ids::{BotEventId, BotId},
};
use entity::bots::{bot, bot_event, bot_postmortem};
use policy::{Granted, act};
use sea_orm::ConnectionTrait;
use std::sync::Arc;

/// Over how long uptime is told if nothing is said.
const SPAN_MS: i64 = 30 * 24 * 3_600_000;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<ListBotEvents, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/events").says("What was done to it and what became of it, newest first."),
        bots,
        events,
    );
    verbs.on::<ReadUptime, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/uptime").says("How long it was up of the time it was wanted running."),
        bots,
        uptime,
    );
}

/// What was seen of a bot.
pub(super) struct Seen {
    pub kind: BotEventKind,
    pub reason: Option<Reason>,
    pub lived_ms: Option<i64>,
    /// The same as before: its past does not grow, but it is counted.
    pub again: bool,
    /// What it left, where it died.
    pub left: Option<bot_postmortem::Model>,
}

/// The event that an act on a bot is, if it is one.
fn kind_of(act: &str) -> Option<BotEventKind> {
    Some(match act {
        CreateBot::NAME => BotEventKind::Created,
        UpdateBot::NAME => BotEventKind::Changed,
        ApplyBot::NAME | SetLimits::NAME => BotEventKind::Applied,
        RollbackBot::NAME => BotEventKind::RolledBack,
        DiscardBot::NAME => BotEventKind::Discarded,
        StartBot::NAME => BotEventKind::Start,
        StopBot::NAME => BotEventKind::Stop,
        RestartBot::NAME => BotEventKind::Restart,
        TrashBot::NAME => BotEventKind::Trash,
        RestoreBot::NAME => BotEventKind::Restore,
        UpgradeBot::NAME => BotEventKind::Upgrade,
        ReturnBot::NAME => BotEventKind::Return,
        _ => return None,
    })
}

impl Bots {
    /// Adds what somebody asked for to a bot's past.
    pub(super) async fn remember_act<C: ConnectionTrait>(
        &self,
        tx: &C,
        row: &bot::Model,
        act: &str,
        actor: &str,
        at_ms: i64,
    ) -> Result<(), OpError> {
        let Some(kind) = kind_of(act) else { return Ok(()) };
        let mut event = self.event(row, kind, at_ms);
        event.actor = Some(actor.to_owned());
        past::add(tx, event).await
    }

    /// Adds something of this kind.
    pub(super) async fn remember_kind<C: ConnectionTrait>(
        &self,
        tx: &C,
        row: &bot::Model,
        kind: BotEventKind,
        actor: Option<String>,
        at_ms: i64,
    ) -> Result<(), OpError> {
        past::add(tx, bot_event::Model { actor, ..self.event(row, kind, at_ms) }).await
    }

    /// Adds what was seen of it.
    pub(super) async fn remember<C: ConnectionTrait>(
        &self,
        tx: &C,
        row: &bot::Model,
        seen: &Seen,
    ) -> Result<(), OpError> {
        let mut event = self.event(row, seen.kind, self.platform.clock.now_ms());
        event.reason = seen.reason.as_ref().map(json_of).transpose()?;
        event.lived_ms = seen.lived_ms;
        if let Some(left) = &seen.left {
            postmortems::add(tx, left.clone()).await?;
        }
        past::add(tx, event).await
    }

    fn event(&self, row: &bot::Model, kind: BotEventKind, at_ms: i64) -> bot_event::Model {
        bot_event::Model {
            id: BotEventId(self.platform.ids.uuid()),
            workspace_id: row.workspace_id,
            bot_id: row.id,
            at_ms,
            kind: name_of(&kind),
            actor: None,
            reason: None,
            lived_ms: None,
        }
    }
}

async fn events(
    b: Arc<Bots>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ListBotEvents,
) -> Result<Page<BotEvent>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let row = b.find(&granted, &q.bot).await?;
    let page = past::page(b.platform.db.read(), &granted, &row, &cursor).await?;
    let by = page.items.iter().filter_map(|row| row.actor.as_deref());
    let names = crate::audit::names(b.platform.db.read(), &granted, by).await?;
    let named = |row: bot_event::Model| {
        let actor_name = row.actor.as_ref().and_then(|actor| names.get(actor).cloned());
        Ok(BotEvent { actor_name, ..word(row)? })
    };
    let items = page.items.into_iter().map(named).collect::<Result<_, OpError>>()?;
    Ok(Page { items, next: page.next })
}

/// The word of a row.
pub(super) fn word(row: bot_event::Model) -> Result<BotEvent, OpError> {
    Ok(BotEvent {
        id: row.id,
        at_ms: row.at_ms,
        kind: named(&row.kind)?,
        actor: row.actor,
        actor_name: None,
        reason: row.reason.as_deref().map(from_json).transpose()?,
        lived_ms: row.lived_ms,
    })
}

async fn uptime(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadUptime,
) -> Result<Uptime, OpError> {
    let to_ms = q.to_ms.unwrap_or(ctx.now_ms).min(ctx.now_ms);
    let from_ms = q.from_ms.unwrap_or(to_ms - SPAN_MS);
    if from_ms > to_ms {
        return Err(ApiError::field("/from_ms", "must not be later than to_ms").into());
    }
    let row = b.find(&granted, &q.bot).await?;
    Ok(up(&course(&b, &granted, row.id, to_ms).await?, from_ms, to_ms))
}

/// What uptime is made of, oldest first.
pub(super) async fn course(
    b: &Bots,
    granted: &Granted<act::ReadBots>,
    bot: BotId,
    to_ms: i64,
) -> Result<Vec<(i64, BotEventKind)>, OpError> {
    let course = past::course(b.platform.db.read(), granted, bot, to_ms).await?;
    course.into_iter().map(|(at_ms, kind)| Ok((at_ms, named(&kind)?))).collect()
}

/// Sums what was wanted and what was up between two times. Events stand in their order.
pub(super) fn up(course: &[(i64, BotEventKind)], from_ms: i64, to_ms: i64) -> Uptime {
    use BotEventKind as K;
    let mut sums = Uptime { from_ms, to_ms, ..Uptime::default() };
    // The way up for the very first time is no downtime: nobody missed it yet. A failure on it is.
    let mut new = false;
    let (mut wanted, mut ready, mut since) = (false, false, from_ms);
    for (at_ms, kind) in course.iter().copied().chain([(to_ms, K::Changed)]) {
        let now = at_ms.clamp(since, to_ms);
        if wanted {
            sums.wanted_ms += now - since;
            sums.up_ms += if ready { now - since } else { 0 };
        }
        since = now;
        match kind {
            K::Created => new = true,
            K::Start => wanted = true,
            K::Restart => (wanted, ready) = (true, false),
            K::Return => ready = false,
            // Asleep is down on purpose.
            K::Stop | K::Trash | K::Slept => (wanted, ready) = (false, false),
            K::Woke => wanted = true,
            // Nothing becomes ready that was not wanted: what began it may be forgotten.
            K::Ready => (wanted, ready) = (true, true),
            K::Died | K::Failed => (wanted, ready) = (wanted || new, false),
            K::Ended => ready = false,
            K::Changed
            | K::Applied
            | K::RolledBack
            | K::Discarded
            | K::Restore
            | K::Upgrade
            | K::Upgraded
            | K::UpgradeUndone => {}
        }
        new &= !matches!(kind, K::Ready | K::Stop | K::Trash | K::Slept);
        if kind == K::Died && (from_ms..to_ms).contains(&at_ms) {
            sums.deaths += 1;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use BotEventKind as K;

    fn sums(course: &[(i64, K)], from_ms: i64, to_ms: i64) -> (i64, i64, u64) {
        let sums = up(course, from_ms, to_ms);
        (sums.wanted_ms, sums.up_ms, sums.deaths)
    }

    const LIFE: [(i64, K); 10] = [
        (100, K::Created),
        (110, K::Ready),
        (150, K::Died),
        (155, K::Failed),
        (160, K::Ready),
        (170, K::Applied),
        (180, K::Restart),
        (190, K::Ready),
        (200, K::Stop),
        (205, K::Ended),
    ];

    #[test]
    fn only_what_was_wanted_counts_and_only_what_answered_is_up() {
        assert_eq!(sums(&LIFE, 0, 1_000), (90, 40 + 20 + 10, 1));
        assert_eq!(sums(&[], 0, 1_000), (0, 0, 0), "nothing is known");
    }

    #[test]
    fn the_first_start_is_no_downtime_and_a_failure_on_it_is() {
        let course = [(100, K::Created), (160, K::Ready)];
        assert_eq!(sums(&course, 0, 200), (40, 40, 0));
        assert_eq!(sums(&course, 0, 150), (0, 0, 0), "on its way");
        let course = [(100, K::Created), (120, K::Failed), (160, K::Ready)];
        assert_eq!(sums(&course, 0, 200), (80, 40, 0));
        let course = [(100, K::Created), (100, K::Stop), (150, K::Failed), (160, K::Start), (170, K::Ready)];
        assert_eq!(sums(&course, 0, 200), (40, 30, 0), "one that was imported was not wanted");
    }

    #[test]
    fn time_asleep_is_neither_wanted_nor_down() {
        let course =
            [(0, K::Created), (10, K::Ready), (50, K::Slept), (55, K::Ended), (90, K::Woke), (95, K::Ready)];
        assert_eq!(sums(&course, 0, 100), (40 + 10, 40 + 5, 0));
    }

    #[test]
    fn a_span_begins_with_how_things_stood_then() {
        assert_eq!(sums(&LIFE, 120, 140), (20, 20, 0), "nothing happened in it");
        assert_eq!(sums(&LIFE, 140, 165), (25, 10 + 5, 1));
        assert_eq!(sums(&LIFE, 300, 400), (0, 0, 0), "it was not wanted");
    }

    #[test]
    fn spans_side_by_side_sum_to_the_whole() {
        let whole = up(&LIFE, 0, 300);
        for cut in 0..300 {
            let (a, b) = (up(&LIFE, 0, cut), up(&LIFE, cut, 300));
            assert_eq!(
                (a.wanted_ms + b.wanted_ms, a.up_ms + b.up_ms),
                (whole.wanted_ms, whole.up_ms),
                "{cut}"
            );
        }
    }

    #[test]
    fn a_clock_that_was_set_back_counts_nothing_twice() {
        let course = [(100, K::Created), (110, K::Ready), (90, K::Died), (95, K::Ready)];
        assert_eq!(sums(&course, 0, 200), (90, 90, 1));
    }
}
