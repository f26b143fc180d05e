//! What runs beside requests: removing what has ended, writing down what waited, counting failures.

use super::{
    failures::Count,
    sessions::IDLE_MS,
    state::{Auth, Caller},
    store,
};
use crate::platform::error::OpError;
use api::ids::AuditId;
use entity::{audit, auth::passkey};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};
use std::{net::IpAddr, sync::Arc};

const MINUTE_MS: i64 = 60_000;
/// Ended links are kept this long, so that a late visitor learns why.
const LINKS_KEPT_MS: i64 = 30 * 24 * 60 * MINUTE_MS;

/// Tends the slice once a minute until Chela stops. Failures are logged and tried again.
pub async fn tend(auth: Arc<Auth>) {
    if let Err(error) = auth.look_back().await {
        tracing::warn!(%error, "the latest use of a session is not known");
    }
    let shutdown = auth.platform.shutdown.clone();
    loop {
        auth.round().await;
        let next = auth.platform.clock.now_ms() + MINUTE_MS;
        tokio::select! {
            () = auth.platform.clock.wait_until(next) => {}
            () = shutdown.cancelled() => break,
        }
    }
    let counts = auth.failures.all();
    if let Err(error) = auth.write_counts(counts).await {
        tracing::warn!(%error, "counts of failed logins were not written");
    }
}

impl Auth {
    /// One round of tending.
    pub async fn round(&self) {
        let counts = self.failures.over(self.platform.clock.now_ms());
        for (what, done) in [
            ("counts of failed logins were not written", self.write_counts(counts).await),
            ("logins and logouts made on a full disk wait longer", self.write_waiting().await),
            ("ended sessions were not removed", self.sweep().await),
        ] {
            if let Err(error) = done {
                tracing::warn!(%error, what);
            }
        }
    }

    /// Time never was before the last thing that happened, whatever the clock says after a restart.
    async fn look_back(&self) -> Result<(), OpError> {
        let (proof, db) = (Self::system()?, self.platform.db.read());
        let session = store::sessions::latest_seen(db, &proof).await?;
        let link = store::links::latest(db, &proof).await?;
        self.high_water.raise(session.max(link));
        Ok(())
    }

    async fn sweep(&self) -> Result<(), OpError> {
        let (proof, now_ms) = (Self::system()?, self.now_ms());
        let db = &self.platform.db;
        let idle_since_ms = now_ms - IDLE_MS;
        let sessions = store::sessions::any_over(db.read(), &proof, now_ms, idle_since_ms).await?;
        if !sessions && store::ceremonies::count(db.read(), &proof).await? == 0 {
            return Ok(());
        }
        db.write(async |tx| {
            store::sessions::sweep(tx, &proof, now_ms, idle_since_ms).await?;
            store::links::sweep(tx, &proof, now_ms - LINKS_KEPT_MS).await?;
            store::ceremonies::sweep(tx, &proof, now_ms).await?;
            Ok(())
        })
        .await
    }

    /// Writes down what happened while nothing could be written.
    async fn write_waiting(&self) -> Result<(), OpError> {
        if !self.fallback.waits() {
            return Ok(());
        }
        let (proof, now_ms) = (Self::system()?, self.now_ms());
        let (sessions, ended, entries) = self.fallback.waiting();
        self.platform
            .db
            .write(async |tx| {
                // One that was ended since must not come back.
                for row in sessions.iter().filter(|row| self.fallback.find_session(&row.token_hash).is_some())
                {
                    store::sessions::insert(tx, &proof, row.clone()).await?;
                }
                for id in &ended {
                    store::sessions::end(tx, &proof, *id, now_ms).await?;
                }
                for entry in &entries {
                    let row = audit::ActiveModel {
                        id: Set(entry.id),
                        at_ms: Set(entry.at_ms),
                        workspace_id: Set(entry.workspace),
                        actor: Set(entry.actor.clone()),
                        act: Set(entry.act.clone()),
                        target: Set(entry.target.clone()),
                        outcome: Set("ok".to_owned()),
                        request_id: Set(None),
                        detail: Set(Some(r#"{"journal":true}"#.to_owned())),
                    };
                    add(tx, row, OnConflict::column(audit::Column::Id).do_nothing().to_owned()).await?;
                }
                Ok(())
            })
            .await?;
        self.fallback.written(&sessions, &ended, entries.len());
        tracing::info!(
            sessions = sessions.len(),
            acts = entries.len(),
            "written down what waited for the disk"
        );
        Ok(())
    }

    /// Counts a failed login; the first of its minute and network is a row at once.
    pub(super) async fn note_failure(&self, caller: &Caller, reason: &'static str) {
        let first =
            self.failures.note(caller.addr, reason, self.platform.clock.now_ms(), self.platform.ids.uuid());
        if let Err(error) = self.write_counts(first.into_iter().collect()).await {
            tracing::warn!(%error, "a failed login was not written down");
        }
    }

    async fn write_counts(&self, counts: Vec<Count>) -> Result<(), OpError> {
        if counts.is_empty() {
            return Ok(());
        }
        self.platform
            .db
            .write(async |tx| {
                for count in &counts {
                    let detail = serde_json::json!({ "tries": count.tries, "reasons": count.reasons });
                    let row =
                        refused(AuditId(count.row), count.at_ms, "auth.login_failed", &count.prefix, &detail);
                    let update =
                        OnConflict::column(audit::Column::Id).update_column(audit::Column::Detail).to_owned();
                    add(tx, row, update).await?;
                }
                Ok(())
            })
            .await
    }

    /// A counter that went back is an event of its own: the passkey may have been copied.
    pub(super) async fn note_counter_back(&self, caller: &Caller, row: &passkey::Model) {
        tracing::warn!(passkey.id = %row.id, "the counter of a passkey went back; login refused");
        let detail = serde_json::json!({ "user": row.user_id, "network": network(caller.addr) });
        let id = AuditId(self.platform.ids.uuid());
        let at_ms = self.platform.clock.now_ms();
        let event = refused(id, at_ms, "auth.passkey_counter_back", &row.id.to_string(), &detail);
        let keep = OnConflict::column(audit::Column::Id).do_nothing().to_owned();
        let written = self.platform.db.write(async |tx| add(tx, event, keep).await).await;
        if let Err(error) = written {
            tracing::warn!(%error, "a counter that went back was not written down");
        }
    }
}

fn network(addr: IpAddr) -> String {
    super::failures::prefix(addr)
}

fn refused(
    id: AuditId,
    at_ms: i64,
    act: &str,
    target: &str,
    detail: &serde_json::Value,
) -> audit::ActiveModel {
    audit::ActiveModel {
        id: Set(id),
        at_ms: Set(at_ms),
        workspace_id: Set(None),
        actor: Set(policy::Actor::Nobody.to_string()),
        act: Set(act.to_owned()),
        target: Set(Some(target.to_owned())),
        outcome: Set("refused".to_owned()),
        request_id: Set(None),
        detail: Set(Some(detail.to_string())),
    }
}

async fn add<C: ConnectionTrait>(
    tx: &C,
    row: audit::ActiveModel,
    conflict: OnConflict,
) -> Result<(), OpError> {
    audit::Entity::insert(row).on_conflict(conflict).exec_without_returning(tx).await?;
    Ok(())
}
