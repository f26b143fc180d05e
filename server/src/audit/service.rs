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
    let mut page = store::page(p.db.read(), &granted, &cursor).await?;
    let mut ids: Vec<&str> = page.items.iter().map(|row| row.actor.as_str()).collect();
    ids.extend(page.items.iter().filter_map(|row| row.target.as_deref()));
    let names = super::names(p.db.read(), &granted, ids).await?;
    for row in &mut page.items {
        row.actor_name = names.get(&row.actor).cloned();
        row.target_name = row.target.as_ref().and_then(|target| names.get(target).cloned());
    }
    Ok(page)
}
