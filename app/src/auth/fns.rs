//! Server functions of people. The passkey ceremonies are not here: `public/passkey.js` speaks to them.

#[cfg(feature = "ssr")]
use crate::call::call;
use api::{ApiError, Page, auth::*, verb::Done};
use leptos::prelude::*;
use server_fn::codec::Json;

#[server(prefix = "/api/fn", endpoint = "auth/me", input = Json)]
pub async fn auth_me() -> Result<Me, ApiError> {
    call(GetMe {}).await
}

#[server(prefix = "/api/fn", endpoint = "auth/passkeys", input = Json)]
pub async fn auth_passkeys() -> Result<Vec<Passkey>, ApiError> {
    call(ListPasskeys {}).await
}

#[server(prefix = "/api/fn", endpoint = "auth/rename_passkey")]
pub async fn auth_rename_passkey(cmd: RenamePasskey) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "auth/delete_passkey")]
pub async fn auth_delete_passkey(cmd: DeletePasskey) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "auth/sessions", input = Json)]
pub async fn auth_sessions() -> Result<Vec<Session>, ApiError> {
    call(ListSessions {}).await
}

#[server(prefix = "/api/fn", endpoint = "auth/revoke_session")]
pub async fn auth_revoke_session(cmd: RevokeSession) -> Result<Done, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "auth/revoke_other_sessions")]
pub async fn auth_revoke_other_sessions() -> Result<Done, ApiError> {
    call(RevokeOtherSessions {}).await
}

#[server(prefix = "/api/fn", endpoint = "auth/tokens", input = Json)]
pub async fn auth_tokens(cmd: ListTokens) -> Result<Page<ApiToken>, ApiError> {
    call(cmd).await
}

#[server(prefix = "/api/fn", endpoint = "auth/delete_token")]
pub async fn auth_delete_token(cmd: DeleteToken) -> Result<Done, ApiError> {
    call(cmd).await
}
