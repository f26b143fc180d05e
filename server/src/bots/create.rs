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
use std::{collections::BTreeMap, sync::Arc};

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<CreateBot, act::WriteBots, _, _, _>(
        Rest::create("/api/bots").says("Makes and starts a bot."),
        bots,
        create,
    );
}

/// How a bot comes to be.
pub(super) struct Making {
    /// As the audit log names it.
    pub act: &'static str,
    pub desired: Desired,
    /// Its workspace, where it brings one.
    pub files: Option<BTreeMap<String, Vec<u8>>>,
}

pub(super) async fn create(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    new: CreateBot,
) -> Result<BotCreated, OpError> {
    make(b, ctx, granted, new, Making { act: CreateBot::NAME, desired: Desired::Running, files: None }).await
}

/// Makes a bot, or nothing of it.
pub(super) async fn make(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    new: CreateBot,
    making: Making,
) -> Result<BotCreated, OpError> {
    let Making { act, desired, files } = making;
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    b.look_at_runtimes().await?;
    let runtime = b.runtimes.choose(new.runtime, workspace)?;
    let settings = settings::of_new(&new, runtime, &b.against_chain(workspace))?;
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
    let mut laid = None;
    let made = b
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
            want(&mut row, desired);
            row.slug = settings::free_slug(&settings.name, &taken);
            row.uid = uid;
            row.openclaw = b.openclaw_of(&row);
            row.tags.clone_from(&tags);
            row.idle_stop_minutes = idle_stop_minutes;
            row.gateway_token.clone_from(&sealed);
            let mut config = b.config_row(&ctx, &row, &settings)?;
            config.id = row.config_id;
            store::insert(tx, &granted, row.clone(), config).await.map_err(unique_name)?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, act, Some(id.to_string())).await?;
            let stopped = (desired == Desired::Stopped).then_some(StopBot::NAME);
            for act in [CreateBot::NAME].into_iter().chain(stopped) {
                b.remember_act(tx, &row, act, &ctx.actor().to_string(), ctx.now_ms).await?;
            }
            b.look(tx, id, ctx.now_ms).await?;
            if let Some(files) = files {
                // Within the transaction: there is no bot without its files, nor for long files without a bot.
                laid = Some(row.clone());
                let put = b.runtimes.put_workspace(&row, files).await;
                put.map_err(|e| OpError::internal("laying out an imported workspace", e))?;
            }
            Ok(row)
        })
        .await;
    let row = match (made, laid) {
        (Ok(row), _) => row,
        (Err(error), Some(row)) => {
            if let Err(left) = b.runtimes.delete_files(&row).await {
                tracing::warn!(bot.id = %id, error = %left, "files of a bot that was not made are left");
            }
            return Err(error);
        }
        (Err(error), None) => return Err(error),
    };
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

/// One that is not wanted running has no way to ready before it.
fn want(row: &mut bot::Model, desired: Desired) {
    if desired != Desired::Running {
        row.desired = name_of(&desired);
        row.stage = None;
        row.stages = "[]".to_owned();
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
        ready_at_ms: None,
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
