//! Use cases of prices.

use super::{catalogue, draft::Draft, file, models, store, tariff};
use crate::{
    audit,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        verbs::{Rest, Verbs},
    },
    routing::Routing,
};
use api::{ApiError, Code, Page, Verb, ids::PriceId, prices::*, verb::Done};
use entity::prices::model_price as row;
use policy::{Granted, act};
use std::{cmp::Reverse, sync::Arc};

/// Own prices of a workspace, those that newer ones replaced included.
pub(super) const MOST: usize = 1000;

/// What the slice works with.
pub(super) struct Desk {
    pub(super) platform: Arc<Platform>,
    pub(super) routing: Arc<Routing>,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, platform: &Arc<Platform>, routing: &Arc<Routing>) {
    let desk = &Arc::new(Desk { platform: Arc::clone(platform), routing: Arc::clone(routing) });
    verbs.on::<ListPrices, act::ReadPrices, _, _, _>(
        Rest::get("/api/prices").says("What models cost: own prices first, then the shipped ones."),
        desk,
        list,
    );
    verbs.on::<SetPrice, act::WritePrices, _, _, _>(
        Rest::create("/api/prices")
            .says("A price of one's own for a model, from now on or from another moment."),
        desk,
        set,
    );
    verbs.on::<DeletePrice, act::WritePrices, _, _, _>(
        Rest::delete("/api/prices/{price}").says("Deletes a price of one's own; calls keep their costs."),
        desk,
        delete,
    );
    verbs.on::<ImportPrices, act::WritePrices, _, _, _>(
        Rest::post("/api/prices/import")
            .says("Prices of one's own from a file: all of them or none; or only what would happen."),
        desk,
        file::import,
    );
    verbs.on::<ListModels, act::ReadPrices, _, _, _>(
        Rest::get("/api/models").says("Models with what is known of them and what they cost now."),
        desk,
        models::list,
    );
    verbs.on::<SetModel, act::WritePrices, _, _, _>(
        Rest::put("/api/models").says("What the workspace says of a model itself; nothing takes it back."),
        desk,
        models::set,
    );
}

async fn list(
    desk: Arc<Desk>,
    _ctx: OpCtx,
    granted: Granted<act::ReadPrices>,
    q: ListPrices,
) -> Result<Page<ModelPrice>, OpError> {
    let p = &desk.platform;
    // Few enough to be put in order here; the cursor is a place in that order.
    let cursor = Cursor::<usize>::parse(q.limit, q.cursor.as_deref())?;
    let own = store::all(p.db.read(), &granted).await?.into_iter().map(store::word);
    let mut all: Vec<_> = own.chain(catalogue::ENTRIES.iter().map(shipped)).collect();
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    let rows = all.into_iter().enumerate().skip(cursor.after.map_or(0, |last| last.saturating_add(1)));
    let rows = rows.take(usize::try_from(cursor.fetch()).unwrap_or(usize::MAX)).collect();
    Ok(cursor.page(rows, |(place, _)| *place, |(_, price)| price))
}

/// The newest of a model first; of its lengths of prompt the longest.
fn order(price: &ModelPrice) -> impl Ord {
    let ModelPrice { id, vendor, model, since_ms, up_to_input, .. } = price;
    (id.is_none(), vendor, model, Reverse(*since_ms), id.map(Reverse), up_to_input.map(Reverse))
}

pub(super) fn shipped(entry: &catalogue::Entry) -> ModelPrice {
    ModelPrice {
        id: None,
        vendor: entry.vendor.to_owned(),
        model: entry.model.to_owned(),
        up_to_input: entry.up_to_input,
        input_price: entry.price.map(|price| price.input),
        output_price: entry.price.map(|price| price.output),
        cache_read_price: entry.price.and_then(|price| price.cache_read),
        cache_write_price: entry.price.and_then(|price| price.cache_write),
        thinking_price: entry.price.and_then(|price| price.thinking),
        since_ms: entry.since_ms,
        source: Some(entry.source.to_owned()).filter(|source| !source.is_empty()),
    }
}

async fn set(
    desk: Arc<Desk>,
    ctx: OpCtx,
    granted: Granted<act::WritePrices>,
    q: SetPrice,
) -> Result<ModelPrice, OpError> {
    let p = &desk.platform;
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let draft = Draft::read(&q, ctx.now_ms)?;
    let id = PriceId(p.ids.uuid());
    let row =
        p.db.write(async |tx| {
            let all = store::all(tx, &granted).await?;
            // The same once more is the price there is.
            if let Some(there) = standing(&draft, &all, ctx.now_ms) {
                return Ok(there);
            }
            let draft = draft.clone().since(&all, ctx.now_ms);
            let count = all.len();
            // Whoever names a beginning that there is corrects what stands there.
            let same = |row: &&_| draft.is_at(row);
            let model = match all.iter().filter(same).max_by_key(|row| row.id) {
                Some(there) => {
                    let model = draft.clone().row(there.id, workspace_id, there.since_ms);
                    store::replace(tx, &granted, model.clone()).await?;
                    model
                }
                None if all.len() >= MOST => return Err(full().into()),
                None => {
                    let model = draft.clone().row(id, workspace_id, ctx.now_ms);
                    let others = others(&draft, all, ctx.now_ms);
                    for (n, other) in others.into_iter().enumerate() {
                        if count + n + 1 >= MOST {
                            return Err(full().into());
                        }
                        let (id, since_ms) = (PriceId(p.ids.uuid()), model.since_ms);
                        store::insert(tx, &granted, row::Model { id, since_ms, ..other }).await?;
                    }
                    store::insert(tx, &granted, model.clone()).await?;
                    model
                }
            };
            audit::record(tx, p.ids.as_ref(), &ctx, SetPrice::NAME, Some(model.id.to_string())).await?;
            Ok(model)
        })
        .await?;
    desk.routing.refresh().await?;
    Ok(store::word(row))
}

/// The price that holds now and says what is set for now, and no more.
fn standing(draft: &Draft, all: &[row::Model], now_ms: i64) -> Option<row::Model> {
    if draft.since_ms.is_some() {
        return None;
    }
    let mut of: Vec<&row::Model> = all.iter().filter(|row| draft.is_same_model(row)).collect();
    of.sort_by_key(|row| row.id);
    tariff::sort(&mut of);
    let now = tariff::now(&of, now_ms);
    now.iter().find(|row| draft.is_for(row)).filter(|row| draft.says(row)).map(|row| (*row).clone())
}

/// The other steps of what holds now, where a price is set for now: prices of one beginning belong together, so that they go
/// on beside the new one.
fn others(draft: &Draft, mut all: Vec<row::Model>, now_ms: i64) -> Vec<row::Model> {
    if draft.since_ms.is_some() {
        return Vec::new();
    }
    all.retain(|row| draft.is_same_model(row));
    all.sort_by_key(|row| row.id);
    let mut of: Vec<&row::Model> = all.iter().collect();
    tariff::sort(&mut of);
    let now = tariff::now(of.as_slice(), now_ms).iter();
    let mut seen = std::collections::HashSet::new();
    now.filter(|row| !draft.is_for(row) && seen.insert(row.up_to_input)).map(|row| (*row).clone()).collect()
}

/// That there is no room for more.
pub(super) fn full() -> ApiError {
    ApiError::new(Code::Conflict, format!("{MOST} prices of your own are the most there may be."))
        .with_hint("Delete old ones: calls keep their costs.")
}

async fn delete(
    desk: Arc<Desk>,
    ctx: OpCtx,
    granted: Granted<act::WritePrices>,
    q: DeletePrice,
) -> Result<Done, OpError> {
    let p = &desk.platform;
    p.db.write(async |tx| {
        store::delete(tx, &granted, q.price).await?;
        audit::record(tx, p.ids.as_ref(), &ctx, DeletePrice::NAME, Some(q.price.to_string())).await
    })
    .await?;
    desk.routing.refresh().await?;
    Ok(Done {})
}
