//! Use case of making a bot, and what it takes for a workspace to have one more.

use super::{Bots, settings, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::{OpError, is_unique_violation},
        ids::random_token,
        text::{json_of, name_of},
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Code, Verb, bots::*, ids::*};
use entity::bots::bot;
use policy::{Granted, act};
use std::sync::Arc;

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<CreateBot, act::WriteBots, _, _, _>(
        Rest::create("/api/bots").says("Makes and starts a bot."),
        bots,
        create,
    );
}

pub(super) async fn create(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    new: CreateBot,
) -> Result<BotCreated, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    b.runtimes.look_again().await;
    let runtime = b.runtimes.choose(new.runtime, workspace)?;
    let settings = settings::of_new(&new, runtime)?;
    let tags = json_of(&settings::tags(new.tags.as_deref().unwrap_or_default())?)?;
    let idle_stop_minutes = super::idle::minutes(new.idle_stop_minutes.unwrap_or(0))?;
    b.runtimes.room(settings.limits)?;
    let id = BotId(b.platform.ids.uuid());
    let gateway_token = random_token("");
    let aad = vault::Aad::new("bots", "gateway_token", id.0.as_bytes());
    let sealed = b
        .platform
        .vault
        .seal(&aad, gateway_token.as_bytes())
        .map_err(|source| OpError::internal("sealing a gateway token", source))?;
    let row = b
        .platform
        .db
        .write(async |tx| {
            b.admit(tx, workspace, runtime).await?;
            room_for_one(tx, &granted, workspace).await?;
            if store::name_taken(tx, workspace, &settings.name, None).await? {
                return Err(ApiError::field("/name", "must be unique: another bot has this name").into());
            }
            let taken = store::taken(tx, workspace, &api::validate::slug_of(&settings.name)).await?;
            let uid = b.runtimes.uid(runtime, &store::uids(tx).await?)?;
            let mut row = new_row(&b, &ctx, workspace, id, runtime, &settings)?;
            row.slug = settings::free_slug(&settings.name, &taken);
            row.uid = uid;
            row.openclaw = b.openclaw_of(&row);
            row.tags.clone_from(&tags);
            row.idle_stop_minutes = idle_stop_minutes;
            row.gateway_token.clone_from(&sealed);
            let mut config = b.config_row(&ctx, &row, &settings)?;
            config.id = row.config_id;
            store::insert(tx, &granted, row.clone(), config).await.map_err(unique_name)?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, CreateBot::NAME, Some(id.to_string())).await?;
            b.remember_act(tx, &row, CreateBot::NAME, &ctx.actor().to_string(), ctx.now_ms).await?;
            b.look(tx, id, ctx.now_ms).await?;
            Ok(row)
        })
        .await?;
    b.platform.jobs.wake();
    b.publish(&row);
    Ok(BotCreated { id, slug: row.slug })
}

/// Refuses one more bot than the workspace may have.
pub(super) async fn room_for_one<C: sea_orm::ConnectionTrait>(
    tx: &C,
    granted: &Granted<act::WriteBots>,
    workspace: WorkspaceId,
) -> Result<(), OpError> {
    let (count, cap) = store::cap(tx, granted, workspace).await?;
    match cap.filter(|cap| i64::try_from(count).unwrap_or(i64::MAX) >= *cap) {
        None => Ok(()),
        Some(cap) => {
            let error =
                ApiError::new(Code::Conflict, format!("This workspace has {count} bots of at most {cap}."));
            Err(error.with_hint("Delete one, or ask the administrator for more.").into())
        }
    }
}

fn unique_name(error: OpError) -> OpError {
    match error {
        OpError::Db(db) if is_unique_violation(&db) => {
            ApiError::field("/name", "must be unique: another bot has this name").into()
        }
        other => other,
    }
}

fn new_row(
    b: &Bots,
    ctx: &OpCtx,
    workspace: WorkspaceId,
    id: BotId,
    runtime: RuntimeKind,
    settings: &BotSettings,
) -> Result<bot::Model, OpError> {
    let queued =
        [StageMark { stage: Stage::Queued, started_at_ms: ctx.now_ms, ended_at_ms: None, note: None }];
    Ok(bot::Model {
        id,
        workspace_id: workspace,
        slug: String::new(),
        name: settings.name.clone(),
        runtime: name_of(&runtime),
        uid: None,
        gateway_port: None,
        gateway_token: Vec::new(),
        desired: name_of(&Desired::Running),
        observed: name_of(&Observed::Absent),
        stage: Some(name_of(&Stage::Queued)),
        health: name_of(&Health::Unknown),
        reason: None,
        stages: json_of(&queued)?,
        since_ms: ctx.now_ms,
        generation: 1,
        restarts: 0,
        failures: 0,
        next_try_at_ms: None,
        settings: json_of(settings)?,
        pending: None,
        running_config_id: None,
        config_id: BotConfigId(b.platform.ids.uuid()),
        version: 1,
        created_at_ms: ctx.now_ms,
        started_at_ms: None,
        tags: "[]".to_owned(),
        trashed_at_ms: None,
        trashed_from: None,
        well_config_id: None,
        openclaw: String::new(),
        upgrade: None,
        trial_uid: None,
        idle_stop_minutes: None,
        asleep_since_ms: None,
    })
}
