//! The slice's verbs.

use super::{passkeys, state::Auth, store, tokens};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    verbs::{Rest, Verbs},
};
use api::{
    ApiError,
    auth::{
        DeletePasskey, DeleteToken, GetMe, ListPasskeys, ListSessions, ListTokens, Me, RenamePasskey,
        RevokeOtherSessions, RevokeSession,
    },
    ids::UserId,
};
use policy::{Actor, Granted, act};
use std::sync::Arc;
use uuid::Uuid;

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, auth: &Arc<Auth>) {
    verbs.on::<GetMe, act::ReadSelf, _, _, _>(Rest::get("/api/me").says("Who is asking."), auth, me);
    let rest = Rest::get("/api/passkeys").says("My passkeys.");
    verbs.on::<ListPasskeys, act::ManageSelf, _, _, _>(rest, auth, passkeys::list);
    let rest = Rest::patch("/api/passkeys/{passkey}").says("Names a passkey.");
    verbs.on::<RenamePasskey, act::ManageSelf, _, _, _>(rest, auth, passkeys::rename);
    let rest = Rest::delete("/api/passkeys/{passkey}").says("Deletes a passkey; never the last one.");
    verbs.on::<DeletePasskey, act::ManageSelf, _, _, _>(rest, auth, passkeys::delete);
    let rest = Rest::get("/api/sessions").says("Where I am logged in.");
    verbs.on::<ListSessions, act::ManageSelf, _, _, _>(rest, auth, passkeys::sessions);
    let rest = Rest::delete("/api/sessions/{session}").says("Ends one of my sessions.");
    verbs.on::<RevokeSession, act::ManageSelf, _, _, _>(rest, auth, passkeys::revoke);
    let rest = Rest::post("/api/sessions/revoke-others").says("Ends all my sessions but this one.");
    verbs.on::<RevokeOtherSessions, act::ManageSelf, _, _, _>(rest, auth, passkeys::revoke_others);
    let rest = Rest::get("/api/tokens").says("API tokens of the workspace.");
    verbs.on::<ListTokens, act::ManageTokens, _, _, _>(rest, auth, tokens::list);
    let rest = Rest::delete("/api/tokens/{token}").says("Ends an API token.");
    verbs.on::<DeleteToken, act::ManageTokens, _, _, _>(rest, auth, tokens::delete);
}

/// A token is told its own name and no person's id.
async fn me(auth: Arc<Auth>, ctx: OpCtx, granted: Granted<act::ReadSelf>, _q: GetMe) -> Result<Me, OpError> {
    let (proof, db) = (Auth::system()?, auth.platform.db.read());
    let workspace = granted.workspace().ok_or_else(ApiError::not_found)?;
    let role = ctx.subject.role.ok_or_else(ApiError::not_found)?;
    let workspace_name =
        store::people::find_workspace(db, &proof, workspace).await?.ok_or_else(ApiError::not_found)?.name;
    let (user, name, admin) = match ctx.actor() {
        Actor::User(id) => {
            let row = store::people::find(db, &proof, id).await?.ok_or_else(ApiError::not_found)?;
            (id, row.name, row.admin)
        }
        Actor::Token(id) => {
            let row = store::tokens::find(db, &proof, id).await?.ok_or_else(ApiError::not_found)?;
            (UserId(Uuid::nil()), row.name, row.admin)
        }
        Actor::Nobody | Actor::Bot(_) | Actor::System => return Err(ApiError::not_found().into()),
    };
    Ok(Me { user, name, workspace, workspace_name, role, admin })
}
