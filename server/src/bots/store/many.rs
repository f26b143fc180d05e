//! Rows of many bots: narrowed, sorted, counted, and those in the trash.

use super::visible;
use crate::platform::{error::OpError, text::name_of};
use api::{
    ApiError, Page,
    bots::{BotState, RuntimeKind},
    ids::BotId,
    page::{DEFAULT_LIMIT, MAX_LIMIT},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::bots::bot::{self, Column};
use policy::{Granted, act};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{CaseStatement, Expr, ExprTrait, Func, LikeExpr, SimpleExpr},
};

/// Failures in a row that are no accident any more.
const AGAIN_AND_AGAIN: i64 = 2;

/// Which bots.
#[derive(Clone, Debug, Default)]
pub(in crate::bots) struct Narrow {
    pub q: Option<String>,
    pub tag: Option<String>,
    pub runtime: Option<RuntimeKind>,
    pub state: Option<BotState>,
    pub trashed: bool,
}

impl Narrow {
    fn condition(&self) -> Condition {
        let there = Condition::all().add(Column::Desired.ne("deleted"));
        let mut all = Condition::all().add(match self.trashed {
            true => Condition::any().add(there.add(Column::TrashedAtMs.is_not_null())).add(lingers()),
            false => there.add(Column::TrashedAtMs.is_null()),
        });
        if let Some(words) = self.q.as_deref().map(str::trim).filter(|words| !words.is_empty()) {
            all = all
                .add(Condition::any().add(contains(Column::Name, words)).add(contains(Column::Slug, words)));
        }
        if let Some(tag) = &self.tag {
            // A tag has no character that JSON or a pattern writes otherwise, `_` aside.
            all = all.add(Expr::col(Column::Tags).like(pattern(&format!("\"{tag}\""))));
        }
        if let Some(kind) = self.runtime {
            all = all.add(Column::Runtime.eq(name_of(&kind)));
        }
        all.add_option(self.state.map(stands))
    }
}

/// Deleted, and something of it cannot be taken away yet: nobody is told that it is gone.
fn lingers() -> Condition {
    let held = Condition::any().add(Column::Observed.eq("unknown")).add(Column::Failures.gt(0));
    Condition::all().add(Column::Desired.eq("deleted")).add(held)
}

fn stands(state: BotState) -> Condition {
    match state {
        BotState::Running => Condition::all().add(Column::Observed.eq("running")),
        BotState::Changing => {
            Condition::all().add(Column::Observed.is_in(["absent", "creating", "starting", "stopping"]))
        }
        BotState::Stopped => Condition::all().add(Column::Observed.eq("stopped")),
        BotState::Attention => Condition::any()
            .add(Column::Observed.is_in(["failed", "unknown"]))
            .add(Column::Health.is_in(["degraded", "unhealthy"]))
            .add(Column::Failures.gte(AGAIN_AND_AGAIN)),
    }
}

/// Lower case as the database sees it, or as it is: SQLite's `lower` knows ASCII alone.
fn contains(column: Column, words: &str) -> Condition {
    let lower = SimpleExpr::from(Func::lower(Expr::col(column)));
    Condition::any()
        .add(lower.like(pattern(&words.to_lowercase())))
        .add(Expr::col(column).like(pattern(words)))
}

fn pattern(words: &str) -> LikeExpr {
    let mut text = String::from("%");
    for c in words.chars() {
        if matches!(c, '%' | '_' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('%');
    LikeExpr::new(text).escape('\\')
}

/// By what a list is sorted; the id decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Created,
    Name,
    Since,
}

/// Where a page starts, how long it is, and in which order.
#[derive(Clone, Debug)]
pub(in crate::bots) struct Place {
    key: Key,
    down: bool,
    after: Option<(BotId, String)>,
    limit: u32,
}

impl Place {
    /// Reads `sort`, `limit` and `cursor` as they came. A cursor is an id, and with it what is sorted by.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    pub(in crate::bots) fn parse(
        sort: Option<&str>,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Self, ApiError> {
        let sort = sort.unwrap_or("created");
        let (down, name) = sort.strip_prefix('-').map_or((false, sort), |name| (true, name));
        let key = match name {
            "created" => Key::Created,
            "name" => Key::Name,
            "since" => Key::Since,
            _ => {
                return Err(ApiError::field(
                    "/sort",
                    "sort must be created, name or since, or one of them after -",
                ));
            }
        };
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::field("/limit", format!("limit must be 1 to {MAX_LIMIT}")));
        }
        let altered = || ApiError::field("/cursor", "cursor is not one this list gave out");
        let after = match cursor.filter(|cursor| !cursor.is_empty()) {
            None => None,
            Some(cursor) => Some(read_cursor(key, cursor).ok_or_else(altered)?),
        };
        Ok(Self { key, down, after, limit })
    }

    fn order(&self) -> Order {
        if self.down { Order::Desc } else { Order::Asc }
    }

    fn key(&self) -> Option<SimpleExpr> {
        match self.key {
            Key::Created => None,
            Key::Name => Some(Func::lower(Expr::col(Column::Name)).into()),
            Key::Since => Some(Expr::col(Column::SinceMs)),
        }
    }

    /// What comes after the last row of the page before.
    fn rest(&self) -> Option<Condition> {
        let (id, text) = self.after.as_ref()?;
        let beyond = |key: SimpleExpr, than: SimpleExpr| if self.down { key.lt(than) } else { key.gt(than) };
        let by_id = beyond(Expr::col(Column::Id), Expr::value(*id));
        let Some(key) = self.key() else { return Some(Condition::all().add(by_id)) };
        let than: SimpleExpr = match self.key {
            Key::Since => Expr::value(text.parse::<i64>().unwrap_or_default()),
            Key::Created | Key::Name => Func::lower(Expr::value(text.as_str())).into(),
        };
        let equal = Condition::all().add(key.clone().eq(than.clone())).add(by_id);
        Some(Condition::any().add(beyond(key, than)).add(equal))
    }

    fn cursor(&self, row: &bot::Model) -> String {
        match self.key {
            Key::Created => row.id.to_string(),
            Key::Name => format!("{}.{}", row.id, URL_SAFE_NO_PAD.encode(&row.name)),
            Key::Since => format!("{}.{}", row.id, row.since_ms),
        }
    }
}

fn read_cursor(key: Key, cursor: &str) -> Option<(BotId, String)> {
    if key == Key::Created {
        return Some((cursor.parse().ok()?, String::new()));
    }
    let (id, text) = cursor.split_once('.')?;
    let text = match key {
        Key::Name => String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?,
        Key::Created | Key::Since => text.parse::<i64>().ok()?.to_string(),
    };
    Some((id.parse().ok()?, text))
}

/// A page of bots.
pub(in crate::bots) async fn page<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBots>,
    narrow: &Narrow,
    place: &Place,
) -> Result<Page<bot::Model>, OpError> {
    let mut query = bot::Entity::find().filter(visible(granted.scope())).filter(narrow.condition());
    if let Some(key) = place.key() {
        query = query.order_by(key, place.order());
    }
    query = query.order_by(Column::Id, place.order()).limit(u64::from(place.limit) + 1);
    if let Some(rest) = place.rest() {
        query = query.filter(rest);
    }
    let mut rows = query.all(db).await?;
    let limit = usize::try_from(place.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| place.cursor(row));
    Ok(Page { items: rows, next })
}

/// How many bots there are.
pub(in crate::bots) async fn count<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBots>,
    narrow: &Narrow,
) -> Result<u64, OpError> {
    let query = bot::Entity::find().filter(visible(granted.scope())).filter(narrow.condition());
    Ok(query.count(db).await?)
}

/// How many bots there are in all, running, changing, stopped and in need of attention. One pass, over an index
/// that holds all of it where nothing narrows.
pub(in crate::bots) async fn standings<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBots>,
    narrow: &Narrow,
) -> Result<[u64; 5], OpError> {
    let one_if = |state| CaseStatement::new().case(stands(state), Expr::value(1_i64));
    let mut query = bot::Entity::find().select_only().expr_as(Func::count(Expr::value(1_i64)), "total");
    for (name, state) in [
        ("running", BotState::Running),
        ("changing", BotState::Changing),
        ("stopped", BotState::Stopped),
        ("attention", BotState::Attention),
    ] {
        query = query.expr_as(Func::count(one_if(state)), name);
    }
    let query = query.filter(visible(granted.scope())).filter(narrow.condition());
    let (total, running, changing, stopped, attention) =
        query.into_tuple::<(i64, i64, i64, i64, i64)>().one(db).await?.unwrap_or_default();
    Ok([total, running, changing, stopped, attention].map(|count| u64::try_from(count).unwrap_or_default()))
}

/// The tags of every bot that has some, as JSON.
pub(in crate::bots) async fn tags<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<act::ReadBots>,
) -> Result<Vec<String>, OpError> {
    let query = bot::Entity::find()
        .select_only()
        .column(Column::Tags)
        .filter(visible(granted.scope()))
        .filter(Narrow::default().condition())
        .filter(Column::Tags.ne("[]"));
    Ok(query.into_tuple().all(db).await?)
}

/// The bot of an id or slug, in the trash or not.
pub(in crate::bots) async fn find_any<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<impl policy::Action>,
    bot: &str,
) -> Result<bot::Model, OpError> {
    let wanted = match bot.parse::<BotId>() {
        Ok(id) => Column::Id.eq(id),
        Err(_no_id) => Column::Slug.eq(bot),
    };
    let found = bot::Entity::find()
        .filter(visible(granted.scope()))
        .filter(wanted)
        .filter(Column::Desired.ne("deleted"));
    found.one(db).await?.ok_or_else(|| ApiError::not_found().into())
}

/// Bots that are in the trash since `since_ms` or longer: up to a hundred.
pub(in crate::bots) async fn long_trashed<C: ConnectionTrait>(
    db: &C,
    _granted: &Granted<act::RunBots>,
    since_ms: i64,
) -> Result<Vec<bot::Model>, OpError> {
    Ok(bot::Entity::find().filter(expired(since_ms)).limit(100).all(db).await?)
}

/// Wants a bot deleted that is in the trash that long; `false` where somebody took it out meanwhile.
pub(in crate::bots) async fn expire<C: ConnectionTrait>(
    tx: &C,
    _granted: &Granted<act::RunBots>,
    id: BotId,
    since_ms: i64,
) -> Result<bool, OpError> {
    let done = bot::Entity::update_many()
        .col_expr(Column::Desired, Expr::value("deleted"))
        .filter(Column::Id.eq(id))
        .filter(expired(since_ms))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

fn expired(since_ms: i64) -> Condition {
    Condition::all().add(Column::TrashedAtMs.lte(since_ms)).add(Column::Desired.ne("deleted"))
}

#[cfg(test)]
#[path = "many_tests.rs"]
mod tests;
