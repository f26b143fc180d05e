//! Rows of provider keys; the only place that seals and opens them.

use crate::platform::{
    db::Cursor,
    error::OpError,
    text::{from_json, named},
};
use api::{
    ApiError, Page,
    ids::{KeyId, WorkspaceId},
    keys::{KeyStatus, KeySummary},
};
use entity::keys::provider_key as row;
use policy::{Action, Granted, RowScope, act};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};
use zeroize::Zeroizing;

fn visible(scope: RowScope) -> Condition {
    match scope {
        RowScope::All => Condition::all(),
        RowScope::Workspace(id) => Condition::all().add(row::Column::WorkspaceId.eq(id)),
        RowScope::Own(_) => Condition::all().add(Expr::value(false)),
    }
}

fn aad(id: &KeyId) -> vault::Aad<'_> {
    vault::Aad::new("provider_keys", "sealed", id.0.as_bytes())
}

/// Seals a secret for its row.
pub(super) fn seal(
    vault: &vault::Vault,
    _granted: &Granted<act::WriteKeys>,
    id: KeyId,
    secret: &str,
) -> Result<Vec<u8>, OpError> {
    vault.seal(&aad(&id), secret.as_bytes()).map_err(|e| OpError::internal("sealing a provider key", e))
}

fn open(vault: &vault::Vault, model: &row::Model) -> Result<Zeroizing<String>, OpError> {
    let bytes = vault
        .open(&aad(&model.id), &model.sealed)
        .map_err(|e| OpError::internal("opening a provider key", e))?;
    match String::from_utf8(bytes.to_vec()) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => Err(OpError::internal("opening a provider key", error.utf8_error())),
    }
}

/// Opens one key to test it at its vendor.
pub(super) fn open_for_test(
    vault: &vault::Vault,
    _granted: &Granted<act::WriteKeys>,
    model: &row::Model,
) -> Result<Zeroizing<String>, OpError> {
    open(vault, model)
}

/// A key ready for the relay.
pub struct OpenKey {
    pub id: KeyId,
    pub workspace: WorkspaceId,
    pub vendor: String,
    pub base_url: String,
    /// What its vendor listed, as a JSON list of `vendor/model`.
    pub models: String,
    pub secret: Zeroizing<String>,
}

/// All usable keys of the instance, opened. A key that does not open is left out and logged: one bad row
/// must not stop all bots.
///
/// # Errors
/// What the database says.
pub async fn open_all<C: ConnectionTrait>(
    db: &C,
    vault: &vault::Vault,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<OpenKey>, OpError> {
    let rows = row::Entity::find().order_by_asc(row::Column::Id).all(db).await?;
    let opened = rows.into_iter().filter_map(|model| match open(vault, &model) {
        Ok(secret) => Some(OpenKey {
            id: model.id,
            workspace: model.workspace_id,
            vendor: model.vendor,
            base_url: model.base_url,
            models: model.models,
            secret,
        }),
        Err(error) => {
            tracing::error!(key.id = %model.id, error = %error, "a provider key does not open and is not used");
            None
        }
    });
    Ok(opened.collect())
}

pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadKeys>,
    cursor: &Cursor<KeyId>,
) -> Result<Page<row::Model>, OpError> {
    let mut query = row::Entity::find().filter(visible(granted.scope())).order_by_asc(row::Column::Id);
    if let Some(after) = cursor.after {
        query = query.filter(row::Column::Id.gt(after));
    }
    Ok(cursor.page(query.limit(cursor.fetch()).all(db).await?, |r| r.id, |r| r))
}

pub(super) async fn find<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    id: KeyId,
) -> Result<row::Model, OpError> {
    let found = row::Entity::find_by_id(id).filter(visible(granted.scope())).one(db).await?;
    found.ok_or_else(|| ApiError::not_found().into())
}

pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteKeys>,
    model: row::Model,
) -> Result<(), OpError> {
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// Writes a row back whole if it is still at the version it was read at.
pub(super) async fn update<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    mut model: row::Model,
) -> Result<row::Model, OpError> {
    let read = model.version;
    model.version += 1;
    let changed = row::Entity::update_many()
        .set(model.clone().into_active_model().reset_all())
        .filter(visible(granted.scope()))
        .filter(row::Column::Id.eq(model.id))
        .filter(row::Column::Version.eq(read))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 {
        return Ok(model);
    }
    let now = find(tx, granted, model.id).await?;
    Err(ApiError::stale(read, now.version).into())
}

pub(super) async fn delete<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    id: KeyId,
) -> Result<(), OpError> {
    let gone = row::Entity::delete_many()
        .filter(visible(granted.scope()))
        .filter(row::Column::Id.eq(id))
        .exec(tx)
        .await?;
    if gone.rows_affected == 0 { Err(ApiError::not_found().into()) } else { Ok(()) }
}

/// A row as people see it.
pub(super) fn word(model: &row::Model) -> Result<KeySummary, OpError> {
    Ok(KeySummary {
        id: model.id,
        vendor: model.vendor.clone(),
        label: model.label.clone(),
        last_four: model.last_four.clone(),
        base_url: model.base_url.clone(),
        own_base_url: !relay::vendors::find(&model.vendor).is_some_and(|v| v.is_own_address(&model.base_url)),
        status: named::<KeyStatus>(&model.status)?,
        status_message: model.status_message.clone(),
        tested_at_ms: model.tested_at_ms,
        latency_ms: model.latency_ms,
        models: from_json(&model.models)?,
        rests: Vec::new(),
        created_at_ms: model.created_at_ms,
        version: model.version,
    })
}

/// The slug of a workspace, to which an operator may bind a private upstream.
pub(super) async fn slug<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
) -> Result<Option<String>, OpError> {
    Ok(entity::workspace::Entity::find_by_id(workspace).one(db).await?.map(|row| row.slug))
}
