//! Words of people: passkeys, sessions, one-time links, API tokens.
//!
//! The passkey ceremonies are not verbs: they set cookies. Their bodies stand at the end.

use crate::{
    ids::*,
    verb::{Done, verbs},
};

words! {
    /// What a member may do in a workspace.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum Role { Owner, Viewer }

    /// Who is asking.
    #[serde(deny_unknown_fields)]
    pub struct GetMe {}

    /// The person behind this session or token.
    pub struct Me {
        pub user: UserId,
        pub name: String,
        pub workspace: WorkspaceId,
        pub workspace_name: String,
        pub role: Role,
        /// Instance administrator: apart from workspace roles.
        pub admin: bool,
    }

    /// My passkeys.
    #[serde(deny_unknown_fields)]
    pub struct ListPasskeys {}
    pub struct Passkey {
        pub id: PasskeyId,
        pub name: String,
        /// Kept in an account that follows the person, not bound to one device.
        pub synced: bool,
        pub created_at_ms: i64,
        pub last_used_at_ms: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct RenamePasskey { pub passkey: PasskeyId, pub name: String }
    /// Refused for the last one.
    #[serde(deny_unknown_fields)]
    pub struct DeletePasskey { pub passkey: PasskeyId }

    /// My sessions.
    #[serde(deny_unknown_fields)]
    pub struct ListSessions {}
    pub struct Session {
        pub id: SessionId,
        /// The one that asks.
        pub current: bool,
        /// Browser and system, as the browser said.
        pub label: String,
        pub created_at_ms: i64,
        pub seen_at_ms: i64,
        pub expires_at_ms: i64,
    }
    #[serde(deny_unknown_fields)]
    pub struct RevokeSession { pub session: SessionId }
    /// Ends every session of mine but this one.
    #[serde(deny_unknown_fields)]
    pub struct RevokeOtherSessions {}

    /// API tokens of this workspace.
    #[serde(deny_unknown_fields)]
    pub struct ListTokens { pub limit: Option<u32>, pub cursor: Option<String> }
    pub struct ApiToken {
        pub id: TokenId,
        pub name: String,
        pub role: Role,
        /// Administers the instance, too.
        pub admin: bool,
        pub created_at_ms: i64,
        pub last_used_at_ms: Option<i64>,
    }
    #[serde(deny_unknown_fields)]
    pub struct DeleteToken { pub token: TokenId }
}

verbs! {
    GetMe => Me, "auth.me";
    ListPasskeys => Vec<Passkey>, "auth.passkeys";
    RenamePasskey => Done, "auth.rename_passkey";
    DeletePasskey => Done, "auth.delete_passkey";
    ListSessions => Vec<Session>, "auth.sessions";
    RevokeSession => Done, "auth.revoke_session";
    RevokeOtherSessions => Done, "auth.revoke_other_sessions";
    ListTokens => crate::Page<ApiToken>, "auth.tokens";
    DeleteToken => Done, "auth.delete_token";
}

words! {
    /// What a one-time link is for.
    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum LinkKind { Setup, Recovery, Invite }

    /// `POST /api/auth/link`: looks at a link; never consumes it.
    #[serde(deny_unknown_fields)]
    pub struct OpenLink { pub token: String }
    pub struct LinkInfo { pub kind: LinkKind, pub user_name: Option<String>, pub expires_at_ms: i64 }

    /// `POST /api/auth/register/start`: with a link, or (token absent) one more passkey for the session's person.
    #[serde(deny_unknown_fields)]
    pub struct RegisterStart {
        pub token: Option<String>,
        /// Name of a new person; ignored where the link or session already says who.
        pub user_name: Option<String>,
        /// What to call the passkey.
        pub passkey_name: Option<String>,
    }
    /// A started ceremony: hand `options` to the browser's WebAuthn call.
    pub struct CeremonyStarted { pub ceremony: CeremonyId, pub options: serde_json::Value }
    /// `POST /api/auth/register/finish`.
    #[serde(deny_unknown_fields)]
    pub struct RegisterFinish { pub ceremony: CeremonyId, pub token: Option<String>, pub credential: serde_json::Value }

    /// `POST /api/auth/login/start`: discoverable, or by name.
    #[serde(deny_unknown_fields)]
    pub struct LoginStart { pub user_name: Option<String> }
    /// `POST /api/auth/login/finish`.
    #[serde(deny_unknown_fields)]
    pub struct LoginFinish { pub ceremony: CeremonyId, pub credential: serde_json::Value }
    /// Where the browser goes next; the session cookie is in the answer's headers.
    pub struct LoggedIn { pub redirect: String }
}
