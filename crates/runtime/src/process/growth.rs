//! Noticing that a bot said more.

use super::ProcessRuntime;
use crate::{Growth, LogPlace, LogQuery, Runtime, RuntimeError, home::Part};
use api::ids::BotId;
use futures::FutureExt;
use rustix::fs::inotify;
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::{Interest, unix::AsyncFd};

impl ProcessRuntime {
    /// Watches the directory of the output first and looks then, so that nothing falls between.
    pub(super) async fn grows(&self, bot: BotId, place: Option<LogPlace>) -> Result<Growth, RuntimeError> {
        let io = RuntimeError::io("watching the bot's output");
        let home = self.inner.config.homes.of(bot);
        if !home.exists() {
            return Ok(futures::future::pending().boxed());
        }
        let logs = home.part(Part::Logs)?;
        let watch: OwnedFd = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)
            .map_err(std::io::Error::from)
            .map_err(&io)?;
        let dir = format!("/proc/self/fd/{}", logs.as_raw_fd());
        let what = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::ONLYDIR;
        inotify::add_watch(&watch, dir, what).map_err(std::io::Error::from).map_err(&io)?;
        #[expect(
            deprecated,
            reason = "unsound for types that are not the owner of their descriptor; OwnedFd is"
        )]
        let watch = AsyncFd::with_interest(watch, Interest::READABLE).map_err(&io)?;
        let query = LogQuery { lines: 1, after: place, ..LogQuery::default() };
        if !self.logs(bot, &query).await?.lines.is_empty() {
            return Ok(futures::future::ready(()).boxed());
        }
        Ok(async move {
            // Whatever it says, looking again is right.
            let _ready = watch.readable().await;
        }
        .boxed())
    }
}
