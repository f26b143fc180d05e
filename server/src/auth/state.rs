//! What the slice holds between requests.

use super::{
    decoy::Decoys, failures::Failures, fallback::Fallback, journal::Journal, quota::Quota, sessions::Cache,
    store::System, time::HighWater,
};
use crate::platform::{Platform, ctx::OpCtx, error::OpError, http::Revoked};
use policy::Subject;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::broadcast;
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder, WebauthnError};

/// How long a ceremony may take.
pub(super) const CEREMONY_MS: i64 = 5 * 60 * 1000;

/// Why nobody could log in at this address.
#[derive(Debug, thiserror::Error)]
pub enum AuthStartError {
    #[error(
        "passkeys cannot be bound to the public URL {url}: it needs a name (https://chela.example.org, or localhost), \
         not an address"
    )]
    PublicUrl { url: String, source: Option<WebauthnError> },
}

/// Who asks for something before (or while) it is known who they are.
#[derive(Clone, Debug)]
pub struct Caller {
    pub ctx: OpCtx,
    pub addr: IpAddr,
    /// Browser and system, for the list of sessions.
    pub label: String,
}

/// The auth slice.
pub struct Auth {
    pub(super) platform: Arc<Platform>,
    pub(super) webauthn: Webauthn,
    pub(super) decoys: Decoys,
    pub(super) cache: Cache,
    pub(super) fallback: Fallback,
    pub(super) failures: Failures,
    pub(super) quota: Quota,
    pub(super) high_water: HighWater,
    revoked: broadcast::Sender<Revoked>,
}

impl Auth {
    /// Builds the slice; passkeys are bound to the host and exact origin of the public URL.
    ///
    /// # Errors
    /// The public URL cannot carry passkeys.
    pub fn new(platform: Arc<Platform>) -> Result<Arc<Self>, AuthStartError> {
        let url = &platform.config.public_url;
        let bad = |source| AuthStartError::PublicUrl { url: url.origin().to_owned(), source };
        let origin = Url::parse(url.origin()).map_err(|_no_url| bad(None))?;
        let webauthn = WebauthnBuilder::new(url.host(), &origin)
            .and_then(|builder| {
                let timeout = Duration::from_millis(u64::try_from(CEREMONY_MS).unwrap_or_default());
                builder.rp_name("Chela").timeout(timeout).build()
            })
            .map_err(|error| bad(Some(error)))?;
        let journal = match Journal::open(&platform.config.data_dir.join("audit.journal")) {
            Ok(journal) => Some(journal),
            Err(error) => {
                tracing::warn!(%error, "no audit journal: logins on a full disk would go unwritten");
                None
            }
        };
        let decoys = Decoys::new(platform.vault.derive_key("auth/decoys"));
        Ok(Arc::new(Self {
            webauthn,
            decoys,
            cache: Cache::default(),
            fallback: Fallback::new(journal),
            failures: Failures::default(),
            quota: Quota::default(),
            high_water: HighWater::default(),
            revoked: broadcast::Sender::new(256),
            platform,
        }))
    }

    /// The time by which access is decided.
    pub(super) fn now_ms(&self) -> i64 {
        self.high_water.pass(self.platform.clock.now_ms())
    }

    /// Proof that Chela itself looks somebody up.
    pub(super) fn system() -> Result<System, OpError> {
        Ok(policy::check(&Subject::SYSTEM)?)
    }

    /// Tells whoever holds a socket open; nobody listening is fine.
    pub(super) fn announce(&self, ended: Revoked) {
        self.cache.forget(ended);
        if let Revoked::Session(id) = ended {
            self.fallback.forget_session(id);
        }
        let _ = self.revoked.send(ended);
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Revoked> {
        self.revoked.subscribe()
    }
}
