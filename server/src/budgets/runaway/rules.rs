//! What a workspace says of when its bots look like some that spend for nobody. In force from the next call on.

use super::{
    super::{Budgets, store},
    track::Rules,
};
use crate::{
    audit,
    platform::{
        ctx::OpCtx,
        error::OpError,
        verbs::{Rest, Verbs},
    },
};
use api::{
    ApiError, Verb,
    budgets::{GetLookout, LOOKOUT, Lookout, LookoutBounds, MOST, SetLookout},
    ids::{RequestId, WorkspaceId},
    money,
    validate::Check,
};
use entity::budgets::lookout as row;
use policy::{Granted, act};
use std::{ops::RangeInclusive, sync::Arc};

/// Registers what can be asked and said.
pub(in crate::budgets) fn register(verbs: &mut Verbs, budgets: &Arc<Budgets>) {
    verbs.on::<GetLookout, act::ReadBudgets, _, _, _>(
        Rest::get("/api/lookout").says("From when on a bot looks like one that spends for nobody."),
        budgets,
        lookout,
    );
    verbs.on::<SetLookout, act::WriteBudgets, _, _, _>(
        Rest::patch("/api/lookout").says("Changes it; what is left out stays."),
        budgets,
        set_lookout,
    );
}

fn word(row: &row::Model) -> Lookout {
    Lookout {
        loop_calls: row.loop_calls,
        loop_spread_percent: row.loop_spread_percent,
        loop_apart_s: row.loop_apart_s,
        busy_minutes: row.busy_minutes,
        idle_minutes: row.idle_minutes,
        idle_micro_usd: row.idle_micro_usd,
    }
}

impl Budgets {
    /// Reads what workspaces say.
    ///
    /// # Errors
    /// What the database says; what was in force stays so.
    pub async fn read_lookouts(&self) -> Result<(), OpError> {
        let ctx = OpCtx::system(RequestId(self.platform.ids.uuid()), self.platform.clock.now_ms(), None);
        let granted = policy::check::<act::RunBudgets>(&ctx.subject)?;
        // One after another: whoever reads last has what was written last.
        let _turn = self.runaway.reading.lock().await;
        let rows = store::lookouts(self.platform.db.read(), &granted).await?;
        let rules = rows.iter().map(|row| (row.workspace_id, Rules::from(&word(row)))).collect();
        self.runaway.go_by(rules);
        Ok(())
    }
}

async fn lookout(
    b: Arc<Budgets>,
    _ctx: OpCtx,
    granted: Granted<act::ReadBudgets>,
    _q: GetLookout,
) -> Result<Lookout, OpError> {
    let found = store::lookout(b.platform.db.read(), &granted, ours(&granted)?).await?;
    Ok(found.as_ref().map_or(LOOKOUT, word))
}

fn ours<A: policy::Action>(granted: &Granted<A>) -> Result<WorkspaceId, ApiError> {
    granted.workspace().ok_or_else(ApiError::forbidden)
}

async fn set_lookout(
    b: Arc<Budgets>,
    ctx: OpCtx,
    granted: Granted<act::WriteBudgets>,
    q: SetLookout,
) -> Result<Lookout, OpError> {
    let workspace_id = ours(&granted)?;
    let mut check = Check::new();
    checked(&q, &mut check);
    check.done()?;
    let said = b
        .platform
        .db
        .write(async |tx| {
            let known = store::lookout(tx, &granted, workspace_id).await?;
            let known = known.as_ref().map_or(LOOKOUT, word);
            let said = Lookout {
                loop_calls: q.loop_calls.unwrap_or(known.loop_calls),
                loop_spread_percent: q.loop_spread_percent.unwrap_or(known.loop_spread_percent),
                loop_apart_s: q.loop_apart_s.unwrap_or(known.loop_apart_s),
                busy_minutes: q.busy_minutes.unwrap_or(known.busy_minutes),
                idle_minutes: q.idle_minutes.unwrap_or(known.idle_minutes),
                idle_micro_usd: q.idle_micro_usd.unwrap_or(known.idle_micro_usd),
            };
            store::put_lookout(tx, &granted, model(workspace_id, &said)).await?;
            audit::record(tx, b.platform.ids.as_ref(), &ctx, SetLookout::NAME, None).await?;
            Ok::<_, OpError>(said)
        })
        .await?;
    b.read_lookouts().await?;
    // Some bot may look like one now.
    b.runaway.suspects.notify_one();
    Ok(said)
}

fn checked(q: &SetLookout, check: &mut Check) {
    let LookoutBounds { loop_calls, loop_spread_percent, loop_apart_s, busy_minutes, idle_minutes } =
        LookoutBounds::ALL;
    let mut within = |said: Option<i64>, bounds: RangeInclusive<i64>, pointer: &str| {
        let rule = format!("must be {} to {}", bounds.start(), bounds.end());
        check.rule(said.is_none_or(|said| bounds.contains(&said)), pointer, &rule);
    };
    within(q.loop_calls, loop_calls, "/loop_calls");
    within(q.loop_spread_percent, loop_spread_percent, "/loop_spread_percent");
    within(q.loop_apart_s, loop_apart_s, "/loop_apart_s");
    within(q.busy_minutes, busy_minutes, "/busy_minutes");
    within(q.idle_minutes, idle_minutes, "/idle_minutes");
    let rule = format!("must be 0.000001 to {} USD, which are 1 to {MOST} micro-USD", money::amount(MOST));
    let fits = q.idle_micro_usd.is_none_or(|micro| (1..=MOST).contains(&micro));
    check.rule(fits, "/idle_micro_usd", &rule);
}

fn model(workspace_id: WorkspaceId, said: &Lookout) -> row::Model {
    row::Model {
        workspace_id,
        loop_calls: said.loop_calls,
        loop_spread_percent: said.loop_spread_percent,
        loop_apart_s: said.loop_apart_s,
        busy_minutes: said.busy_minutes,
        idle_minutes: said.idle_minutes,
        idle_micro_usd: said.idle_micro_usd,
    }
}
