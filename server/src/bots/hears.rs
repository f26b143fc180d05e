//! Who is told what became of a bot, in the transaction that writes it.

use crate::platform::error::OpError;
use api::{bots::Reason, ids::WorkspaceId};
use entity::bots::bot;
use sea_orm::DatabaseTransaction;

/// What the reconciler is writing down of a bot.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// How it was seen before, as the row had it.
    pub before: &'a str,
    /// The bot as it is written.
    pub row: &'a bot::Model,
    /// What went wrong, if something did.
    pub failed: Option<Failed<'a>>,
}

/// Something that went wrong.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    pub reason: &'a Reason,
    /// It ended or hung; otherwise a step on its way up failed.
    pub died: bool,
}

/// Makes something of it that people are told; the notify slice provides it.
#[async_trait::async_trait]
pub trait Hears: Send + Sync {
    /// Takes a change in, as part of `tx`. `true` where there is something to tell.
    ///
    /// # Errors
    /// What the database says; the change is then not written either.
    async fn heard(&self, tx: &DatabaseTransaction, change: Change<'_>) -> Result<bool, OpError>;

    /// Tells it, once it is committed.
    fn tell(&self, workspace: WorkspaceId);
}
