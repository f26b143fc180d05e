//! Use cases of fallback chains.

use super::{Routing, service::wall_ms, store};
use crate::{
    audit,
    bots::AskedChain,
    platform::{
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        text::{from_json, json_of, name_of, named},
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Code, Page, Verb, ids::WorkspaceId, routing::*, validate::Check, verb::Done};
use entity::routing::chain as row;
use policy::{Granted, act};
use relay::{
    Relay, Snapshot,
    chains::{self, Link, Skip, Trigger},
};
use std::{sync::Arc, time::Duration};

/// Chains of a workspace's own.
const MOST: u64 = 100;
const USUAL: [ChainTrigger; 4] =
    [ChainTrigger::RateLimit, ChainTrigger::Overloaded, ChainTrigger::Timeout, ChainTrigger::Refused];

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, routing: &Arc<Routing>) {
    verbs.on::<ListChains, act::ReadChains, _, _, _>(
        Rest::get("/api/chains")
            .says("Fallback chains, one's own and the shipped ones, with what would be skipped now."),
        routing,
        list,
    );
    verbs.on::<ReadChain, act::ReadChains, _, _, _>(
        Rest::get("/api/chains/{chain}").says("A chain, and what a call in a dialect would skip."),
        routing,
        read,
    );
    verbs.on::<SetChain, act::WriteChains, _, _, _>(
        Rest::create("/api/chains").says("Makes a chain of one's own, or replaces it."),
        routing,
        set,
    );
    verbs.on::<DeleteChain, act::WriteChains, _, _, _>(
        Rest::delete("/api/chains/{chain}")
            .says("Deletes a chain of one's own; a shipped one of the name is back."),
        routing,
        delete,
    );
}

/// A row as the relay asks it. Links that an older Chela knew and this one does not stay, and are skipped.
pub(super) fn ready(model: &row::Model) -> Result<chains::Chain, OpError> {
    let (links, triggers): (Vec<String>, Vec<String>) =
        (from_json(&model.links)?, from_json(&model.triggers)?);
    Ok(chains::Chain {
        name: model.name.clone(),
        links: links.iter().filter_map(|name| Link::read(name)).collect(),
        triggers: triggers.iter().filter_map(|name| Trigger::named(name)).collect(),
        timeout: Duration::from_secs(u64::try_from(model.timeout_s).unwrap_or(60)),
        tries: usize::try_from(model.tries).unwrap_or(1),
    })
}

/// A chain as bots ask it, if there is one of the name.
pub(super) fn asked(snapshot: &Snapshot, workspace: WorkspaceId, name: &str) -> Option<AskedChain> {
    let chain = snapshot.chain(workspace, name)?;
    let dialect = snapshot.chain_dialect(workspace, chain);
    let spoken = chain.links.iter().filter(|link| dialect.is_some_and(|dialect| link.speaks(dialect)));
    Some(AskedChain {
        links: spoken.map(|link| link.name().to_owned()).collect(),
        dialect: dialect.map(|dialect| match dialect {
            relay::Dialect::Anthropic => openclaw::config::Dialect::Anthropic,
            relay::Dialect::Gemini => openclaw::config::Dialect::Gemini,
            _ => openclaw::config::Dialect::OpenAiChat,
        }),
    })
}

/// Names of the chains of which a key is for some link that bots would ask, without those that make no words.
pub(super) fn served(snapshot: &Snapshot, workspace: WorkspaceId) -> Vec<String> {
    let some = |chain: &&Arc<chains::Chain>| {
        let dialect = snapshot.chain_dialect(workspace, chain);
        let asked = |link: &&Link| dialect.is_some_and(|dialect| link.speaks(dialect));
        chain.links.iter().filter(asked).any(|link| snapshot.is_for(workspace, link))
    };
    let talks = |chain: &&Arc<chains::Chain>| !chains::MEDIA.contains(&chain.name.as_str());
    snapshot.chains(workspace).filter(talks).filter(some).map(|chain| chain.name.clone()).collect()
}

const DIALECTS: [(Dialect, relay::Dialect); 4] = [
    (Dialect::Openai, relay::Dialect::OpenAiChat),
    (Dialect::Responses, relay::Dialect::OpenAiResponses),
    (Dialect::Anthropic, relay::Dialect::Anthropic),
    (Dialect::Gemini, relay::Dialect::Gemini),
];

/// A chain as people see it.
fn word(
    chain: &chains::Chain,
    changed_at_ms: Option<i64>,
    (relay, snapshot, workspace): (&Relay, &Snapshot, WorkspaceId),
    dialect: Option<Dialect>,
) -> Result<Chain, OpError> {
    let dialect = DIALECTS.into_iter().find(|(word, _)| Some(*word) == dialect).map(|(_, dialect)| dialect);
    let skip = |skip: Skip| -> Result<LinkSkip, OpError> {
        let until_ms = if let Skip::Rests(resting) = skip { Some(resting.until_ms) } else { None };
        Ok(LinkSkip { why: named(skip.as_str())?, until_ms })
    };
    let link = |link: &Link| -> Result<ChainLink, OpError> {
        let spoken = DIALECTS.into_iter().filter(|(_, dialect)| link.speaks(*dialect));
        let stopped = link.vendor.is_some_and(|vendor| relay.is_stopped(workspace, None, vendor.id));
        let skipped = snapshot.skips(workspace, link, dialect, wall_ms());
        let skipped = skipped.or(stopped.then_some(Skip::Stopped)).map(skip).transpose()?;
        Ok(ChainLink {
            model: link.name().to_owned(),
            dialects: spoken.map(|(word, _)| word).collect(),
            skipped,
        })
    };
    Ok(Chain {
        name: chain.name.clone(),
        own: changed_at_ms.is_some(),
        shipped: chains::shipped().contains_key(chain.name.as_str()),
        links: chain.links.iter().map(link).collect::<Result<_, _>>()?,
        triggers: chain.triggers.iter().map(|t| named(t.as_str())).collect::<Result<_, _>>()?,
        timeout_s: i64::try_from(chain.timeout.as_secs()).unwrap_or(i64::MAX),
        tries: i64::try_from(chain.tries).unwrap_or(i64::MAX),
        changed_at_ms,
    })
}

async fn list(
    r: Arc<Routing>,
    _ctx: OpCtx,
    granted: Granted<act::ReadChains>,
    q: ListChains,
) -> Result<Page<Chain>, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let cursor = Cursor::<usize>::parse(q.limit, q.cursor.as_deref())?;
    // Few enough to be put in order here; the cursor is a place in that order.
    let snapshot = r.snapshot();
    let own = store::chains(r.platform().db.read(), &granted).await?;
    let mut all = Vec::new();
    for model in &own {
        all.push(word(&ready(model)?, Some(model.changed_at_ms), (r.relay(), &snapshot, workspace), None)?);
    }
    let hidden = |name: &str| own.iter().any(|model| model.name == name);
    for (_, chain) in chains::shipped().iter().filter(|(name, _)| !hidden(name)) {
        all.push(word(chain, None, (r.relay(), &snapshot, workspace), None)?);
    }
    let rows = all.into_iter().enumerate().skip(cursor.after.map_or(0, |last| last.saturating_add(1)));
    let rows = rows.take(usize::try_from(cursor.fetch()).unwrap_or(usize::MAX)).collect();
    Ok(cursor.page(rows, |(place, _)| *place, |(_, chain)| chain))
}

async fn read(
    r: Arc<Routing>,
    _ctx: OpCtx,
    granted: Granted<act::ReadChains>,
    q: ReadChain,
) -> Result<Chain, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let own = store::chain(r.platform().db.read(), &granted, &q.chain).await?;
    let (snapshot, shipped) = (r.snapshot(), chains::shipped().get(q.chain.as_str()));
    match (own, shipped) {
        (Some(own), _) => {
            word(&ready(&own)?, Some(own.changed_at_ms), (r.relay(), &snapshot, workspace), q.dialect)
        }
        (None, Some(shipped)) => word(shipped, None, (r.relay(), &snapshot, workspace), q.dialect),
        (None, None) => Err(ApiError::not_found().into()),
    }
}

/// The links by their vendors' own ids, if all fields keep the rules.
fn checked(q: &SetChain) -> Result<Vec<String>, ApiError> {
    let mut check = Check::new();
    let name = chains::is_name(&q.name);
    check.rule(name, "/name", "must have 1 to 40 of a-z, 0-9 and -, and be no vendor's name");
    let named: Vec<&str> = q.links.iter().map(|link| link.trim()).filter(|link| !link.is_empty()).collect();
    let most = format!("must be 1 to {MAX_LINKS}");
    check.rule((1..=MAX_LINKS).contains(&named.len()), "/links", &most);
    let mut links: Vec<String> = Vec::new();
    for (at, link) in named.into_iter().enumerate() {
        let found = Link::read(link).filter(|known| known.vendor.is_some() && api::validate::is_model(link));
        let pointer = format!("/links/{at}");
        match found {
            Some(found) if links.iter().any(|known| known == found.name()) => {
                check.rule(false, &pointer, "must not stand there twice");
            }
            Some(found) => links.push(found.name().to_owned()),
            None => {
                check.rule(false, &pointer, "must be vendor/model, of a vendor Chela knows");
            }
        }
    }
    let within = |n: Option<u32>, most: u32| n.is_none_or(|n| (1..=most).contains(&n));
    check.rule(
        within(q.timeout_s, MAX_TIMEOUT_S),
        "/timeout_s",
        &format!("must be 1 to {MAX_TIMEOUT_S} seconds"),
    );
    let some = q.triggers.as_ref().is_none_or(|all| !all.is_empty());
    check.rule(some, "/triggers", "must have one at least; leave it out for the usual ones");
    check.rule(within(q.tries, MAX_TRIES), "/tries", &format!("must be 1 to {MAX_TRIES}"));
    check.done()?;
    Ok(links)
}

async fn set(
    r: Arc<Routing>,
    ctx: OpCtx,
    granted: Granted<act::WriteChains>,
    q: SetChain,
) -> Result<Chain, OpError> {
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let links = checked(&q)?;
    let wanted = q.triggers.as_deref().unwrap_or(&USUAL);
    let mut triggers: Vec<String> = wanted.iter().map(name_of).collect();
    triggers.dedup();
    let model = row::Model {
        workspace_id,
        name: q.name,
        links: json_of(&links)?,
        triggers: json_of(&triggers)?,
        timeout_s: i64::from(q.timeout_s.unwrap_or(60)),
        tries: i64::from(q.tries.unwrap_or(3)),
        changed_at_ms: ctx.now_ms,
    };
    let p = r.platform();
    p.db.write(async |tx| {
        let known = store::chain(tx, &granted, &model.name).await?.is_some();
        if !known && store::count_chains(tx, &granted).await? >= MOST {
            let full = ApiError::new(Code::Conflict, format!("There are {MOST} chains of your own already."));
            return Err(full.with_hint("Delete one that nobody asks for.").into());
        }
        store::set_chain(tx, &granted, model.clone()).await?;
        audit::record(tx, p.ids.as_ref(), &ctx, SetChain::NAME, Some(model.name.clone())).await
    })
    .await?;
    r.refresh().await?;
    word(&ready(&model)?, Some(model.changed_at_ms), (r.relay(), &r.snapshot(), workspace_id), None)
}

async fn delete(
    r: Arc<Routing>,
    ctx: OpCtx,
    granted: Granted<act::WriteChains>,
    q: DeleteChain,
) -> Result<Done, OpError> {
    let p = r.platform();
    p.db.write(async |tx| {
        store::delete_chain(tx, &granted, &q.chain).await?;
        // Where a shipped one is back, its bots ask that one.
        if !chains::shipped().contains_key(q.chain.as_str()) {
            let users = store::bots_with(tx, &granted, &q.chain).await?;
            if !users.is_empty() {
                let text = format!("This chain is the model of {}.", users.join(", "));
                let error = ApiError::new(Code::Conflict, text);
                return Err(error.with_hint("Choose another model for each of them first.").into());
            }
        }
        audit::record(tx, p.ids.as_ref(), &ctx, DeleteChain::NAME, Some(q.chain.clone())).await
    })
    .await?;
    r.refresh().await?;
    Ok(Done {})
}
