//! Who stands behind a cookie or a bearer token.

use super::{
    cookie,
    sessions::{SEEN_EVERY_MS, Standing, standing},
    state::Auth,
    store, tokens,
};
use crate::platform::{
    error::OpError,
    http::{Identify, Identity, Revoked},
    ids::token_hash,
};
use api::ApiError;
use policy::{Actor, Subject};
use std::sync::Arc;
use tokio::sync::broadcast;

#[async_trait::async_trait]
impl Identify for Auth {
    async fn identify(&self, cookie: Option<&str>, bearer: Option<&str>) -> Result<Identity, ApiError> {
        if let Some(bearer) = bearer {
            return Ok(self.by_token(bearer).await?);
        }
        match cookie.and_then(cookie::token) {
            Some(token) => Ok(self.by_session(token).await?),
            None => Ok(Identity::NOBODY),
        }
    }

    async fn anybody_enrolled(&self) -> bool {
        let known = match Self::system() {
            Ok(proof) => store::people::has_admin(self.platform.db.read(), &proof).await,
            Err(error) => Err(error),
        };
        // A database that does not answer says nothing about who is enrolled.
        known.unwrap_or(true)
    }

    fn revocations(&self) -> broadcast::Receiver<Revoked> {
        self.listen()
    }
}

impl Auth {
    async fn by_session(&self, token: &str) -> Result<Identity, OpError> {
        let (proof, now_ms, hash) = (Self::system()?, self.now_ms(), token_hash(token));
        let generation = match self.cache.find(&hash, now_ms) {
            Ok(identity) => return Ok(identity),
            Err(generation) => generation,
        };
        let db = self.platform.db.read();
        let row = match self.fallback.find_session(&hash) {
            Some(row) => Some(row),
            None => store::sessions::find_by_hash(db, &proof, &hash).await?,
        };
        let Some(row) = row.filter(|row| !self.fallback.is_ended(row.id)) else {
            return Ok(Identity::NOBODY);
        };
        match standing(&row, now_ms) {
            Standing::Good => {}
            Standing::Unsure => return Ok(Identity::NOBODY),
            Standing::Over => {
                if row.revoked_at_ms.is_none() {
                    self.end_expired(row.id, now_ms);
                }
                return Ok(Identity::NOBODY);
            }
        }
        let membership = store::people::membership(db, &proof, row.user_id).await?;
        let admin = store::people::find(db, &proof, row.user_id).await?.is_some_and(|person| person.admin);
        let identity = Identity {
            subject: Subject {
                actor: Actor::User(row.user_id),
                workspace: membership.map(|(workspace, _)| workspace),
                role: membership.map(|(_, role)| role),
                admin,
            },
            session: Some(row.id),
            token: None,
        };
        if now_ms - row.seen_at_ms >= SEEN_EVERY_MS {
            self.note_seen(row.id, now_ms);
        }
        self.cache.remember(hash, identity.clone(), now_ms, generation);
        Ok(identity)
    }

    /// Beside the request: nobody waits for it, and a full disk does not matter.
    fn note_seen(&self, id: api::ids::SessionId, now_ms: i64) {
        let platform = Arc::clone(&self.platform);
        self.platform.tasks.spawn(async move {
            let Ok(proof) = Self::system() else { return };
            let noted =
                platform.db.write(async |tx| store::sessions::seen(tx, &proof, id, now_ms).await).await;
            if let Err(error) = noted {
                tracing::debug!(%error, "use of a session was not noted");
            }
        });
    }

    /// What has expired is ended for good, so that a clock set back does not revive it.
    fn end_expired(&self, id: api::ids::SessionId, now_ms: i64) {
        self.fallback.end(id);
        self.announce(Revoked::Session(id));
        let platform = Arc::clone(&self.platform);
        self.platform.tasks.spawn(async move {
            let Ok(proof) = Self::system() else { return };
            let ended =
                platform.db.write(async |tx| store::sessions::end(tx, &proof, id, now_ms).await).await;
            if let Err(error) = ended {
                tracing::debug!(%error, "an expired session was not ended in the database");
            }
        });
    }

    async fn by_token(&self, bearer: &str) -> Result<Identity, OpError> {
        let refused = || OpError::Api(ApiError::unauthenticated());
        if !tokens::has_shape(bearer) {
            return Err(refused());
        }
        let (proof, now_ms, hash) = (Self::system()?, self.now_ms(), token_hash(bearer));
        let generation = match self.cache.find(&hash, now_ms) {
            Ok(identity) => return Ok(identity),
            Err(generation) => generation,
        };
        let row = store::tokens::find_by_hash(self.platform.db.read(), &proof, &hash).await?;
        let row = row.ok_or_else(refused)?;
        let identity = Identity {
            subject: Subject {
                actor: Actor::Token(row.id),
                workspace: Some(row.workspace_id),
                role: Some(crate::platform::text::named(&row.role)?),
                admin: row.admin,
            },
            session: None,
            token: Some(row.id),
        };
        if row.last_used_at_ms.is_none_or(|last| now_ms - last >= SEEN_EVERY_MS) {
            let (platform, id) = (Arc::clone(&self.platform), row.id);
            self.platform.tasks.spawn(async move {
                let noted =
                    platform.db.write(async |tx| store::tokens::used(tx, &proof, id, now_ms).await).await;
                if let Err(error) = noted {
                    tracing::debug!(%error, "use of a token was not noted");
                }
            });
        }
        self.cache.remember(hash, identity.clone(), now_ms, generation);
        Ok(identity)
    }
}
