//! Use cases of stops.

use super::{super::Budgets, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Page, Verb, budgets::*, ids::*, validate::Check, verb::Done};
use entity::budgets::stop as row;
use policy::{Granted, act};
use relay::vendors;
use sea_orm::ConnectionTrait;
use std::sync::Arc;

/// The longest reason.
const WHY: usize = 200;

/// Registers the verbs.
pub fn register(verbs: &mut Verbs, budgets: &Arc<Budgets>) {
    verbs.on::<ListStops, act::ReadBudgets, _, _, _>(
        Rest::get("/api/stops").says("Model calls that somebody stopped."),
        budgets,
        list,
    );
    verbs.on::<StopCalls, act::StopCalls, _, _, _>(
        Rest::create("/api/stops")
            .says("Stops model calls of a bot, to a vendor or of everybody: new ones are refused, running ones end at once."),
        budgets,
        stop,
    );
    verbs.on::<AllowCalls, act::StopCalls, _, _, _>(
        Rest::delete("/api/stops/{stop}").says("Allows them again."),
        budgets,
        allow,
    );
}

/// Stops as people see them, also those that were lifted.
///
/// # Errors
/// What the database says.
pub async fn words<C: ConnectionTrait>(
    db: &C,
    granted: &Granted<impl policy::Action>,
    rows: Vec<row::Model>,
) -> Result<Vec<Stop>, OpError> {
    let bots = rows.iter().filter_map(|row| Some(row.bot_id?.to_string()));
    let mut ids: Vec<String> = bots.chain(rows.iter().map(|row| row.by_actor.clone())).collect();
    ids.sort_unstable();
    ids.dedup();
    let names = audit::names(db, granted, ids.iter().map(String::as_str)).await?;
    let word = |row: row::Model| Stop {
        id: row.id,
        bot: row.bot_id,
        bot_name: row.bot_id.and_then(|bot| names.get(&bot.to_string()).cloned()),
        vendor: row.vendor,
        why: row.why,
        by_name: names.get(&row.by_actor).cloned(),
        by: row.by_actor,
        since_ms: row.since_ms,
        lifted_at_ms: row.lifted_at_ms,
    };
    Ok(rows.into_iter().map(word).collect())
}

async fn list(
    b: Arc<Budgets>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBudgets>,
    q: ListStops,
) -> Result<Page<Stop>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let of = match said(&q.bot) {
        Some(bot) => Some(b.bots.find(&granted, bot).await?.id),
        None => None,
    };
    let page = store::page(b.platform.db.read(), &granted, of, &cursor).await?;
    Ok(Page { items: words(b.platform.db.read(), &granted, page.items).await?, next: page.next })
}

/// A field that is filled in: forms send empty ones.
fn said(field: &Option<String>) -> Option<&str> {
    field.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

async fn stop(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::StopCalls>,
    q: StopCalls,
) -> Result<Stop, OpError> {
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let (bot, vendor, all) = (said(&q.bot), said(&q.vendor), q.everything == Some(true));
    let why = said(&q.why).map(str::to_owned);
    let mut check = Check::new();
    let one = u8::from(bot.is_some()) + u8::from(vendor.is_some()) + u8::from(all) == 1;
    check.rule(one, "/everything", "must be said, or a bot, or a vendor: one of the three");
    let short =
        why.as_deref().is_none_or(|why| why.chars().count() <= WHY && !why.contains(char::is_control));
    check.rule(short, "/why", &format!("must be one line of {WHY} characters at most"));
    let known = vendor.and_then(vendors::find);
    check.rule(
        vendor.is_none() || known.is_some(),
        "/vendor",
        "must be a vendor Chela knows, such as openai",
    );
    check.done()?;
    let bot_id = match bot {
        Some(bot) => Some(b.bots.find(&granted, bot).await?.id),
        None => None,
    };
    let vendor = known.map(|vendor| vendor.id.to_owned());
    let target = match (bot_id, &vendor) {
        (Some(bot), _) => bot.to_string(),
        (None, Some(vendor)) => format!("vendor:{vendor}"),
        (None, None) => "all".to_owned(),
    };
    let model = row::Model {
        id: StopId(b.platform.ids.uuid()),
        workspace_id,
        target,
        bot_id,
        vendor,
        why,
        by_actor: ctx.actor().to_string(),
        since_ms: ctx.now_ms,
        lifted_at_ms: None,
    };
    let row = b
        .platform
        .db
        .write(async |tx| {
            let (row, new) = store::insert(tx, &granted, model.clone()).await?;
            if new {
                record(&b, tx, &ctx, StopCalls::NAME, &row).await?;
            }
            Ok::<_, OpError>(row)
        })
        .await?;
    b.routing.read_stops().await?;
    // A bot that spent for nobody does so no longer.
    b.routing.budget_news().notify_one();
    tracing::warn!(stop.target = %row.target, workspace.id = %row.workspace_id, "model calls are stopped");
    let mut made = words(b.platform.db.read(), &granted, vec![row]).await?;
    made.pop().ok_or_else(|| ApiError::not_found().into())
}

async fn allow(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::StopCalls>,
    q: AllowCalls,
) -> Result<Done, OpError> {
    b.platform
        .db
        .write(async |tx| {
            let row = store::find(tx, &granted, q.stop).await?;
            store::lift(tx, &granted, &row, ctx.now_ms).await?;
            record(&b, tx, &ctx, AllowCalls::NAME, &row).await
        })
        .await?;
    b.routing.read_stops().await?;
    Ok(Done {})
}

/// Who stopped or allowed what.
async fn record(
    b: &Budgets,
    tx: &sea_orm::DatabaseTransaction,
    ctx: &OpCtx,
    act: &str,
    row: &row::Model,
) -> Result<(), OpError> {
    audit::record(tx, b.platform.ids.as_ref(), ctx, act, Some(row.target.clone())).await
}
