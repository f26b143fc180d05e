//! Rows of notifications. Every function takes the proof that somebody may.

pub(super) mod held;
pub(super) mod push;

use crate::{
    budgets,
    platform::{db::Cursor, error::OpError},
};
use api::{
    ids::*,
    notify::{Choices, NotificationKind as Kind, NotifiedBudget},
};
use entity::{
    bots::bot,
    notify::{choice, mute, notification, notification::Column, read},
};
use policy::{Granted, act};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};
use std::{collections::HashMap, fmt, str::FromStr};

/// Rows that one statement writes.
const AT_ONCE: usize = 200;
/// Notifications of a workspace that are kept though they are over.
const MOST: u64 = 2_000;

type Run = Granted<act::RunNotifications>;
type Read = Granted<act::ReadNotifications>;

/// The last row of a page: lists are sorted by what happened last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(i64, NotificationId);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (at_ms, id) = text.split_once('.').ok_or(())?;
        Ok(Self(at_ms.parse().map_err(drop)?, id.parse().map_err(drop)?))
    }
}

/// The trouble that goes on about something.
pub(super) async fn open_about<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    about: &str,
) -> Result<Option<notification::Model>, OpError> {
    let open =
        notification::Entity::find().filter(Column::About.eq(about)).filter(Column::ResolvedAtMs.is_null());
    Ok(open.one(db).await?)
}

/// What goes on of some kinds.
pub(super) async fn open_of_kinds<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    kinds: &[api::notify::NotificationKind],
) -> Result<Vec<notification::Model>, OpError> {
    let names = kinds.iter().map(crate::platform::text::name_of);
    let open = notification::Entity::find().filter(Column::Kind.is_in(names));
    Ok(open.filter(Column::ResolvedAtMs.is_null()).all(db).await?)
}

/// The last trouble about something that has been over since then.
pub(super) async fn over_since<C: ConnectionTrait>(
    db: &C,
    _granted: &Run,
    about: &str,
    at_ms: i64,
) -> Result<Option<notification::Model>, OpError> {
    let over = notification::Entity::find()
        .filter(Column::About.eq(about))
        .filter(Column::ResolvedAtMs.gte(at_ms))
        .order_by_desc(Column::LastAtMs);
    Ok(over.one(db).await?)
}

/// Writes one.
pub(super) async fn put<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    row: notification::Model,
    is_new: bool,
) -> Result<(), OpError> {
    let row = row.into_active_model();
    if is_new {
        notification::Entity::insert(row).exec_without_returning(tx).await?;
    } else {
        notification::Entity::update(row.reset_all()).exec(tx).await?;
    }
    Ok(())
}

/// Whose eyes a list is for.
pub(super) struct Eyes<'a> {
    pub reader: &'a str,
    pub choices: &'a Choices,
    pub now_ms: i64,
}

impl Eyes<'_> {
    fn wanted(&self, granted: &Read) -> Condition {
        let kinds = self.choices.in_app.iter().map(crate::platform::text::name_of);
        let wanted = Condition::all().add(Column::Kind.is_in(kinds));
        wanted.add_option(granted.workspace().map(|id| Column::WorkspaceId.eq(id)))
    }

    fn unread(&self) -> Condition {
        let seen = Query::select()
            .expr(Expr::value(1))
            .from(read::Entity)
            .and_where(
                Expr::col((read::Entity, read::Column::NotificationId))
                    .equals((notification::Entity, Column::Id)),
            )
            .and_where(Expr::col((read::Entity, read::Column::Reader)).eq(self.reader))
            .and_where(
                Expr::col((read::Entity, read::Column::News))
                    .gte(Expr::col((notification::Entity, Column::News))),
            )
            .to_owned();
        let muted = Query::select()
            .column(mute::Column::BotId)
            .from(mute::Entity)
            .and_where(mute::Column::Reader.eq(self.reader))
            .and_where(mute::Column::UntilMs.gt(self.now_ms))
            .to_owned();
        let heard = Condition::any().add(Column::BotId.is_null()).add(Column::BotId.not_in_subquery(muted));
        let over = (!self.choices.in_app.contains(&Kind::Recovered)).then(|| Column::ResolvedAtMs.is_null());
        Condition::all().add(Expr::exists(seen).not()).add(heard).add_option(over)
    }
}

/// A page of what somebody wants to see, the last to happen first.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Read,
    eyes: &Eyes<'_>,
    unread: bool,
    cursor: &Cursor<Place>,
) -> Result<api::Page<notification::Model>, OpError> {
    let mut query = notification::Entity::find()
        .filter(eyes.wanted(granted))
        .order_by_desc(Column::LastAtMs)
        .order_by_desc(Column::Id)
        .limit(cursor.fetch());
    if unread {
        query = query.filter(eyes.unread());
    }
    if let Some(Place(at_ms, id)) = cursor.after {
        let same = Condition::all().add(Column::LastAtMs.eq(at_ms)).add(Column::Id.lt(id));
        query = query.filter(Condition::any().add(Column::LastAtMs.lt(at_ms)).add(same));
    }
    Ok(cursor.page(query.all(db).await?, |row| Place(row.last_at_ms, row.id), |row| row))
}

/// How many are unread, up to `most`.
pub(super) async fn unread<C: ConnectionTrait>(
    db: &C,
    granted: &Read,
    eyes: &Eyes<'_>,
    most: u64,
) -> Result<u64, OpError> {
    let query = notification::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(eyes.wanted(granted))
        .filter(eyes.unread())
        .limit(most);
    let ids: Vec<NotificationId> = query.into_tuple().all(db).await?;
    Ok(u64::try_from(ids.len()).unwrap_or(most))
}

/// What a list shows beside the rows themselves.
#[derive(Default)]
pub(super) struct Beside {
    pub bots: HashMap<BotId, (String, String)>,
    pub read: HashMap<NotificationId, i64>,
    pub muted: HashMap<BotId, i64>,
    pub budgets: HashMap<BudgetId, NotifiedBudget>,
}

/// Names of the bots, and what the reader has seen and muted.
pub(super) async fn beside<C: ConnectionTrait>(
    db: &C,
    granted: &Read,
    rows: &[notification::Model],
    eyes: &Eyes<'_>,
) -> Result<Beside, OpError> {
    let bots: Vec<BotId> = rows.iter().filter_map(|row| row.bot_id).collect();
    let named: Vec<(BotId, String, String)> = bot::Entity::find()
        .select_only()
        .columns([bot::Column::Id, bot::Column::Slug, bot::Column::Name])
        .filter(bot::Column::Id.is_in(bots.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    let read = read::Entity::find()
        .filter(read::Column::Reader.eq(eyes.reader))
        .filter(read::Column::NotificationId.is_in(rows.iter().map(|row| row.id)))
        .all(db)
        .await?;
    let muted = mute::Entity::find()
        .filter(mute::Column::Reader.eq(eyes.reader))
        .filter(mute::Column::UntilMs.gt(eyes.now_ms))
        .filter(mute::Column::BotId.is_in(bots))
        .all(db)
        .await?;
    let budgets = rows.iter().filter_map(|row| row.about.parse().ok()).collect();
    Ok(Beside {
        budgets: budgets::told(db, granted, budgets).await?,
        bots: named.into_iter().map(|(id, slug, name)| (id, (slug, name))).collect(),
        read: read.into_iter().map(|row| (row.notification_id, row.news)).collect(),
        muted: muted.into_iter().map(|row| (row.bot_id, row.until_ms)).collect(),
    })
}

/// Those to be marked as read: one, or all that are unread and happened last until a time.
pub(super) async fn to_mark<C: ConnectionTrait>(
    db: &C,
    granted: &Read,
    eyes: &Eyes<'_>,
    one: Option<NotificationId>,
    until_ms: Option<i64>,
) -> Result<Vec<notification::Model>, OpError> {
    let query = match one {
        Some(id) => {
            let mine = granted.workspace().map(|id| Column::WorkspaceId.eq(id));
            notification::Entity::find_by_id(id).filter(Condition::all().add_option(mine))
        }
        None => {
            let until = until_ms.map(|at| Column::LastAtMs.lte(at));
            let unread = eyes.wanted(granted).add(eyes.unread()).add_option(until);
            notification::Entity::find().filter(unread)
        }
    };
    Ok(query.all(db).await?)
}

/// Marks rows as read, as they are now.
pub(super) async fn mark<C: ConnectionTrait>(
    tx: &C,
    _granted: &Read,
    reader: &str,
    rows: &[notification::Model],
) -> Result<(), OpError> {
    for some in rows.chunks(AT_ONCE) {
        let marks = some.iter().map(|row| read::ActiveModel {
            notification_id: Set(row.id),
            reader: Set(reader.to_owned()),
            workspace_id: Set(row.workspace_id),
            news: Set(row.news),
        });
        let newer = OnConflict::columns([read::Column::NotificationId, read::Column::Reader])
            .update_column(read::Column::News)
            .to_owned();
        read::Entity::insert_many(marks).on_conflict(newer).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Mutes a bot for a reader; in the past means no longer.
pub(super) async fn put_mute<C: ConnectionTrait>(
    tx: &C,
    _granted: &Read,
    row: mute::Model,
) -> Result<(), OpError> {
    let newer = OnConflict::columns([mute::Column::BotId, mute::Column::Reader])
        .update_column(mute::Column::UntilMs)
        .to_owned();
    mute::Entity::insert(row.into_active_model()).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

/// What a person chose, if they did.
pub(super) async fn choices<C: ConnectionTrait, A: policy::Action>(
    db: &C,
    _granted: &Granted<A>,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<Option<Choices>, OpError> {
    let row = choice::Entity::find_by_id((workspace, user)).one(db).await?;
    row.map(|row| crate::platform::text::from_json(&row.choices)).transpose()
}

/// Keeps what a person chose.
pub(super) async fn put_choices<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::ChooseNotifications>,
    row: choice::Model,
) -> Result<(), OpError> {
    let newer = OnConflict::columns([choice::Column::WorkspaceId, choice::Column::UserId])
        .update_column(choice::Column::Choices)
        .to_owned();
    choice::Entity::insert(row.into_active_model()).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets what is over and old, what is too much of a workspace, and mutes that have ended.
pub(super) async fn forget<C: ConnectionTrait>(
    tx: &C,
    _granted: &Run,
    before_ms: i64,
    now_ms: i64,
) -> Result<(), OpError> {
    let over = || notification::Entity::delete_many().filter(Column::ResolvedAtMs.is_not_null());
    over().filter(Column::LastAtMs.lt(before_ms)).exec(tx).await?;
    let full: Vec<WorkspaceId> = notification::Entity::find()
        .select_only()
        .column(Column::WorkspaceId)
        .group_by(Column::WorkspaceId)
        .having(Column::Id.count().gt(i64::try_from(MOST).unwrap_or(i64::MAX)))
        .into_tuple()
        .all(tx)
        .await?;
    for workspace in full {
        let mine = Column::WorkspaceId.eq(workspace);
        let last = notification::Entity::find()
            .filter(mine.clone())
            .order_by_desc(Column::LastAtMs)
            .offset(MOST)
            .limit(1)
            .one(tx)
            .await?;
        if let Some(last) = last {
            over().filter(mine).filter(Column::LastAtMs.lte(last.last_at_ms)).exec(tx).await?;
        }
    }
    mute::Entity::delete_many().filter(mute::Column::UntilMs.lte(now_ms)).exec(tx).await?;
    Ok(())
}
