//! Use cases of budgets.

use super::{
    begin,
    draft::{self, amount, of_model, of_whom, said},
    instead,
    limits::Now,
    runaway::{self, Runaway},
    stops, store, windows,
};
use crate::{
    audit,
    bots::Bots,
    notify::Notify,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        ids::IdGen,
        text::{name_of, named},
        verbs::{Rest, Verbs},
    },
    routing::Routing,
    usage, virtual_keys,
};
use api::{
    ApiError, Code, Page, Verb, budgets::*, ids::*, validate::Check, verb::Done, virtual_keys::KeyLimit,
};
use entity::budgets::budget as row;
use policy::{Granted, act};
use relay::limits::Standing;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use std::sync::Arc;

/// Budgets of a workspace: every call looks at those that are for it.
const MOST_BUDGETS: u64 = 500;
/// How often what a budget begins with is read before its transaction; then within it, whatever it takes.
const TRIES: usize = 3;

/// What the slice works with.
pub struct Budgets {
    pub(super) platform: Arc<Platform>,
    pub(super) routing: Arc<Routing>,
    pub(super) notify: Arc<Notify>,
    pub(super) bots: Arc<Bots>,
    pub(super) runaway: Runaway,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, budgets: &Arc<Budgets>) {
    verbs.on::<ListBudgets, act::ReadBudgets, _, _, _>(
        Rest::get("/api/budgets").says("Budgets of model calls, and how they stand."),
        budgets,
        list,
    );
    verbs.on::<CreateBudget, act::WriteBudgets, _, _, _>(
        Rest::create("/api/budgets")
            .says("A budget of requests, tokens or money; one of 0 stops the calls it is for."),
        budgets,
        create,
    );
    verbs.on::<ChangeBudget, act::WriteBudgets, _, _, _>(
        Rest::patch("/api/budgets/{budget}").says("More or less of it; what was used stays used."),
        budgets,
        change,
    );
    verbs.on::<DeleteBudget, act::WriteBudgets, _, _, _>(
        Rest::delete("/api/budgets/{budget}").says("Deletes a budget; what it stopped goes on."),
        budgets,
        delete,
    );
    verbs.on::<GetZone, act::ReadBudgets, _, _, _>(
        Rest::get("/api/time-zone").says("The time zone in which days and months of budgets begin."),
        budgets,
        zone,
    );
    verbs.on::<SetZone, act::WriteBudgets, _, _, _>(
        Rest::put("/api/time-zone").says("Changes it."),
        budgets,
        set_zone,
    );
    stops::register(verbs, budgets);
    runaway::register(verbs, budgets);
}

impl Budgets {
    /// Wires the slice.
    pub fn new(
        platform: Arc<Platform>,
        routing: Arc<Routing>,
        notify: Arc<Notify>,
        bots: Arc<Bots>,
    ) -> Arc<Self> {
        Arc::new(Self { platform, routing, notify, bots, runaway: Runaway::default() })
    }

    /// Rows as people see them.
    async fn words(
        &self,
        granted: &Granted<impl policy::Action>,
        rows: Vec<row::Model>,
    ) -> Result<Vec<Budget>, OpError> {
        let mut ids: Vec<String> = rows.iter().filter_map(|row| Some(row.bot_id?.to_string())).collect();
        ids.sort_unstable();
        ids.dedup();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let names = audit::names(self.platform.db.read(), granted, ids).await?;
        let keys = rows.iter().filter_map(|row| row.virtual_key_id).collect();
        let keys = virtual_keys::names(self.platform.db.read(), granted, keys).await?;
        let word = |row: row::Model| {
            let bot_name = row.bot_id.and_then(|bot| names.get(&bot.to_string()).cloned());
            let key_name = row.virtual_key_id.and_then(|key| keys.get(&key).cloned());
            self.word(row, bot_name, key_name)
        };
        rows.into_iter().map(word).collect()
    }

    fn word(
        &self,
        row: row::Model,
        bot_name: Option<String>,
        virtual_key_name: Option<String>,
    ) -> Result<Budget, OpError> {
        let (standing, now_ms) = self.routing.standing(row.id);
        let standing = standing.unwrap_or_else(Standing::unknown);
        let state = match standing {
            _ if row.most == 0 => BudgetState::Stopped,
            Standing { spent: true, .. } => BudgetState::Spent,
            Standing { warned: true, .. } => BudgetState::Near,
            _ => BudgetState::Open,
        };
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(Budget {
            id: row.id,
            bot: row.bot_id,
            bot_name,
            virtual_key: row.virtual_key_id,
            virtual_key_name,
            tag: row.tag,
            model: row.vendor.map(|vendor| format!("{vendor}/{}", row.model.as_deref().unwrap_or("*"))),
            unit: named(&row.unit)?,
            period: named(&row.period)?,
            most: row.most,
            hard: row.hard,
            instead: row.instead,
            instead_from: row.instead_from,
            state,
            window_start_ms: standing.span.0,
            window_end_ms: standing.span.1,
            used: count(standing.used),
            reserved: count(standing.reserved),
            forecast: forecast(&standing, now_ms),
            version: row.version,
        })
    }

    async fn one(&self, granted: &Granted<impl policy::Action>, row: row::Model) -> Result<Budget, OpError> {
        let mut words = self.words(granted, vec![row]).await?;
        words.pop().ok_or_else(|| ApiError::not_found().into())
    }
}

/// What will have been used at the end of a window, at the pace of its beginning. Not before a tenth of it is over.
fn forecast(standing: &Standing, now_ms: i64) -> Option<i64> {
    let (from, to) = standing.span;
    let (gone, whole) = (now_ms.checked_sub(from)?, to.checked_sub(from)?);
    if whole <= 60_000 || gone <= 0 || gone < whole / 10 || now_ms >= to {
        return None;
    }
    let forecast = i128::from(standing.used) * i128::from(whole) / i128::from(gone);
    i64::try_from(forecast).ok()
}

async fn list(
    b: Arc<Budgets>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBudgets>,
    q: ListBudgets,
) -> Result<Page<Budget>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let page = store::page(b.platform.db.read(), &granted, &cursor).await?;
    Ok(Page { items: b.words(&granted, page.items).await?, next: page.next })
}

/// The budgets that are made together with a virtual key.
///
/// # Errors
/// A limit that is none, or what the database says.
pub async fn of_new_key<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteKeys>,
    (ids, now_ms): (&dyn IdGen, i64),
    (workspace_id, key): (WorkspaceId, VirtualKeyId),
    limits: &[KeyLimit],
) -> Result<(), OpError> {
    let mut check = Check::new();
    let limits = draft::limits(limits, &mut check);
    check.done()?;
    for (unit, period, most) in limits {
        let model = row::Model {
            id: BudgetId(ids.uuid()),
            workspace_id,
            bot_id: None,
            virtual_key_id: Some(key),
            tag: None,
            vendor: None,
            model: None,
            unit: name_of(&unit),
            period: name_of(&period),
            most,
            hard: true,
            instead: None,
            instead_from: None,
            // Nobody called with it before.
            counted: true,
            created_at_ms: now_ms,
            version: 1,
        };
        store::insert(tx, granted, model).await?;
    }
    Ok(())
}

async fn create(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::WriteBudgets>,
    q: CreateBudget,
) -> Result<Budget, OpError> {
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let mut check = Check::new();
    let most = amount(q.unit, q.most, q.amount.as_deref(), &mut check);
    check.rule(most.is_some() || said(&q.amount).is_some(), "/amount", "must be said");
    let hard = q.hard.unwrap_or(true);
    draft::of_nothing(most, hard, if said(&q.amount).is_some() { "/amount" } else { "/most" }, &mut check);
    let tag = of_whom(&q, &mut check);
    check.done()?;
    let (vendor, model) = of_model(q.model.as_deref())?;
    let of = (vendor.as_deref(), model.as_deref());
    let cheaper = instead::read(q.instead.as_deref(), q.instead_from, of, hard)?;
    if q.unit == BudgetUnit::Money {
        b.priced(workspace_id, &cheaper)?;
    }
    let (instead, instead_from) = cheaper;
    if let Some(tag) = &tag
        && !usage::is_carried(b.platform.db.read(), workspace_id, tag).await?
    {
        let nobody = "no bot and no virtual key carries this tag; give it to one first";
        return Err(ApiError::field("/tag", nobody).into());
    }
    let virtual_key_id = match said(&q.virtual_key) {
        Some(key) => Some(virtual_keys::find(b.platform.db.read(), &granted, key, ctx.now_ms).await?),
        None => None,
    };
    let bot_id = match said(&q.bot) {
        Some(bot) => Some(b.bots.find(&granted, bot).await?.id),
        None => None,
    };
    let model = row::Model {
        id: BudgetId(b.platform.ids.uuid()),
        workspace_id,
        bot_id,
        virtual_key_id,
        tag,
        vendor,
        model,
        unit: name_of(&q.unit),
        period: name_of(&q.period),
        most: most.unwrap_or_default(),
        hard,
        instead,
        instead_from,
        counted: true,
        created_at_ms: ctx.now_ms,
        version: 1,
    };
    let now = b.routing.now();
    let mut again = 0..TRIES;
    loop {
        let before = match again.next() {
            Some(_) => begin::before(b.platform.db.read(), &model, now).await?,
            None => None,
        };
        let put = b.platform.db.write(async |tx| put(&b, tx, &ctx, &granted, (&model, now, before)).await);
        if put.await? {
            break;
        }
    }
    b.routing.refresh().await?;
    b.one(&granted, model).await
}

/// Puts a new budget down. Whether it could: not where what it begins with has changed since it was read.
async fn put(
    b: &Budgets,
    tx: &DatabaseTransaction,
    ctx: &OpCtx,
    granted: &Granted<act::WriteBudgets>,
    (model, now, before): (&row::Model, Now, Option<begin::Before>),
) -> Result<bool, OpError> {
    // There is always room for a stop.
    let room = if model.most == 0 { 2 * MOST_BUDGETS } else { MOST_BUDGETS };
    if store::count(tx, granted, model.virtual_key_id).await? >= room {
        let full = format!("There are {MOST_BUDGETS} budgets already.");
        return Err(ApiError::new(Code::Conflict, full).with_hint("Delete old ones.").into());
    }
    unlike(tx, granted, model).await?;
    let Some(slots) = begin::begins_with(tx, model, now, before).await? else { return Ok(false) };
    store::insert(tx, granted, model.clone()).await?;
    usage::begin_counts(tx, (model.workspace_id, model.id), &slots).await?;
    audit::record(tx, b.platform.ids.as_ref(), ctx, CreateBudget::NAME, Some(model.id.to_string())).await?;
    Ok(true)
}

/// Refuses a budget of which there is one already: the same calls, counted in the same way. One that tells is another than one
/// that refuses, and a stop another than one with something in it.
async fn unlike<C: ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBudgets>,
    budget: &row::Model,
) -> Result<(), OpError> {
    let Some(other) = store::like(tx, granted, budget).await? else { return Ok(()) };
    let (words, hint) = match budget.most {
        0 => (
            format!("These calls are stopped already, by the budget {other}."),
            "Delete that one to allow them again.",
        ),
        _ => (
            format!("There is a budget for these calls already, in the same unit and period: {other}."),
            "Change that one, or delete it first.",
        ),
    };
    Err(ApiError::new(Code::Conflict, words).with_hint(hint).into())
}

async fn change(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::WriteBudgets>,
    q: ChangeBudget,
) -> Result<Budget, OpError> {
    let changed = b
        .platform
        .db
        .write(async |tx| {
            let mut row = store::find(tx, &granted, q.budget).await?;
            if let Some(expected) = q.expected_version.filter(|expected| *expected != row.version) {
                return Err(ApiError::stale(expected, row.version).into());
            }
            let mut check = Check::new();
            let most = amount(named(&row.unit)?, q.most, q.amount.as_deref(), &mut check);
            check.done()?;
            if most.is_some_and(|most| most > row.most) {
                // People hear of it again when that is used, too.
                store::forget_notices_of(tx, &granted, row.id).await?;
            }
            let kind = |row: &row::Model| (row.hard, row.most == 0);
            let was = kind(&row);
            row.most = most.unwrap_or(row.most);
            row.hard = q.hard.unwrap_or(row.hard);
            if most.is_some() || q.hard.is_some() {
                let pointer = if most.is_some() { "/amount" } else { "/hard" };
                draft::of_nothing(Some(row.most), row.hard, pointer, &mut check);
                check.done()?;
            }
            // Two that are alike already may stay so.
            if kind(&row) != was {
                unlike(tx, &granted, &row).await?;
            }
            if q.instead.is_some() || q.instead_from.is_some() || q.hard == Some(false) {
                let text = q.instead.as_deref().or(row.instead.as_deref());
                // Without its model the share means nothing.
                let gone = q.instead.as_deref().is_some_and(|text| text.trim().is_empty());
                let from = q.instead_from.or(row.instead_from).filter(|_| !gone);
                let of = (row.vendor.as_deref(), row.model.as_deref());
                let cheaper = instead::read(text, from, of, row.hard)?;
                if named::<BudgetUnit>(&row.unit)? == BudgetUnit::Money && cheaper.0 != row.instead {
                    b.priced(row.workspace_id, &cheaper)?;
                }
                (row.instead, row.instead_from) = cheaper;
            }
            let row = store::update(tx, &granted, row).await?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, ChangeBudget::NAME, Some(row.id.to_string()))
                .await?;
            Ok::<_, OpError>(row)
        })
        .await?;
    b.routing.refresh().await?;
    b.one(&granted, changed).await
}

async fn delete(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::WriteBudgets>,
    q: DeleteBudget,
) -> Result<Done, OpError> {
    b.platform
        .db
        .write(async |tx| {
            store::delete(tx, &granted, q.budget).await?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, DeleteBudget::NAME, Some(q.budget.to_string()))
                .await
        })
        .await?;
    b.routing.refresh().await?;
    Ok(Done {})
}

async fn zone(
    b: Arc<Budgets>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBudgets>,
    _q: GetZone,
) -> Result<Zone, OpError> {
    Ok(Zone { time_zone: store::time_zone(b.platform.db.read(), &granted).await? })
}

async fn set_zone(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::WriteBudgets>,
    q: SetZone,
) -> Result<Zone, OpError> {
    let time_zone = q.time_zone.trim().to_owned();
    if windows::zone(&time_zone).is_none() {
        return Err(ApiError::field("/time_zone", "must be a time zone such as Europe/Berlin or UTC").into());
    }
    b.platform
        .db
        .write(async |tx| {
            store::set_time_zone(tx, &granted, &time_zone).await?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, SetZone::NAME, Some(time_zone.clone())).await
        })
        .await?;
    b.routing.refresh().await?;
    Ok(Zone { time_zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_goes_on_at_the_pace_of_the_beginning() {
        let standing = |used| Standing { used, span: (0, 1_000_000), ..Standing::unknown() };
        assert_eq!(forecast(&standing(50), 99_999), None, "too early");
        assert_eq!(forecast(&standing(50), 250_000), Some(200));
        assert_eq!(forecast(&standing(50), 1_000_000), None, "it is over");
        assert_eq!(forecast(&standing(u64::MAX), 250_000), None);
    }
}
