//! Rows of bots' pasts.

use crate::platform::{db::Cursor, error::OpError};
use api::{
    Page,
    ids::{BotEventId, BotId},
};
use entity::bots::{
    bot,
    bot_event::{self, Column},
};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Query},
};

/// Adds an event, in the transaction of what it tells.
pub(in crate::bots) async fn add<C: ConnectionTrait>(tx: &C, event: bot_event::Model) -> Result<(), OpError> {
    bot_event::Entity::insert(event.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// A page of a bot's past, newest first. The bot is one that was found for the caller.
pub(in crate::bots) async fn page<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: &bot::Model,
    cursor: &Cursor<BotEventId>,
) -> Result<Page<bot_event::Model>, OpError> {
    let mut query = bot_event::Entity::find()
        .filter(Column::BotId.eq(bot.id))
        .order_by_desc(Column::Id)
        .limit(cursor.fetch());
    if let Some(before) = cursor.after {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(cursor.page(query.all(db).await?, |row| row.id, |row| row))
}

/// The last events between two times, oldest first. The bot is one that was found for the caller.
pub(in crate::bots) async fn between<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    from_ms: i64,
    to_ms: i64,
    most: u64,
) -> Result<Vec<bot_event::Model>, OpError> {
    let query = bot_event::Entity::find()
        .filter(Column::BotId.eq(bot))
        .filter(Column::AtMs.between(from_ms, to_ms))
        .order_by_desc(Column::Id)
        .limit(most);
    let mut events = query.all(db).await?;
    events.reverse();
    Ok(events)
}

/// Events that uptime is made of at most. A bot that fails all the time makes some hundred a day.
const MOST_OF_A_COURSE: u64 = 100_000;
/// What tells whether a bot was wanted, and whether it was up.
const WANTED: [&str; 7] = ["created", "start", "restart", "stop", "trash", "slept", "woke"];
const SEEN: [&str; 4] = ["ready", "died", "failed", "ended"];

/// Times and kinds of the events before `to_ms`, oldest first: what uptime is made of.
pub(in crate::bots) async fn course<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
    to_ms: i64,
) -> Result<Vec<(i64, String)>, OpError> {
    let query = bot_event::Entity::find()
        .select_only()
        .columns([Column::AtMs, Column::Kind])
        .filter(Column::BotId.eq(bot))
        .filter(Column::AtMs.lt(to_ms))
        .order_by_desc(Column::Id)
        .limit(MOST_OF_A_COURSE);
    let mut course: Vec<(i64, String)> = query.into_tuple().all(db).await?;
    course.reverse();
    Ok(course)
}

/// How a bot died last.
pub(in crate::bots) async fn last_death<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::ReadBots>,
    bot: BotId,
) -> Result<Option<bot_event::Model>, OpError> {
    let deaths = bot_event::Entity::find().filter(Column::BotId.eq(bot)).filter(Column::Kind.eq("died"));
    Ok(deaths.order_by_desc(Column::Id).one(db).await?)
}

/// When a bot died the last times, newest first.
pub(in crate::bots) async fn deaths<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
    bot: BotId,
    most: u64,
) -> Result<Vec<i64>, OpError> {
    let deaths = bot_event::Entity::find()
        .select_only()
        .column(Column::AtMs)
        .filter(Column::BotId.eq(bot))
        .filter(Column::Kind.eq("died"))
        .order_by_desc(Column::Id)
        .limit(most);
    Ok(deaths.into_tuple().all(db).await?)
}

/// Forgets what is older, but how each bot was wanted and seen last.
pub(in crate::bots) async fn forget_before<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    at_ms: i64,
) -> Result<(), OpError> {
    let newer = Alias::new("newer");
    for kinds in [&WANTED[..], &SEEN] {
        let later = Query::select()
            .expr(Expr::value(1))
            .from_as(bot_event::Entity, newer.clone())
            .and_where(Expr::col((newer.clone(), Column::BotId)).equals((bot_event::Entity, Column::BotId)))
            .and_where(Expr::col((newer.clone(), Column::Id)).gt(Expr::col((bot_event::Entity, Column::Id))))
            .and_where(Expr::col((newer.clone(), Column::Kind)).is_in(kinds.iter().copied()))
            .to_owned();
        let old = bot_event::Entity::delete_many()
            .filter(Column::AtMs.lt(at_ms))
            .filter(Column::Kind.is_in(kinds.iter().copied()))
            .filter(Expr::exists(later));
        old.exec(tx).await?;
    }
    let others = bot_event::Entity::delete_many()
        .filter(Column::AtMs.lt(at_ms))
        .filter(Column::Kind.is_not_in(WANTED.iter().chain(&SEEN).copied()));
    others.exec(tx).await?;
    Ok(())
}
