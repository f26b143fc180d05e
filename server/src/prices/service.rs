//! Use cases of prices.

use super::{catalogue, store};
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
use api::{ApiError, Code, Page, Verb, ids::PriceId, prices::*, validate::Check, verb::Done};
use entity::prices::model_price as row;
use policy::{Granted, act};
use relay::vendors;
use std::{cmp::Reverse, sync::Arc};

/// Own prices of a workspace, those that newer ones replaced included.
const MOST: u64 = 1000;

/// What the slice works with.
struct Desk {
    platform: Arc<Platform>,
    routing: Arc<Routing>,
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
        Rest::create("/api/prices").says("A price of one's own for a model, from now on."),
        desk,
        set,
    );
    verbs.on::<DeletePrice, act::WritePrices, _, _, _>(
        Rest::delete("/api/prices/{price}").says("Deletes a price of one's own; calls keep their costs."),
        desk,
        delete,
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

fn shipped(entry: &catalogue::Entry) -> ModelPrice {
    ModelPrice {
        id: None,
        vendor: entry.vendor.to_owned(),
        model: entry.model.to_owned(),
        up_to_input: entry.up_to_input,
        input_price: entry.price.map(|price| price.input),
        output_price: entry.price.map(|price| price.output),
        cache_read_price: entry.price.and_then(|price| price.cache_read),
        cache_write_price: entry.price.and_then(|price| price.cache_write),
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
    let model = row::Model {
        id: PriceId(p.ids.uuid()),
        workspace_id,
        vendor: checked(&q)?.to_owned(),
        model: named(&q.model).to_owned(),
        input_price: q.input_price,
        output_price: q.output_price,
        cache_read_price: q.cache_read_price,
        cache_write_price: q.cache_write_price,
        since_ms: ctx.now_ms,
    };
    p.db.write(async |tx| {
        if store::count(tx, &granted).await? >= MOST {
            let full = ApiError::new(Code::Conflict, format!("There are {MOST} prices of your own already."));
            return Err(full.with_hint("Delete old ones: calls keep their costs.").into());
        }
        store::insert(tx, &granted, model.clone()).await?;
        audit::record(tx, p.ids.as_ref(), &ctx, SetPrice::NAME, Some(model.id.to_string())).await
    })
    .await?;
    desk.routing.refresh().await?;
    Ok(store::word(model))
}

/// A model's name as calls are looked up by: Google lists its own as `models/…`.
fn named(model: &str) -> &str {
    let model = model.trim();
    model.strip_prefix("models/").unwrap_or(model)
}

/// The vendor's own id, if all fields keep the rules.
fn checked(q: &SetPrice) -> Result<&'static str, ApiError> {
    let vendor = vendors::find(q.vendor.trim()).map(|v| v.id);
    let mut check = Check::new();
    check.rule(!q.vendor.contains('@'), "/vendor", "must have no region: prices are by vendor");
    check.rule(vendor.is_some() || q.vendor.contains('@'), "/vendor", "must be a vendor Chela knows");
    check.line(&q.model, 200, "/model");
    check.rule(!q.model.trim().contains(char::is_whitespace), "/model", "must have no spaces inside");
    let figures = [
        (Some(q.input_price), "/input_price"),
        (Some(q.output_price), "/output_price"),
        (q.cache_read_price, "/cache_read_price"),
        (q.cache_write_price, "/cache_write_price"),
    ];
    for (figure, pointer) in figures {
        let within = figure.is_none_or(|figure| (0..=MAX_PRICE).contains(&figure));
        check.rule(within, pointer, &format!("must be 0 to {MAX_PRICE} micro-USD per million tokens"));
    }
    check.done()?;
    vendor.ok_or_else(|| ApiError::field("/vendor", "must be a vendor Chela knows"))
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
