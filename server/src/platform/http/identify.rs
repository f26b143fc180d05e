//! Who is calling: the port through which HTTP asks the `auth` slice.
//!
//! Not responsible for sessions, tokens or cookies' attributes; those are `auth`'s.

use api::{
    ApiError,
    ids::{SessionId, TokenId, UserId},
};
use policy::{Actor, Subject};
use tokio::sync::broadcast::{self, error::RecvError};

/// Name of the session cookie. `__Host-`: this host only, Secure, path `/`.
pub const SESSION_COOKIE: &str = "__Host-chela";

/// Who a caller turned out to be.
#[derive(Clone, Debug)]
pub struct Identity {
    pub subject: Subject,
    /// The browser session, if it came by cookie.
    pub session: Option<SessionId>,
    /// The API token, if it came by `Authorization: Bearer`.
    pub token: Option<TokenId>,
}

impl Identity {
    /// Nobody.
    pub const NOBODY: Self = Self { subject: Subject::NOBODY, session: None, token: None };
}

/// What has just ended; live sockets of it close at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    Session(SessionId),
    Token(TokenId),
    /// Every session of a person, or their rights changed.
    User(UserId),
}

impl Identity {
    /// Whether this caller stands on what was revoked.
    fn stands_on(&self, revoked: Revoked) -> bool {
        match revoked {
            Revoked::Session(id) => self.session == Some(id),
            Revoked::Token(id) => self.token == Some(id),
            Revoked::User(id) => self.subject.actor == Actor::User(id),
        }
    }
}

/// Returns when what a caller stands on has ended, or when that may have been missed. Cancel-safe.
pub async fn ended(identity: &Identity, revocations: &mut broadcast::Receiver<Revoked>) {
    loop {
        match revocations.recv().await {
            Ok(revoked) if identity.stands_on(revoked) => return,
            Ok(_) => {}
            // Better to come again than to be forgotten.
            Err(RecvError::Lagged(_)) => return,
            // Nobody revokes any more: the server is going down.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Turns credentials into a caller.
#[async_trait::async_trait]
pub trait Identify: Send + Sync {
    /// `cookie` is the value of [`SESSION_COOKIE`], `bearer` what follows `Bearer `; when both came, only
    /// `bearer` is handed in. Nothing, or a cookie that has ended, is [`Identity::NOBODY`].
    ///
    /// # Errors
    /// `unauthenticated` for a bearer token that is not good; what the database says.
    async fn identify(&self, cookie: Option<&str>, bearer: Option<&str>) -> Result<Identity, ApiError>;

    /// Whether somebody can log in at all; before the first passkey nobody can.
    async fn anybody_enrolled(&self) -> bool {
        true
    }

    /// Hears of everything revoked from now on.
    fn revocations(&self) -> broadcast::Receiver<Revoked>;
}
