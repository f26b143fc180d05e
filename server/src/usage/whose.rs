//! Whose calls somebody asks for: names as people write them, made ids. Calls outlive who made them, so an id is taken as it is.

use super::{rollup::Only, tag};
use crate::{
    platform::{error::OpError, text::called},
    virtual_keys,
};
use api::{
    ApiError,
    ids::*,
    usage::{Asked, UsageOutcome},
    validate::Check,
};
use entity::{bots::bot, keys::provider_key};
use policy::{Granted, act};
use relay::vendors;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use std::str::FromStr;
use uuid::Uuid;

type May = Granted<act::ReadUsage>;

/// How many of one name are told apart for whoever asked.
const SEVERAL: u64 = 5;

fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// An id, or `none` as zeros; else the name that somebody has to know.
fn id<T: FromStr>(text: &str, uuid: impl Fn(T) -> Uuid) -> Result<Uuid, &str> {
    match text {
        "none" => Ok(Uuid::nil()),
        text => text.parse().map(uuid).map_err(|_no_id| text),
    }
}

/// The one that has a name.
fn one(
    found: &[Uuid],
    field: &str,
    what: &str,
    name: &str,
    id: fn(Uuid) -> String,
) -> Result<Uuid, ApiError> {
    let refused = |says: String| Err(ApiError::field(format!("/{field}"), says));
    match found {
        [id] => Ok(*id),
        [] => refused(format!("must be a {what}, its id, or none: \u{201c}{name}\u{201d} is nobody's here")),
        several => {
            let ids: Vec<String> = several.iter().map(|one| id(*one)).collect();
            refused(format!("is the name of several: say which by its id ({})", ids.join(", ")))
        }
    }
}

/// A bot by id, slug or name. One in the trash has calls, too.
async fn bot<C: ConnectionTrait>(db: &C, granted: &May, text: &str) -> Result<Uuid, OpError> {
    let name = match id(text, |id: BotId| id.0) {
        Ok(id) => return Ok(id),
        Err(name) => name,
    };
    use bot::Column;
    let here = granted.workspace().map(|workspace| Column::WorkspaceId.eq(workspace));
    let all = bot::Entity::find().select_only().filter(Condition::all().add_option(here));
    let of_slug = all.clone().column(Column::Id).filter(Column::Slug.eq(name)).limit(SEVERAL);
    let of_slug: Vec<BotId> = of_slug.into_tuple().all(db).await?;
    let mut found: Vec<Uuid> = of_slug.into_iter().map(|id| id.0).collect();
    if found.is_empty() {
        let all = all.column(Column::Id).column(Column::Name).column(Column::TrashedAtMs);
        let all: Vec<(BotId, String, Option<i64>)> = all.into_tuple().all(db).await?;
        let all: Vec<_> = all.into_iter().map(|(id, name, gone)| (id.0, name, gone.is_none())).collect();
        found = called(name, &all);
        found.truncate(usize::try_from(SEVERAL).unwrap_or(usize::MAX));
    }
    Ok(one(&found, "bot", "bot's name or slug", name, |id| BotId(id).to_string())?)
}

/// A provider key by id or label; where several had a label, the one that has not ended.
async fn key<C: ConnectionTrait>(db: &C, granted: &May, text: &str, now_ms: i64) -> Result<Uuid, OpError> {
    use provider_key::Column;
    let name = match id(text, |id: KeyId| id.0) {
        Ok(id) => return Ok(id),
        Err(name) => name,
    };
    let here = granted.workspace().map(|workspace| Column::WorkspaceId.eq(workspace));
    let all = provider_key::Entity::find().select_only();
    let all = all.column(Column::Id).column(Column::Label).column(Column::ExpiresAtMs);
    let all: Vec<(KeyId, String, Option<i64>)> =
        all.filter(Condition::all().add_option(here)).into_tuple().all(db).await?;
    let lives = |end: Option<i64>| end.is_none_or(|end| end > now_ms);
    let all: Vec<_> = all.into_iter().map(|(id, label, end)| (id.0, label, lives(end))).collect();
    let found = called(name, &all);
    Ok(one(&found, "key", "key's label", name, |id| KeyId(id).to_string())?)
}

/// A virtual key by id or name.
async fn virtual_key<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    text: &str,
    now_ms: i64,
) -> Result<Uuid, OpError> {
    match id(text, |id: VirtualKeyId| id.0) {
        Ok(id) => Ok(id),
        Err(name) => Ok(virtual_keys::find(db, granted, name, now_ms).await?.0),
    }
}

/// A vendor's id; one that this build leaves out may stand in the ledger of another.
fn vendor(text: &str) -> Result<String, ApiError> {
    named(text).map(str::to_owned).ok_or_else(|| {
        let says = format!("must be a vendor Chela knows, such as openai: \u{201c}{text}\u{201d} is none");
        ApiError::field("/vendor", says)
    })
}

fn named(text: &str) -> Option<&'static str> {
    vendors::find(text).map(|vendor| vendor.id).or_else(|| vendors::id_left_out(text))
}

/// A model as `vendor/model`, where its name begins with a vendor's.
fn of_vendor(text: &str) -> Option<(String, String)> {
    let (vendor, model) = text.split_once('/')?;
    let vendor = named(vendor)?;
    (!model.is_empty()).then(|| (vendor.to_owned(), model.to_owned()))
}

/// Refuses what names nothing: an unset variable must not ask for everybody's calls.
fn none_empty(asked: &Asked) -> Result<(), ApiError> {
    let Asked { range: _, from, to, zone, bot, key, virtual_key, tag, vendor, model, status: _ } = asked;
    let mut check = Check::new();
    for (field, pointer) in [
        (from, "/from"),
        (to, "/to"),
        (zone, "/zone"),
        (bot, "/bot"),
        (key, "/key"),
        (virtual_key, "/virtual_key"),
        (tag, "/tag"),
        (vendor, "/vendor"),
        (model, "/model"),
    ] {
        let empty = field.as_deref().is_some_and(|text| text.trim().is_empty());
        check.rule(!empty, pointer, "must not be empty; leave it out for all");
    }
    check.done()
}

/// A tag that somebody carries, or none of them. A tag called `none` is meant before those without any.
async fn tag<C: ConnectionTrait>(db: &C, granted: &May, text: &str) -> Result<String, OpError> {
    let tag = tag::checked(text.to_owned())?;
    let Some(workspace) = granted.workspace().filter(|_| tag != tag::NONE) else { return Ok(tag) };
    if tag::is_carried(db, workspace, &tag).await? {
        return Ok(tag);
    }
    if tag == "none" {
        return Ok(tag::NONE.to_owned());
    }
    let nobody =
        format!("must be a tag that a bot or virtual key carries, or none: nobody has \u{201c}{tag}\u{201d}");
    Err(ApiError::field("/tag", nobody).into())
}

/// Whose calls are meant.
pub(super) async fn only<C: ConnectionTrait>(
    db: &C,
    granted: &May,
    asked: &Asked,
    now_ms: i64,
) -> Result<Only, OpError> {
    none_empty(asked)?;
    let model = said(asked.model.as_deref());
    let mut only = Only {
        vendor: said(asked.vendor.as_deref()).map(vendor).transpose()?,
        model: model.map(str::to_owned),
        model_of: model.and_then(of_vendor),
        outcome: asked.status.map(|status| match status {
            UsageOutcome::Ok => "ok",
            UsageOutcome::Failed => "failed",
            UsageOutcome::Refused => "refused",
        }),
        ..Only::default()
    };
    if let Some(text) = said(asked.tag.as_deref()) {
        only.tag = Some(tag(db, granted, text).await?);
    }
    if let Some(text) = said(asked.bot.as_deref()) {
        only.bot = Some(bot(db, granted, text).await?);
    }
    if let Some(text) = said(asked.key.as_deref()) {
        only.key = Some(key(db, granted, text, now_ms).await?);
    }
    if let Some(text) = said(asked.virtual_key.as_deref()) {
        only.virtual_key = Some(virtual_key(db, granted, text, now_ms).await?);
    }
    Ok(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_with_its_vendors_name_or_alias_before_it() {
        for (text, found) in [
            ("openai/gpt-5", Some(("openai", "gpt-5"))),
            ("togetherai/meta/llama", Some(("together", "meta/llama"))),
            ("aws-bedrock/a.b", Some(("bedrock", "a.b"))),
            ("gpt-5", None),
            ("meta-llama/llama", None),
            ("openai/", None),
        ] {
            let found = found.map(|(vendor, model)| (vendor.to_owned(), model.to_owned()));
            assert_eq!(of_vendor(text), found, "{text}");
        }
    }

    #[test]
    fn a_vendor_goes_by_its_aliases_and_nobody_is_none() {
        assert_eq!(vendor("silicon"), Ok("siliconflow".to_owned()));
        for name in ["bedrock", "aws-bedrock"] {
            assert_eq!(vendor(name), Ok("bedrock".to_owned()), "another build's calls are there");
        }
        assert_eq!(vendor("nobody").unwrap_err().fields[0].pointer, "/vendor");
    }
}
