//! Looking at every bot at once: rows against what each runtime lists. What stands as wanted is left alone; only
//! the rest gets a turn, all of it by one write.

use crate::{
    bots::{
        Bots, idle,
        lifecycle::{self, Keep, Seen, Standing, Step},
        runtimes::seen,
        store, upgrade,
    },
    platform::{
        error::OpError,
        text::{json_of, name_of, named},
    },
};
use api::{bots::RuntimeKind, ids::BotId};
use entity::bots::bot;
use runtime::Observation;
use std::collections::{HashMap, HashSet};

/// What each runtime that answered has.
type Listed = HashMap<RuntimeKind, HashMap<BotId, Observation>>;

impl Bots {
    /// Gives a turn to every bot that does not stand as wanted, and removes what has had no bot for a while.
    pub(in crate::bots) async fn sweep(&self) -> Result<(), OpError> {
        // Rows are read after this: what is listed and has none then is left over.
        let listed = self.list_all().await?;
        let granted = self.may_run()?;
        let (mut known, mut after) = (HashSet::new(), None);
        loop {
            let rows = store::rows_after(self.platform.db.read(), &granted, after).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            let restless = rows.iter().filter(|row| !self.rests(row, &listed)).map(|row| row.id);
            self.poke_all(restless.collect()).await?;
            self.look_upgrades(rows.iter().filter(|row| upgrade::wants_its_job(row))).await?;
            known.extend(rows.iter().map(|row| row.id));
            // What an upgrade rehearses is no left-over; the upgrade itself takes it away.
            known.extend(rows.iter().filter_map(upgrade::rehearses));
        }
        let listed = listed.iter().flat_map(|(kind, things)| things.keys().map(|bot| (*kind, *bot)));
        self.remove_orphans(listed.filter(|(_, bot)| !known.contains(bot)).collect()).await;
        Ok(())
    }

    async fn list_all(&self) -> Result<Listed, OpError> {
        let mut listed = Listed::new();
        for (kind, runtime) in self.runtimes.all() {
            match runtime.list().await {
                Ok(found) => {
                    listed.insert(kind, found.into_iter().map(|thing| (thing.bot, thing.seen)).collect());
                }
                // An engine that was never there is no news.
                Err(error) if !store::uses(self.platform.db.read(), kind).await? => {
                    tracing::debug!(runtime = ?kind, error = %error, "cannot list what runs, and nothing should");
                }
                Err(error) => tracing::warn!(runtime = ?kind, error = %error, "cannot list what runs"),
            }
        }
        Ok(listed)
    }

    /// Whether a turn would do nothing and note nothing. In doubt it does not.
    fn rests(&self, row: &bot::Model, listed: &Listed) -> bool {
        let (Ok(kind), Ok(desired)) = (named::<RuntimeKind>(&row.runtime), idle::wanted(row)) else {
            return false;
        };
        let Some(things) = listed.get(&kind) else { return false };
        let seen = things.get(&row.id).map_or(Seen::Absent, |thing| seen(thing).0);
        let standing = Standing {
            desired,
            seen,
            gateway: self.gateway_state(row, seen),
            generation: row.generation,
            config_current: self.is_as_written(row),
            keep: upgrade::keep(row).unwrap_or(Keep::Nothing),
            must_wait: false,
            prepared: false,
        };
        let step = lifecycle::next(&standing);
        let (observed, stage) = lifecycle::shown(&standing, step);
        let as_shown = step == Step::Settle
            && !upgrade::is_swapping(row)
            && !self.halts.waits(row.id)
            && row.observed == name_of(&observed)
            && row.stage == stage.map(|stage| name_of(&stage))
            && row.next_try_at_ms.is_none()
            && row.failures == 0;
        as_shown
            && self.health_of(row, observed).is_ok_and(|(health, reason)| {
                row.health == name_of(&health)
                    && row.reason.as_deref() == reason.and_then(|reason| json_of(&reason).ok()).as_deref()
            })
    }

    async fn poke_all(&self, bots: Vec<BotId>) -> Result<(), OpError> {
        if bots.is_empty() {
            return Ok(());
        }
        let now = self.platform.clock.now_ms();
        self.platform
            .db
            .write(async |tx| {
                for bot in &bots {
                    self.look(tx, *bot, now).await?;
                }
                Ok(())
            })
            .await?;
        self.platform.jobs.wake();
        Ok(())
    }
}
