//! Use cases of virtual keys.

use super::store;
use crate::{
    audit, budgets, keys,
    platform::{
        Platform,
        ctx::OpCtx,
        db::Cursor,
        error::OpError,
        ids::{random_token, token_hash},
        text::json_of,
        verbs::{Rest, Verbs},
    },
    routing::Routing,
};
use api::{ApiError, Code, Page, Verb, ids::*, validate::Check, verb::Done, virtual_keys::*};
use entity::virtual_keys::virtual_key as row;
use policy::{Granted, act};
use std::sync::Arc;

/// How a secret begins.
const PREFIX: &str = "chela_vk_";
/// Virtual keys of a workspace.
const MOST_KEYS: u64 = 10_000;
/// How long the secret before a rotation works on if nothing is said.
const OVERLAP_MINUTES: u32 = 60;
const DAY_MS: i64 = 24 * 3_600_000;

/// What the slice works with.
pub struct VirtualKeys {
    platform: Arc<Platform>,
    routing: Arc<Routing>,
}

/// Registers the slice's verbs.
pub fn register(verbs: &mut Verbs, keys: &Arc<VirtualKeys>) {
    verbs.on::<ListVirtualKeys, act::ReadKeys, _, _, _>(
        Rest::get("/api/virtual-keys").says("What people and programs call models with."),
        keys,
        list,
    );
    verbs.on::<CreateVirtualKey, act::WriteKeys, _, _, _>(
        Rest::create("/api/virtual-keys").says("A new virtual key; its secret is in this answer only."),
        keys,
        create,
    );
    verbs.on::<ChangeVirtualKey, act::WriteKeys, _, _, _>(
        Rest::patch("/api/virtual-keys/{virtual_key}").says("Renames, blocks or restricts it."),
        keys,
        change,
    );
    verbs.on::<RotateVirtualKey, act::WriteKeys, _, _, _>(
        Rest::post("/api/virtual-keys/{virtual_key}/rotate")
            .says("A new secret; the one before works on for a while."),
        keys,
        rotate,
    );
    verbs.on::<DeleteVirtualKey, act::WriteKeys, _, _, _>(
        Rest::delete("/api/virtual-keys/{virtual_key}")
            .says("Ends it at once; its calls stay in the ledger."),
        keys,
        delete,
    );
}

impl VirtualKeys {
    /// Wires the slice.
    pub fn new(platform: Arc<Platform>, routing: Arc<Routing>) -> Arc<Self> {
        Arc::new(Self { platform, routing })
    }
}

async fn list(
    k: Arc<VirtualKeys>,
    ctx: OpCtx,
    granted: Granted<act::ReadKeys>,
    q: ListVirtualKeys,
) -> Result<Page<VirtualKey>, OpError> {
    let cursor = Cursor::parse(q.limit, q.cursor.as_deref())?;
    let page = store::page(k.platform.db.read(), &granted, &cursor).await?;
    let words = page.items.into_iter().map(|row| store::word(row, ctx.now_ms));
    Ok(Page { items: words.collect::<Result<_, _>>()?, next: page.next })
}

/// Models as the relay looks them up: the vendor's own id, an alias or none of it.
fn models(names: &[String], check: &mut Check) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    keys::none_empty(names, "/models", "must be vendor/model, vendor/* or a list of such", check);
    for name in keys::apart(names) {
        let name = name.as_str();
        match budgets::of_model(Some(name)) {
            Ok((Some(vendor), model)) => {
                all.push(format!("{vendor}/{}", model.as_deref().unwrap_or("*")));
            }
            _ => {
                check.rule(false, "/models", "must be names like openai/gpt-5-mini or openai/*");
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    check.rule(all.len() <= MOST_MODELS, "/models", &format!("must be {MOST_MODELS} at most"));
    all
}

/// Whether a moment is in the future that a key may have.
fn is_soon(end_ms: i64, now_ms: i64) -> bool {
    end_ms > now_ms && end_ms <= now_ms + i64::from(MOST_DAYS) * DAY_MS
}

/// When a new key ends. 0 days are no way to say never: who leaves an end out says so.
fn end(q: &CreateVirtualKey, now_ms: i64, check: &mut Check) -> Option<i64> {
    let twice = q.expires_at_ms.is_some() && q.expires_in_days.is_some();
    check.rule(!twice, "/expires_in_days", "must be said once, here or as expires_at_ms");
    let words = format!("must be 1 to {MOST_DAYS}; leave it out for never");
    let fits = q.expires_in_days.is_none_or(|days| (1..=MOST_DAYS).contains(&days));
    check.rule(fits, "/expires_in_days", &words);
    let fits = q.expires_at_ms.is_none_or(|end| is_soon(end, now_ms));
    check.rule(fits, "/expires_at_ms", &format!("must be in the future, within {MOST_DAYS} days"));
    q.expires_at_ms.or_else(|| Some(now_ms + i64::from(q.expires_in_days?) * DAY_MS))
}

/// A new secret: itself, its hash, how it ends.
fn mint() -> (String, Vec<u8>, String) {
    let secret = random_token(PREFIX).to_string();
    let last_four = secret.get(secret.len().saturating_sub(4)..).unwrap_or_default().to_owned();
    let hash = token_hash(&secret).to_vec();
    (secret, hash, last_four)
}

async fn create(
    k: Arc<VirtualKeys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: CreateVirtualKey,
) -> Result<NewSecret, OpError> {
    let Some(workspace_id) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let mut check = Check::new();
    check.line(&q.name, 80, "/name");
    let expires_at_ms = end(&q, ctx.now_ms, &mut check);
    check.rule(q.limits.len() <= MOST_LIMITS, "/limits", &format!("must be {MOST_LIMITS} at most"));
    let models = models(&q.models, &mut check);
    check.done()?;
    let tags = keys::tags(q.tags.as_deref().unwrap_or_default())?;
    let (secret, secret_hash, last_four) = mint();
    let id = VirtualKeyId(k.platform.ids.uuid());
    let model = row::Model {
        id,
        workspace_id,
        name: q.name.trim().to_owned(),
        secret_hash,
        last_four,
        models: json_of(&models)?,
        tags: json_of(&tags)?,
        expires_at_ms,
        blocked: false,
        former_hash: None,
        former_until_ms: None,
        created_at_ms: ctx.now_ms,
        last_used_at_ms: None,
        version: 1,
    };
    k.platform
        .db
        .write(async |tx| {
            if store::count(tx, &granted).await? >= MOST_KEYS {
                let full = format!("There are {MOST_KEYS} virtual keys already.");
                return Err(ApiError::new(Code::Conflict, full).with_hint("Delete old ones.").into());
            }
            store::unlike(tx, &granted, &model, ctx.now_ms).await?;
            store::insert(tx, &granted, model.clone()).await?;
            budgets::of_new_key(
                tx,
                &granted,
                (k.platform.ids.as_ref(), ctx.now_ms),
                (workspace_id, id),
                &q.limits,
            )
            .await?;
            audit::record(tx, k.platform.ids.as_ref(), &ctx, CreateVirtualKey::NAME, Some(id.to_string()))
                .await
        })
        .await?;
    k.routing.refresh().await?;
    Ok(NewSecret { id, secret: Some(secret) })
}

async fn change(
    k: Arc<VirtualKeys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: ChangeVirtualKey,
) -> Result<VirtualKey, OpError> {
    let mut check = Check::new();
    if let Some(name) = &q.name {
        check.line(name, 80, "/name");
    }
    let fits = q.expires_at_ms.is_none_or(|end| end == 0 || is_soon(end, ctx.now_ms));
    let words = format!("must be in the future, within {MOST_DAYS} days, or 0 for never");
    check.rule(fits, "/expires_at_ms", &words);
    let models = q.models.as_deref().map(|names| models(names, &mut check));
    check.done()?;
    let tags = q.tags.as_deref().map(keys::tags).transpose()?;
    let changed = k
        .platform
        .db
        .write(async |tx| {
            let mut row = store::row(tx, &granted, q.virtual_key).await?;
            if let Some(expected) = q.expected_version.filter(|expected| *expected != row.version) {
                return Err(ApiError::stale(expected, row.version).into());
            }
            let ended = |row: &row::Model| row.expires_at_ms.is_some_and(|end| end <= ctx.now_ms);
            let (known, was_over) = (row.name.clone(), ended(&row));
            if let Some(name) = &q.name {
                name.trim().clone_into(&mut row.name);
            }
            if let Some(models) = &models {
                row.models = json_of(models)?;
            }
            if let Some(tags) = &tags {
                row.tags = json_of(tags)?;
            }
            row.expires_at_ms =
                q.expires_at_ms.map_or(row.expires_at_ms, |end| Some(end).filter(|end| *end > 0));
            row.blocked = q.blocked.unwrap_or(row.blocked);
            // Two that have one name already may keep it.
            if row.name != known || (was_over && !ended(&row)) {
                store::unlike(tx, &granted, &row, ctx.now_ms).await?;
            }
            let row = store::update(tx, &granted, row).await?;
            let target = Some(row.id.to_string());
            audit::record(tx, k.platform.ids.as_ref(), &ctx, ChangeVirtualKey::NAME, target).await?;
            Ok::<_, OpError>(row)
        })
        .await?;
    k.routing.refresh().await?;
    store::word(changed, ctx.now_ms)
}

async fn rotate(
    k: Arc<VirtualKeys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: RotateVirtualKey,
) -> Result<NewSecret, OpError> {
    let overlap = q.overlap_minutes.unwrap_or(OVERLAP_MINUTES);
    if overlap > LONGEST_OVERLAP_MINUTES {
        let most = format!("must be 0 to {LONGEST_OVERLAP_MINUTES}");
        return Err(ApiError::field("/overlap_minutes", most).into());
    }
    let (secret, secret_hash, last_four) = mint();
    k.platform
        .db
        .write(async |tx| {
            let mut row = store::row(tx, &granted, q.virtual_key).await?;
            let former = std::mem::replace(&mut row.secret_hash, secret_hash.clone());
            (row.former_hash, row.former_until_ms) = match overlap {
                0 => (None, None),
                minutes => (Some(former), Some(ctx.now_ms + i64::from(minutes) * 60_000)),
            };
            row.last_four.clone_from(&last_four);
            let row = store::update(tx, &granted, row).await?;
            let target = Some(row.id.to_string());
            audit::record(tx, k.platform.ids.as_ref(), &ctx, RotateVirtualKey::NAME, target).await
        })
        .await?;
    k.routing.refresh().await?;
    Ok(NewSecret { id: q.virtual_key, secret: Some(secret) })
}

async fn delete(
    k: Arc<VirtualKeys>,
    ctx: OpCtx,
    granted: Granted<act::WriteKeys>,
    q: DeleteVirtualKey,
) -> Result<Done, OpError> {
    k.platform
        .db
        .write(async |tx| {
            store::delete(tx, &granted, q.virtual_key).await?;
            let target = Some(q.virtual_key.to_string());
            audit::record(tx, k.platform.ids.as_ref(), &ctx, DeleteVirtualKey::NAME, target).await
        })
        .await?;
    k.routing.refresh().await?;
    Ok(Done {})
}
