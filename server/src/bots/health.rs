//! Use cases of a bot's health: two facts, how they changed, and uptime of each month.

mod facts;
mod probes;
mod reached;

pub(super) use facts::{
    Facts, RUNTIME_AWAY, gateway_lost, of_model, of_ready, runtime_away, runtime_away_leaving,
};
pub use probes::{AskedChain, KeyAnswer, KeyVerdict, ModelCheck};
pub(super) use probes::{Probes, Reach, model_in, vendor_of};

use super::{Bots, past, rows, store};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    text::{from_json, json_of, name_of, named},
    verbs::{Rest, Verbs},
};
use api::{bots::*, ids::HealthChangeId};
use entity::bots::{bot, bot_health};
use policy::{Granted, act};
use sea_orm::ConnectionTrait;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;

/// Registers the verb.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<ReadBotHealth, act::ReadBots, _, _, _>(
        Rest::get("/api/bots/{bot}/health")
            .says("Whether it lives and whether it works, and how that changed."),
        bots,
        read,
    );
}

impl Bots {
    /// Adds to the history of a bot's health where it is another than before.
    pub(super) async fn remember_health<C: ConnectionTrait>(
        &self,
        tx: &C,
        row: &bot::Model,
    ) -> Result<(), OpError> {
        let now = Facts::of(row)?;
        let before = store::health::last(tx, row.id).await?.as_ref().map(word).transpose()?;
        let before =
            before.map(|b| Facts { lives: b.lives, works: b.works, health: b.health, reason: b.reason });
        if before.is_some_and(|before| before.is_as(&now)) {
            return Ok(());
        }
        let change = bot_health::Model {
            id: HealthChangeId(self.platform.ids.uuid()),
            workspace_id: row.workspace_id,
            bot_id: row.id,
            at_ms: self.platform.clock.now_ms(),
            lives: name_of(&now.lives),
            works: name_of(&now.works),
            health: name_of(&now.health),
            reason: now.reason.as_ref().map(json_of).transpose()?,
        };
        store::health::add(tx, change).await
    }
}

fn word(row: &bot_health::Model) -> Result<HealthChange, OpError> {
    Ok(HealthChange {
        id: row.id,
        at_ms: row.at_ms,
        lives: named(&row.lives)?,
        works: named(&row.works)?,
        health: named(&row.health)?,
        reason: row.reason.as_deref().map(from_json).transpose()?,
    })
}

async fn read(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::ReadBots>,
    q: ReadBotHealth,
) -> Result<BotHealth, OpError> {
    let row = b.find(&granted, &q.bot).await?;
    let db = b.platform.db.read();
    let facts = Facts::of(&row)?;
    let gateway = match facts.lives {
        Fact::Yes if b.links.gateway(row.id).is_some() => Fact::Yes,
        Fact::Yes if facts.works == Fact::Unknown => Fact::Unknown,
        _ => Fact::No,
    };
    let model = match b.reach(&row)? {
        Reach::Unknown => Fact::Unknown,
        Reach::Yes => Fact::Yes,
        Reach::No(_) => Fact::No,
    };
    let last_exit = store::past::last_death(db, &granted, row.id).await?;
    let last_exit = last_exit.map(|died| {
        Ok::<_, OpError>(LastExit {
            at_ms: died.at_ms,
            reason: died.reason.as_deref().map(from_json).transpose()?,
            lived_ms: died.lived_ms,
        })
    });
    let history = store::health::newest(db, &granted, row.id).await?;
    let course = past::course(&b, &granted, row.id, ctx.now_ms).await?;
    Ok(BotHealth {
        health: facts.health,
        reason: facts.reason,
        at_rest: at_rest(&rows::summary(&row)?),
        process: ProcessFact {
            lives: facts.lives,
            since_ms: row.started_at_ms.filter(|_| facts.lives == Fact::Yes),
            restarts: row.restarts,
            last_exit: last_exit.transpose()?,
            next_try_at_ms: row.next_try_at_ms,
        },
        works: WorksFact {
            works: facts.works,
            gateway,
            model,
            probe: b.probe(&row)?,
            last_answer_at_ms: b.last_answer(&ctx, row.id).await?,
        },
        history: history.iter().map(word).collect::<Result<_, _>>()?,
        months: months(&course, ctx.now_ms),
    })
}

/// Uptime of each month that events are kept of, from the first event on; the newest first.
fn months(course: &[(i64, BotEventKind)], now_ms: i64) -> Vec<MonthUptime> {
    let Some((first, _)) = course.first() else { return Vec::new() };
    let oldest = (*first).max(now_ms - EVENTS_MS);
    let (mut until, mut all) = (now_ms, Vec::new());
    while until > oldest {
        // What ends with a month belongs to it.
        let (year, month, day) = date((until - 1).div_euclid(DAY_MS));
        let begins = ((until - 1).div_euclid(DAY_MS) - i64::from(day) + 1) * DAY_MS;
        let sums = past::up(course, begins.max(oldest), until);
        all.push(MonthUptime {
            month: format!("{year:04}-{month:02}"),
            wanted_ms: sums.wanted_ms,
            up_ms: sums.up_ms,
            deaths: sums.deaths,
        });
        until = begins;
    }
    all
}

/// Year, month and day of a day since 1970 in the Gregorian calendar; years begin in March, so that the leap day
/// comes last.
fn date(day: i64) -> (i64, u8, u8) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let small = |n: i64| u8::try_from(n).unwrap_or_default();
    (year, small(month), small(of_year - (153 * shifted + 2) / 5 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use BotEventKind as K;

    #[test]
    fn days_have_their_dates() {
        for (day, shown) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (20_778, (2026, 11, 21)),
            (20_819, (2027, 1, 1)),
        ] {
            assert_eq!(date(day), shown);
        }
    }

    #[test]
    fn months_sum_what_was_wanted_and_up_in_each_of_them() {
        let december = 20_788 * DAY_MS;
        let course = [(december - 2 * DAY_MS, K::Created), (december - DAY_MS, K::Ready)];
        let told = months(&course, december + DAY_MS);
        let told: Vec<_> =
            told.iter().map(|m| (m.month.as_str(), m.wanted_ms / DAY_MS, m.up_ms / DAY_MS)).collect();
        assert_eq!(told, [("2026-12", 1, 1), ("2026-11", 1, 1)]);
        assert_eq!(months(&course, december).len(), 1, "a month that has not begun is none");
        assert!(months(&[], december).is_empty());
    }
}
