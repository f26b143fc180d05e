//! Writing and paging audit rows.

use crate::platform::{ctx::OpCtx, db::Cursor, error::OpError, ids::IdGen};
use api::{Page, audit::AuditRow, ids::AuditId};
use entity::audit;
use policy::{Granted, act};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Writes one row; fails with the transaction it stands in, and the transaction with it.
///
/// # Errors
/// What the database says.
pub async fn record<C: ConnectionTrait>(
    tx: &C,
    ids: &dyn IdGen,
    ctx: &OpCtx,
    act: &str,
    target: Option<String>,
) -> Result<(), OpError> {
    let row = audit::ActiveModel {
        id: Set(AuditId(ids.uuid())),
        at_ms: Set(ctx.now_ms),
        workspace_id: Set(ctx.subject.workspace),
        actor: Set(ctx.actor().to_string()),
        act: Set(act.to_owned()),
        target: Set(target),
        outcome: Set("ok".to_owned()),
        request_id: Set(Some(ctx.request_id)),
        detail: Set(None),
    };
    audit::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// A page of a workspace's rows, newest first.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadAudit>,
    cursor: &Cursor<AuditId>,
) -> Result<Page<AuditRow>, OpError> {
    let mut query = audit::Entity::find().order_by_desc(audit::Column::Id).limit(cursor.fetch());
    if let Some(workspace) = granted.workspace() {
        query = query.filter(audit::Column::WorkspaceId.eq(workspace));
    }
    if let Some(after) = cursor.after {
        query = query.filter(audit::Column::Id.lt(after));
    }
    Ok(cursor.page(query.all(db).await?, |row| row.id, word))
}

fn word(row: audit::Model) -> AuditRow {
    AuditRow {
        id: row.id,
        at_ms: row.at_ms,
        actor: row.actor,
        act: row.act,
        target: row.target,
        outcome: row.outcome,
    }
}
