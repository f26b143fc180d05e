//! Use cases of accepting bots that nothing keeps apart from this machine: said once, kept, taken back.

use super::{Bots, runtimes::Word, store};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::OpError,
        text::json_of,
        verbs::{Rest, Verbs},
    },
};
use api::{ApiError, Code, Verb, bots::*, ids::WorkspaceId, verb::Done};
use policy::{Granted, act};
use sea_orm::DatabaseTransaction;
use std::sync::Arc;

/// Where it is accepted and taken back.
const ADDRESS: &str = "/api/bot-options/unisolated";

/// Registers the verbs of this part.
pub(super) fn register(verbs: &mut Verbs, bots: &Arc<Bots>) {
    verbs.on::<AllowUnisolated, act::WriteBots, _, _, _>(
        Rest::post(ADDRESS).says("Accepts bots that nothing keeps apart from this machine."),
        bots,
        allow,
    );
    verbs.on::<ForbidUnisolated, act::WriteBots, _, _, _>(
        Rest::delete(ADDRESS).says("Takes that back."),
        bots,
        forbid,
    );
}

impl Bots {
    /// Goes by the word that was given before this start, and by where bots live since then.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn recall(&self) -> Result<(), OpError> {
        let word = store::word(self.platform.db.read()).await?;
        if word.is_some() && self.runtimes.is_unisolated(RuntimeKind::Process) {
            tracing::warn!("process bots run as Chela's own user, as an owner accepted");
        }
        self.runtimes.take_word(word);
        self.note_home().await
    }

    /// Notes whether bots live in Docker: that decides where new ones go while it is away.
    pub(super) async fn note_home(&self) -> Result<(), OpError> {
        let has = store::uses(self.platform.db.read(), RuntimeKind::Docker).await?;
        self.runtimes.docker_has_bots(has);
        Ok(())
    }

    /// Looks at the runtimes, and at where bots live, for somebody who waits.
    pub(super) async fn look_at_runtimes(&self) -> Result<(), OpError> {
        self.note_home().await?;
        self.runtimes.look_again().await;
        Ok(())
    }

    /// Refuses a bot that nothing would keep apart, where that was not accepted or another workspace has such
    /// bots. Asked in the transaction that wants the bot running.
    pub(super) async fn admit(
        &self,
        tx: &DatabaseTransaction,
        workspace: WorkspaceId,
        kind: RuntimeKind,
    ) -> Result<(), OpError> {
        if !self.runtimes.is_unisolated(kind) {
            return Ok(());
        }
        // The stored word, not the remembered one: it may be taken back at this moment.
        self.runtimes.take_word(store::word(tx).await?);
        self.runtimes.choose(Some(kind), workspace)?;
        if store::strangers_have(tx, workspace, kind).await? { Err(strangers()) } else { Ok(()) }
    }
}

fn strangers() -> OpError {
    let text = "Nothing would keep this bot apart from those of another workspace.";
    let error = ApiError::new(Code::Conflict, text);
    error.with_hint("Use Docker, or run Chela as root: then workspaces can share this machine.").into()
}

/// Accepts such bots, for the caller's workspace.
async fn allow(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    _q: AllowUnisolated,
) -> Result<Done, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    b.look_at_runtimes().await?;
    if !b.runtimes.is_unisolated(RuntimeKind::Process) {
        // Everything here keeps its bots apart: there is nothing to accept.
        return Ok(Done {});
    }
    let word = Word { workspace, by: ctx.actor().to_string(), at_ms: ctx.now_ms };
    let text = json_of(&word)?;
    let kept = b
        .platform
        .db
        .write(async |tx| {
            match store::word(tx).await? {
                Some(given) if given.workspace == workspace => return Ok(given),
                Some(_) => return Err(strangers()),
                None if store::strangers_have(tx, workspace, RuntimeKind::Process).await? => {
                    return Err(strangers());
                }
                None => {}
            }
            store::put_word(tx, &granted, text.clone(), ctx.now_ms).await?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, AllowUnisolated::NAME, None).await?;
            Ok(word.clone())
        })
        .await?;
    b.runtimes.take_word(Some(kept));
    Ok(Done {})
}

/// Takes it back.
async fn forbid(
    b: Arc<Bots>,
    ctx: OpCtx,
    granted: Granted<act::WriteBots>,
    _q: ForbidUnisolated,
) -> Result<Done, OpError> {
    let Some(workspace) = granted.workspace() else { return Err(ApiError::forbidden().into()) };
    let unisolated = b.runtimes.is_unisolated(RuntimeKind::Process);
    let left = b
        .platform
        .db
        .write(async |tx| {
            let word = store::word(tx).await?;
            if word.as_ref().is_none_or(|word| word.workspace != workspace) {
                return Ok(word);
            }
            let running = store::wanted_running(tx, &granted, RuntimeKind::Process).await?;
            if unisolated && !running.is_empty() {
                let text = format!("These bots run with nothing around them: {}.", running.join(", "));
                return Err(ApiError::new(Code::Conflict, text)
                    .with_hint("Stop or delete them first.")
                    .into());
            }
            store::drop_word(tx, &granted).await?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, ForbidUnisolated::NAME, None).await?;
            Ok(None)
        })
        .await?;
    b.runtimes.take_word(left);
    Ok(Done {})
}
