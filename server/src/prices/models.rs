//! Models: what is known of each, and what it costs now.

use super::{
    book::undated,
    catalogue,
    draft::{named, said, vendor},
    facts,
    service::{Desk, shipped},
    store, tariff,
};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        text::{from_json, json_of},
    },
};
use api::{ApiError, Code, Page, Verb, prices::*, validate::Check};
use entity::prices::model_facts as row;
use policy::{Action, Granted, act};
use relay::vendors;
use sea_orm::ConnectionTrait;
use std::{collections::BTreeMap, sync::Arc};

/// Models of which a workspace may say something.
const MOST: usize = 1000;

/// What there is of a model before it is put together.
#[derive(Clone, Default)]
struct Parts {
    own: Vec<ModelPrice>,
    shipped: Vec<ModelPrice>,
    /// Since when the catalogue has it without a price, which hides older ones.
    unpriced_ms: Option<i64>,
    /// The catalogue has it, with or without a price: then its family's there says nothing of it.
    listed: bool,
    own_facts: Option<ModelFacts>,
    /// What there is of the same name without its date, by which a call is reckoned where its own name has nothing.
    family: Option<Box<Parts>>,
}

type All = BTreeMap<(String, String), Parts>;

/// Everything the workspace knows.
async fn read<C: ConnectionTrait, A: Action>(
    db: &C,
    granted: &Granted<A>,
    now_ms: i64,
) -> Result<All, OpError> {
    let mut all = shipped_models(now_ms);
    let mut of = |vendor: &str, model: &str, with: &mut dyn FnMut(&mut Parts)| {
        with(all.entry((vendor.to_owned(), model.to_owned())).or_default());
    };
    let mut own = store::all(db, granted).await?;
    own.sort_by_key(|price| price.id);
    for price in own.into_iter().map(store::word) {
        of(&price.vendor, &price.model, &mut |parts| parts.own.push(price.clone()));
    }
    for said in store::facts(db, granted).await? {
        let facts: ModelFacts = from_json(&said.facts)?;
        of(&said.vendor, &said.model, &mut |parts| parts.own_facts = Some(facts.clone()));
    }
    join_families(&mut all);
    Ok(all)
}

/// What the catalogue has.
fn shipped_models(now_ms: i64) -> All {
    let mut all = All::new();
    let mut of = |vendor: &str, model: &str, with: &mut dyn FnMut(&mut Parts)| {
        with(all.entry((vendor.to_owned(), model.to_owned())).or_default());
    };
    for (vendor, model) in facts::all() {
        of(vendor, model, &mut |_| ());
    }
    for entry in catalogue::ENTRIES.iter() {
        let price = entry.price.map(|_| shipped(entry));
        of(entry.vendor, entry.model, &mut |parts| {
            parts.listed |= entry.since_ms <= now_ms;
            if price.is_none() && entry.since_ms <= now_ms {
                parts.unpriced_ms = parts.unpriced_ms.max(Some(entry.since_ms));
            }
            parts.shipped.extend(price.clone());
        });
    }
    all
}

fn join_families(all: &mut All) {
    let families = all.keys().filter_map(|name| Some((name.clone(), family(all, name)?))).collect::<Vec<_>>();
    for (name, family) in families {
        all.entry(name).or_default().family = Some(Box::new(family));
    }
}

fn family(all: &All, (vendor, model): &(String, String)) -> Option<Parts> {
    all.get(&(vendor.clone(), undated(model)?.to_owned())).cloned()
}

/// The prices that hold at a moment, the shortest prompts first, and those that are to come. Prompts that one source does not
/// reach cost what the next one says: own prices, those of the family, the shipped ones.
fn tariffs(parts: &mut Parts, now_ms: i64) -> (Vec<ModelPrice>, Vec<ModelPrice>) {
    let mut of_family = parts.family.take().map(|family| *family).unwrap_or_default();
    let (shipped, unpriced) = match parts.listed {
        true => (&mut parts.shipped, parts.unpriced_ms),
        false => (&mut of_family.shipped, of_family.unpriced_ms),
    };
    shipped.retain(|price| unpriced.is_none_or(|since| price.since_ms >= since));
    let (mut now, mut later) = (Vec::new(), Vec::new());
    let reach = |price: &ModelPrice| price.up_to_input.unwrap_or(i64::MAX);
    for lines in [&mut parts.own, &mut of_family.own, shipped] {
        tariff::sort(lines);
        let known = now.iter().map(reach).max().unwrap_or(0);
        let longer = |price: &&ModelPrice| reach(price) > known;
        now.extend(tariff::now(lines, now_ms).iter().filter(longer).cloned());
        later.extend(lines.iter().filter(|price| price.since_ms > now_ms).filter(longer).cloned());
    }
    later.sort_by_key(|price| price.since_ms);
    (now, later)
}

fn entry((vendor, model): (String, String), mut parts: Parts, now_ms: i64) -> ModelEntry {
    let family = undated(&model).and_then(|family| facts::find(&vendor, family));
    let known = facts::find(&vendor, &model).or(family).cloned().unwrap_or_default();
    let of_family = parts.family.as_ref().and_then(|family| family.own_facts.clone());
    let own_facts = parts.own_facts.take();
    let facts = own_facts.clone().or(of_family).unwrap_or_default().over(known);
    let (now, later) = tariffs(&mut parts, now_ms);
    let mut prices = now.into_iter();
    let price = prices.next();
    ModelEntry { vendor, model, facts, own_facts, price, more: prices.chain(later).collect() }
}

pub(super) async fn list(
    desk: Arc<Desk>,
    ctx: OpCtx,
    granted: Granted<act::ReadPrices>,
    q: ListModels,
) -> Result<Page<ModelEntry>, OpError> {
    // Few enough to be put in order here; the cursor is a place in that order.
    let cursor = Cursor::<usize>::parse(q.limit, q.cursor.as_deref())?;
    let asked = said(q.vendor.as_deref());
    let vendor = asked.as_deref().map(|vendor| vendors::find(vendor).map(|known| known.id));
    if vendor == Some(None) {
        return Err(ApiError::field("/vendor", "must be a vendor Chela knows").into());
    }
    let word = said(q.q.as_deref()).map(|word| word.to_lowercase());
    let fits = |(vendor_of, model): &(String, String), own: bool| {
        vendor.flatten().is_none_or(|vendor| vendor == vendor_of)
            && word.as_ref().is_none_or(|word| format!("{vendor_of}/{model}").to_lowercase().contains(word))
            && (own || q.own != Some(true))
    };
    let all = read(desk.platform.db.read(), &granted, ctx.now_ms).await?;
    let rows = all
        .into_iter()
        .filter(|(name, parts)| fits(name, parts.own_facts.is_some() || !parts.own.is_empty()))
        .map(|(name, parts)| entry(name, parts, ctx.now_ms))
        .filter(|entry| q.kind.is_none() || entry.facts.kind == q.kind)
        .enumerate()
        .skip(cursor.after.map_or(0, |last| last.saturating_add(1)))
        .take(usize::try_from(cursor.fetch()).unwrap_or(usize::MAX))
        .collect();
    Ok(cursor.page(rows, |(place, _)| *place, |(_, entry)| entry))
}

/// What was said of a model, if it keeps the rules.
fn checked(q: &SetModel) -> Result<(&'static str, ModelFacts), ApiError> {
    let mut check = Check::new();
    let vendor = vendor(&mut check, &q.vendor, &q.model);
    for (tokens, pointer) in
        [(q.context_length, "/context_length"), (q.max_output_tokens, "/max_output_tokens")]
    {
        let within = tokens.is_none_or(|tokens| (1..=MAX_TOKENS).contains(&tokens));
        check.rule(within, pointer, &format!("must be 1 to {MAX_TOKENS} tokens"));
    }
    let scores = [
        (q.reasoning_score, "/reasoning_score"),
        (q.coding_score, "/coding_score"),
        (q.creativity_score, "/creativity_score"),
        (q.speed_score, "/speed_score"),
    ];
    for (score, pointer) in scores {
        check.rule(score.is_none_or(|score| (0..=100).contains(&score)), pointer, "must be 0 to 100");
    }
    let texts = [&q.display_name, &q.notes, &q.source].map(|text| said(text.as_deref()));
    let most = [(MAX_NAME, "/display_name"), (MAX_NOTE, "/notes"), (MAX_NOTE, "/source")];
    for (text, (most, pointer)) in texts.iter().zip(most) {
        if let Some(text) = text {
            check.line(text, most, pointer);
        }
    }
    let [display_name, notes, source] = texts;
    let recommended_scenarios = scenarios(q, &mut check);
    check.done()?;
    let vendor = vendor.ok_or_else(ApiError::internal)?;
    let facts = ModelFacts {
        display_name,
        kind: q.kind,
        context_length: q.context_length,
        max_output_tokens: q.max_output_tokens,
        vision: q.vision,
        function_calling: q.function_calling,
        extended_thinking: q.extended_thinking,
        cache_control: q.cache_control,
        streaming: q.streaming,
        deprecated: q.deprecated,
        reasoning_score: q.reasoning_score,
        coding_score: q.coding_score,
        creativity_score: q.creativity_score,
        speed_score: q.speed_score,
        recommended_scenarios,
        notes,
        source,
    };
    Ok((vendor, facts))
}

/// What a model is good for, each word once.
fn scenarios(q: &SetModel, check: &mut Check) -> Option<Vec<String>> {
    let between = |c: char| ",;，、；".contains(c) || c.is_whitespace();
    let said = q.recommended_scenarios.iter().flatten().flat_map(|text| text.split(between));
    let mut words: Vec<String> = said.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.sort_unstable();
    words.dedup();
    check.rule(words.len() <= MAX_SCENARIOS, "/recommended_scenarios", "must be 20 words at most");
    let plain =
        |word: &String| word.chars().count() <= 32 && word.chars().all(|c| c.is_alphanumeric() || c == '-');
    let rule = "must be words of 32 letters, digits and hyphens at most";
    check.rule(words.iter().all(plain), "/recommended_scenarios", rule);
    Some(words).filter(|words| !words.is_empty())
}

pub(super) async fn set(
    desk: Arc<Desk>,
    ctx: OpCtx,
    granted: Granted<act::WritePrices>,
    q: SetModel,
) -> Result<ModelEntry, OpError> {
    let p = &desk.platform;
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let (vendor, said) = checked(&q)?;
    let name = (vendor.to_owned(), named(&q.model).to_owned());
    let parts =
        p.db.write(async |tx| {
            let mut all = read(tx, &granted, ctx.now_ms).await?;
            let many = all.values().filter(|parts| parts.own_facts.is_some()).count();
            let of_family = family(&all, &name).map(Box::new);
            let mut parts = all.remove(&name).unwrap_or_default();
            parts.family = of_family;
            let new = Some(&said).filter(|said| **said != ModelFacts::default());
            if new == parts.own_facts.as_ref() {
                return Ok(parts);
            }
            match new {
                None => store::unsay(tx, &granted, (&name.0, &name.1)).await?,
                Some(_) if parts.own_facts.is_none() && many >= MOST => return Err(full().into()),
                Some(said) => {
                    let facts = json_of(said)?;
                    let (vendor, model) = name.clone();
                    store::say(tx, &granted, row::Model { workspace_id, vendor, model, facts }).await?;
                }
            }
            parts.own_facts = new.cloned();
            let target = Some(format!("{}/{}", name.0, name.1));
            audit::record(tx, p.ids.as_ref(), &ctx, SetModel::NAME, target).await?;
            Ok(parts)
        })
        .await?;
    desk.routing.refresh().await?;
    Ok(entry(name, parts, ctx.now_ms))
}

fn full() -> ApiError {
    ApiError::new(Code::Conflict, format!("You say something of {MOST} models already."))
        .with_hint("Take back what you say of some that you do not use.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::book::Book;
    use api::ids::WorkspaceId;
    use relay::Prices;
    use uuid::Uuid;

    #[test]
    fn what_the_catalogue_is_shown_with_is_what_calls_are_reckoned_with() {
        let (book, nobody) = (Book::default(), WorkspaceId(Uuid::nil()));
        let mut compared = 0;
        for now_ms in [1_778_000_000_000, 1_795_305_600_000, 1_900_000_000_000] {
            let mut all = shipped_models(now_ms);
            let dated: Vec<_> =
                all.keys().map(|(vendor, model)| (vendor.clone(), format!("{model}-2099-01-01"))).collect();
            all.extend(dated.into_iter().map(|name| (name, Parts::default())));
            join_families(&mut all);
            for ((vendor, model), mut parts) in all {
                let (now, _later) = tariffs(&mut parts, now_ms);
                for prompt in [1, 99_999, 100_000, 128_001, 200_001, 1_000_000] {
                    let shown = now.iter().find(|price| price.up_to_input.is_none_or(|most| prompt <= most));
                    let known = book.price(nobody, &vendor, &model, now_ms, prompt.unsigned_abs());
                    let name = format!("{vendor}/{model} at {now_ms} for {prompt}");
                    assert_eq!(shown.and_then(|p| p.input_price), known.map(|p| p.input), "{name}");
                    assert_eq!(shown.and_then(|p| p.output_price), known.map(|p| p.output), "{name}");
                    compared += usize::from(known.is_some());
                }
            }
        }
        assert!(compared > 1000, "{compared}");
    }
}
