//! Calls that run: noted in the database once they have run for a moment, and settled as they were guessed where Chela died
//! before they ended.

use super::{Usage, sql::Sql, store};
use crate::platform::{
    ctx::OpCtx,
    error::OpError,
    text::{from_json, json_of},
};
use api::ids::RequestId;
use policy::{Granted, act};
use relay::{OpenCall, UsageReceiver, UsageRow, vendors};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Calls that are watched at once; beyond, one that dies with Chela is not known of.
const MOST: usize = 20_000;
/// Settled in one transaction.
const GROUP: i64 = 500;

/// What the ledger knows of calls that run.
#[derive(Default)]
pub(super) struct OpenCalls {
    /// Not noted yet.
    new: HashMap<Uuid, OpenCall>,
    noted: HashSet<Uuid>,
    /// Noted, and ended.
    over: Vec<Uuid>,
}

impl OpenCalls {
    fn begins(&mut self, call: OpenCall) {
        // Asked again, with another key or of another model, it is noted anew.
        if self.noted.contains(&call.request_id) || self.new.len() + self.noted.len() < MOST {
            self.new.insert(call.request_id, call);
        }
    }

    /// Learns which began and which ended. What began before they ended is known by then: it was said before their rows were.
    pub(super) fn learn(&mut self, rows: &mut UsageReceiver, ended: impl Iterator<Item = Uuid>) {
        while let Some(call) = rows.begun() {
            self.begins(call);
        }
        for id in ended {
            self.new.remove(&id);
            if self.noted.remove(&id) {
                self.over.push(id);
            }
        }
    }

    /// Whether the database says the same.
    pub(super) fn is_written(&self) -> bool {
        self.new.is_empty() && self.over.is_empty()
    }

    /// Writes what changed.
    pub(super) async fn write<C: ConnectionTrait>(
        &self,
        tx: &C,
        _granted: &Granted<act::WriteUsage>,
    ) -> Result<(), OpError> {
        for (id, call) in &self.new {
            let mut sql = Sql::new("insert into open_calls (id, call) values (");
            sql.list([(*id).into(), json_of(call)?.into()]);
            sql.text(") on conflict (id) do update set call = excluded.call");
            sql.run(tx).await?;
        }
        forget(tx, &self.over).await
    }

    /// Remembers that it is written.
    pub(super) fn wrote(&mut self) {
        self.noted.extend(self.new.drain().map(|(id, _)| id));
        self.over.clear();
    }
}

async fn forget<C: ConnectionTrait>(tx: &C, calls: &[Uuid]) -> Result<(), OpError> {
    for some in calls.chunks(500) {
        let mut sql = Sql::new("delete from open_calls where id in (");
        sql.list(some.iter().map(|id| (*id).into()));
        sql.text(")");
        sql.run(tx).await?;
    }
    Ok(())
}

/// A call that was noted.
struct Noted {
    id: Uuid,
    call: String,
}

impl Noted {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self { id: row.try_get("", "id")?, call: row.try_get("", "call")? })
    }
}

impl Usage {
    /// Puts the calls that were cut off by Chela's own death into the ledger, at what was held back for them. Before budgets
    /// are counted, and before any call runs.
    ///
    /// # Errors
    /// What the database says.
    pub async fn settle_lost(&self) -> Result<(), OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::WriteUsage>(&ctx.subject)?;
        loop {
            let settle = async |tx: &_| {
                let mut sql = Sql::new("select id, call from open_calls order by id limit ");
                sql.value(GROUP);
                let noted = sql.all(tx).await?.iter().map(Noted::read).collect::<Result<Vec<_>, _>>()?;
                let rows: Vec<UsageRow> = noted.iter().filter_map(lost).collect();
                store::write(tx, &granted, &rows, &[], &self.names).await?;
                forget(tx, &noted.iter().map(|noted| noted.id).collect::<Vec<_>>()).await?;
                Ok(noted.len())
            };
            match self.platform.db.write(settle).await? {
                0 => return Ok(()),
                calls => tracing::warn!(
                    calls,
                    "calls ran when Chela died; they are settled at what was held back for them"
                ),
            }
        }
    }
}

/// What stands in the ledger of a call nobody saw the end of.
fn lost(noted: &Noted) -> Option<UsageRow> {
    match from_json::<OpenCall>(&noted.call) {
        Ok(call) => {
            let vendor = vendors::find(&call.vendor).map_or("", |vendor| vendor.id);
            Some(call.lost(vendor))
        }
        Err(error) => {
            tracing::error!(call = %noted.id, error = %error, "a call that ran when Chela died cannot be read and is not settled");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::ids::WorkspaceId;
    use relay::{Tokens, UsageSink};

    fn call(id: u128, model: &str) -> OpenCall {
        OpenCall {
            request_id: Uuid::from_u128(id),
            workspace: WorkspaceId(Uuid::nil()),
            caller: Uuid::nil(),
            bot: None,
            key: None,
            asked: 1,
            chain: None,
            vendor: "openai".into(),
            model: model.to_owned(),
            tokens: Tokens::default(),
            cost_micro_usd: None,
            started_ms: 0,
            counts: Vec::new(),
        }
    }

    #[test]
    fn a_call_is_noted_as_it_was_asked_last_and_forgotten_once_it_ended() {
        let (sink, mut rows) = UsageSink::channel(8);
        let mut open = OpenCalls::default();
        sink.begins(call(1, "first"));
        open.learn(&mut rows, [].into_iter());
        assert!(!open.is_written());
        open.wrote();
        assert!(open.is_written());
        sink.begins(call(1, "second"));
        open.learn(&mut rows, [].into_iter());
        assert_eq!(open.new.values().map(|call| call.model.as_str()).collect::<Vec<_>>(), ["second"]);
        open.learn(&mut rows, [Uuid::from_u128(1)].into_iter());
        assert_eq!((open.new.len(), open.over.len()), (0, 1));
        open.wrote();
        assert!(open.is_written() && open.noted.is_empty());
    }

    #[test]
    fn a_short_call_is_never_noted() {
        let (sink, mut rows) = UsageSink::channel(8);
        let mut open = OpenCalls::default();
        sink.begins(call(1, "short"));
        open.learn(&mut rows, [Uuid::from_u128(1)].into_iter());
        assert!(open.is_written());
    }
}
