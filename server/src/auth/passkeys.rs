//! My passkeys and my sessions, as verbs.

use super::{
    error::AuthError,
    sessions::{IDLE_MS, Standing, standing},
    state::Auth,
    store,
};
use crate::{
    audit,
    platform::{ctx::OpCtx, error::OpError, http::Revoked},
};
use api::{
    ApiError,
    auth::{
        DeletePasskey, ListPasskeys, ListSessions, Passkey, RenamePasskey, RevokeOtherSessions,
        RevokeSession, Session,
    },
    validate::Check,
    verb::Done,
};
use policy::{Granted, act};
use std::sync::Arc;

type Own = Granted<act::ManageSelf>;

pub(super) async fn list(
    auth: Arc<Auth>,
    _ctx: OpCtx,
    own: Own,
    _q: ListPasskeys,
) -> Result<Vec<Passkey>, OpError> {
    let rows = store::passkeys::list(auth.platform.db.read(), &own).await?;
    let word = |row: entity::auth::passkey::Model| Passkey {
        id: row.id,
        name: row.name,
        synced: row.synced,
        created_at_ms: row.created_at_ms,
        last_used_at_ms: row.last_used_at_ms,
    };
    Ok(rows.into_iter().map(word).collect())
}

pub(super) async fn rename(
    auth: Arc<Auth>,
    ctx: OpCtx,
    own: Own,
    cmd: RenamePasskey,
) -> Result<Done, OpError> {
    Check::new().line(&cmd.name, 80, "/name").done()?;
    auth.platform
        .db
        .write(async |tx| {
            if !store::passkeys::rename(tx, &own, cmd.passkey, cmd.name.trim()).await? {
                return Err(ApiError::not_found().into());
            }
            let target = Some(cmd.passkey.to_string());
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.rename_passkey", target).await
        })
        .await?;
    Ok(Done {})
}

pub(super) async fn delete(
    auth: Arc<Auth>,
    ctx: OpCtx,
    own: Own,
    cmd: DeletePasskey,
) -> Result<Done, OpError> {
    auth.platform
        .db
        .write(async |tx| {
            if !store::passkeys::delete(tx, &own, cmd.passkey).await? {
                return Err(ApiError::not_found().into());
            }
            // Counted after the fact, in the same transaction: the refusal takes the deletion back.
            if store::passkeys::count(tx, &own).await? == 0 {
                return Err(AuthError::LastPasskey.into());
            }
            let target = Some(cmd.passkey.to_string());
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.delete_passkey", target).await
        })
        .await?;
    Ok(Done {})
}

pub(super) async fn sessions(
    auth: Arc<Auth>,
    ctx: OpCtx,
    own: Own,
    _q: ListSessions,
) -> Result<Vec<Session>, OpError> {
    let now_ms = auth.now_ms();
    let rows = store::sessions::list(auth.platform.db.read(), &own).await?;
    let word = |row: entity::auth::session::Model| Session {
        id: row.id,
        current: ctx.session == Some(row.id),
        label: row.label,
        created_at_ms: row.created_at_ms,
        seen_at_ms: row.seen_at_ms,
        expires_at_ms: row.expires_at_ms.min(row.seen_at_ms + IDLE_MS),
    };
    let open = rows.into_iter().filter(|row| standing(row, now_ms) == Standing::Good);
    Ok(open.filter(|row| !auth.fallback.is_ended(row.id)).map(word).collect())
}

pub(super) async fn revoke(
    auth: Arc<Auth>,
    ctx: OpCtx,
    own: Own,
    cmd: RevokeSession,
) -> Result<Done, OpError> {
    let now_ms = auth.now_ms();
    auth.platform
        .db
        .write(async |tx| {
            if !store::sessions::end_mine(tx, &own, cmd.session, now_ms).await? {
                return Err(ApiError::not_found().into());
            }
            let target = Some(cmd.session.to_string());
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.revoke_session", target).await
        })
        .await?;
    auth.announce(Revoked::Session(cmd.session));
    Ok(Done {})
}

pub(super) async fn revoke_others(
    auth: Arc<Auth>,
    ctx: OpCtx,
    own: Own,
    _cmd: RevokeOtherSessions,
) -> Result<Done, OpError> {
    let now_ms = auth.now_ms();
    let ended = auth
        .platform
        .db
        .write(async |tx| {
            let mut ended = Vec::new();
            for row in store::sessions::list(tx, &own).await? {
                if Some(row.id) != ctx.session && store::sessions::end_mine(tx, &own, row.id, now_ms).await? {
                    ended.push(row.id);
                }
            }
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.revoke_other_sessions", None).await?;
            Ok(ended)
        })
        .await?;
    for id in ended {
        auth.announce(Revoked::Session(id));
    }
    Ok(Done {})
}
