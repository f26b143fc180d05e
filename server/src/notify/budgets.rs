//! Budgets that are nearly or wholly used, as notifications.

use super::{Notify, hears::Trouble, news, store};
use crate::platform::{error::OpError, text::json_of};
use api::{
    bots::Reason,
    ids::{BotId, WorkspaceId},
    notify::NotificationKind as Kind,
};
use sea_orm::DatabaseTransaction;

/// A bot spends for nobody.
const RUNAWAYS: [Kind; 2] = [Kind::HeartbeatLoop, Kind::IdleSpend];

impl Notify {
    /// A budget is nearly or wholly used.
    ///
    /// # Errors
    /// What the database says.
    pub async fn budget(
        &self,
        tx: &DatabaseTransaction,
        (workspace, bot): (WorkspaceId, Option<BotId>),
        about: String,
        kind: Kind,
        reason: &Reason,
    ) -> Result<(), OpError> {
        let reason = Some(json_of(reason)?);
        self.add(tx, Trouble { workspace, bot, about, kind, reason }).await
    }

    /// What is not among these is over: a new window has begun, or there is more of the budget.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_budgets(&self, going_on: &[String]) -> Result<(), OpError> {
        self.end_of_kinds(&[Kind::BudgetNear, Kind::BudgetSpent], going_on).await
    }

    /// Bots of whom people were told that they spend for nobody: whose they are, what the notification is about, when that
    /// was last said.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open_runaways(&self) -> Result<Vec<(WorkspaceId, BotId, String, i64)>, OpError> {
        let granted = self.may_run()?;
        let open = store::open_of_kinds(self.platform.db.read(), &granted, &RUNAWAYS).await?;
        let word = |row: entity::notify::notification::Model| {
            Some((row.workspace_id, row.bot_id?, row.about, row.last_at_ms))
        };
        Ok(open.into_iter().filter_map(word).collect())
    }

    /// What is not among these is over: somebody wrote to the bot, its calls are stopped, or a day has passed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_runaways(&self, going_on: &[String]) -> Result<(), OpError> {
        self.end_of_kinds(&RUNAWAYS, going_on).await
    }

    /// Of these kinds, what is not among these is over.
    pub(super) async fn end_of_kinds(&self, kinds: &[Kind], going_on: &[String]) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let open = store::open_of_kinds(self.platform.db.read(), &granted, kinds).await?;
        let over: Vec<_> = open.into_iter().filter(|row| !going_on.contains(&row.about)).collect();
        if over.is_empty() {
            return Ok(());
        }
        let workspaces: Vec<_> = over.iter().map(|row| row.workspace_id).collect();
        self.platform
            .db
            .write(async |tx| {
                for row in &over {
                    self.resolve(tx, row.clone(), false).await?;
                }
                Ok::<_, OpError>(())
            })
            .await?;
        workspaces.into_iter().for_each(|workspace| self.tell_of(workspace));
        Ok(())
    }

    /// Makes tabs count anew and pushes leave.
    pub fn tell_of(&self, workspace: WorkspaceId) {
        self.platform.jobs.wake();
        news::tell(&self.platform, &self.news, workspace);
    }
}
