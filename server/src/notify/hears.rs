//! Making notifications of what becomes of bots, in the transaction that writes it.

use super::{Notify, push::push_later, rules, store};
use crate::{
    bots::{Change, Failed, Hears},
    platform::{
        error::OpError,
        text::{json_of, name_of, named},
    },
};
use api::{
    ids::{BotId, NotificationId, WorkspaceId},
    notify::NotificationKind as Kind,
};
use entity::{bots::bot, notify::notification};
use sea_orm::DatabaseTransaction;

#[async_trait::async_trait]
impl Hears for Notify {
    async fn heard(&self, tx: &DatabaseTransaction, change: Change<'_>) -> Result<bool, OpError> {
        let runtime = self.heard_of_runtime(tx, &change).await?;
        Ok(self.heard_of_bot(tx, &change).await? || runtime)
    }

    fn tell(&self, workspace: WorkspaceId) {
        self.tell_of(workspace);
    }
}

/// A trouble that was just heard of.
pub(super) struct Trouble {
    pub(super) workspace: WorkspaceId,
    pub(super) bot: Option<BotId>,
    pub(super) about: String,
    pub(super) kind: Kind,
    pub(super) reason: Option<String>,
}

impl Notify {
    async fn heard_of_bot(&self, tx: &DatabaseTransaction, change: &Change<'_>) -> Result<bool, OpError> {
        let row = change.row;
        let about = row.id.to_string();
        let Some(Failed { reason, died }) = change.failed else {
            return self.is_it_over(tx, &about, row).await;
        };
        // What is not wanted running any more is nobody's trouble.
        if row.desired != "running" || row.trashed_at_ms.is_some() {
            return Ok(false);
        }
        let kind = rules::kind_of(reason, died, row.failures);
        let reason = Some(json_of(reason)?);
        self.add(tx, Trouble { workspace: row.workspace_id, bot: Some(row.id), about, kind, reason }).await?;
        Ok(true)
    }

    async fn is_it_over(
        &self,
        tx: &DatabaseTransaction,
        about: &str,
        row: &bot::Model,
    ) -> Result<bool, OpError> {
        // On its way nothing is over: most of what is written asks no further.
        if !matches!(row.observed.as_str(), "running" | "stopped") && row.desired != "deleted" {
            return Ok(false);
        }
        let granted = self.may_run()?;
        let Some(open) = store::open_about(tx, &granted, about).await? else { return Ok(false) };
        if !rules::is_over(named(&open.kind)?, &row.desired, &row.observed, row.failures) {
            return Ok(false);
        }
        // Who stopped it needs not be told.
        self.resolve(tx, open, row.observed == "running").await?;
        Ok(true)
    }

    /// A runtime that does not answer is one trouble, not one of each of its bots.
    async fn heard_of_runtime(&self, tx: &DatabaseTransaction, change: &Change<'_>) -> Result<bool, OpError> {
        let (row, unknown) = (change.row, "unknown");
        let about = format!("{}:{}", row.workspace_id, row.runtime);
        match (change.before == unknown, row.observed == unknown) {
            (false, true) => {
                let (workspace, kind) = (row.workspace_id, Kind::Unreachable);
                self.add(tx, Trouble { workspace, bot: None, about, kind, reason: None }).await?;
                Ok(true)
            }
            (true, false) => {
                let granted = self.may_run()?;
                let Some(open) = store::open_about(tx, &granted, &about).await? else { return Ok(false) };
                self.resolve(tx, open, true).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) async fn resolve(
        &self,
        tx: &DatabaseTransaction,
        mut open: notification::Model,
        recovered: bool,
    ) -> Result<(), OpError> {
        open.resolved_at_ms = Some(self.platform.clock.now_ms());
        if recovered {
            push_later(self, tx, &open).await?;
        }
        store::put(tx, &self.may_run()?, open, false).await
    }

    /// Begins a trouble, or adds to the one that goes on or has just been over.
    pub(super) async fn add(&self, tx: &DatabaseTransaction, trouble: Trouble) -> Result<(), OpError> {
        let (granted, now) = (self.may_run()?, self.platform.clock.now_ms());
        let known = match store::open_about(tx, &granted, &trouble.about).await? {
            Some(open) => Some(open),
            None => store::over_since(tx, &granted, &trouble.about, now - rules::SAME_MS).await?,
        };
        let (row, is_new, is_news) = match known {
            Some(mut row) => {
                let before: Kind = named(&row.kind)?;
                let kind = rules::merged(before, trouble.kind);
                // Whoever was told that it is well again must hear that it is not.
                // An account with little left is refused and taken again all day.
                let again = !matches!(kind, Kind::Died | Kind::KeyRefused);
                let is_news = kind != before || (row.resolved_at_ms.is_some() && again);
                row.news += i64::from(is_news);
                row.kind = name_of(&kind);
                row.reason = trouble.reason;
                row.count += 1;
                row.last_at_ms = now;
                row.resolved_at_ms = None;
                (row, false, is_news)
            }
            None => {
                let row = notification::Model {
                    id: NotificationId(self.platform.ids.uuid()),
                    workspace_id: trouble.workspace,
                    bot_id: trouble.bot,
                    about: trouble.about,
                    kind: name_of(&trouble.kind),
                    reason: trouble.reason,
                    count: 1,
                    news: 1,
                    first_at_ms: now,
                    last_at_ms: now,
                    resolved_at_ms: None,
                };
                (row, true, true)
            }
        };
        if is_news {
            push_later(self, tx, &row).await?;
        }
        store::put(tx, &granted, row, is_new).await
    }
}
