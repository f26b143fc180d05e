//! Provider keys that end or are refused, as notifications.

use super::{Notify, hears::Trouble, store};
use crate::platform::{error::OpError, text::json_of};
use api::{bots::Reason, ids::WorkspaceId, notify::NotificationKind as Kind};
use sea_orm::DatabaseTransaction;

impl Notify {
    /// A key ends soon, or its vendor takes it no more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn key(
        &self,
        tx: &DatabaseTransaction,
        workspace: WorkspaceId,
        about: String,
        kind: Kind,
        reason: &Reason,
    ) -> Result<(), OpError> {
        let reason = Some(json_of(reason)?);
        self.add(tx, Trouble { workspace, bot: None, about, kind, reason }).await
    }

    /// Keys that people know to be refused.
    ///
    /// # Errors
    /// What the database says.
    pub async fn refused_keys(&self) -> Result<Vec<String>, OpError> {
        let granted = self.may_run()?;
        let open = store::open_of_kinds(self.platform.db.read(), &granted, &[Kind::KeyRefused]).await?;
        Ok(open.into_iter().map(|row| row.about).collect())
    }

    /// What is not among these is over: the key is taken again, is gone, or ends later.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end_keys(&self, going_on: &[String]) -> Result<(), OpError> {
        self.end_of_kinds(&[Kind::KeyExpiring, Kind::KeyRefused], going_on).await
    }
}
