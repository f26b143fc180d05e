//! Use cases of the audit log.

use super::store;
use crate::platform::{
    Platform,
    ctx::OpCtx,
    db::Cursor,
    error::OpError,
    verbs::{Rest, Verbs},
};
use api::{
    Page,
    audit::{AuditRow, ListAudit},
};
use policy::{Granted, act};
use std::sync::Arc;

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, platform: &Arc<Platform>) {
    verbs.on::<ListAudit, act::ReadAudit, _, _, _>(Rest::get("/api/audit"), platform, list);
}

async fn list(
    p: Arc<Platform>,
    _ctx: OpCtx,
    granted: Granted<act::ReadAudit>,
    q: ListAudit,
) -> Result<Page<AuditRow>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    store::page(p.db.read(), &granted, &cursor).await
}
