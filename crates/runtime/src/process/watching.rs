//! Noticing the end of processes, also of those that an earlier Chela started.

use super::{ProcessRuntime, procs::Ident, record::Life};
use crate::{Hint, RuntimeError};
use api::ids::BotId;
use std::{sync::PoisonError, time::Duration};
use tokio::io::{Interest, unix::AsyncFd};

/// Waits until this process has ended; `false` when it still lives after `at_most`.
pub(super) async fn ended(process: &Ident, at_most: Duration) -> Result<bool, RuntimeError> {
    let io = RuntimeError::io("watching a process");
    let Some(fd) = process.open().map_err(&io)? else { return Ok(true) };
    // A pidfd is readable from the moment its process has ended.
    #[expect(deprecated, reason = "unsound for types that are not the owner of their descriptor; OwnedFd is")]
    let fd = AsyncFd::with_interest(fd, Interest::READABLE).map_err(&io)?;
    match tokio::time::timeout(at_most, fd.readable()).await {
        Ok(ready) => ready.map(|_| true).map_err(&io),
        Err(_) => Ok(false),
    }
}

/// As good as for ever; the watch is renewed then.
const A_DAY: Duration = Duration::from_secs(24 * 3600);

impl ProcessRuntime {
    /// Hints when the bot ends, and again when its keeper has noted how.
    pub(super) fn watch_life(&self, bot: BotId, life: Life, handle: &tokio::runtime::Handle) {
        for process in [life.child, life.keeper] {
            let key = (process.pid, process.start_ticks);
            if !self.inner.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                continue;
            }
            // Weak: the watch must not keep the runtime's channel open after its owner has gone.
            let inner = std::sync::Arc::downgrade(&self.inner);
            handle.spawn(async move {
                while matches!(ended(&process, A_DAY).await, Ok(false)) {}
                if let Some(inner) = inner.upgrade() {
                    inner.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                    // Nobody listening is fine.
                    let _ = inner.hints.send(Hint::Bot(bot));
                }
            });
        }
    }

    /// Finds what an earlier Chela left running, and finishes what it was deleting.
    pub(super) fn adopt(&self, handle: &tokio::runtime::Handle) {
        self.inner.config.homes.empty_trash_soon();
        let Ok(bots) = self.inner.config.homes.list() else { return };
        for bot in bots {
            if let Ok(Some(notes)) = self.notes(bot)
                && let Some(life) = notes.life.filter(|life| life.child.lives())
            {
                tracing::info!(bot.id = %bot, pid = life.child.pid, "adopted a running bot");
                self.watch_life(bot, life, handle);
            }
        }
    }
}
