//! Writing and paging audit rows.

use crate::platform::{ctx::OpCtx, db::Cursor, error::OpError, ids::IdGen};
use api::{
    Page,
    audit::AuditRow,
    ids::{AuditId, WorkspaceId},
};
use entity::{audit, workspace};
use policy::{Granted, act};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
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

/// Writes down an act that went on while nothing could be written. Twice is harmless.
///
/// # Errors
/// What the database says.
pub async fn record_late<C: ConnectionTrait>(
    tx: &C,
    id: AuditId,
    at_ms: i64,
    workspace: WorkspaceId,
    actor: &str,
    act: &str,
    target: String,
) -> Result<(), OpError> {
    let row = audit::ActiveModel {
        id: Set(id),
        at_ms: Set(at_ms),
        workspace_id: Set(Some(workspace)),
        actor: Set(actor.to_owned()),
        act: Set(act.to_owned()),
        target: Set(Some(target)),
        outcome: Set("ok".to_owned()),
        request_id: Set(None),
        detail: Set(Some(r#"{"journal":true}"#.to_owned())),
    };
    let there = OnConflict::column(audit::Column::Id).do_nothing().to_owned();
    audit::Entity::insert(row).on_conflict(there).exec_without_returning(tx).await?;
    Ok(())
}

/// A page of a workspace's rows, newest first; the first workspace sees those of the instance too.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadAudit>,
    cursor: &Cursor<AuditId>,
) -> Result<Page<AuditRow>, OpError> {
    let mut query = audit::Entity::find().order_by_desc(audit::Column::Id).limit(cursor.fetch());
    if let Some(id) = granted.workspace() {
        let mut mine = Condition::any().add(audit::Column::WorkspaceId.eq(id));
        // What happens to the instance itself (a failed login has no workspace yet) is told to who set it up.
        let first = workspace::Entity::find().order_by_asc(workspace::Column::Id).limit(1).one(db).await?;
        if first.is_some_and(|first| first.id == id) {
            mine = mine.add(audit::Column::WorkspaceId.is_null());
        }
        query = query.filter(mine);
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
        actor_name: None,
        target_name: None,
        act: row.act,
        target: row.target,
        outcome: row.outcome,
        detail: row.detail.and_then(|detail| serde_json::from_str(&detail).ok()),
    }
}
