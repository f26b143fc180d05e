//! Passkey ceremonies: kept on the server, answered once, over after five minutes.

use super::{
    state::{Auth, CEREMONY_MS},
    store,
};
use crate::platform::error::OpError;
use api::ids::{CeremonyId, LinkId, SessionId, UserId};
use entity::auth::ceremony;

/// Ceremonies under way at once.
const MOST: u64 = 5_000;

/// What a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Register,
    Login,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
        }
    }
}

/// What is known when a ceremony starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub(super) user: Option<UserId>,
    pub(super) user_name: Option<String>,
    pub(super) passkey_name: Option<String>,
    pub(super) link: Option<LinkId>,
    pub(super) session: Option<SessionId>,
}

impl Auth {
    /// Keeps a started ceremony. A login can start even while nothing can be written.
    pub(super) async fn keep_ceremony(
        &self,
        kind: Kind,
        state: String,
        start: Start,
    ) -> Result<CeremonyId, OpError> {
        let (proof, now_ms) = (Self::system()?, self.now_ms());
        let row = ceremony::Model {
            id: CeremonyId(self.platform.ids.uuid()),
            kind: kind.name().to_owned(),
            state,
            user_id: start.user,
            user_name: start.user_name,
            passkey_name: start.passkey_name,
            link_id: start.link,
            session_id: start.session,
            created_at_ms: now_ms,
            expires_at_ms: now_ms + CEREMONY_MS,
            used_at_ms: None,
        };
        let id = row.id;
        let written = self
            .platform
            .db
            .write(async |tx| {
                // Many networks together push out the oldest; one alone cannot (its quota).
                if store::ceremonies::count(tx, &proof).await? >= MOST {
                    store::ceremonies::sweep(tx, &proof, now_ms).await?;
                    store::ceremonies::trim(tx, &proof, MOST - MOST / 10).await?;
                }
                store::ceremonies::insert(tx, &proof, row.clone()).await
            })
            .await;
        match written {
            Err(error) if kind == Kind::Login && error.is_unwritable() => {
                self.fallback.keep_ceremony(row, now_ms);
                Ok(id)
            }
            written => written.map(|()| id),
        }
    }

    /// Takes a ceremony out: whoever comes second gets nothing, whatever the first answer was.
    pub(super) async fn take_ceremony(
        &self,
        kind: Kind,
        id: CeremonyId,
    ) -> Result<Option<ceremony::Model>, OpError> {
        let (proof, now_ms) = (Self::system()?, self.now_ms());
        let good = |row: &ceremony::Model| {
            row.kind == kind.name() && row.used_at_ms.is_none() && row.expires_at_ms > now_ms
        };
        if let Some(row) = self.fallback.take_ceremony(id) {
            return Ok(Some(row).filter(good));
        }
        let Some(row) = store::ceremonies::find(self.platform.db.read(), &proof, id).await?.filter(good)
        else {
            return Ok(None);
        };
        if self.fallback.is_spent(id) {
            return Ok(None);
        }
        let consumed =
            self.platform.db.write(async |tx| store::ceremonies::consume(tx, &proof, id, now_ms).await);
        match consumed.await {
            Ok(first) => Ok(Some(row).filter(|_| first)),
            Err(error) if kind == Kind::Login && error.is_unwritable() => {
                Ok(Some(row).filter(|row| self.fallback.spend(id, row.expires_at_ms, now_ms)))
            }
            Err(error) => Err(error),
        }
    }
}
