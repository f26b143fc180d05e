//! Rows of virtual keys.

use crate::platform::{
    db::Cursor,
    error::OpError,
    text::{alike, called, from_json},
};
use api::{ApiError, Page, ids::*, virtual_keys::VirtualKey};
use entity::{budgets::budget, virtual_keys::virtual_key as row};
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use std::collections::HashMap;

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(row::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

/// All virtual keys of the instance that are not blocked, for the relay.
///
/// # Errors
/// What the database says.
pub async fn all<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<row::Model>, OpError> {
    Ok(row::Entity::find().filter(row::Column::Blocked.eq(false)).all(db).await?)
}

/// Names of virtual keys that the caller may see.
///
/// # Errors
/// What the database says.
pub async fn names<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    ids: Vec<VirtualKeyId>,
) -> Result<HashMap<VirtualKeyId, String>, OpError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = row::Entity::find().select_only().column(row::Column::Id).column(row::Column::Name);
    let found = found.filter(visible(granted.scope())).filter(row::Column::Id.is_in(ids));
    Ok(found.into_tuple::<(VirtualKeyId, String)>().all(db).await?.into_iter().collect())
}

/// Those that have not expired.
fn living(now_ms: i64) -> Condition {
    Condition::any().add(row::Column::ExpiresAtMs.is_null()).add(row::Column::ExpiresAtMs.gt(now_ms))
}

/// A virtual key by its id or name, in any case. An expired one is meant where no other has the name.
///
/// # Errors
/// There is none, or several of that name.
pub async fn find<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    key: &str,
    now_ms: i64,
) -> Result<VirtualKeyId, OpError> {
    let columns = [row::Column::Id, row::Column::Name, row::Column::ExpiresAtMs];
    let all = columns.into_iter().fold(row::Entity::find().select_only(), QuerySelect::column);
    let all = all.filter(visible(granted.scope()));
    let all = match key.parse::<VirtualKeyId>() {
        Ok(id) => all.filter(row::Column::Id.eq(id)),
        Err(_name) => all,
    };
    let all: Vec<(VirtualKeyId, String, Option<i64>)> = all.into_tuple().all(db).await?;
    let found = match (key.parse::<VirtualKeyId>(), all.first()) {
        (Ok(_), Some((id, ..))) => return Ok(*id),
        (Ok(_), None) => Vec::new(),
        (Err(_name), _) => {
            let lives = |end: Option<i64>| end.is_none_or(|end| end > now_ms);
            let all: Vec<_> = all.into_iter().map(|(id, name, end)| (id.0, name, lives(end))).collect();
            called(key, &all)
        }
    };
    match found.as_slice() {
        [id] => Ok(VirtualKeyId(*id)),
        [] => Err(ApiError::field(
            "/virtual_key",
            format!(
                "must be a virtual key's name or id: there is no \u{201c}{key}\u{201d} in this workspace"
            ),
        )
        .into()),
        several => {
            let ids: Vec<String> = several.iter().map(|id| VirtualKeyId(*id).to_string()).collect();
            let says = format!("is the name of several: say which by its id ({})", ids.join(", "));
            Err(ApiError::field("/virtual_key", says).into())
        }
    }
}

/// Remembers when keys were used last.
///
/// # Errors
/// What the database says.
pub async fn used<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteUsage>,
    calls: impl Iterator<Item = (VirtualKeyId, i64)>,
) -> Result<(), OpError> {
    let mut last: HashMap<VirtualKeyId, i64> = HashMap::new();
    for (key, at_ms) in calls {
        let known = last.entry(key).or_insert(at_ms);
        *known = at_ms.max(*known);
    }
    for (key, at_ms) in last {
        let older = Condition::any()
            .add(row::Column::LastUsedAtMs.is_null())
            .add(row::Column::LastUsedAtMs.lt(at_ms));
        let one = row::Entity::update_many().col_expr(row::Column::LastUsedAtMs, Expr::value(at_ms));
        one.filter(row::Column::Id.eq(key)).filter(older).exec(tx).await?;
    }
    Ok(())
}

pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadKeys>,
    cursor: &Cursor<VirtualKeyId>,
) -> Result<Page<row::Model>, OpError> {
    let mut query = row::Entity::find().filter(visible(granted.scope())).order_by_asc(row::Column::Id);
    if let Some(after) = cursor.after {
        query = query.filter(row::Column::Id.gt(after));
    }
    Ok(cursor.page(query.limit(cursor.fetch()).all(db).await?, |r| r.id, |r| r))
}

pub(super) async fn row<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WriteKeys>,
    id: VirtualKeyId,
) -> Result<row::Model, OpError> {
    let found = row::Entity::find_by_id(id).filter(visible(granted.scope())).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}

pub(super) async fn count<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WriteKeys>,
) -> Result<u64, OpError> {
    Ok(row::Entity::find().filter(visible(granted.scope())).count(db).await?)
}

/// Refuses the name of another key of a workspace that has not expired.
pub(super) async fn unlike<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    key: &row::Model,
    now_ms: i64,
) -> Result<(), OpError> {
    let others = row::Entity::find().select_only().column(row::Column::Name);
    let others = others.filter(visible(granted.scope())).filter(living(now_ms));
    let others =
        others.filter(row::Column::WorkspaceId.eq(key.workspace_id)).filter(row::Column::Id.ne(key.id));
    let others: Vec<String> = others.into_tuple().all(tx).await?;
    let Some(same) = others.iter().find(|other| alike(other, &key.name)) else { return Ok(()) };
    let words = format!("Another virtual key has the name \u{201c}{same}\u{201d}; choose another.");
    Err(ApiError::clash("/name", words).into())
}

pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteKeys>,
    model: row::Model,
) -> Result<(), OpError> {
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes a row back whole if it is still at the version it was read at. When it was used last is the ledger's.
pub(super) async fn update<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    mut model: row::Model,
) -> Result<row::Model, OpError> {
    let read = model.version;
    model.version += 1;
    let mut set = model.clone().into_active_model().reset_all();
    set.last_used_at_ms = sea_orm::ActiveValue::NotSet;
    let changed = row::Entity::update_many()
        .set(set)
        .filter(visible(granted.scope()))
        .filter(row::Column::Id.eq(model.id))
        .filter(row::Column::Version.eq(read))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 {
        return Ok(model);
    }
    let now = row(tx, granted, model.id).await?;
    Err(ApiError::stale(read, now.version).into())
}

/// Deletes a key with its budgets; its calls stay in the ledger.
pub(super) async fn delete<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    id: VirtualKeyId,
) -> Result<(), OpError> {
    let gone = row::Entity::delete_many().filter(visible(granted.scope())).filter(row::Column::Id.eq(id));
    if gone.exec(tx).await?.rows_affected == 0 {
        return Err(ApiError::not_found().into());
    }
    budget::Entity::delete_many().filter(budget::Column::VirtualKeyId.eq(id)).exec(tx).await?;
    Ok(())
}

pub(super) fn word(model: row::Model, now_ms: i64) -> Result<VirtualKey, OpError> {
    Ok(VirtualKey {
        id: model.id,
        name: model.name,
        last_four: model.last_four,
        models: from_json(&model.models)?,
        tags: from_json(&model.tags)?,
        expires_at_ms: model.expires_at_ms,
        blocked: model.blocked,
        former_until_ms: model.former_until_ms.filter(|until| *until > now_ms),
        created_at_ms: model.created_at_ms,
        last_used_at_ms: model.last_used_at_ms,
        version: model.version,
    })
}
