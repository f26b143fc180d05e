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
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
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

/// Opens one key to look whether its vendor still takes it.
pub(super) fn open_for_check(
    vault: &vault::Vault,
    _granted: &Granted<act::UseKeys>,
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
    pub tags: Vec<String>,
    pub allowed_models: Vec<String>,
    pub requests_per_minute: Option<i64>,
    pub month_micro_usd: Option<i64>,
    pub secret: Zeroizing<String>,
}

impl OpenKey {
    fn read(vault: &vault::Vault, model: row::Model) -> Result<Self, OpError> {
        let secret = open(vault, &model)?;
        Ok(Self {
            id: model.id,
            workspace: model.workspace_id,
            vendor: model.vendor,
            base_url: model.base_url,
            models: model.models,
            tags: from_json(&model.tags)?,
            allowed_models: from_json(&model.allowed_models)?,
            requests_per_minute: model.requests_per_minute,
            month_micro_usd: model.month_micro_usd,
            secret,
        })
    }
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
    let opened = rows.into_iter().map(|model| (model.id, OpenKey::read(vault, model))).filter_map(
        |(id, read)| match read {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::error!(key.id = %id, error = %error, "a provider key does not open and is not used");
                None
            }
        },
    );
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

/// Labels of a workspace's keys that have not ended, but for one key's.
pub(super) async fn labels<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::WriteKeys>,
    (workspace, but): (WorkspaceId, Option<KeyId>),
    now_ms: i64,
) -> Result<Vec<String>, OpError> {
    let lives =
        Condition::any().add(row::Column::ExpiresAtMs.is_null()).add(row::Column::ExpiresAtMs.gt(now_ms));
    let mut found = row::Entity::find().select_only().column(row::Column::Label);
    found = found.filter(visible(granted.scope())).filter(row::Column::WorkspaceId.eq(workspace));
    if let Some(but) = but {
        found = found.filter(row::Column::Id.ne(but));
    }
    Ok(found.filter(lives).into_tuple().all(db).await?)
}

pub(super) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::WriteKeys>,
    model: row::Model,
) -> Result<(), OpError> {
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

/// All keys of the instance, sealed.
pub(super) async fn all<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::UseKeys>,
) -> Result<Vec<row::Model>, OpError> {
    Ok(row::Entity::find().order_by_asc(row::Column::Id).all(db).await?)
}

/// Writes what Chela found out by itself, unless the key has changed meanwhile. That is no change of the key: its version stays.
pub(super) async fn checked<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::UseKeys>,
    model: &row::Model,
) -> Result<bool, OpError> {
    let set = row::ActiveModel {
        status: Set(model.status.clone()),
        status_message: Set(model.status_message.clone()),
        latency_ms: Set(model.latency_ms),
        models: Set(model.models.clone()),
        checked_at_ms: Set(model.checked_at_ms),
        check_message: Set(model.check_message.clone()),
        ..Default::default()
    };
    let done = row::Entity::update_many().set(set).filter(row::Column::Id.eq(model.id));
    let done = done.filter(row::Column::Version.eq(model.version)).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

/// Remembers that people are told so many days before a key ends. `false`: it ends at another time by now, or is gone.
pub(super) async fn told_of_end<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::UseKeys>,
    model: &row::Model,
    days: i64,
) -> Result<bool, OpError> {
    let done = row::Entity::update_many()
        .col_expr(row::Column::ExpiryTold, Expr::value(days))
        .filter(row::Column::Id.eq(model.id))
        .filter(row::Column::ExpiresAtMs.eq(model.expires_at_ms))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Writes what a key is for, if it is still at the version it was read at.
pub(super) async fn choose<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    model: row::Model,
) -> Result<row::Model, OpError> {
    let set = row::ActiveModel {
        label: Set(model.label.clone()),
        tags: Set(model.tags.clone()),
        allowed_models: Set(model.allowed_models.clone()),
        requests_per_minute: Set(model.requests_per_minute),
        month_micro_usd: Set(model.month_micro_usd),
        expires_at_ms: Set(model.expires_at_ms),
        expiry_told: Set(model.expiry_told),
        ..Default::default()
    };
    write(tx, granted, model, set).await
}

/// Writes a row back whole if it is still at the version it was read at.
pub(super) async fn update<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    model: row::Model,
) -> Result<row::Model, OpError> {
    let set = model.clone().into_active_model().reset_all();
    write(tx, granted, model, set).await
}

async fn write<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    mut model: row::Model,
    mut set: row::ActiveModel,
) -> Result<row::Model, OpError> {
    let read = model.version;
    model.version += 1;
    set.version = Set(model.version);
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
        tags: from_json(&model.tags)?,
        allowed_models: from_json(&model.allowed_models)?,
        requests_per_minute: model.requests_per_minute,
        month_micro_usd: model.month_micro_usd,
        expires_at_ms: model.expires_at_ms,
        expires_on: model.expires_at_ms.and_then(super::choice::day),
        checked_at_ms: model.checked_at_ms,
        check_message: model.check_message.clone(),
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
