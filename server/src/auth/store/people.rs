//! Users, the workspace and who belongs to it.

use super::System;
use crate::platform::{error::OpError, text};
use api::{
    auth::Role,
    ids::{UserId, WorkspaceId},
};
use entity::{member, user, workspace};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// A name as it is compared: case and outer spaces do not count.
pub(in crate::auth) fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

pub(in crate::auth) async fn find<C: ConnectionTrait>(
    db: &C,
    _: &System,
    id: UserId,
) -> Result<Option<user::Model>, OpError> {
    Ok(user::Entity::find_by_id(id).one(db).await?)
}

pub(in crate::auth) async fn find_by_name<C: ConnectionTrait>(
    db: &C,
    _: &System,
    name: &str,
) -> Result<Option<user::Model>, OpError> {
    Ok(user::Entity::find().filter(user::Column::NameKey.eq(name_key(name))).one(db).await?)
}

/// Everybody, in the order they came.
pub(in crate::auth) async fn all<C: ConnectionTrait>(
    db: &C,
    _: &System,
) -> Result<Vec<user::Model>, OpError> {
    Ok(user::Entity::find().order_by_asc(user::Column::Id).all(db).await?)
}

/// Whether first run is over. An administrator's row is written with their first passkey, never before.
pub(in crate::auth) async fn has_admin<C: ConnectionTrait>(db: &C, _: &System) -> Result<bool, OpError> {
    Ok(user::Entity::find().filter(user::Column::Admin.eq(true)).limit(1).one(db).await?.is_some())
}

pub(in crate::auth) async fn insert<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    row: user::Model,
) -> Result<(), OpError> {
    user::Entity::insert(user::ActiveModel::from(row)).exec_without_returning(tx).await?;
    Ok(())
}

/// The first workspace.
pub(in crate::auth) async fn first_workspace<C: ConnectionTrait>(
    db: &C,
    _: &System,
) -> Result<Option<workspace::Model>, OpError> {
    Ok(workspace::Entity::find().order_by_asc(workspace::Column::Id).limit(1).one(db).await?)
}

pub(in crate::auth) async fn find_workspace<C: ConnectionTrait>(
    db: &C,
    _: &System,
    id: WorkspaceId,
) -> Result<Option<workspace::Model>, OpError> {
    Ok(workspace::Entity::find_by_id(id).one(db).await?)
}

/// The first workspace, made with this id if there is none.
pub(in crate::auth) async fn ensure_workspace<C: ConnectionTrait>(
    tx: &C,
    proof: &System,
    id: WorkspaceId,
    now_ms: i64,
) -> Result<WorkspaceId, OpError> {
    if let Some(there) = first_workspace(tx, proof).await? {
        return Ok(there.id);
    }
    let row = workspace::ActiveModel {
        id: Set(id),
        slug: Set("main".to_owned()),
        name: Set("Main".to_owned()),
        max_bots: Set(None),
        time_zone: Set("UTC".to_owned()),
        created_at_ms: Set(now_ms),
    };
    workspace::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

pub(in crate::auth) async fn join<C: ConnectionTrait>(
    tx: &C,
    _: &System,
    workspace: WorkspaceId,
    user: UserId,
    role: Role,
    now_ms: i64,
) -> Result<(), OpError> {
    let row = member::ActiveModel {
        workspace_id: Set(workspace),
        user_id: Set(user),
        role: Set(text::name_of(&role)),
        created_at_ms: Set(now_ms),
    };
    member::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The workspace a person works in, and as what.
pub(in crate::auth) async fn membership<C: ConnectionTrait>(
    db: &C,
    _: &System,
    user: UserId,
) -> Result<Option<(WorkspaceId, Role)>, OpError> {
    let row = member::Entity::find()
        .filter(member::Column::UserId.eq(user))
        .order_by_asc(member::Column::WorkspaceId)
        .limit(1)
        .one(db)
        .await?;
    row.map(|row| Ok((row.workspace_id, text::named(&row.role)?))).transpose()
}
