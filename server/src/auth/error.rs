//! What can go wrong with links, passkeys and sessions, in words for the person in front of it.

use crate::platform::error::OpError;
use api::{ApiError, Code, auth::LinkKind};

/// Why people are not let in. What an attacker could learn from is one variant: [`AuthError::LoginRefused`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("no such link")]
    LinkUnknown,
    #[error("link was used")]
    LinkUsed(LinkKind),
    #[error("link has expired")]
    LinkExpired(LinkKind),
    #[error("a newer link replaced this one")]
    LinkReplaced(LinkKind),
    #[error("too many tries with this link")]
    LinkTries(LinkKind),
    #[error("Chela is set up already")]
    AlreadySetUp,
    #[error("link is for somebody else")]
    LinkOfAnother { link_for: Option<String>, logged_in: String },
    #[error("ceremony is over, was answered before, or never was")]
    CeremonyGone,
    #[error("passkey was not accepted for registration")]
    RegistrationRefused,
    #[error("passkey is registered already")]
    PasskeyKnown,
    #[error("too many passkeys")]
    TooManyPasskeys,
    #[error("the last passkey")]
    LastPasskey,
    #[error("name is taken")]
    NameTaken,
    #[error("login refused")]
    LoginRefused,
    #[error("nobody has set Chela up yet")]
    NotSetUp,
}

/// The way to a new link of that kind.
fn way(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Setup => "Run `chela setup` on the server machine for a fresh link.",
        LinkKind::Recovery | LinkKind::Invite => {
            "Ask an administrator for a fresh one: `chela admin enrol-link --user NAME` on the server machine."
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        use AuthError as E;
        let gone = |message: &str, hint: &str| Self::new(Code::Gone, message).with_hint(hint);
        match error {
            E::LinkUnknown => gone(
                "This link is not one of ours, or it was cut short when copied.",
                "Open it again from where you got it, or ask for a fresh one: `chela setup` before the first login, \
                 `chela admin enrol-link --user NAME` after, both on the server machine.",
            ),
            E::LinkUsed(kind) => gone("This link was used before. Each one works once.", way(kind)),
            E::LinkExpired(kind) => gone("This link has expired.", way(kind)),
            E::LinkReplaced(kind) => gone("A newer link took this one's place.", way(kind)),
            E::LinkTries(kind) => gone("This link was tried ten times without success.", way(kind)),
            E::AlreadySetUp => gone(
                "Chela is set up already, so this link has done its work.",
                "Log in with your passkey. If it is lost: `chela admin enrol-link --user NAME` on the server machine.",
            ),
            E::LinkOfAnother { link_for, logged_in } => Self::new(
                Code::Forbidden,
                format!(
                    "This link is for {}, and you are logged in as {logged_in}.",
                    link_for.as_deref().unwrap_or("somebody new")
                ),
            )
            .with_hint("Log out first, or hand the link to the person it is meant for. It stays usable."),
            E::CeremonyGone => {
                gone("This took too long, or was answered before.", "Start again; your link stays usable.")
            }
            E::RegistrationRefused => Self::field("/credential", "the passkey could not be verified").with_hint(
                "Try again, and confirm with your fingerprint, face or PIN when asked. Your link stays usable.",
            ),
            E::PasskeyKnown => Self::new(Code::Conflict, "This passkey is registered already.")
                .with_hint("Choose another device or passkey manager."),
            E::TooManyPasskeys => Self::new(Code::Conflict, "You have twenty passkeys, and that is the most.")
                .with_hint("Delete one that you no longer use."),
            E::LastPasskey => Self::new(Code::Conflict, "This is your last passkey; without it you could not log in.")
                .with_hint("Add another one first."),
            E::NameTaken => Self::field("/user_name", "somebody here has this name already"),
            E::LoginRefused => Self::new(Code::Unauthenticated, "That did not let you in.").with_hint(
                "Try again with the passkey you registered here. If it is lost: `chela admin enrol-link --user NAME` \
                 on the server machine.",
            ),
            E::NotSetUp => Self::new(Code::Conflict, "Nobody has set Chela up yet.")
                .with_hint("Run `chela setup` and open its link first."),
        }
    }
}

impl From<AuthError> for OpError {
    fn from(error: AuthError) -> Self {
        Self::Api(error.into())
    }
}
