//! API tokens: `chela_pat_…`, shown once, stored as a hash.

use super::{state::Auth, store};
use crate::{
    audit,
    platform::{ctx::OpCtx, db::Cursor, error::OpError, http::Revoked, text},
};
use api::{
    ApiError, Page,
    auth::{ApiToken, DeleteToken, ListTokens, Role},
    ids::TokenId,
    verb::Done,
};
use entity::auth::token;
use policy::{Granted, act};
use std::sync::Arc;

/// How a token begins.
pub(super) const PREFIX: &str = "chela_pat_";

/// Whether `bearer` could be one; what could not is not looked up.
pub(super) fn has_shape(bearer: &str) -> bool {
    bearer.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == 43 && rest.is_ascii())
}

pub(super) async fn list(
    auth: Arc<Auth>,
    _ctx: OpCtx,
    granted: Granted<act::ManageTokens>,
    q: ListTokens,
) -> Result<Page<ApiToken>, OpError> {
    let cursor: Cursor<TokenId> = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let rows = store::tokens::page(auth.platform.db.read(), &granted, &cursor).await?;
    let mut roles = Vec::with_capacity(rows.len());
    for row in rows {
        let role: Role = text::named(&row.role)?;
        roles.push((row, role));
    }
    let word = |(row, role): (token::Model, Role)| ApiToken {
        id: row.id,
        name: row.name,
        role,
        admin: row.admin,
        created_at_ms: row.created_at_ms,
        last_used_at_ms: row.last_used_at_ms,
    };
    Ok(cursor.page(roles, |(row, _)| row.id, word))
}

pub(super) async fn delete(
    auth: Arc<Auth>,
    ctx: OpCtx,
    granted: Granted<act::ManageTokens>,
    cmd: DeleteToken,
) -> Result<Done, OpError> {
    let now_ms = auth.now_ms();
    auth.platform
        .db
        .write(async |tx| {
            if !store::tokens::revoke(tx, &granted, cmd.token, now_ms).await? {
                return Err(ApiError::not_found().into());
            }
            let target = Some(cmd.token.to_string());
            audit::record(tx, auth.platform.ids.as_ref(), &ctx, "auth.delete_token", target).await
        })
        .await?;
    auth.announce(Revoked::Token(cmd.token));
    Ok(Done {})
}
