//! Many troubles at once, as after a restart of the host: the first is pushed as itself, what begins within half a minute
//! of it comes as one message.

use super::{
    deliver::{GOOD_MS, SEND, at_of},
    words,
};
use crate::{
    notify::{Notify, service::unchosen, store},
    platform::{
        error::OpError,
        jobs::{JobEnd, NewJob},
        text::named,
    },
};
use api::{ids::PushId, notify::NotificationKind as Kind};
use entity::notify::{held, notification};
use sea_orm::ConnectionTrait;

/// The job that tells a device of what was held.
pub(super) const TOGETHER: &str = "notify.together";
/// What begins within this time after a push is held.
const HOLD_MS: i64 = 30_000;

impl Notify {
    /// Adds the job that tells a device of news: by itself at once, or with others in a while.
    pub(super) async fn tell_device<C: ConnectionTrait>(
        &self,
        tx: &C,
        device: PushId,
        (row, kind): (&notification::Model, Kind),
        now: i64,
    ) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let held = store::held::holds(tx, &granted, device, row.id).await?;
        let over = kind == Kind::Recovered;
        let first =
            !over && store::held::begin(tx, &granted, device, Some(row.id), (now - HOLD_MS, now)).await?;
        let Some(to) = store::push::device(tx, &granted, device).await? else { return Ok(()) };
        // What is told of a trouble that was pushed by itself takes the place of that push.
        if first || (over && !held) || (!over && to.told_id == Some(row.id)) {
            store::held::let_go(tx, &granted, device, &[row.id]).await?;
            let payload = format!("{device} {}", row.id);
            let unique_key = Some(format!("{SEND}:{payload}"));
            return self
                .platform
                .jobs
                .add(tx, NewJob { kind: SEND, payload, unique_key, run_at_ms: now })
                .await;
        }
        if over && store::held::any_open(tx, &granted, device).await? {
            return Ok(());
        }
        if !over {
            let (workspace_id, notification_id) = (row.workspace_id, row.id);
            store::held::hold(tx, &granted, held::Model { workspace_id, device_id: device, notification_id })
                .await?;
        }
        let job = NewJob {
            kind: TOGETHER,
            payload: device.to_string(),
            unique_key: Some(format!("{TOGETHER}:{device}")),
            run_at_ms: now.max(to.told_at_ms + HOLD_MS),
        };
        self.platform.jobs.add(tx, job).await
    }

    /// One message of all that was held for a device, as things stand now.
    pub(super) async fn tell_together(&self, payload: &str) -> Result<JobEnd, OpError> {
        let device: PushId = payload.parse().map_err(|e| OpError::internal("a job names no device", e))?;
        let (granted, now, db) = (self.may_run()?, self.platform.clock.now_ms(), self.platform.db.read());
        let Some(to) = store::push::device(db, &granted, device).await? else { return Ok(JobEnd::Done) };
        // Another push has left meanwhile.
        if (now - HOLD_MS + 1..=now).contains(&to.told_at_ms) {
            return Ok(JobEnd::Again { at_ms: to.told_at_ms + HOLD_MS });
        }
        let Some(role) = store::push::role(db, &granted, &to, now).await? else {
            return self.forget_device(device).await;
        };
        let choices = store::choices(db, &granted, to.workspace_id, to.user_id).await?;
        let chosen = choices.unwrap_or_else(unchosen).push;
        let (open, over): (Vec<_>, Vec<_>) =
            store::held::of(db, &granted, device).await?.into_iter().partition(is_open);
        let ended: Vec<_> = over.iter().map(|row| row.id).collect();
        let (mut wanted, loud) = (Vec::new(), !open.is_empty());
        for row in if loud { open } else { over } {
            let kind = if loud { named(&row.kind)? } else { Kind::Recovered };
            let muted = store::push::is_muted(db, &granted, row.bot_id, to.user_id, now).await?;
            if !muted && chosen.contains(&kind) && now - at_of(&row) <= GOOD_MS {
                wanted.push((row, kind));
            }
        }
        let last = wanted.iter().map(|(row, _)| at_of(row)).max();
        let tag = format!("together:{device}");
        let end = match (wanted.as_slice(), last) {
            ([], _) | (_, None) => JobEnd::Done,
            ([(row, kind)], Some(last)) => {
                let mut text = self.text(&to, &role, (row, *kind)).await?;
                text["tag"] = tag.clone().into();
                self.bring(&to, &tag, &text, last).await?
            }
            (many, Some(last)) => {
                let bots = many.iter().all(|(row, _)| row.bot_id.is_some());
                let text = words::together(
                    &words::Together { count: many.len(), bots, loud, at_ms: last, tag: &tag },
                    &to.locale,
                );
                self.bring(&to, &tag, &text, last).await?
            }
        };
        self.platform
            .db
            .write(async |tx| {
                if loud && last.is_some() {
                    store::held::begin(tx, &granted, device, None, (now, now)).await?;
                }
                store::held::let_go(tx, &granted, device, &ended).await
            })
            .await?;
        Ok(end)
    }
}

fn is_open(row: &notification::Model) -> bool {
    row.resolved_at_ms.is_none()
}
