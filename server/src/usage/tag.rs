//! Tags of those who call: what bots and virtual keys carry today. A call of a caller with two tags counts for each of them.

use super::{rollup::Only, sql::Sql};
use crate::{
    bots,
    platform::{error::OpError, text::from_json},
};
use api::{ApiError, ids::WorkspaceId, usage::UsageSums};
use entity::{bots::bot, usage::usage_row as row, virtual_keys::virtual_key};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::LikeExpr,
};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Callers without tags, and calls of nobody; no tag is written like it.
pub(super) const NONE: &str = "(none)";

/// A tag as somebody asks for it.
pub(super) fn checked(tag: String) -> Result<String, ApiError> {
    if tag != NONE && bots::tags(std::slice::from_ref(&tag)).map_or(true, |kept| kept != [tag.as_str()]) {
        let rule = "must be a tag (a-z, 0-9, dot, underscore, colon, hyphen) or (none)";
        return Err(ApiError::field("/tag", rule));
    }
    Ok(tag)
}

/// How a tag stands in the JSON of a list, as a pattern. Of what a tag may have, `_` alone means something there.
fn pattern(tag: &str) -> String {
    format!("%\"{}\"%", tag.replace('_', "\\_"))
}

/// Adds to a statement over sums that their callers carry a tag.
pub(super) fn narrow(sql: &mut Sql, workspace: WorkspaceId, only: &Only) {
    let Some(tag) = only.tag.as_deref() else { return };
    let (word, join, test) = if tag == NONE { ("not in", "and", "<>") } else { ("in", "or", "like") };
    for (n, (column, table)) in
        [("bot_id", "bots"), ("virtual_key_id", "virtual_keys")].into_iter().enumerate()
    {
        let before = if n == 0 { "and (" } else { join };
        sql.text(&format!(" {before} {column} {word} (select id from {table} where workspace_id = "));
        sql.value(workspace.0);
        sql.text(&format!(" and tags {test} "));
        if tag == NONE {
            sql.text("'[]')");
        } else {
            sql.value(pattern(tag));
            sql.text(" escape '\\')");
        }
    }
    sql.text(")");
}

/// The same for a list of calls.
pub(super) fn condition(only: &Only) -> Option<Condition> {
    use row::Column;
    let tag = only.tag.as_deref()?;
    if tag != NONE {
        return Some(carries(tag));
    }
    let (bots, keys) = ids();
    let bots = bots.filter(bot::Column::Tags.ne("[]")).into_query();
    let keys = keys.filter(virtual_key::Column::Tags.ne("[]")).into_query();
    let no = |column: Column, ids| Condition::any().add(column.is_null()).add(column.not_in_subquery(ids));
    Some(Condition::all().add(no(Column::BotId, bots)).add(no(Column::VirtualKeyId, keys)))
}

fn ids() -> (Select<bot::Entity>, Select<virtual_key::Entity>) {
    (
        bot::Entity::find().select_only().column(bot::Column::Id),
        virtual_key::Entity::find().select_only().column(virtual_key::Column::Id),
    )
}

/// The bots and virtual keys that carry a tag today, of all workspaces.
fn carriers(tag: &str) -> (Select<bot::Entity>, Select<virtual_key::Entity>) {
    let like = || LikeExpr::new(pattern(tag)).escape('\\');
    let (bots, keys) = ids();
    (bots.filter(bot::Column::Tags.like(like())), keys.filter(virtual_key::Column::Tags.like(like())))
}

/// That a call's bot or virtual key carries a tag today. Of one workspace's calls: ids are nobody else's.
pub fn carries(tag: &str) -> Condition {
    use row::Column;
    let (bots, keys) = carriers(tag);
    Condition::any()
        .add(Column::BotId.in_subquery(bots.into_query()))
        .add(Column::VirtualKeyId.in_subquery(keys.into_query()))
}

/// Whether a bot or a virtual key of a workspace carries a tag.
///
/// # Errors
/// What the database says.
pub async fn is_carried<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
    tag: &str,
) -> Result<bool, OpError> {
    let (bots, keys) = carriers(tag);
    let bots = bots.filter(bot::Column::WorkspaceId.eq(workspace)).limit(1);
    if bots.into_tuple::<Uuid>().one(db).await?.is_some() {
        return Ok(true);
    }
    let keys = keys.filter(virtual_key::Column::WorkspaceId.eq(workspace)).limit(1);
    Ok(keys.into_tuple::<Uuid>().one(db).await?.is_some())
}

/// The tags of a workspace's callers that carry some.
pub(super) async fn of_callers<C: ConnectionTrait>(
    db: &C,
    workspace: WorkspaceId,
) -> Result<HashMap<Uuid, Vec<String>>, OpError> {
    let bots =
        bot::Entity::find().filter(bot::Column::WorkspaceId.eq(workspace)).filter(bot::Column::Tags.ne("[]"));
    let bots = bots.select_only().column(bot::Column::Id).column(bot::Column::Tags);
    let keys = virtual_key::Entity::find().filter(virtual_key::Column::WorkspaceId.eq(workspace));
    let keys = keys.filter(virtual_key::Column::Tags.ne("[]")).select_only();
    let keys = keys.column(virtual_key::Column::Id).column(virtual_key::Column::Tags);
    let mut all: Vec<(Uuid, String)> = bots.into_tuple().all(db).await?;
    all.extend(keys.into_tuple::<(Uuid, String)>().all(db).await?);
    all.into_iter().map(|(id, tags)| Ok((id, from_json(&tags)?))).collect()
}

/// What callers' sums are by tag.
pub(super) fn by_tag(
    callers: impl IntoIterator<Item = (Uuid, UsageSums)>,
    tags: &HashMap<Uuid, Vec<String>>,
) -> BTreeMap<String, UsageSums> {
    let mut sums = BTreeMap::<String, UsageSums>::new();
    for (caller, of_caller) in callers {
        match tags.get(&caller) {
            Some(tags) => {
                for tag in tags {
                    sums.entry(tag.clone()).or_default().add(&of_caller);
                }
            }
            None => sums.entry(NONE.to_owned()).or_default().add(&of_caller),
        }
    }
    sums
}
