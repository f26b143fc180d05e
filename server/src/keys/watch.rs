//! Looking after keys while nobody does: each is tested once a day, at a moment of its own, and people hear that one ends or
//! is refused.

use super::{
    probe::{self, Verdict},
    service::Keys,
    store,
};
use crate::{
    notify::Notify,
    platform::{
        ctx::OpCtx,
        error::OpError,
        text::{json_of, name_of},
    },
};
use api::{
    bots::Reason,
    ids::{KeyId, RequestId},
    keys::{KeyStatus, UNASKED},
    notify::NotificationKind as Kind,
};
use entity::keys::provider_key as row;
use futures::StreamExt;
use policy::{Granted, act};
use sea_orm::DatabaseTransaction;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;
/// Keys are looked at again after so long, whatever the next moment is.
const RESYNC_MS: i64 = 3_600_000;
/// Vendors that are asked at once.
const AT_ONCE: usize = 4;
/// So many days before a key ends people are told.
const DAYS_BEFORE: [i64; 3] = [14, 3, 0];

/// Looks after keys.
pub struct Watch {
    keys: Arc<Keys>,
    notify: Arc<Notify>,
}

/// The last moment at which a key was to be looked at: once a day, spread over it by the end of the id, which is random.
fn last_moment(key: KeyId, now_ms: i64) -> i64 {
    let offset = i64::try_from(key.0.as_u128() % 86_400_000).unwrap_or(0);
    offset + (now_ms - offset).div_euclid(DAY_MS) * DAY_MS
}

/// How many days before its end people are to be told now, if at all.
fn level(expires_at_ms: i64, now_ms: i64) -> Option<i64> {
    DAYS_BEFORE.into_iter().rev().find(|days| now_ms >= expires_at_ms - days * DAY_MS)
}

fn about_end(key: KeyId, level: i64) -> String {
    format!("{key}/{level}")
}

impl Watch {
    /// Wires it.
    pub fn new(keys: Arc<Keys>, notify: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { keys, notify })
    }

    /// Starts looking; ends with Chela.
    pub fn spawn(self: &Arc<Self>) {
        let watch = Arc::clone(self);
        let platform = Arc::clone(&self.keys.platform);
        platform.tasks.clone().spawn(async move {
            watch.recall().await;
            loop {
                let next = match watch.look().await {
                    Ok(next) => next,
                    Err(error) => {
                        tracing::error!(error = %error, "keys could not be looked after; it is tried again");
                        platform.clock.now_ms() + RESYNC_MS
                    }
                };
                tokio::select! {
                    () = platform.shutdown.cancelled() => return,
                    () = watch.keys.changed.notified() => {}
                    () = platform.clock.wait_until(next) => {}
                }
            }
        });
    }

    /// What people were told before a start is not over because of it.
    async fn recall(&self) {
        match self.notify.refused_keys().await {
            Ok(about) => {
                about.iter().filter_map(|key| key.parse().ok()).for_each(|key| self.keys.refused.told(key));
            }
            Err(error) => {
                tracing::error!(error = %error, "which keys people know to be refused could not be read; they may hear of it again");
            }
        }
    }

    /// Does what is due; when something is next.
    async fn look(&self) -> Result<i64, OpError> {
        let platform = &self.keys.platform;
        let now_ms = platform.clock.now_ms();
        let ctx = OpCtx::system(RequestId(platform.ids.uuid()), now_ms, None);
        let granted = policy::check::<act::UseKeys>(&ctx.subject)?;
        let all = store::all(platform.db.read(), &granted).await?;
        let seen = |key: &row::Model| {
            [key.checked_at_ms, key.tested_at_ms].into_iter().flatten().fold(key.created_at_ms, i64::max)
        };
        let due = all.into_iter().filter(|key| last_moment(key.id, now_ms) > seen(key));
        let checks: Vec<_> = due.map(|key| self.check(&granted, key)).collect();
        let models_changed = futures::stream::iter(checks)
            .buffer_unordered(AT_ONCE)
            .fold(false, async |changed, of_one| changed | of_one)
            .await;
        if models_changed {
            self.keys.publish().await?;
        }
        let all = store::all(platform.db.read(), &granted).await?;
        for key in &all {
            self.remind(&granted, key, now_ms).await?;
            self.tell_of_refusal(key).await?;
        }
        self.notify.end_keys(&self.going_on(&all, now_ms)).await?;
        let next = all.iter().map(|key| last_moment(key.id, now_ms) + DAY_MS).min();
        Ok(next.unwrap_or(i64::MAX).min(now_ms + RESYNC_MS))
    }

    /// Asks a key's vendor what a test asks. Whether there are other models now.
    async fn check(&self, granted: &Granted<act::UseKeys>, key: row::Model) -> bool {
        match self.try_check(granted, &key).await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::error!(key.id = %key.id, error = %error, "a key could not be checked; it is tried again");
                false
            }
        }
    }

    async fn try_check(&self, granted: &Granted<act::UseKeys>, key: &row::Model) -> Result<bool, OpError> {
        let platform = &self.keys.platform;
        let secret = store::open_for_check(&platform.vault, granted, key)?;
        let of = (key.workspace_id, Some(key.vendor.as_str()));
        let verdict = match self.keys.candidate(of.0, of.1, &secret, Some(&key.base_url)).await {
            Ok(candidate) => probe::ask(self.keys.egress(), &candidate.key, platform.clock.now_ms()).await,
            // Its address is none Chela asks any more: that says nothing of the key.
            Err(OpError::Api(error)) => Verdict::Unasked { why: error.message },
            Err(error) => return Err(error),
        };
        let mut after = row::Model { checked_at_ms: Some(platform.clock.now_ms()), ..key.clone() };
        after.check_message = None;
        let mut refused = None;
        match verdict {
            Verdict::Works { models, latency_ms } => {
                after.status = name_of(&KeyStatus::Working);
                (after.status_message, after.latency_ms) = (None, Some(latency_ms));
                after.models = json_of(&models)?;
                self.keys.accepted(key.id);
            }
            Verdict::Fails { words, busy: false } => {
                after.status = name_of(&KeyStatus::Failing);
                (after.status_message, after.latency_ms) = (Some(words.clone()), None);
                let is_news =
                    key.status == name_of(&KeyStatus::Working) && !self.keys.refused.is_told(key.id);
                refused = Some(words).filter(|_| is_news);
            }
            // That says nothing of the key.
            Verdict::Fails { words: why, busy: true } | Verdict::Unasked { why } => {
                after.check_message = Some(why);
            }
        }
        let told = platform
            .db
            .write(async |tx| {
                // Another secret has come in its place meanwhile: that one was tested when it came.
                if !store::checked(tx, granted, &after).await? {
                    return Ok(false);
                }
                let Some(words) = &refused else { return Ok(false) };
                self.put_refusal(tx, key, words).await?;
                Ok::<_, OpError>(true)
            })
            .await?;
        if told {
            self.keys.refused.told(key.id);
            self.notify.tell_of(key.workspace_id);
        }
        Ok(after.models != key.models)
    }

    async fn put_refusal(
        &self,
        tx: &DatabaseTransaction,
        key: &row::Model,
        words: &str,
    ) -> Result<(), OpError> {
        let reason = Reason {
            code: "key_refused".to_owned(),
            message: format!("{}: {words}", key.label),
            hint: Some("Look at the account, or replace the key: Keys.".to_owned()),
        };
        self.notify.key(tx, key.workspace_id, key.id.to_string(), Kind::KeyRefused, &reason).await
    }

    /// Tells that calls are refused with a key, once until it works again.
    async fn tell_of_refusal(&self, key: &row::Model) -> Result<(), OpError> {
        let refused = &self.keys.refused;
        if !refused.is_news(key.id) {
            return Ok(());
        }
        // A check or test found it before, and said so; that nobody could be asked said nothing of the key.
        let unasked = key.status_message.as_deref().is_some_and(|why| why.starts_with(UNASKED));
        if key.status == name_of(&KeyStatus::Failing) && !unasked {
            refused.told(key.id);
            return Ok(());
        }
        let Some(words) = self.keys.refusal(key.id) else {
            // It is taken again meanwhile, or another secret has come in its place.
            refused.over(key.id);
            return Ok(());
        };
        let told = self.keys.platform.db.write(async |tx| self.put_refusal(tx, key, &words).await);
        told.await?;
        refused.told(key.id);
        self.notify.tell_of(key.workspace_id);
        Ok(())
    }

    /// Tells that a key ends, once of each time before it.
    async fn remind(
        &self,
        granted: &Granted<act::UseKeys>,
        key: &row::Model,
        now_ms: i64,
    ) -> Result<(), OpError> {
        let Some((end, level)) = key.expires_at_ms.and_then(|end| Some((end, level(end, now_ms)?))) else {
            return Ok(());
        };
        if key.expiry_told.is_some_and(|told| told <= level) {
            return Ok(());
        }
        let on = super::choice::day(end).unwrap_or_default();
        let message = if level == 0 {
            format!("{} has ended ({on}).", key.label)
        } else {
            format!("{} ends on {on}.", key.label)
        };
        let hint = Some("Put a new secret in its place, or say another day: Keys.".to_owned());
        let reason = Reason { code: "key_expiring".to_owned(), message, hint };
        let told = self
            .keys
            .platform
            .db
            .write(async |tx| {
                if !store::told_of_end(tx, granted, key, level).await? {
                    return Ok(false);
                }
                let about = about_end(key.id, level);
                self.notify.key(tx, key.workspace_id, about, Kind::KeyExpiring, &reason).await?;
                Ok::<_, OpError>(true)
            })
            .await?;
        if told {
            self.notify.tell_of(key.workspace_id);
        }
        Ok(())
    }

    /// What is said of keys and still so.
    fn going_on(&self, all: &[row::Model], now_ms: i64) -> Vec<String> {
        let failing = name_of(&KeyStatus::Failing);
        let refused = |key: &&row::Model| key.status == failing || self.keys.refused.is_told(key.id);
        let refused = all.iter().filter(refused).map(|key| key.id.to_string());
        let ends = all.iter().filter_map(|key| Some(about_end(key.id, level(key.expires_at_ms?, now_ms)?)));
        refused.chain(ends).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_key_has_one_moment_a_day_and_they_are_spread() {
        let now = 1_795_000_000_000;
        let mut hours = [0; 24];
        for _ in 0..2_400 {
            let key = KeyId(Uuid::now_v7());
            let last = last_moment(key, now);
            assert!(last <= now && now - last < DAY_MS);
            assert_eq!(last_moment(key, last - 1), last - DAY_MS);
            hours[usize::try_from(last.rem_euclid(DAY_MS) / 3_600_000).unwrap()] += 1;
        }
        assert!(hours.iter().all(|keys| *keys > 30), "{hours:?}");
    }

    #[test]
    fn people_are_told_two_weeks_and_three_days_before_and_on_the_day() {
        let end = 100 * DAY_MS;
        for (days_before, want) in [
            (15, None),
            (14, Some(14)),
            (4, Some(14)),
            (3, Some(3)),
            (1, Some(3)),
            (0, Some(0)),
            (-9, Some(0)),
        ] {
            assert_eq!(level(end, end - days_before * DAY_MS), want, "{days_before}");
        }
    }
}
