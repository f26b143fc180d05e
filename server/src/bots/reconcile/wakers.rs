//! What makes the reconciler look: jobs, the runtime's hints, gateways coming and going, and a resync.

use crate::{
    bots::{Bots, LinkEvent, service::RECONCILE, store},
    platform::{
        error::OpError,
        jobs::{JobEnd, JobKind},
        text::name_of,
    },
};
use api::ids::BotId;
use entity::bots::bot;
use runtime::{Hint, Progress, Stage};
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// Every bot is looked at this often even if nothing was heard.
const RESYNC_MS: i64 = 30_000;
/// Bots waiting to be looked at; more than this and the resync does it.
const PENDING: usize = 1024;

impl Bots {
    /// Registers the job and starts listening. Call once.
    pub fn spawn_wakers(self: &Arc<Self>) {
        let bots = Arc::downgrade(self);
        // An image may take its time; nobody breaks a turn off, for the next one would begin it again.
        let kind = JobKind { name: RECONCILE, deadline: Duration::from_secs(3_600), breaks_off: false };
        self.platform.jobs.on(kind, move |payload| run(Weak::clone(&bots), payload));
        crate::bots::upgrade::spawn(self);
        let (pokes, pending) = mpsc::channel(PENDING);
        let from_links = pokes.clone();
        self.links.listen(Arc::new(move |bot, event| {
            if !matches!(event, LinkEvent::Said(_)) {
                // Full: the resync looks at everybody.
                let _ = from_links.try_send(bot);
            }
        }));
        let tasks = &self.platform.tasks;
        tasks.spawn(Arc::clone(self).hear_pokes(pending));
        for hints in self.runtimes.watch() {
            tasks.spawn(Arc::clone(self).hear_runtime(hints, pokes.clone()));
        }
        tasks.spawn(Arc::clone(self).resync());
        tasks.spawn(Arc::clone(self).empty_trash());
        tasks.spawn(Arc::clone(self).tend_idle());
        tasks.spawn(Arc::clone(self).keep_meters());
        tasks.spawn(Arc::clone(self).watch_models());
    }

    async fn hear_pokes(self: Arc<Self>, mut pending: mpsc::Receiver<BotId>) {
        loop {
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                bot = pending.recv() => match bot {
                    Some(bot) => self.poke(bot).await,
                    None => return,
                },
            }
        }
    }

    async fn hear_runtime(self: Arc<Self>, mut hints: runtime::Hints, pokes: mpsc::Sender<BotId>) {
        loop {
            let hint = tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                hint = hints.next() => hint,
            };
            match hint {
                Some(Hint::Bot(bot)) => {
                    let _ = pokes.try_send(bot);
                }
                Some(Hint::All) => self.look_at_all().await,
                None => return,
            }
        }
    }

    /// Level-triggered: whatever was missed is found within [`RESYNC_MS`].
    async fn resync(self: Arc<Self>) {
        if let Err(error) = self.name_openclaws().await {
            tracing::warn!(error = %error, "which OpenClaw older bots have is noted by the next start of Chela");
        }
        loop {
            if let Err(error) = self.refresh_wires().await {
                tracing::warn!(error = %error, "the relay goes on with the tokens and keys it knew");
            }
            self.look_at_all().await;
            if let Err(error) = self.note_home().await {
                tracing::warn!(error = %error, "where bots live is noted by the next resync");
            }
            self.runtimes.look_again_patiently().await;
            let next = self.platform.clock.now_ms() + RESYNC_MS;
            tokio::select! {
                () = self.platform.shutdown.cancelled() => return,
                () = self.platform.clock.wait_until(next) => {}
            }
        }
    }

    /// Bots made before it was noted have the OpenClaw of this Chela: a newer one is not to change them unasked.
    async fn name_openclaws(&self) -> Result<(), OpError> {
        let granted = self.may_run()?;
        let kinds: Vec<_> = self.runtimes.all().map(|(kind, runtime)| (kind, runtime.openclaw())).collect();
        let note = async |tx: &_| {
            for (kind, openclaw) in &kinds {
                store::upgrade::note_all(tx, &granted, &name_of(kind), openclaw).await?;
            }
            Ok(())
        };
        self.platform.db.write(note).await
    }

    /// Whatever it cannot do now, the next one does.
    async fn look_at_all(&self) {
        if let Err(error) = self.sweep().await {
            tracing::warn!(error = %error, "cannot look at every bot");
        }
    }
}

async fn run(bots: Weak<Bots>, payload: String) -> Result<JobEnd, OpError> {
    let Some(bots) = bots.upgrade() else { return Ok(JobEnd::Done) };
    let id = payload.parse::<BotId>().map_err(|e| OpError::internal("a job names no bot", e))?;
    bots.reconcile(id).await
}

/// Tells the browser how far a preparation has come, at most once per whole percent.
pub(in crate::bots) struct Telling<'a> {
    pub bots: &'a Bots,
    pub row: &'a bot::Model,
    /// The furthest that was told: an installer that tidies up on its way does not go back.
    pub furthest: AtomicU64,
}

impl Progress for Telling<'_> {
    fn report(&self, stage: Stage, done: u64, total: Option<u64>) {
        let mb = |bytes: u64| bytes / 1_000_000;
        let done = self.furthest.fetch_max(done, Ordering::Relaxed).max(done);
        let note = match total {
            Some(total) if total > 0 => format!("{}: {} of {} MB", stage.text(), mb(done), mb(total)),
            _ if done > 0 => format!("{}: {} MB", stage.text(), mb(done)),
            _ => stage.text().to_owned(),
        };
        let new = self.bots.memory(self.row.id, |m| {
            let new = m.note.as_deref() != Some(note.as_str());
            m.note = Some(note);
            new
        });
        if new {
            self.bots.publish(self.row);
        }
    }
}
