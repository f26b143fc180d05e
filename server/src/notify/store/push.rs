//! Rows of devices that take pushes.

use super::Run;
use crate::platform::error::OpError;
use api::ids::*;
use entity::{
    auth::session,
    bots::bot,
    member,
    notify::{
        mute, notification,
        subscription::{self, Column},
    },
};
use policy::{Granted, act};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Unchanged},
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

/// Devices of one person.
const MOST_DEVICES: u64 = 20;

type Choose = Granted<act::ChooseNotifications>;

/// Keeps a device, or what is new of a known one. `true` where it was not known.
pub(in crate::notify) async fn put<C: ConnectionTrait>(
    tx: &C,
    _granted: &Choose,
    row: subscription::Model,
) -> Result<bool, OpError> {
    let mine = || subscription::Entity::find().filter(Column::UserId.eq(row.user_id));
    if let Some(known) = mine().filter(Column::Endpoint.eq(row.endpoint.as_str())).one(tx).await? {
        let mut next = row.into_active_model().reset_all();
        next.id = Unchanged(known.id);
        (next.told_at_ms, next.told_id) = (NotSet, NotSet);
        subscription::Entity::update(next).exec(tx).await?;
        return Ok(false);
    }
    if mine().count(tx).await? >= MOST_DEVICES
        && let Some(oldest) = mine().order_by_asc(Column::CreatedAtMs).one(tx).await?
    {
        subscription::Entity::delete_by_id(oldest.id).exec(tx).await?;
    }
    subscription::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(true)
}

/// Drops a person's own. `true` where there was one.
pub(in crate::notify) async fn drop_mine<C: ConnectionTrait>(
    tx: &C,
    _granted: &Choose,
    user: UserId,
    endpoint: &str,
) -> Result<bool, OpError> {
    let mine = subscription::Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .filter(Column::Endpoint.eq(endpoint));
    Ok(mine.exec(tx).await?.rows_affected > 0)
}

/// Drops one that takes no more.
pub(in crate::notify) async fn forget<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    device: PushId,
) -> Result<(), OpError> {
    subscription::Entity::delete_by_id(device).exec(tx).await?;
    Ok(())
}

/// Whether anybody of a workspace has a device.
pub(in crate::notify) async fn any<C: ConnectionTrait>(
    db: &C,
    granted: &Run,
    workspace: WorkspaceId,
) -> Result<bool, OpError> {
    Ok(of(granted, workspace).limit(1).one(db).await?.is_some())
}

/// The devices of a workspace.
pub(in crate::notify) async fn of_workspace<C: ConnectionTrait>(
    db: &C,
    granted: &Run,
    workspace: WorkspaceId,
) -> Result<Vec<subscription::Model>, OpError> {
    Ok(of(granted, workspace).all(db).await?)
}

fn of(_granted: &Run, workspace: WorkspaceId) -> sea_orm::Select<subscription::Entity> {
    subscription::Entity::find().filter(Column::WorkspaceId.eq(workspace))
}

/// One device.
pub(in crate::notify) async fn device<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    device: PushId,
) -> Result<Option<subscription::Model>, OpError> {
    Ok(subscription::Entity::find_by_id(device).one(db).await?)
}

/// The role of a device's person, while its session lasts and they are a member.
pub(in crate::notify) async fn role<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    device: &subscription::Model,
    now_ms: i64,
) -> Result<Option<String>, OpError> {
    let session = session::Entity::find_by_id(device.session_id)
        .filter(session::Column::RevokedAtMs.is_null())
        .filter(session::Column::ExpiresAtMs.gt(now_ms));
    if session.one(db).await?.is_none() {
        return Ok(None);
    }
    let member = member::Entity::find_by_id((device.workspace_id, device.user_id)).one(db).await?;
    Ok(member.map(|member| member.role))
}

/// Whether a person has muted a bot.
pub(in crate::notify) async fn is_muted<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    bot: Option<BotId>,
    user: UserId,
    now_ms: i64,
) -> Result<bool, OpError> {
    let Some(bot) = bot else { return Ok(false) };
    let mute = mute::Entity::find_by_id((bot, user.to_string())).filter(mute::Column::UntilMs.gt(now_ms));
    Ok(mute.one(db).await?.is_some())
}

/// One notification.
pub(in crate::notify) async fn notification<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    id: NotificationId,
) -> Result<Option<notification::Model>, OpError> {
    Ok(notification::Entity::find_by_id(id).one(db).await?)
}

/// Slug and name of a bot.
pub(in crate::notify) async fn bot<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    id: BotId,
) -> Result<Option<(String, String)>, OpError> {
    let named = bot::Entity::find_by_id(id).select_only().columns([bot::Column::Slug, bot::Column::Name]);
    Ok(named.into_tuple().one(db).await?)
}
