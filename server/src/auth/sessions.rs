//! Sessions: how one begins, how long it lasts, and the short memory of verified ones.

use super::{
    journal::Entry,
    state::{Auth, Caller},
    store,
    time::HELD_MS,
};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::OpError,
        http::{Identity, Revoked},
        ids::{random_token, token_hash},
        secret::Secret,
    },
};
use api::ids::{AuditId, SessionId, UserId};
use entity::auth::session;
use policy::Actor;
use sea_orm::ConnectionTrait;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A session nobody uses ends after this.
pub(super) const IDLE_MS: i64 = 7 * DAY_MS;
/// Every session ends after this.
pub(super) const ABSOLUTE_MS: i64 = 30 * DAY_MS;
/// Use is noted at most this often.
pub(super) const SEEN_EVERY_MS: i64 = 60_000;
/// A verified session is believed for this long without asking the database.
const CACHE_MS: i64 = 5_000;
/// Verified sessions held.
const CACHE_MOST: usize = 10_000;

/// Whether a session still gives access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// Ended; it never comes back.
    Over,
    /// From far in the future: the clock was wrong when it began, or is wrong now. Refused, not ended.
    Unsure,
}

/// Judges a session by its own marks and the time.
pub(super) fn standing(row: &session::Model, now_ms: i64) -> Standing {
    if row.revoked_at_ms.is_some() {
        return Standing::Over;
    }
    if row.created_at_ms - now_ms > HELD_MS {
        return Standing::Unsure;
    }
    if now_ms >= row.expires_at_ms || now_ms - row.seen_at_ms >= IDLE_MS {
        return Standing::Over;
    }
    Standing::Good
}

/// What the cache knows a token by.
type Hash = [u8; 32];

#[derive(Default)]
struct Known {
    by_hash: HashMap<Hash, (Identity, i64)>,
    /// Grows with everything that ends: a look-up begun before is not remembered after.
    generation: u64,
}

/// Verified credentials, for a few seconds.
#[derive(Default)]
pub(super) struct Cache(Mutex<Known>);

impl Cache {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who it was a moment ago, or the generation to remember a look-up with.
    pub(super) fn find(&self, hash: &Hash, now_ms: i64) -> Result<Identity, u64> {
        let known = self.lock();
        match known.by_hash.get(hash) {
            Some((identity, at_ms)) if (0..CACHE_MS).contains(&(now_ms - at_ms)) => Ok(identity.clone()),
            _ => Err(known.generation),
        }
    }

    pub(super) fn remember(&self, hash: Hash, identity: Identity, now_ms: i64, generation: u64) {
        let mut known = self.lock();
        if known.generation != generation {
            return;
        }
        if known.by_hash.len() >= CACHE_MOST {
            known.by_hash.clear();
        }
        known.by_hash.insert(hash, (identity, now_ms));
    }

    pub(super) fn forget(&self, ended: Revoked) {
        let mut known = self.lock();
        known.generation += 1;
        known.by_hash.retain(|_, (identity, _)| match ended {
            Revoked::Session(id) => identity.session != Some(id),
            Revoked::Token(id) => identity.token != Some(id),
            Revoked::User(id) => identity.subject.actor != Actor::User(id),
        });
    }
}

impl Auth {
    /// A session to be, and its token. Nothing is stored yet.
    pub(super) fn draw_session(&self, user: UserId, label: &str) -> (session::Model, Secret) {
        let now_ms = self.now_ms();
        let token = random_token("");
        let row = session::Model {
            id: SessionId(self.platform.ids.uuid()),
            token_hash: token_hash(&token).to_vec(),
            user_id: user,
            label: label.to_owned(),
            created_at_ms: now_ms,
            seen_at_ms: now_ms,
            expires_at_ms: now_ms + ABSOLUTE_MS,
            revoked_at_ms: None,
        };
        (row, Secret::new(token.as_str()))
    }

    /// Ends the session of this request. It ends even while nothing can be written.
    ///
    /// # Errors
    /// What the database says, except that it cannot be written.
    pub async fn logout(&self, caller: &Caller) -> Result<(), OpError> {
        let Some(session) = caller.ctx.session else { return Ok(()) };
        let (proof, now_ms) = (Self::system()?, self.now_ms());
        let written = self
            .platform
            .db
            .write(async |tx| {
                self.end_session(tx, &proof, session, now_ms).await?;
                audit::record(
                    tx,
                    self.platform.ids.as_ref(),
                    &caller.ctx,
                    "auth.logout",
                    Some(session.to_string()),
                )
                .await
            })
            .await;
        match written {
            Ok(()) => {}
            Err(error) if error.is_unwritable() => {
                self.fallback.end(session);
                self.announce(Revoked::Session(session));
                self.fallback.journal(self.entry(&caller.ctx, "auth.logout", session, Some(session))).await;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.announce(Revoked::Session(session));
        Ok(())
    }

    /// Ends a session for good, also one that waits in memory to be written down: who writes it looks, inside the
    /// transaction, whether it still waits.
    pub(super) async fn end_session<C: ConnectionTrait>(
        &self,
        tx: &C,
        proof: &store::System,
        id: SessionId,
        now_ms: i64,
    ) -> Result<(), OpError> {
        self.fallback.forget_session(id);
        store::sessions::end(tx, proof, id, now_ms).await
    }

    /// A journal entry about a session.
    pub(super) fn entry(
        &self,
        ctx: &OpCtx,
        act: &str,
        session: SessionId,
        ended: Option<SessionId>,
    ) -> Entry {
        Entry {
            id: AuditId(self.platform.ids.uuid()),
            at_ms: ctx.now_ms,
            workspace: ctx.subject.workspace,
            actor: ctx.actor().to_string(),
            act: act.to_owned(),
            target: Some(session.to_string()),
            ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn session(created_at_ms: i64, seen_at_ms: i64) -> session::Model {
        session::Model {
            id: SessionId(Uuid::nil()),
            token_hash: vec![],
            user_id: UserId(Uuid::nil()),
            label: String::new(),
            created_at_ms,
            seen_at_ms,
            expires_at_ms: created_at_ms + ABSOLUTE_MS,
            revoked_at_ms: None,
        }
    }

    #[test]
    fn a_session_ends_when_idle_for_a_week_and_after_a_month_at_the_latest() {
        let t = 1_000 * DAY_MS;
        assert_eq!(standing(&session(t, t), t + IDLE_MS - 1), Standing::Good);
        assert_eq!(standing(&session(t, t), t + IDLE_MS), Standing::Over);
        assert_eq!(standing(&session(t, t + 29 * DAY_MS), t + ABSOLUTE_MS - 1), Standing::Good);
        assert_eq!(standing(&session(t, t + 30 * DAY_MS), t + ABSOLUTE_MS), Standing::Over);
    }

    #[test]
    fn a_session_from_the_far_future_gives_nothing_and_is_not_ended() {
        let t = 1_000 * DAY_MS;
        assert_eq!(standing(&session(t + 9 * DAY_MS, t + 9 * DAY_MS), t), Standing::Unsure);
        assert_eq!(standing(&session(t + HELD_MS / 2, t), t), Standing::Good);
    }
}
